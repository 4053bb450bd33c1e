-- What recv, recv_into, read and pending give, and how a stream ends.
local native = require "native"
local pair = require "support.pair"
local raised = require "support.raised"
local wire = require "support.wire"
local ssl = require "pyssl"

local VERSIONS = {ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3}

-- Both ends speak this version only.
local function contexts(version)
  local settings = {minimum_version = version, maximum_version = version}
  return {
    client = pair.client_context(settings),
    server = pair.server_context("server", settings),
  }
end

describe("Reading from a connection", function()
  for _, version in ipairs(VERSIONS) do
    describe("of " .. ssl.TLSVersion[version], function()
      it("gives at most what was asked, and a record at most [E.3 recv, E-10]", function()
        local w <close> = wire.new(contexts(version))
        local text = ("0123456789abcdef"):rep(2048)
        w.client:sendall(text)
        w:move()
        local read = w.server
        assert.equal(text:sub(1, 1), read:recv(1))
        assert.equal(text:sub(2, 1025), read:recv())
        assert.equal(text:sub(1026, 1031), read:read(6))
        assert.equal(text:sub(1032, 2055), read:read())
        assert.equal(text:sub(2056, 16384), read:recv(16384))
        w:move()
        assert.equal(text:sub(16385), read:recv(math.maxinteger))
      end)

      it("counts in pending what needs no descriptor [E-28, H-01]", function()
        local w <close> = wire.new(contexts(version))
        assert.equal(0, w.server:pending())
        w.client:send(("x"):rep(10))
        w.client:send("yz")
        w:move()
        assert.equal(0, w.server:pending())
        assert.equal("xxx", w.server:recv(3))
        assert.equal(7, w.server:pending())
        assert.equal("xxxxxxx", w.server:recv())
        assert.equal(0, w.server:pending())
        assert.equal("y", w.server:recv(1))
        -- The descriptor has nothing more, and still there is data.
        assert.is_nil((native.poll({w.server:fileno()}, {}, 0)))
        assert.equal(1, w.server:pending())
        assert.equal("z", w.server:recv())
      end)
    end)
  end

  it("takes nothing for a size of 0 [E-10, E.3 recv]", function()
    local w <close> = wire.new()
    w.client:send("abc")
    w:move()
    assert.equal("", w.server:recv(0))
    assert.equal("", w.server:read(0))
    assert.equal(0, w.server:recv_into(ssl.buffer(0)))
    assert.equal(0, w.server:read(5, ssl.buffer(0)))
    assert.equal("abc", w.server:recv())
  end)

  it("fills a buffer from its start [E.3 recv_into, E-10]", function()
    local w <close> = wire.new()
    local b = ssl.buffer("..........")
    w.client:sendall("abcdefghijklmnopqrstuvwxyz")
    w:move()
    assert.equal(3, w.server:recv_into(b, 3))
    assert.equal("abc.......", b:sub(1, -1))
    assert.equal(10, w.server:recv_into(b))
    assert.equal("defghijklm", b:sub(1, -1))
    assert.equal(2, w.server:recv_into(b:slice(9, 10)))
    assert.equal("defghijkno", b:sub(1, -1))
    assert.equal(4, w.server:read(4, b))
    assert.equal("pqrshijkno", b:sub(1, -1))
    assert.equal(7, w.server:read(0, b))
    assert.equal("tuvwxyzkno", b:sub(1, -1))
  end)

  for _, size in ipairs {-1, 0, 11, math.maxinteger} do
    it(("with size %d into a buffer means its size [E-10]"):format(size), function()
      local w <close> = wire.new()
      local b = ssl.buffer(10)
      w.client:send("abcdefghijklmnop")
      w:move()
      assert.equal(10, w.server:read(size, b))
      assert.equal("abcdefghij", b:sub(1, -1))
      if size >= 0 then assert.equal(6, w.server:recv_into(b, size)) end
    end)
  end

  it("takes Python's keywords [E-10, E.3 recv, E.3 recv_into]", function()
    local w <close> = wire.new()
    local b = ssl.buffer(10)
    w.client:send("abcdefghijklmnop")
    w:move()
    assert.equal("a", w.server:recv {buflen = 1})
    assert.equal("b", w.server:recv(1, {flags = 0}))
    assert.equal("c", w.server:read {len = 1})
    assert.equal(2, w.server:read {buffer = b, len = 2})
    assert.equal(3, w.server:recv_into(b, {nbytes = 3}))
    assert.equal("ijklmnop", w.server:recv {})
    raised(ssl.TypeError, w.server.recv, w.server, {size = 1})
    raised(ssl.TypeError, w.server.read, w.server, 1, {len = 1})
  end)

  it("gives one value", function()
    local w <close> = wire.new()
    w.client:send("abc")
    w:move()
    assert.equal(1, select("#", w.server:recv(1)))
    assert.equal(1, select("#", w.server:recv_into(ssl.buffer(1))))
  end)

  it("refuses a negative size [I-85, E-10]", function()
    local w <close> = wire.new()
    for _, name in ipairs {"recv", "read"} do
      local err = raised(ssl.ValueError, w.server[name], w.server, -1)
      assert.matches("negative", err.message)
    end
    raised(ssl.ValueError, w.server.recv_into, w.server, ssl.buffer(1), -1)
  end)

  it("refuses flags [I-84, E.3 recv, E.3 recv_into]", function()
    local w <close> = wire.new()
    local b = ssl.buffer(1)
    for _, call in ipairs {{w.server.recv, w.server, 1, 2},
                           {w.server.recv_into, w.server, b, 1, 2},
                           {w.server.recv, w.server, {flags = 1}}} do
      local err = raised(ssl.ValueError, table.unpack(call))
      assert.matches("flags", err.message)
    end
    w.client:send("ab")
    w:move()
    assert.equal("a", w.server:recv(1, 0))
    assert.equal(1, w.server:recv_into(b, nil, 0))
  end)

  it("refuses other types in Lua's words, at the caller's line", function()
    local w <close> = wire.new()
    local s = w.server
    raised.text("bad argument #1 to 'recv' (integer expected, got string)",
      function() s:recv("5") end)
    raised.text("bad argument #1 to 'recv' (integer expected, got number)",
      function() s:recv(1.5) end)
    raised.text("bad argument #2 to 'recv' (integer expected, got boolean)",
      function() s:recv(1, true) end)
    raised.text("bad argument #1 to 'recv_into' (ssl.buffer expected, got string)",
      function() s:recv_into("x") end)
    raised.text("bad argument #2 to 'read' (ssl.buffer expected, got string)",
      function() s:read(1, "x") end)
    raised.text("bad value for option 'len' (integer expected, got string)",
      function() s:read {len = "x"} end)
    raised.text("socket_read_spec.lua:", function() s:recv("5") end)
    raised.text("(ssl.socket expected, got table)", s.recv, {})
    raised.text("(ssl.socket expected, got nil)", s.recv)
    w.client:send("abc")
    w:move()
    assert.equal("ab", s:recv(2.0))
  end)
end)

