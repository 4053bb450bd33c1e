-- Time: blocking, waiting until a deadline, and not waiting at all.
local child = require "support.child"
local native = require "native"
local pair = require "support.pair"
local raised = require "support.raised"
local scale = require "support.scale"
local wire = require "support.wire"
local ssl = require "pyssl"

local TIMEOUT = 0.1
local PRECISION = 0.05 -- seconds beyond a deadline, times PYSSL_SCALE

-- f(...) raises TimeoutError at the deadline, neither before nor much later.
local function assert_times_out(timeout, f, ...)
  local before = native.now()
  local err = raised(ssl.TimeoutError, f, ...)
  local took = native.now() - before
  assert(took >= timeout * 0.999, ("too early: %.4f s"):format(took))
  assert(took <= timeout + scale.tolerance(PRECISION),
    ("too late: %.4f s"):format(took))
  assert.matches("timed out", err.message)
  return err
end

-- A child that sends `bytes` to a descriptor one at a time, with a pause that
-- is far below the timeout, for as long as there is a peer.
local function drip(fd, bytes)
  return child.run(function()
    for i = 1, #bytes do
      native.poll({}, {}, 0.002)
      if not native.write(fd, bytes:sub(i, i)) then return end
    end
  end)
end

-- A client over one end of a socketpair, and the other end.
local function raw_peer(options)
  local ours, theirs = native.socketpair()
  local client = pair.client_context():wrap_socket(ours, pair.merge(
    {server_hostname = "localhost", do_handshake_on_connect = false}, options))
  return client, theirs
end

describe("A timeout", function()
  it("is nil, 0, or seconds "
       .. "[E.3 gettimeout, E.3 settimeout, E.3 setblocking, E.3 getblocking]", function()
    local s <close> = pair.client_context():wrap_socket(nil, {server_hostname = "x"})
    assert.is_nil(s:gettimeout())
    assert.is_true(s:getblocking())
    for _, seconds in ipairs {0, 0.5, 3, 1e9} do
      assert.is_true(s:settimeout(seconds))
      assert.equal(seconds, s:gettimeout())
      assert.equal(seconds, s.timeout)
      assert.equal(seconds ~= 0, s:getblocking())
    end
    assert.is_true(s:settimeout(nil))
    assert.is_nil(s:gettimeout())
    assert.is_true(s:setblocking(false))
    assert.equal(0, s:gettimeout())
    assert.is_false(s:getblocking())
    assert.is_true(s:setblocking(true))
    assert.is_nil(s:gettimeout())
    assert.is_true(s:getblocking())
  end)

  it("is not negative and is a number [E.3 settimeout, E.3 setblocking]", function()
    local s <close> = pair.client_context():wrap_socket(nil, {server_hostname = "x"})
    s:settimeout(7)
    for _, seconds in ipairs {-1, -0.001, -math.huge, 0 / 0} do
      raised(ssl.ValueError, s.settimeout, s, seconds)
    end
    for _, value in ipairs {"5", true, {}} do
      raised.text("number expected", s.settimeout, s, value)
    end
    raised.text("boolean expected", s.setblocking, s, 1)
    raised.text("boolean expected", s.setblocking, s)
    assert.equal(7, s:gettimeout())
    s:settimeout(math.huge)
    assert.is_nil(s:gettimeout())
  end)
end)

