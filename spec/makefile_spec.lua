-- makefile over real connections; what the file does with its formats and its
-- buffers is in file_*_spec.lua.
local native = require "native"
local pair = require "support.pair"
local raised = require "support.raised"
local wire = require "support.wire"
local ssl = require "pyssl"

describe("A file over a connection", function()
  local client, server

  before_each(function() client, server = pair.connected() end)
  after_each(function() pair.close(client, server) end)

  it("carries lines, numbers, counts and the rest [E.3 makefile]", function()
    local writer = client:makefile("w")
    writer:write("a line\n", 42, " ", 1.5, "\n", ssl.buffer("bytes"), "the rest\n")
    writer:close()
    client:close()
    local reader <close> = server:makefile()
    local line, number, fraction, feed, bytes = reader:read("l", "n", "n", "L", 5)
    assert.same({"a line", 42, 1.5, "\n", "bytes"},
                {line, number, fraction, feed, bytes})
    assert.equal("the rest\n", reader:read("a"))
    assert.is_nil(reader:read("l"))
    assert.equal("", reader:read("a"))
  end)

  it("has an iterator over its lines [E.3 makefile]", function()
    client:sendall("one\ntwo\n\nfour")
    client:close()
    local lines = {}
    local reader <close> = server:makefile("rb")
    for line in reader:lines() do lines[#lines + 1] = line end
    assert.same({"one", "two", "", "four"}, lines)
  end)

  it("holds writes back until they are flushed [E.3 makefile]", function()
    local file <close> = client:makefile("rw")
    file:write("held")
    server:settimeout(0)
    raised(ssl.SSLWantReadError, server.recv, server)
    file:flush()
    server:settimeout(pair.LIMIT)
    assert.equal("held", server:recv())
    file:setvbuf("line")
    file:write("a line\nand")
    assert.equal("a line\nand", server:recv())
    file:setvbuf("no")
    file:write("at once")
    assert.equal("at once", server:recv())
    server:sendall("both ways\n")
    assert.equal("both ways", file:read())
  end)

  it("sends many small writes in full records [E.3 makefile]", function()
    local w <close> = wire.new()
    local file <close> = w.client:makefile("w", 16384)
    w.log.client = ""
    for _ = 1, 1639 do file:write("0123456789") end
    file:flush()
    w:move()
    local lengths = wire.plain_lengths(w.log.client, w.client:version())
    assert.equal(16390, lengths[1] + (lengths[2] or 0))
    assert.is_true(#lengths <= 2)
  end)

  it("keeps a closed socket open until it is closed, too [E.3 makefile, E.3 close]",
    function()
      local fd = client:fileno()
      local first, second = client:makefile("w"), client:makefile("r")
      client:close()
      assert.is_truthy(native.fds()[fd])
      first:write("after the socket was closed")
      first:close()
      assert.is_truthy(native.fds()[fd])
      assert.equal("after the socket was closed", server:recv())
      server:send("and back\n")
      assert.equal("and back", second:read())
      second:close()
      assert.is_nil(native.fds()[fd])
      assert.equal("", server:recv())
      assert.equal("clean", server:eof())
      second:close()
      client:close()
    end)

  it("leaves a socket that was not closed open [E.3 makefile]", function()
    client:makefile("rw"):close()
    local dropped = client:makefile("rw") -- luacheck: ignore
    dropped = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.equal(1, client:send("x"))
    assert.equal("x", server:recv())
  end)

  it("that is collected lets a closed socket close [E.3 makefile, H-21]", function()
    local fd = client:fileno()
    client:makefile("rw"):write("never flushed")
    client:close()
    collectgarbage()
    collectgarbage()
    collectgarbage()
    assert.is_nil(native.fds()[fd])
    assert.equal("", server:recv())
  end)

  it("keeps what it has when a read times out [E.3 makefile, H-02]", function()
    local reader <close> = server:makefile("r")
    server:settimeout(0.005)
    client:sendall("first\nthe beg")
    assert.equal("first", reader:read())
    for _ = 1, 2 do raised(ssl.TimeoutError, reader.read, reader) end
    client:sendall("inning\n12")
    server:settimeout(pair.LIMIT)
    assert.equal("the beginning", reader:read())
    server:settimeout(0)
    raised(ssl.SSLWantReadError, reader.read, reader, "n", "l")
    client:sendall("34 rest\n")
    server:settimeout(pair.LIMIT)
    local number, rest = reader:read("n", "l")
    assert.equal(1234, number)
    assert.equal(" rest", rest)
  end)

  it("sends each byte once though writes are interrupted [E.3 makefile, H-01]",
    function()
      local w <close> = wire.new()
      w.client:setsockopt("SOL_SOCKET", "SO_SNDBUF", 4608)
      w.server:settimeout(0)
      local file = w.client:makefile("w", 1000)
      local expected, got, tries, failures = {}, {}, 0, 0
      local function receive()
        w:move()
        local ok, data = pcall(w.server.recv, w.server, 16384)
        if ok then got[#got + 1] = data end
      end
      local function try(f, ...)
        tries = tries + 1
        w.client:settimeout(tries % 3 == 0 and 0.001 or 0)
        local ok, err = pcall(f, file, ...)
        if ok then return true end
        assert(pair.is_want(err) or err.class == ssl.TimeoutError, tostring(err))
        failures = failures + 1
        if failures % 2 == 0 then receive() end
        return false
      end
      for i = 1, 60 do
        expected[i] = ("%d,"):format(i):rep(i * 37)
        try(file.write, expected[i]) -- kept, whatever it raises
      end
      repeat until try(file.flush)
      expected = table.concat(expected)
      local deadline = native.now() + pair.LIMIT
      while #table.concat(got) < #expected do
        assert(native.now() < deadline, "not everything arrived")
        pcall(w.client.send, w.client, "") -- what is still held
        receive()
      end
      assert.equal(expected, table.concat(got))
      assert.is_true(failures > 10)
      file:close()
    end)

  it("reads to a ragged end as the socket does [E.3 makefile, H-03]", function()
    local w <close> = wire.new {wrap = {suppress_ragged_eofs = false}}
    w.client:sendall("line\npart")
    w:cut("client")
    local reader <close> = w.server:makefile("r")
    assert.equal("line", reader:read())
    for _ = 1, 2 do raised(ssl.SSLEOFError, reader.read, reader, "a") end
    assert.equal("pa", reader:read(2))
    w.server.suppress_ragged_eofs = true
    assert.equal("rt", reader:read("a"))
    assert.is_nil(reader:read())
  end)

  it("reads to the end after both sides have closed [E.3 makefile, I-93]", function()
    local reader <close> = client:makefile("r")
    client:close_write()
    server:sendall("the answer\nis long")
    server:close()
    assert.equal("the answer", reader:read())
    assert.equal("is long", reader:read("a"))
    assert.equal("", reader:read("a"))
    assert.is_nil(reader:read())
  end)

  it("refuses other modes and leaves the socket alone [E.3 makefile]", function()
    raised(ssl.ValueError, client.makefile, client, "x")
    raised.text("(integer expected, got string)", client.makefile, client, "r", "x")
    raised(ssl.TypeError, client.makefile, client, {mod = "r"})
    local file = client:makefile {mode = "w", buffering = 0}
    file:write("x")
    assert.equal("x", server:recv())
    file:close()
    client:close()
    assert.equal(-1, client:fileno())
  end)
end)