describe("The end of a stream", function()
  for _, version in ipairs(VERSIONS) do
    describe("of " .. ssl.TLSVersion[version], function()
      it("by close_notify reads as empty, again and again [H-03]", function()
        local w <close> = wire.new(contexts(version))
        w.client:send("last")
        w.client:close()
        w:move()
        assert.is_nil(w.server:eof())
        assert.equal("last", w.server:recv())
        for _ = 1, 3 do
          assert.equal("", w.server:recv())
          assert.equal("", w.server:read())
          assert.equal(0, w.server:recv_into(ssl.buffer(5)))
          assert.equal("clean", w.server:eof())
        end
        w.server:settimeout(0)
        assert.equal("", w.server:recv())
      end)

      it("raises once both sides have closed [I-93, H-03]", function()
        local w <close> = wire.new(contexts(version))
        w.client:close_write()
        w:move()
        assert.equal("", w.server:recv())
        w.server:close_write()
        for _ = 1, 2 do
          local err = raised(ssl.SSLZeroReturnError, w.server.recv, w.server)
          assert.equal(6, err.errno)
          assert.equal("clean", w.server:eof())
        end
      end)

      for _, blocking in ipairs {true, false} do
        local how = blocking and "with a timeout" or "without waiting"
        it(("without close_notify reads as empty %s, if suppressed [H-03]"):format(how),
          function()
            local w <close> = wire.new(contexts(version))
            w.client:send("last")
            w:cut("client")
            if not blocking then w.server:settimeout(0) end
            assert.equal("last", w.server:recv())
            assert.is_nil(w.server:eof())
            for _ = 1, 2 do
              assert.equal("", w.server:recv())
              assert.equal(0, w.server:recv_into(ssl.buffer(5)))
              assert.equal("ragged", w.server:eof())
            end
          end)

        it(("without close_notify raises %s, if not suppressed [H-03]"):format(how),
          function()
            local options = contexts(version)
            options.wrap = {suppress_ragged_eofs = false}
            local w <close> = wire.new(options)
            w.client:send("last")
            w:cut("client")
            if not blocking then w.server:settimeout(0) end
            assert.equal("last", w.server:recv())
            local err = raised(ssl.SSLEOFError, w.server.recv, w.server)
            assert.equal(8, err.errno)
            assert.equal("UNEXPECTED_EOF_WHILE_READING", err.reason)
            assert.equal("read", err.op)
            for _ = 1, 2 do
              raised(ssl.SSLEOFError, w.server.recv, w.server)
              assert.equal("ragged", w.server:eof())
            end
          end)
      end

      it("in the middle of a record is ragged, too [H-03]", function()
        local options = contexts(version)
        options.wrap = {suppress_ragged_eofs = false}
        local w <close> = wire.new(options)
        w.client:send("last words")
        w:put("client", w:take("client"):sub(1, -2))
        w:cut("client")
        raised(ssl.SSLEOFError, w.server.recv, w.server)
        assert.equal("ragged", w.server:eof())
      end)

      it("counts as clean with OP_IGNORE_UNEXPECTED_EOF [H-03]", function()
        local options = contexts(version)
        options.wrap = {suppress_ragged_eofs = false}
        options.server.options = options.server.options | ssl.OP_IGNORE_UNEXPECTED_EOF
        local w <close> = wire.new(options)
        w:cut("client")
        for _ = 1, 3 do assert.equal("", w.server:recv()) end
        assert.equal("clean", w.server:eof())
      end)

      it("is an error for writing and unwrap, suppressed or not [H-03, H-04]", function()
        local w <close> = wire.new(contexts(version))
        w:cut("client")
        assert.equal("", w.server:recv())
        raised(ssl.SSLEOFError, w.server.send, w.server, "x")
        raised(ssl.SSLEOFError, w.server.send, w.server, "")
        raised(ssl.SSLError, w.server.unwrap, w.server)
        raised(ssl.SSLEOFError, w.server.do_handshake, w.server)
      end)

      it("by a reset is the same OSError again and again [H-03]", function()
        for _, timeout in ipairs {pair.LIMIT, 0} do
          local c = contexts(version)
          local client, server = pair.connected(c.client, c.server)
          client:setsockopt("SOL_SOCKET", "SO_LINGER", ("i4i4"):pack(1, 0))
          native.close(client:detach())
          server:settimeout(timeout)
          for _ = 1, 3 do
            local err = raised(ssl.OSError, server.recv, server)
            assert.equal("ECONNRESET", err.name)
            assert.is_nil(server:eof())
          end
          server:close()
        end
      end)
    end)
  end

  it("follows what suppress_ragged_eofs says when it is read [H-03]", function()
    local w <close> = wire.new()
    w:cut("client")
    w.server.suppress_ragged_eofs = false
    raised(ssl.SSLEOFError, w.server.recv, w.server)
    w.server.suppress_ragged_eofs = true
    assert.equal("", w.server:recv())
  end)

  it("in the handshake is an error though suppressed [H-03]", function()
    local w <close> = wire.new {handshake = false}
    raised(ssl.SSLWantReadError, w.client.do_handshake, w.client)
    w:cut("server")
    w.client:settimeout(pair.LIMIT)
    raised(ssl.SSLEOFError, w.client.recv, w.client)
    raised(ssl.SSLEOFError, w.client.recv, w.client)
  end)
end)