describe("A deadline", function()
  it("ends a handshake with a silent peer [H-02]", function()
    local client <close>, theirs = raw_peer()
    client:settimeout(TIMEOUT)
    local err = assert_times_out(TIMEOUT, client.do_handshake, client)
    assert.equal("handshake", err.op)
    assert_times_out(TIMEOUT, client.recv, client)
    native.close(theirs)
  end)

  it("ends a handshake with a peer that drips bytes [H-02]", function()
    local client <close>, theirs = raw_peer()
    local peer <close> = drip(theirs, "\22\3\3\64\0\2\0\63\255" .. ("\0"):rep(2000))
    client:settimeout(TIMEOUT)
    assert_times_out(TIMEOUT, client.do_handshake, client)
    native.close(theirs)
    peer:close()
  end)

  it("ends a handshake with a peer that drips small records [H-02]", function()
    -- A server hello that never ends, a byte in each record.
    local client <close>, theirs = raw_peer()
    local peer <close> = drip(theirs, "\22\3\3\0\4\2\0\63\255" .. ("\22\3\3\0\1\3"):rep(500))
    client:settimeout(TIMEOUT)
    assert_times_out(TIMEOUT, client.do_handshake, client)
    native.close(theirs)
    peer:close()
  end)

  it("ends a read that nothing or too little arrives for [H-02]", function()
    local w <close> = wire.new()
    w.client:settimeout(TIMEOUT)
    local err = assert_times_out(TIMEOUT, w.client.recv, w.client)
    assert.equal("read", err.op)
    assert.is_nil(err.sent)
    local peer <close> = drip(w.fds.client, "\23\3\3\64\0" .. ("x"):rep(2000))
    assert_times_out(TIMEOUT, w.client.recv_into, w.client, ssl.buffer(5))
    peer:close()
  end)

  it("ends a write that the peer does not or hardly take [H-02]", function()
    local client, server = pair.connected()
    local fd = server:fileno()
    client:setsockopt("SOL_SOCKET", "SO_SNDBUF", 4608)
    server:setsockopt("SOL_SOCKET", "SO_RCVBUF", 4608)
    local reader <close> = child.run(function()
      while native.read(fd, 100) ~= "" do native.poll({}, {}, 0.002) end
    end)
    client:settimeout(TIMEOUT)
    local text = ("x"):rep(5000000)
    local err = assert_times_out(TIMEOUT, client.sendall, client, text)
    assert.equal("write", err.op)
    assert.is_true(err.sent > 0 and err.sent < #text)
    assert.equal(0, err.sent % 16384)
    reader:close()
    assert_times_out(TIMEOUT, client.send, client, text)
    pair.close(client, server)
  end)

  it("ends unwrap with a peer that drips [H-02, H-06]", function()
    local w <close> = wire.new()
    local peer <close> = drip(w.fds.client, "\23\3\3\64\0" .. ("x"):rep(2000))
    w.client:settimeout(TIMEOUT)
    local err = assert_times_out(TIMEOUT, w.client.unwrap, w.client)
    assert.equal("unwrap", err.op)
    peer:close()
  end)

  it("is not missed in a flood of tiny records [H-02]", function()
    -- As long a ClientHello as is allowed, a byte in each record, all at once.
    local ours, theirs = native.socketpair()
    local server <close> = pair.server_context():wrap_socket(ours,
      {server_side = true, do_handshake_on_connect = false})
    local flood <close> = child.run(function()
      local hello = "\22\3\1\0\4\1\1\255\0" .. ("\22\3\1\0\1\0"):rep(10000)
      repeat until not native.write(theirs, hello)
    end)
    native.close(theirs)
    server:settimeout(0.02)
    local before = native.now()
    assert.has_error(function() server:do_handshake() end)
    local took = native.now() - before
    assert(took <= 0.02 + scale.tolerance(PRECISION), ("too late: %.4f s"):format(took))
    server:close()
    flood:close()
  end)

  it("leaves what is received late to the next read [H-02]", function()
    local w <close> = wire.new()
    w.server:send("it comes in two halves")
    local record = w:take("server")
    w:put("server", record:sub(1, 10))
    w.client:settimeout(0.01)
    for _ = 1, 2 do raised(ssl.TimeoutError, w.client.recv, w.client) end
    w:put("server", record:sub(11))
    assert.equal("it comes in two halves", w.client:recv())
  end)

  it("is not needed where data is there already [H-02]", function()
    local w <close> = wire.new()
    w.server:send("there")
    w:move()
    w.client:settimeout(1e-9)
    assert.equal("there", w.client:recv())
    assert.equal(1, w.client:send("x"))
  end)
end)

describe("Without waiting", function()
  local VERSIONS = {ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3}

  for _, version in ipairs(VERSIONS) do
    it("every operation raises what it waits for, " .. ssl.TLSVersion[version]
         .. " [H-01]", function()
      local settings = {minimum_version = version, maximum_version = version}
      local w <close> = wire.new {
        client = pair.client_context(settings), handshake = false,
      }
      for _ = 1, 3 do
        for _, call in ipairs {{"do_handshake"}, {"recv"}, {"send", "x"},
                               {"sendall", "x"}, {"close_write"}} do
          local err = raised(ssl.SSLWantReadError, w.client[call[1]], w.client, call[2])
          assert.equal(2, err.errno)
          assert.matches("did not complete", err.message)
        end
      end
      w:handshake()
      w:nonblocking()
      for _ = 1, 3 do
        raised(ssl.SSLWantReadError, w.client.recv, w.client)
        raised(ssl.SSLWantReadError, w.client.recv_into, w.client, ssl.buffer(5))
        raised(ssl.SSLWantReadError, w.client.read, w.client)
        raised(ssl.SSLWantReadError, w.server.unwrap, w.server)
      end
      local err
      repeat
        local _, failure = ssl.try(w.client.send, w.client, ("x"):rep(1000))
        err = failure
      until err
      assert.equal(ssl.SSLWantWriteError, err.class)
      assert.equal(3, err.errno)
      assert.equal("write", err.op)
    end)

    it("a record is read however it is cut, " .. ssl.TLSVersion[version]
         .. " [H-01]", function()
      local settings = {minimum_version = version, maximum_version = version}
      local w <close> = wire.new {client = pair.client_context(settings)}
      w:nonblocking()
      w.server:send("0123456789")
      local record = w:take("server")
      for i = 1, #record - 1 do
        w:put("server", record:sub(i, i))
        raised(ssl.SSLWantReadError, w.client.recv, w.client)
      end
      w:put("server", record:sub(-1))
      assert.equal("0123456789", w.client:recv())
    end)
  end

  it("no time passes [H-01]", function()
    local w <close> = wire.new()
    w:nonblocking()
    local before = native.now()
    for _ = 1, 100 do raised(ssl.SSLWantReadError, w.client.recv, w.client) end
    assert.is_true(native.now() - before < scale.tolerance(1))
  end)

  it("readiness of the descriptor does not mean data [H-01]", function()
    local w <close> = wire.new()
    w:nonblocking()
    w.server:send("whole")
    w:put("server", w:take("server"):sub(1, 7))
    assert.is_truthy(native.poll({w.client:fileno()}, {}, 0))
    raised(ssl.SSLWantReadError, w.client.recv, w.client)
  end)

  it("the mode may change between any two calls [H-01, H-02]", function()
    local w <close> = wire.new()
    for _, timeout in ipairs {0, 5, false, 0, 0.5} do
      w.client:settimeout(timeout or nil)
      w.server:send("x")
      w:move()
      assert.equal("x", w.client:recv())
      if timeout == 0 then raised(ssl.SSLWantReadError, w.client.recv, w.client) end
    end
  end)
end)

describe("A wait that blocks", function()
  it("ends when data comes [H-02]", function()
    for _, timeout in ipairs {false, pair.LIMIT} do
      local w <close> = wire.new()
      w.client:settimeout(timeout or nil)
      local peer <close> = child.run(function()
        native.poll({}, {}, 0.02)
        w.server:send("at last")
        w:move()
      end)
      assert.equal("at last", w.client:recv())
      peer:join()
    end
  end)
end)
