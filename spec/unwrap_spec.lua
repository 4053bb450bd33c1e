-- The end of TLS: unwrap in all its cases, plaintext behind it, and TLS again.
local native = require "native"
local pair = require "support.pair"
local raised = require "support.raised"
local wire = require "support.wire"
local ssl = require "pyssl"

local VERSIONS, lay = wire.VERSIONS, wire.lay

for _, version in ipairs(VERSIONS) do
  describe("unwrap of " .. ssl.TLSVersion[version], function()
    it("gives the same socket, now plain, on both sides [E-25, H-06]", function()
      local w <close> = lay(version)
      w:nonblocking()
      local results = w:drive({w.client.unwrap, w.client}, {w.server.unwrap, w.server})
      assert.same({true, w.client, n = 2}, results[1])
      assert.same({true, w.server, n = 2}, results[2])
      w.client:settimeout(pair.LIMIT)
      w.server:settimeout(pair.LIMIT)
      w:take("client")
      assert.equal(11, w.client:send("plain words"))
      w.server:sendall {"and ", ssl.buffer("back")}
      assert.equal("plain words", w:take("client"))
      w:put("client", "plain words")
      w:move()
      assert.equal("plain", w.server:recv(5))
      local b = ssl.buffer(6)
      assert.equal(6, w.server:recv_into(b))
      assert.equal(" words", b:sub(1, -1))
      assert.equal("and back", w.client:recv())
      for _, name in ipairs {"version", "cipher", "eof"} do
        assert.is_nil(w.client[name](w.client), name)
      end
      assert.equal(0, w.client:pending())
    end)

    it("sends close_notify and waits for the peer's [H-06]", function()
      local w <close> = lay(version)
      w:nonblocking()
      for _ = 1, 3 do raised(ssl.SSLWantReadError, w.client.unwrap, w.client) end
      w:move()
      assert.equal("", w.server:recv())
      assert.equal("clean", w.server:eof())
      assert.equal(w.server, w.server:unwrap()) -- the peer closed first: at once
      w:move()
      assert.equal(w.client, w.client:unwrap())
    end)

    it("leaves the plaintext behind it alone [H-06]", function()
      for _, timeout in ipairs {0, pair.LIMIT} do
        local w <close> = lay(version)
        w:nonblocking()
        raised(ssl.SSLWantReadError, w.server.unwrap, w.server)
        w:put("server", w:take("server") .. "220 plaintext")
        w.client:settimeout(timeout)
        assert.equal("", w.client:recv())
        assert.equal("", w.client:recv())
        assert.equal(w.client, w.client:unwrap())
        assert.equal("220 plaintext", w.client:recv())
        raised(timeout == 0 and ssl.SSLWantReadError or ssl.TimeoutError, function()
          if timeout > 0 then w.client:settimeout(0.005) end
          w.client:recv()
        end)
      end
    end)

    it("lets TLS begin again on the same descriptor [E-25]", function()
      local w <close> = lay(version)
      w:unwrap()
      local fd = w.client:fileno()
      local options = {do_handshake_on_connect = false}
      w.client:settimeout(0)
      w.server:settimeout(0)
      w.client = pair.client_context():wrap_socket(w.client,
        pair.merge({server_hostname = "localhost"}, options))
      w.server = pair.server_context():wrap_socket(w.server,
        pair.merge({server_side = true}, options))
      assert.equal(fd, w.client:fileno())
      w:handshake()
      w.client:send("secret again")
      w:move()
      assert.equal("secret again", w.server:recv())
      assert.is_nil(w.log.client:find("secret again", 1, true))
    end)

    it("refuses application data behind our close_notify, for good [H-06]", function()
      local w <close> = lay(version)
      w:nonblocking()
      w.server:send("unread")
      w:move()
      local err = raised(ssl.SSLError, w.client.unwrap, w.client)
      assert.equal("APPLICATION_DATA_AFTER_CLOSE_NOTIFY", err.reason)
      assert.equal("unwrap", err.op)
      raised(ssl.SSLError, w.client.unwrap, w.client)
      raised(ssl.SSLEOFError, w.client.recv, w.client)
      raised(ssl.SSLEOFError, w.client.send, w.client, "x")
    end)

    it("lets reading go on, but not writing, while it waits [H-06, I-92]", function()
      local w <close> = lay(version)
      w:nonblocking()
      raised(ssl.SSLWantReadError, w.client.unwrap, w.client)
      local err = raised(ssl.SSLError, w.client.send, w.client, "x")
      assert.equal("PROTOCOL_IS_SHUTDOWN", err.reason)
      raised(ssl.SSLWantReadError, w.client.recv, w.client)
      w.server:send("more")
      w:move()
      assert.equal("more", w.client:recv())
      raised(ssl.SSLWantReadError, w.client.unwrap, w.client)
      w.server:unwrap()
      w:move()
      assert.equal(w.client, w.client:unwrap())
    end)

    it("raises SSLEOFError where the peer has gone [H-06, H-03]", function()
      local w <close> = lay(version)
      w:nonblocking()
      raised(ssl.SSLWantReadError, w.client.unwrap, w.client)
      w:cut("server")
      w.client:settimeout(pair.LIMIT)
      raised(ssl.SSLEOFError, w.client.unwrap, w.client)
    end)

    it("raises TimeoutError where the peer is silent, and may go on [H-06]", function()
      local w <close> = lay(version)
      w.client:settimeout(0.005)
      for _ = 1, 2 do
        local err = raised(ssl.TimeoutError, w.client.unwrap, w.client)
        assert.equal("unwrap", err.op)
        assert.equal("the unwrap operation timed out", err.message)
      end
      w:move()
      w.server:unwrap()
      w:move()
      assert.equal(w.client, w.client:unwrap())
    end)

    it("before or during the handshake raises and breaks nothing [I-91]", function()
      local w <close> = lay(version, {handshake = false})
      for round = 1, 2 do
        local err = raised(ssl.SSLError, w.client.unwrap, w.client)
        assert.equal("SHUTDOWN_WHILE_IN_INIT", err.reason)
        if round == 1 then
          raised(ssl.SSLWantReadError, w.client.do_handshake, w.client)
        end
      end
      w:handshake()
      assert.equal(1, w.client:send("x"))
    end)

    it("after a fatal error raises and never gives plaintext [I-91]", function()
      local w <close> = lay(version)
      w:put("server", "\23\3\3\0\40" .. ("x"):rep(40))
      raised(ssl.SSLError, w.client.recv, w.client)
      local err = raised(ssl.SSLError, w.client.unwrap, w.client)
      assert.equal("SHUTDOWN_WHILE_IN_INIT", err.reason)
      raised(ssl.SSLEOFError, w.client.send, w.client, "x")
    end)

    it("closes after both sides have [I-93, H-03]", function()
      local w <close> = lay(version)
      w:nonblocking()
      raised(ssl.SSLWantReadError, w.client.unwrap, w.client)
      w:move()
      w.server:close_write()
      w:move()
      raised(ssl.SSLZeroReturnError, w.client.recv, w.client)
      assert.equal(w.client, w.client:unwrap())
      assert.equal("", w.server:recv(0))
      raised(ssl.SSLZeroReturnError, w.server.recv, w.server)
      assert.equal(w.server, w.server:unwrap())
    end)
  end)
