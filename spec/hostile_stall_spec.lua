-- Peers that say nothing, or too little, or too slowly: every operation ends
-- when its time is over, and not long after.
local child = require "support.child"
local native = require "native"
local pair = require "support.pair"
local peers = require "support.peers"
local scale = require "support.scale"
local ssl = require "pyssl"
local socket = require "socket"

local TIMEOUT = 0.06
local TOLERANCE = scale.tolerance(0.05)

-- f(...) raises TimeoutError about `op` when TIMEOUT has passed since `started`
-- (now). Gives the error.
local function times_out(op, f, ...)
  local started = native.now()
  local _, err = ssl.try(f, ...)
  local took = native.now() - started
  assert.is_table(err)
  assert.is_true(err:is(ssl.TimeoutError), tostring(err))
  assert.is_true(err:is(ssl.OSError))
  assert.is_false(err:is(ssl.SSLError))
  assert.equal(op, err.op)
  assert.is_true(took >= TIMEOUT - 0.002, ("ended after %g s"):format(took))
  assert.is_true(took <= TIMEOUT + TOLERANCE, ("took %g s"):format(took))
  return err
end

-- A client's socket on one end of a pair of descriptors, the other end's.
local function half_open()
  local ours, theirs = native.socketpair()
  local sock = pair.client_context():wrap_socket(ours,
    {server_hostname = "localhost", do_handshake_on_connect = false})
  sock:settimeout(TIMEOUT)
  return sock, theirs
end

describe("a handshake times out where the peer", function()
  local BEGINNINGS = {
    {"says nothing", ""},
    {"sends one byte", "\x16"},
    {"sends the head of a record", "\x16\x03\x03\x10\x00"},
    {"sends half a record", "\x16\x03\x03\x10\x00\x02\x00\x0f\xfc\x03\x03"
      .. ("x"):rep(1000)},
    {"sends half a message in a whole record",
      "\x16\x03\x03\x00\x04\x02\x00\x10\x00"},
  }

  for _, case in ipairs(BEGINNINGS) do
    it(case[1] .. " [H-02]", function()
      local client, theirs = half_open()
      if case[2] ~= "" then native.write(theirs, case[2]) end
      times_out("handshake", client.do_handshake, client)
      -- and again: nothing is broken by it
      times_out("handshake", client.do_handshake, client)
      client:close()
      native.close(theirs)
    end)
  end

  it("never accepts, within connect's time for all of it [H-02]", function()
    local listener = assert(socket.bind("127.0.0.1", 0))
    local _, port = listener:getsockname()
    local ctx = pair.client_context()
    times_out("handshake", ctx.connect, ctx, "127.0.0.1", port,
      {server_hostname = "localhost", timeout = TIMEOUT})
    listener:close()
  end)

  it("is a silent client: accept raises, and takes the next", function()
    local listener <close>, port = peers.listen(pair.server_context(),
      {handshake_timeout = TIMEOUT})
    local silent = assert(socket.connect("127.0.0.1", port))
    times_out("handshake", listener.accept, listener)
    silent:close()
    local peer <close> = peers.s_client(port, {})
    local conn <close> = listener:accept()
    assert.is_string(conn:version())
    assert.is_true(peer:running())
  end)

  it("is not there: accept waits for a connection", function()
    local listener <close> = peers.listen(pair.server_context())
    listener:settimeout(TIMEOUT)
    times_out("accept", listener.accept, listener)
  end)
end)

describe("on an established connection", function()
  local function connected()
    local client, server = pair.connected()
    client:settimeout(TIMEOUT)
    return client, server
  end

  it("a read times out, once and again, and then works [H-02]", function()
    local client, server = connected()
    times_out("read", client.recv, client)
    times_out("read", client.recv, client)
    server:send "late"
    assert.equal("late", client:recv())
    pair.close(client, server)
  end)

  it("a read times out in the middle of a record [H-02]", function()
    for _, half in ipairs{"\x17", "\x17\x03\x03\x00\x50",
      "\x17\x03\x03\x00\x50" .. ("x"):rep(70)} do
      local client, server = connected()
      local fd = server:detach()
      native.write(fd, half)
      times_out("read", client.recv, client)
      times_out("read", client.recv, client)
      client:close()
      native.close(fd)
    end
  end)

  it("a write times out, and tells what was taken [H-02]", function()
    local client, server = connected()
    local data = ("x"):rep(64 * 1024 * 1024)
    local err = times_out("write", client.sendall, client, data)
    assert.is_true(err.sent > 0 and err.sent < #data)
    -- what was taken arrives, and nothing else
    client:settimeout(pair.LIMIT)
    local peer <close> = child.run(function()
      local received = #peers.read(server, err.sent)
      return ("%d %s"):format(received, server:recv(100))
    end)
    client:send "behind"
    assert.equal(("%d behind"):format(err.sent), peer:join())
    pair.close(client, server)
  end)

  it("unwrap times out where the peer does not answer [H-06]", function()
    local client, server = connected()
    times_out("unwrap", client.unwrap, client)
    times_out("unwrap", client.unwrap, client)
    client:settimeout(pair.LIMIT)
    assert.equal("", server:recv())
    server:close()
    assert.equal(client, client:unwrap())
    client:close()
  end)

  it("close does not wait for the peer", function()
    local client, server = connected()
    local _, err = ssl.try(client.sendall, client, ("x"):rep(64 * 1024 * 1024))
    assert.is_true(err:is(ssl.TimeoutError))
    client:settimeout(pair.LIMIT)
    local started = native.now()
    client:close()
    assert.is_true(native.now() - started <= TOLERANCE)
    server:close()
  end)
end)

-- A byte every few milliseconds: traffic does not extend the time.
describe("a peer that drips", function()
  local function drip(fd, head)
    native.write(fd, head)
    repeat
      native.poll({}, {}, 0.005)
    until not native.write(fd, "x")
  end

  it("does not hold a handshake up [H-02]", function()
    local client, theirs = half_open()
    local peer <close> = child.run(function()
      native.close(client:detach())
      drip(theirs, "\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")
    end)
    native.close(theirs)
    times_out("handshake", client.do_handshake, client)
    client:close()
    peer:join()
  end)

  it("does not hold a read up [H-02]", function()
    local client, server = pair.connected()
    client:settimeout(TIMEOUT)
    local fd = server:detach()
    local peer <close> = child.run(function()
      native.close(client:detach())
      drip(fd, "\x17\x03\x03\x40\x00")
    end)
    native.close(fd)
    times_out("read", client.recv, client)
    client:close()
    peer:join()
  end)
end)
