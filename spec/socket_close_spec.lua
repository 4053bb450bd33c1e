-- close, close_write, shutdown and the collector: what the peer sees of each,
-- and what is possible afterwards.
local native = require "native"
local pair = require "support.pair"
local raised = require "support.raised"
local wire = require "support.wire"
local ssl = require "pyssl"

local VERSIONS, lay = wire.VERSIONS, wire.lay

describe("close", function()
  for _, version in ipairs(VERSIONS) do
    it("sends close_notify once and closes the descriptor, "
         .. ssl.TLSVersion[version] .. " [E.3 close]", function()
      local w <close> = lay(version)
      local fd = w.client:fileno()
      w.log.client = ""
      assert.is_true(w.client:close())
      assert.is_nil(native.fds()[fd])
      assert.equal(-1, w.client:fileno())
      w:move()
      assert.equal(1, #wire.records(w.log.client))
      assert.equal("", w.server:recv())
      assert.equal("clean", w.server:eof())
      for _ = 1, 2 do assert.is_true(w.client:close()) end
    end)
  end

  it("says nothing again after close_write [E.3 close]", function()
    local w <close> = wire.new()
    w.client:close_write()
    w:move()
    w.log.client = ""
    w.client:close()
    w:move()
    assert.equal("", w.log.client)
    assert.equal("", w.server:recv())
  end)

  it("does not wait for a peer that does not read [E.3 close]", function()
    local w <close> = wire.new()
    w.client:setsockopt("SOL_SOCKET", "SO_SNDBUF", 4608)
    w.client:settimeout(0.005)
    raised(ssl.TimeoutError, w.client.send, w.client, ("x"):rep(50000))
    w.client:settimeout(nil)
    local before = native.now()
    w.client:close()
    assert.is_true(native.now() - before < pair.LIMIT / 20)
  end)

  it("sends nothing before or after a failed handshake [E.3 close]", function()
    local w <close> = wire.new {handshake = false}
    w.client:close()
    w:move()
    assert.equal("", w.log.client)
  end)

  it("ends a scope, and leaves the error that ends it alone [E.4]", function()
    local w <close> = wire.new()
    local ok, err = pcall(function()
      local client <close> = w.client
      assert.equal(client, w.client)
      error("as it was", 0)
    end)
    assert.is_false(ok)
    assert.equal("as it was", err)
    assert.equal(-1, w.client:fileno())
    w:move()
    assert.equal("", w.server:recv())
  end)

  it("leaves nothing that works [E.3 close, I-88]", function()
    local w <close> = wire.new()
    local s = w.client
    s:close()
    for _, call in ipairs {
      {"recv"}, {"recv_into", ssl.buffer(1)}, {"send", "x"}, {"sendall", "x"},
      {"sendfile", 0}, {"do_handshake"}, {"shutdown", 2},
      {"getpeername"}, {"getsockname"}, {"getsockopt", 1, 1},
      {"setsockopt", 1, 1, 1}, {"listen"}, {"bind", "127.0.0.1", 0},
      {"connect", "127.0.0.1", 1}, {"accept"},
    } do
      local err = raised(ssl.OSError, s[call[1]], s, table.unpack(call, 2))
      assert.equal("EBADF", err.name, call[1])
    end
    for _, call in ipairs {{"read"}, {"write", "x"}, {"unwrap"}, {"close_write"}} do
      raised(ssl.ValueError, s[call[1]], s, call[2])
    end
    raised(ssl.OSError, s.getpeercert, s)
    for _, name in ipairs {"version", "cipher", "shared_ciphers", "compression",
                           "get_channel_binding", "gettimeout"} do
      assert.has_no.errors(function() return s[name](s) end)
    end
    assert.equal(0, s:pending())
    assert.is_nil(s:version())
    assert.equal(-1, s:detach())
    assert.matches("^ssl%.socket", tostring(s))
  end)
end)

describe("close_write", function()
  for _, version in ipairs(VERSIONS) do
    describe("with " .. ssl.TLSVersion[version], function()
      it("ends our half only: reading goes on [H-04]", function()
        local w <close> = lay(version)
        w.client:send("the question")
        assert.is_true(w.client:close_write())
        assert.is_true(w.client:close_write())
        w:move()
        assert.equal("the question", w.server:recv())
        assert.equal("", w.server:recv())
        assert.equal("clean", w.server:eof())
        assert.equal(10, w.server:send("the answer"))
        w.server:sendall(("x"):rep(40000))
        w:move()
        assert.equal("the answer", w.client:recv())
        assert.is_nil(w.client:eof())
        local rest = 0
        repeat
          rest = rest + #w.client:recv(16384)
          w:move()
        until rest == 40000
      end)

      it("lets no more writes out [I-92]", function()
        local w <close> = lay(version)
        w.client:close_write()
        w:take("client")
        for _, name in ipairs {"send", "sendall", "write"} do
          local err = raised(ssl.SSLError, w.client[name], w.client, "x")
          assert.equal("PROTOCOL_IS_SHUTDOWN", err.reason)
          assert.equal("SSL", err.library)
        end
        assert.equal("", w:take("client"))
        w.server:send("still")
        w:move()
        assert.equal("still", w.client:recv())
      end)

      it("performs the handshake first [H-05]", function()
        local w <close> = lay(version, {handshake = false})
        raised(ssl.SSLWantReadError, w.client.close_write, w.client)
        w:drive({w.client.close_write, w.client}, {w.server.do_handshake, w.server})
        w.server:settimeout(pair.LIMIT)
        w:move()
        assert.equal("", w.server:recv())
      end)
    end)
  end
end)

describe("shutdown", function()
  local HOWS = {[0] = "SHUT_RD", "SHUT_WR", "SHUT_RDWR"}

  for how = 0, 2 do
    it(("%s drops TLS without close_notify [E.3 shutdown]"):format(HOWS[how]), function()
      assert.equal(how, ssl[HOWS[how]])
      local w <close> = wire.new()
      w.server:send("unread")
      w:move()
      w.log.client = ""
      assert.is_true(w.client:shutdown(how))
      -- Never raw TLS bytes: the end of the stream.
      for _ = 1, 2 do
        assert.equal("", w.client:recv())
        assert.equal(0, w.client:recv_into(ssl.buffer(5)))
      end
      for _, name in ipairs {"send", "sendall"} do
        local err = raised(ssl.OSError, w.client[name], w.client, "plaintext")
        assert.equal("EPIPE", err.name)
      end
      raised(ssl.ValueError, w.client.read, w.client)
      raised(ssl.ValueError, w.client.write, w.client, "plaintext")
      raised(ssl.ValueError, w.client.unwrap, w.client)
      raised(ssl.ValueError, w.client.close_write, w.client)
      assert.is_nil(w.client:version())
      w.client:close()
      w:move()
      assert.equal("", w.log.client)
      assert.is_true(w.client:fileno() == -1)
    end)
  end

  it("shows the peer a ragged end [E.3 shutdown]", function()
    local w <close> = wire.new()
    w.client:shutdown(ssl.SHUT_WR)
    w:cut("client")
    assert.equal("", w.server:recv())
    assert.equal("ragged", w.server:eof())
  end)

  it("wants one of three numbers [E.3 shutdown]", function()
    local w <close> = wire.new()
    raised(ssl.ValueError, w.client.shutdown, w.client, 3)
    raised(ssl.ValueError, w.client.shutdown, w.client, -1)
    raised.text("bad argument", w.client.shutdown, w.client)
    raised.text("bad argument", w.client.shutdown, w.client, "x")
    assert.equal(1, w.client:send("x"))
  end)
end)

describe("A collected socket", function()
  it("sends nothing and closes its descriptor [H-21]", function()
    local w <close> = wire.new()
    local fd = w.client:fileno()
    w.log.client = ""
    w.client = nil
    collectgarbage()
    collectgarbage()
    assert.is_nil(native.fds()[fd])
    w:move()
    assert.equal("", w.log.client)
    w:cut("client")
    assert.equal("", w.server:recv())
    assert.equal("ragged", w.server:eof())
    w.client = w.server
  end)

  it("may be in a circle with what refers to it [H-21]", function()
    local client, server = pair.connected()
    local fd = client:fileno()
    local circle = {client, client:makefile("rw")}
    circle[3] = setmetatable({}, {__index = circle})
    client, circle = nil, nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.is_nil(native.fds()[fd])
    server:close()
  end)
end)

describe("A connection", function()
  it("keeps its context, whose names are gone [H-21]", function()
    local watch = setmetatable({}, {__mode = "v"})
    local client, server
    do
      local client_ctx, server_ctx = pair.client_context(), pair.server_context()
      watch[1], watch[2] = client_ctx, server_ctx
      client, server = pair.tcp(client_ctx, server_ctx)
    end
    collectgarbage()
    collectgarbage()
    assert.equal(watch[1], client.context)
    assert.equal(watch[2], server.context)
    pair.drive({client.do_handshake, client}, {server.do_handshake, server})
    client:settimeout(pair.LIMIT)
    server:settimeout(pair.LIMIT)
    client:send("x")
    assert.equal("x", server:recv())
    pair.close(client, server)
    client, server = nil, nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.same({}, watch)
  end)
end)