end

describe("A plain connection, after unwrap", function()
  it("takes the part that there is room for, without waiting [E.3 send]", function()
    local w <close> = wire.new()
    w:unwrap()
    w.client:setsockopt("SOL_SOCKET", "SO_SNDBUF", 4608)
    w.client:settimeout(0)
    local text = ("0123456789"):rep(5000)
    local at, got = 0, {}
    while at < #text do
      local sent, err = ssl.try(w.client.send, w.client, text:sub(at + 1))
      assert.is_true(sent and sent > 0 or err:is(ssl.SSLWantWriteError))
      at = at + (sent or 0)
      got[#got + 1] = w:take("client")
    end
    assert.equal(text, table.concat(got))
    assert.is_true(#got > 1)
  end)

  it("sends all of it once, however often it has to wait [E.3 sendall, H-01]", function()
    local w <close> = wire.new()
    w:unwrap()
    w.client:setsockopt("SOL_SOCKET", "SO_SNDBUF", 4608)
    w.client:settimeout(0)
    local text, got = ("0123456789"):rep(5000), {}
    local deadline = native.now() + pair.LIMIT
    repeat
      local done, err = ssl.try(w.client.sendall, w.client, {text, "end"})
      assert.is_true(done or err:is(ssl.SSLWantWriteError))
      got[#got + 1] = w:take("client")
      assert(native.now() < deadline, "stuck")
    until done
    assert.equal(text .. "end", table.concat(got))
  end)

  it("tells in a time-out what it has sent [H-02]", function()
    local w <close> = wire.new()
    w:unwrap()
    w.client:setsockopt("SOL_SOCKET", "SO_SNDBUF", 4608)
    w.client:settimeout(0.005)
    local text = ("0123456789"):rep(5000)
    local err = raised(ssl.TimeoutError, w.client.sendall, w.client, text)
    assert.equal(text:sub(1, err.sent), w:take("client"))
    raised(ssl.TimeoutError, w.client.recv, w.client)
  end)

  it("reads the end of the stream as empty [E.3 recv]", function()
    local w <close> = wire.new()
    w:unwrap()
    w.server:send("last")
    w:cut("server")
    assert.equal("last", w.client:recv())
    for _ = 1, 2 do assert.equal("", w.client:recv()) end
  end)

  it("refuses what needs TLS [I-88, I-90, E-10, E-11, E-25]", function()
    local w <close> = wire.new()
    w:unwrap()
    for _, call in ipairs {
      {"read"}, {"write", "x"}, {"unwrap"}, {"close_write"},
    } do
      raised(ssl.ValueError, w.client[call[1]], w.client, call[2])
    end
    for _, name in ipairs {"getpeercert", "do_handshake"} do
      assert.equal("ENOTCONN", raised(ssl.OSError, w.client[name], w.client).name)
    end
    raised(ssl.ValueError, w.client.send, w.client, "x", 1)
    raised(ssl.ValueError, w.client.recv, w.client, 1, 1)
  end)
end)
