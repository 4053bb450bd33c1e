-- Peers that do not speak TLS, or not to the end: the handshake.
local child = require "support.child"
local native = require "native"
local pair = require "support.pair"
local peers = require "support.peers"
local relay = require "support.relay"
local ssl = require "pyssl"
local socket = require "socket"

local VERSIONS = {"TLSv1_2", "TLSv1_3"}

local function client_context(version)
  return pair.client_context(version and
    {maximum_version = ssl.TLSVersion[version]})
end

-- One end of ours on a descriptor, non-blocking, before its handshake.
local function wrap(side, fd)
  local sock
  if side == "server" then
    sock = pair.server_context():wrap_socket(fd,
      {server_side = true, do_handshake_on_connect = false})
  else
    sock = pair.client_context():wrap_socket(fd,
      {server_hostname = "localhost", do_handshake_on_connect = false})
  end
  sock:settimeout(0)
  return sock
end

-- What the handshake of that side makes of a peer that sends `bytes`, and what
-- it answers. The peer stays until then.
local function meet(side, bytes)
  local ours, theirs = native.socketpair()
  native.nonblocking(theirs, true)
  assert(#bytes == native.write(theirs, bytes))
  local sock <close> = wrap(side, ours)
  local _, err = ssl.try(sock.do_handshake, sock)
  local _, again = ssl.try(sock.do_handshake, sock)
  local answer = native.read(theirs, 65536) or ""
  sock:close()
  native.close(theirs)
  return err, answer, again
end

local function alert(level, number)
  return "\x15\x03\x01\x00\x02" .. string.char(level, number)
end

local GARBAGE = {
  server = {
    {"an HTTP request", "GET / HTTP/1.0\r\n\r\n", "HTTP_REQUEST"},
    {"another HTTP request", "POST / HTTP/1.1\r\n\r\n", "HTTP_REQUEST"},
    {"a request for an HTTP proxy", "CONNECT a:1 HTTP/1.1\r\n\r\n",
      "HTTPS_PROXY_REQUEST"},
    {"a line of text", "hello, is there anybody?\r\n", "WRONG_VERSION_NUMBER"},
    {"nothing but NUL", ("\0"):rep(100), "WRONG_VERSION_NUMBER"},
    {"nothing but 255", ("\xff"):rep(100), "WRONG_VERSION_NUMBER"},
    {"SSL 2's hello", "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10"
      .. ("x"):rep(64), "UNKNOWN_PROTOCOL", 70},
    {"a record beyond all size", ("\x16\x03\x01\xff\xff"):rep(40),
      "PACKET_LENGTH_TOO_LONG", 22},
    {"a message beyond all size", "\x16\x03\x01\x00\x04\x01\xff\xff\xff",
      "EXCESSIVE_MESSAGE_SIZE", 47},
    {"data before the handshake", "\x17\x03\x03\x00\x05hello",
      "UNEXPECTED_MESSAGE", 10},
    {"a change of keys before the handshake", "\x14\x03\x03\x00\x01\x01",
      "UNEXPECTED_MESSAGE", 10},
    {"an alert before the handshake", alert(2, 40), "UNEXPECTED_MESSAGE", 10},
    {"a flood of empty records", ("\x16\x03\x01\x00\x00"):rep(1000),
      "RECORD_TOO_SMALL", 10},
  },
  client = {
    {"an HTTP answer", "HTTP/1.1 400 Bad Request\r\n\r\n", "WRONG_VERSION_NUMBER"},
    {"a mail server's greeting", "220 mail ESMTP\r\n", "WRONG_VERSION_NUMBER"},
    {"nothing but 255", ("\xff"):rep(100), "WRONG_VERSION_NUMBER"},
    {"a record beyond all size", "\x16\x03\x03\xff\xff" .. ("x"):rep(100),
      "PACKET_LENGTH_TOO_LONG", 22},
    {"a message beyond all size", "\x16\x03\x03\x00\x04\x02\xff\xff\xff",
      "EXCESSIVE_MESSAGE_SIZE", 47},
    {"data before the handshake", "\x17\x03\x03\x00\x05hello",
      "UNEXPECTED_MESSAGE", 10},
    {"a fatal alert", alert(2, 40), "SSLV3_ALERT_HANDSHAKE_FAILURE"},
    {"a flood of warnings", alert(1, 90):rep(1000), "TOO_MANY_WARN_ALERTS", 10},
    {"a flood of empty records", ("\x16\x03\x03\x00\x00"):rep(1000),
      "RECORD_TOO_SMALL", 10},
  },
}

for _, side in ipairs{"server", "client"} do
  describe("a " .. side .. " that gets", function()
    for _, case in ipairs(GARBAGE[side]) do
      it(case[1] .. " says so, and goes no further [H-19]", function()
        local err, answer, again = meet(side, case[2])
        assert.is_true(err:is(ssl.SSLError), tostring(err))
        assert.equal(case[3], err.reason)
        assert.equal("handshake", err.op)
        if case[4] then -- the last it sends is a fatal alert
          assert.equal(case[4], err.alert)
          assert.matches("\x15\x03.%z\x02\x02" .. string.char(case[4]) .. "$",
            answer)
        end
        assert.is_true(again:is(ssl.SSLEOFError), tostring(again))
      end)
    end
  end)
end

describe("a client that gets close_notify instead of an answer", function()
  it("says that the connection was closed [B.3]", function()
    local err = meet("client", alert(1, 0))
    assert.is_true(err:is(ssl.SSLZeroReturnError), tostring(err))
  end)
end)

describe("a client of an HTTP server", function()
  it("raises WRONG_VERSION_NUMBER from connect [H-19]", function()
    local listener = assert(socket.bind("127.0.0.1", 0))
    local _, port = listener:getsockname()
    local ctx = pair.client_context()
    local ours = ctx:wrap_socket(nil,
      {server_hostname = "localhost", do_handshake_on_connect = false})
    ours:connect("127.0.0.1", port)
    local theirs = listener:accept()
    theirs:send "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
    ours:settimeout(pair.LIMIT)
    local _, err = ssl.try(ours.do_handshake, ours)
    pair.close(ours, theirs, listener)
    assert.equal("[SSL: WRONG_VERSION_NUMBER] wrong version number", tostring(err))
  end)
end)

describe("a server of curl that wants HTTP", function()
  it("raises HTTP_REQUEST from accept, and takes the next [H-19]", function()
    local listener <close>, port = peers.listen(pair.server_context())
    local plain = assert(socket.connect("127.0.0.1", port))
    plain:send "GET / HTTP/1.0\r\n\r\n"
    local _, err = ssl.try(listener.accept, listener)
    plain:close()
    assert.equal("HTTP_REQUEST", err.reason)
    local curl <close> = peers.curl(port)
    local conn <close> = listener:accept()
    assert.matches("^GET / HTTP", conn:recv(100))
    assert.is_true(curl:running())
  end)
end)

-- The handshake where one way ends after n bytes. Who reads that way has to
-- notice; the other end may have done its part.
describe("a handshake that is cut off", function()
  -- The bytes of a whole handshake, each way. Over TLS 1.3 the server's part
  -- ends before the client's last flight: tickets follow. A signature may be
  -- some bytes shorter the next time.
  local function measure(version)
    local wire, down
    wire = relay.new {filter = function(record, way)
      if way == "up" and record:byte(1) == 23 then down = wire.ways.down.passed end
    end}
    wire:wrap(client_context(version), pair.server_context())
    wire:handshake()
    wire:close()
    return {up = wire.ways.up.passed,
      down = (down or wire.ways.down.passed) - 8}
  end

  local function cut(version, way, n)
    local wire <close> = relay.new {limit = {[way] = n}}
    wire:wrap(client_context(version), pair.server_context())
    return wire:handshake()
  end

  for _, version in ipairs(VERSIONS) do
    for _, way in ipairs{"up", "down"} do
      it(("is an SSLEOFError wherever it is, %s over %s [H-19]")
         :format(way, version), function()
        local most = measure(version)[way] - 1
        local steps = {0, 1, 2, 4, 5, 6, 9, 10, most}
        for n = 11, most, most // 20 do steps[#steps + 1] = n end
        for _, n in ipairs(steps) do
          local client, server = cut(version, way, n)
          local waits = way == "up" and server or client
          local sends = way == "up" and client or server
          assert.is_true(waits and waits:is(ssl.SSLEOFError),
            ("after %d bytes: %s"):format(n, tostring(waits)))
          assert.is_true(sends == nil or sends:is(ssl.SSLError), tostring(sends))
        end
      end)
    end
  end
end)

describe("a peer that resets the connection within the handshake", function()
  -- Closing with input unread is a reset, over TCP.
  local function reset(sock)
    sock:setoption("linger", {on = true, timeout = 0})
    sock:close()
  end

  it("is an OSError for the client [H-03]", function()
    local listener = assert(socket.bind("127.0.0.1", 0))
    local _, port = listener:getsockname()
    local ours <close> = pair.client_context():wrap_socket(nil,
      {server_hostname = "localhost", do_handshake_on_connect = false})
    ours:connect("127.0.0.1", port)
    ours:settimeout(0)
    assert.is_true(pair.is_want(select(2, ssl.try(ours.do_handshake, ours))))
    reset(listener:accept())
    listener:close()
    ours:settimeout(pair.LIMIT)
    local _, err = ssl.try(ours.do_handshake, ours)
    assert.is_true(err:is(ssl.OSError))
    assert.is_false(err:is(ssl.SSLError))
    assert.equal("ECONNRESET", err.name)
    assert.equal("handshake", err.op)
  end)

  it("is an OSError for the server's accept, and the next is served [H-03]", function()
    local listener <close>, port = peers.listen(pair.server_context())
    local plain = assert(socket.connect("127.0.0.1", port))
    plain:send "\x16\x03\x01\x02\x00"
    reset(plain)
    local _, err = ssl.try(listener.accept, listener)
    assert.equal("ECONNRESET", err.name)
    local client <close> = pair.client_context():wrap_socket(nil,
      {server_hostname = "localhost", do_handshake_on_connect = false})
    client:connect("127.0.0.1", port)
    client:settimeout(0)
    pcall(client.do_handshake, client)
    client:close()
    local _, other = ssl.try(listener.accept, listener)
    assert.is_true(other:is(ssl.SSLEOFError), tostring(other))
  end)
end)

-- The greatest ClientHello that there can be: every list is full.
local MOST = 131396

local function client_hello()
  local function extension(kind, body)
    return string.pack(">I2s2", kind, body)
  end
  local extensions = extension(10, "\0\2\0\x17") .. extension(11, "\1\0")
    .. extension(13, "\0\2\4\3")
  extensions = extensions
    .. extension(0xfafa, ("x"):rep(65535 - #extensions - 4))
  local body = "\3\3" .. ("r"):rep(32) .. string.pack("s1", ("s"):rep(32))
    .. string.pack(">s2", "\xc0\x2b" .. ("\xfa\xfa"):rep(32766))
    .. string.pack("s1", "\0" .. ("\1"):rep(254))
    .. string.pack(">s2", extensions)
  assert.equal(MOST, #body)
  return body
end

describe("a ClientHello", function()
  local function records(message)
    local out = {}
    for at = 1, #message, 16384 do
      out[#out + 1] = "\x16\x03\x01"
        .. string.pack(">s2", message:sub(at, at + 16383))
    end
    return table.concat(out)
  end

  local function answer(size)
    local ours, theirs = native.socketpair()
    native.nonblocking(theirs, true)
    local server <close> = wrap("server", ours)
    local bytes = records("\1" .. string.pack(">I3", size) .. client_hello())
    local err
    repeat
      bytes = bytes:sub((native.write(theirs, bytes) or 0) + 1)
      err = select(2, ssl.try(server.do_handshake, server))
    until not pair.is_want(err) or bytes == ""
    local said = native.read(theirs, 65536)
    native.close(theirs)
    return err, said
  end

  it("of the greatest size is answered", function()
    local err, said = answer(MOST)
    assert.is_true(pair.is_want(err), tostring(err))
    assert.matches("^\x16\x03\x03..\x02", said) -- a ServerHello
  end)

  it("beyond the greatest size is refused", function()
    local err, said = answer(MOST + 1)
    assert.equal("EXCESSIVE_MESSAGE_SIZE", err.reason)
    assert.equal("\x15\x03\x03\x00\x02\x02\x2f", said)
  end)
end)

describe("a handshake in pieces", function()
  for _, version in ipairs(VERSIONS) do
    it("of one byte each works over " .. version, function()
      local wire <close>, client, server = relay.connected({bytes = 1},
        client_context(version), pair.server_context())
      client:send "ping"
      assert.equal("ping", wire:call(server.recv, server))
      server:send "pong"
      assert.equal("pong", wire:call(client.recv, client))
    end)

    it("of one byte to a record works over " .. version, function()
      local open = {up = true, down = true} -- until keys are used
      local function split(record, way)
        if record:byte(1) ~= 22 then open[way] = false end
        if not open[way] then return nil end
        return (record:sub(6):gsub(".", record:sub(1, 3) .. "\0\1%0"))
      end
      local wire <close>, client, server = relay.connected({filter = split},
        client_context(version), pair.server_context())
      client:send "ping"
      assert.equal("ping", wire:call(server.recv, server))
    end)
  end

  it("of one byte each works for a client that blocks", function()
    local wire <close> = relay.new {bytes = 1}
    local peer <close> = child.run(function()
      local server = wrap("server", wire.server)
      wire:drive({server.do_handshake, server})
      wire:call(server.sendall, server, ("x"):rep(1000))
      return wire:call(server.recv, server)
    end)
    local client <close> = pair.client_context():wrap_socket(
      assert(native.dup(wire.client)), {server_hostname = "localhost"})
    client:settimeout(pair.LIMIT)
    assert.equal(("x"):rep(1000), peers.read(client, 1000))
    client:send "done"
    assert.equal("done", peer:join())
  end)
end)
