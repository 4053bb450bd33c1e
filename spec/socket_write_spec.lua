-- What send, sendall and write take, and the records that they make of it.
local native = require "native"
local pair = require "support.pair"
local raised = require "support.raised"
local scale = require "support.scale"
local wire = require "support.wire"
local ssl = require "pyssl"

local VERSIONS = {ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3}

-- Both ends speak this version only, with a cipher whose records are of a known
-- size.
local function contexts(version)
  local settings = {minimum_version = version, maximum_version = version}
  local client = pair.client_context(settings)
  client:set_ciphers("ECDHE+AESGCM")
  return {client = client, server = pair.server_context("server", settings)}
end

-- Read until n bytes are there, moving them meanwhile.
local function read(w, n)
  local parts = {}
  while n > 0 do
    w:move()
    parts[#parts + 1] = w.server:recv(16384)
    n = n - #parts[#parts]
  end
  return table.concat(parts)
end

describe("Writing to a connection", function()
  it("takes all of a string and counts it [E.3 send, E.3 sendall, E-11]", function()
    local w <close> = wire.new()
    assert.equal(5, w.client:send("hello"))
    assert.equal(7, w.client:write(", world"))
    assert.is_true(w.client:sendall("!"))
    assert.equal("hello, world!", read(w, 13))
    assert.equal(40000, w.client:send(("x"):rep(40000)))
    assert.equal(("x"):rep(40000), read(w, 40000))
  end)

  it("gives one value", function()
    local w <close> = wire.new()
    for _, name in ipairs {"send", "write", "sendall"} do
      assert.equal(1, select("#", w.client[name](w.client, "x")))
    end
  end)

  it("sends nothing for nothing [E.3 send, E.3 sendall, E-11]", function()
    local w <close> = wire.new()
    w:take("client")
    for _, nothing in ipairs {"", ssl.buffer(0), {}, {"", ssl.buffer(0)}} do
      assert.equal(0, w.client:send(nothing))
      assert.equal(0, w.client:write(nothing))
      assert.is_true(w.client:sendall(nothing))
    end
    assert.equal("", w:take("client"))
  end)

  it("takes buffers, slices and arrays of all of these [E.3 send, E.3 sendall]", function()
    local w <close> = wire.new()
    local b = ssl.buffer("buffer")
    assert.equal(6, w.client:send(b))
    assert.equal(3, w.client:send(b:slice(2, 4)))
    assert.equal(14, w.client:send {"one", b, "", b:slice(1, 2), "two"})
    assert.is_true(w.client:sendall {b})
    assert.equal("bufferuff" .. "onebufferbutwo" .. "buffer", read(w, 29))
  end)

  it("takes flags of 0 only [I-84, E.3 send, E.3 sendall]", function()
    local w <close> = wire.new()
    assert.equal(1, w.client:send("x", 0))
    assert.equal(1, w.client:send("x", {flags = 0}))
    assert.is_true(w.client:sendall("x", 0))
    for _, flags in ipairs {1, {flags = 1}} do
      for _, name in ipairs {"send", "sendall"} do
        local err = raised(ssl.ValueError, w.client[name], w.client, "x", flags)
        assert.matches("flags", err.message)
      end
    end
    assert.equal("xxx", read(w, 3))
  end)

  it("refuses everything else in Lua's words [E-11, E.3 send]", function()
    local w <close> = wire.new()
    local expected = "(string, buffer or array of these expected, got "
    w:take("client")
    for _, value in ipairs {5, true, print, io.stdout} do
      for _, name in ipairs {"send", "sendall", "write"} do
        raised.text("bad argument #1 to '" .. name .. "' " .. expected,
          w.client[name], w.client, value)
      end
    end
    raised.text("bad argument #1 to 'send' " .. expected .. "nil)", w.client.send,
      w.client)
    raised.text("bad argument #1 to 'send' (string or buffer expected at [2], "
      .. "got number)", w.client.send, w.client, {"a", 5, "b"})
    raised.text("bad argument #2 to 'send' (integer expected, got string)",
      w.client.send, w.client, "a", "b")
    raised.text("socket_write_spec.lua:", function() w.client:send(5) end)
    assert.equal("", w:take("client"))
  end)

  for _, version in ipairs(VERSIONS) do
    describe("with " .. ssl.TLSVersion[version], function()
      local function lengths_of(...)
        local w <close> = wire.new(contexts(version))
        w.log.client = ""
        w.client:settimeout(0)
        for _, value in ipairs {...} do
          while not pcall(w.client.send, w.client, value) do w:move() end
        end
        w:move()
        local _, rest = wire.records(w.log.client)
        assert.equal("", rest)
        return wire.plain_lengths(w.log.client, w.client:version())
      end

      it("fills its records [E.3 send]", function()
        assert.same({16384, 16384, 1000}, lengths_of(("x"):rep(33768)))
        assert.same({16384}, lengths_of(("x"):rep(16384)))
        assert.same({16384, 1}, lengths_of(("x"):rep(16385)))
        assert.same({1, 2, 3}, lengths_of("a", "bb", "ccc"))
      end)

      it("makes full records of small pieces [E.3 send]", function()
        local pieces, many = {}, {}
        for i = 1, 1000 do pieces[i] = ("y"):rep(i % 60) end
        for i = 1, 16400 do many[i] = "z" end
        local total = #table.concat(pieces)
        assert.same({16384, total - 16384}, lengths_of(pieces))
        assert.same({16384, 16}, lengths_of(many))
        assert.same({7}, lengths_of {"abc", "", ssl.buffer("defg")})
        assert.same({16384, 16384, 10}, lengths_of {"a", ("b"):rep(32768),
          ssl.buffer("cdefghijk")})
      end)
    end)
  end

  it("keeps what a gathered write is made of in order [E.3 sendall]", function()
    local pieces, expected = {}, {}
    for i = 1, 300 do
      local text = ("%d;"):format(i):rep(i % 97 * 3)
      pieces[i] = i % 3 == 0 and ssl.buffer(text) or text
      expected[i] = text
    end
    local client, server = pair.connected()
    expected = table.concat(expected)
    local got = {}
    client:settimeout(0)
    server:settimeout(0)
    pair.drive({client.sendall, client, pieces}, {function()
      while #table.concat(got) < #expected do got[#got + 1] = server:recv(16384) end
    end})
    assert.equal(expected, table.concat(got))
    pair.close(client, server)
  end)
end)

describe("Writing to a peer that is gone", function()
  local function until_failure(client)
    for _ = 1, 1000 do
      local _, err = ssl.try(client.send, client, ("x"):rep(100))
      if err then return err end
    end
  end

  it("may succeed at first and then raises EPIPE or ECONNRESET [H-04]", function()
    local client, server = pair.connected()
    native.close(server:detach())
    local err = until_failure(client)
    assert.equal(ssl.OSError, err.class)
    assert.is_true(err.name == "EPIPE" or err.name == "ECONNRESET", err.name)
    assert.equal("write", err.op)
    assert.equal(0, err.sent)
    for n = 99, 101 do
      assert.equal("EPIPE", raised(ssl.OSError, client.send, client, ("y"):rep(n)).name)
      assert.equal("EPIPE", raised(ssl.OSError, client.sendall, client, {"y"}).name)
    end
    assert.equal("EPIPE", raised(ssl.OSError, client.close_write, client).name)
    client:close()
  end)

  for _, version in ipairs(VERSIONS) do
    it("works after its close_notify: closing has two halves, "
         .. ssl.TLSVersion[version] .. " [H-04]", function()
      local w <close> = wire.new(contexts(version))
      w.server:close_write()
      w:move()
      assert.equal("", w.client:recv())
      assert.equal("clean", w.client:eof())
      assert.equal(5, w.client:send("still"))
      w:move()
      assert.equal("still", w.server:recv())
    end)
  end
end)

describe("A stream of tiny records", function()
  it("arrives in full [E.3 send, E.3 recv]", function()
    local w <close> = wire.new()
    local count = scale.count(3000, 100)
    local got, sent = {}, {}
    for i = 1, count do
      sent[i] = string.char(i % 256)
      w.client:send(sent[i])
      if i % 50 == 0 then w:move() end
    end
    w:move()
    repeat
      got[#got + 1] = w.server:recv(16384)
      w:move()
    until #got == count
    assert.equal(table.concat(sent), table.concat(got))
  end)
end)
