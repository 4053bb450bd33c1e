-- sendfile: from a Lua file or a descriptor, offsets, counts and positions.
local native = require "native"
local pair = require "support.pair"
local raised = require "support.raised"
local scale = require "support.scale"
local wire = require "support.wire"
local ssl = require "pyssl"

local TEXT = ("0123456789"):rep(5000)

-- A file with TEXT in it, as each kind of source, with its position read back.
local KINDS = {
  ["a Lua file"] = function()
    local file = assert(io.tmpfile())
    file:write(TEXT)
    return {
      source = file,
      position = function() return file:seek() end,
      close = function() file:close() end,
    }
  end,
  ["a descriptor"] = function()
    local path = os.tmpname()
    local file <close> = assert(io.open(path, "wb"))
    file:write(TEXT)
    file:close()
    local fd = native.open(path)
    os.remove(path)
    return {
      source = fd,
      -- What is left says where it stands.
      position = function()
        local rest = 0
        repeat
          local bytes = native.read(fd, 65536)
          rest = rest + #bytes
        until bytes == ""
        return #TEXT - rest
      end,
      close = function() native.close(fd) end,
    }
  end,
}

-- Send, and give what arrived and the count.
local function transfer(w, ...)
  local sent = w.client:sendfile(...)
  local parts = {}
  for left = sent, 1, -1 do
    w:move()
    parts[#parts + 1] = w.server:recv(16384)
    if #table.concat(parts) >= sent then break end
    assert(left)
  end
  return table.concat(parts), sent
end

for kind, make in pairs(KINDS) do
  describe("sendfile from " .. kind, function()
    local file, w

    before_each(function()
      file, w = make(), wire.new()
    end)

    after_each(function()
      file.close()
      w:close()
    end)

    local CASES = {
      {"everything", {}, 1, 50000},
      {"from an offset on", {49990}, 49991, 50000},
      {"a count from the beginning", {0, 7}, 1, 7},
      {"a count from an offset", {12345, 20000}, 12346, 32345},
      {"what there is of a count", {49000, 5000}, 49001, 50000},
      {"nothing behind the end", {50000}, 1, 0},
      {"by keywords", {{offset = 10, count = 3}}, 11, 13},
      {"by an integral float", {10.0, 3.0}, 11, 13},
    }
    for _, case in ipairs(CASES) do
      local name, arguments, first, last = table.unpack(case)
      it("sends " .. name .. ", and stands behind it [E.3 sendfile]", function()
        local data, sent = transfer(w, file.source, table.unpack(arguments))
        assert.equal(TEXT:sub(first, last), data)
        assert.equal(#data, sent)
        local offset = arguments[1] or 0
        if type(offset) == "table" then offset = offset.offset end
        assert.equal(offset + sent, file.position())
      end)
    end

    it("makes full records of it [E.3 sendfile]", function()
      w.log.client = ""
      transfer(w, file.source)
      assert.same({16384, 16384, 16384, 848},
                  wire.plain_lengths(w.log.client, w.client:version()))
    end)

    it("starts at 0 wherever the file stands [E.3 sendfile]", function()
      transfer(w, file.source, 100, 100)
      assert.equal(TEXT:sub(1, 10), (transfer(w, file.source, 0, 10)))
      assert.equal(TEXT, (transfer(w, file.source)))
    end)

    it("tells in a time-out how much went, and stands there [E.3 sendfile, H-02]", function()
      w.client:setsockopt("SOL_SOCKET", "SO_SNDBUF", 4608)
      w.client:settimeout(0.02)
      local err = raised(ssl.TimeoutError, w.client.sendfile, w.client, file.source)
      assert.equal(16384, err.sent)
      assert.equal(16384, file.position())
      local got = {}
      w.server:settimeout(0)
      local function receive()
        w:move()
        local ok, data = pcall(w.server.recv, w.server, 16384)
        if ok then got[#got + 1] = data end
      end
      local at = err.sent
      while at < #TEXT do
        receive()
        local sent, failure = ssl.try(w.client.sendfile, w.client, file.source, at)
        at = at + (sent or failure.sent)
      end
      while #table.concat(got) < #TEXT do
        receive()
        ssl.try(w.client.send, w.client, "") -- what is still held goes out
      end
      assert.equal(TEXT, table.concat(got))
    end)

    it("stands behind what went when it is interrupted [E.3 sendfile]", function()
      w.client:setsockopt("SOL_SOCKET", "SO_SNDBUF", 4608)
      native.deadline(0.01, "interrupted!")
      raised.text("interrupted!", w.client.sendfile, w.client, file.source)
      native.deadline(scale.tolerance(60))
      assert.equal(16384, file.position())
    end)

    it("refuses what it cannot do [I-111, E.3 sendfile]", function()
      local client = w.client
      for _, count in ipairs {0, -1, math.mininteger} do
        local err = raised(ssl.ValueError, client.sendfile, client, file.source, 0, count)
        assert.matches("count", err.message)
      end
      raised(ssl.ValueError, client.sendfile, client, file.source, -1)
      raised.text("bad argument #2 to 'sendfile' (integer expected, got string)",
        client.sendfile, client, file.source, "x")
      raised.text("bad argument #3 to 'sendfile' (integer expected, got number)",
        client.sendfile, client, file.source, 0, 1.5)
      client:settimeout(0)
      local err = raised(ssl.ValueError, client.sendfile, client, file.source)
      assert.matches("blocking", err.message)
      client:settimeout(pair.LIMIT)
      assert.equal(TEXT:sub(1, 5), (transfer(w, file.source, 0, 5)))
    end)

    it("works on a connection without TLS [E.3 sendfile]", function()
      w:unwrap()
      assert.equal(TEXT:sub(101, 400), (transfer(w, file.source, 100, 300)))
    end)
  end)
end

describe("sendfile", function()
  it("sends a pipe from where it is [E.3 sendfile]", function()
    local w <close> = wire.new()
    local pipe <close> = assert(io.popen("printf abcdef"))
    local data, sent = transfer(w, pipe)
    assert.equal("abcdef", data)
    assert.equal(6, sent)
    local again <close> = assert(io.popen("printf abcdef"))
    local err = raised(ssl.OSError, w.client.sendfile, w.client, again, 2)
    assert.equal("ESPIPE", err.name)
    w:unwrap() -- and without TLS not at all: nothing could be sent again
    assert.equal("ESPIPE", raised(ssl.OSError, w.client.sendfile, w.client, again).name)
  end)

  it("refuses what is no open file [I-111, E.3 sendfile]", function()
    local w <close> = wire.new()
    local closed = assert(io.tmpfile())
    closed:close()
    raised(ssl.ValueError, w.client.sendfile, w.client, closed)
    for _, fd in ipairs {-1, 99999, 1 << 33} do
      local err = raised(ssl.OSError, w.client.sendfile, w.client, fd)
      assert.equal("EBADF", err.name)
    end
    for _, value in ipairs {"path", true, {}} do
      raised.text("bad argument #1 to 'sendfile' (file or descriptor expected, got ",
        w.client.sendfile, w.client, value)
    end
    raised.text("got nil)", w.client.sendfile, w.client)
  end)

  it("tells why a file cannot be read [E.3 sendfile]", function()
    local w <close> = wire.new()
    local directory = native.open("/")
    local err = raised(ssl.OSError, w.client.sendfile, w.client, directory)
    native.close(directory)
    assert.equal("EISDIR", err.name)
    assert.equal(0, err.sent)
    assert.equal(2, w.client:send("ok"))
    w:move()
    assert.equal("ok", w.server:recv())
  end)
end)