describe("What was received before an error", function()
  it("is read first when the connection breaks [H-03, H-04]", function()
    local client, server = pair.connected()
    server:sendall(("x"):rep(50000))
    client:setsockopt("SOL_SOCKET", "SO_LINGER", ("i4i4"):pack(1, 0))
    server:close()
    -- Write until the connection is known to be gone, then read it all.
    local err
    repeat
      local _, failure = ssl.try(client.send, client, ("y"):rep(1000))
      err = failure
    until err
    assert.is_true(err:is(ssl.OSError))
    assert.equal(0, err.sent)
    for n = 1, 3 do
      local again = raised(ssl.OSError, client.send, client, ("z"):rep(n))
      assert.equal("EPIPE", again.name)
    end
    local total = 0
    while total < 50000 do total = total + #client:recv(16384) end
    assert.equal(50000, total)
    client:close()
  end)

  it("stays whatever is asked wrongly in between", function()
    local w <close> = wire.new()
    w.client:send("abc")
    w:move()
    raised(ssl.ValueError, w.server.recv, w.server, -1)
    raised.text("integer expected", w.server.recv, w.server, {1})
    raised.text("ssl.buffer expected", w.server.recv_into, w.server, 5)
    w.server:settimeout(0)
    assert.equal("abc", w.server:recv())
    raised(ssl.SSLWantReadError, w.server.recv, w.server)
  end)
end)
