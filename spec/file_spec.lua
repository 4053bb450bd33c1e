local ssl = require "pyssl"
local file = require "pyssl.file"
local fakeconn = require "support.fakeconn"

local source = fakeconn.source
local sink = fakeconn.sink
local new_hold = fakeconn.new_hold
local open = fakeconn.open
local timeout = fakeconn.timeout
local want_write = fakeconn.want_write
local assert_raises = fakeconn.assert_raises

describe("A file made by makefile", function()
  describe("closes", function()
    it("once, with a flush, and gives up its hold [E.3 makefile]", function()
      local conn, hold = sink(), new_hold()
      local f = file.new(conn, "w", nil, hold)
      assert.equal(1, hold.held)
      f:write("abc")
      assert.is_true(f:close())
      assert.is_true(f:close())
      assert.equal(0, hold.held)
      assert.same({"abc"}, conn.calls)
    end)

    it("where the flush fails, and says so [E.3 makefile]", function()
      for _, err in ipairs({timeout(1), ssl.OSError("gone")}) do
        local conn, hold = sink({err}), new_hold()
        local f = file.new(conn, "w", nil, hold)
        f:write("abc")
        assert.equal(err, select(2, pcall(f.close, f)))
        assert.equal(0, hold.held)
        assert.is_true(f:close())
        assert.same({"abc"}, conn.calls)
      end
    end)

    it("later where the connection wants a second call", function()
      local conn, hold = sink({want_write()}), new_hold()
      local f = file.new(conn, "w", nil, hold)
      f:write("abc")
      assert_raises(ssl.SSLWantWriteError, nil, f.close, f)
      assert.equal(1, hold.held)
      assert.is_true(f:close())
      assert.equal(0, hold.held)
      assert.same({"abc", "abc"}, conn.calls)
    end)

    it("at the end of its scope [E.3 makefile]", function()
      local conn, hold = sink(), new_hold()
      do
        local f <close> = file.new(conn, "w", nil, hold)
        f:write("abc")
      end
      assert.same({"abc"}, conn.calls)
      assert.equal(0, hold.held)
    end)

    it("at the end of its scope without hiding another error", function()
      local hold = new_hold()
      local ok, err = pcall(function()
        local f <close> = file.new(sink({timeout(0)}), "w", nil, hold)
        f:write("abc")
        error("first", 0)
      end)
      assert.is_false(ok)
      assert.equal("first", err)
      assert.equal(0, hold.held)
    end)

    it("at the end of its scope and tells what failed", function()
      local hold = new_hold()
      assert_raises(ssl.SSLWantWriteError, nil, function()
        local f <close> = file.new(sink({want_write()}), "w", nil, hold)
        f:write("abc")
      end)
      assert.equal(0, hold.held)
    end)

    it("when collected, without sending anything [E.3 makefile]", function()
      local conn, hold = sink(), new_hold()
      file.new(conn, "rw", nil, hold):write("abc")
      collectgarbage()
      collectgarbage()
      assert.equal(0, hold.held)
      assert.same({}, conn.calls)
    end)

    it("while it is being read, and the reader is told", function()
      local conn = {}
      function conn.recv()
        coroutine.yield()
        return "abc"
      end
      local f = open(conn)
      local reader = coroutine.create(function() return f:read("a") end)
      coroutine.resume(reader)
      f:close()
      local ok, err = coroutine.resume(reader)
      assert.is_false(ok)
      assert.is_true(err:is(ssl.ValueError))
    end)

    it("and then refuses everything but close [E.3 makefile]", function()
      local f = open(source({"a\n"}), "rw")
      local next_line = f:lines()
      f:close()
      local closed = "I/O operation on closed file"
      assert_raises(ssl.ValueError, closed, f.read, f)
      assert_raises(ssl.ValueError, closed, f.lines, f)
      assert_raises(ssl.ValueError, closed, next_line)
      assert_raises(ssl.ValueError, closed, f.write, f, "a")
      assert_raises(ssl.ValueError, closed, f.flush, f)
      assert_raises(ssl.ValueError, closed, f.setvbuf, f, "no")
    end)
  end)

  describe("has a mode", function()
    local modes = {
      {nil, true, false}, {"r", true, false}, {"rb", true, false},
      {"w", false, true}, {"wb", false, true}, {"rw", true, true},
      {"rwb", true, true}, {"wr", true, true}, {"b", true, false},
    }
    for _, case in ipairs(modes) do
      local mode, reading, writing = table.unpack(case, 1, 3)
      it(("%s that says what it may do [E.3 makefile]"):format(
        tostring(mode)), function()
        local conn = source({"a\n"})
        function conn.sendall() end
        local f = open(conn, mode)
        if reading then
          assert.equal("a", f:read())
        else
          local text = "file not open for reading"
          assert_raises(ssl.ValueError, text, f.read, f)
          assert_raises(ssl.ValueError, text, f.lines, f)
        end
        if writing then
          assert.equal(f, f:write("a"))
        else
          assert_raises(ssl.ValueError, "file not open for writing",
            f.write, f, "a")
        end
        assert.is_true(f:flush())
        assert.is_true(f:setvbuf("line"))
        assert.is_true(f:close())
      end)
    end

    it("and no other, and takes no hold for it [E.3 makefile]", function()
      for _, mode in ipairs({"x", "a", "r+", "rt", "R", "*"}) do
        local hold = new_hold()
        assert_raises(ssl.ValueError, "invalid mode", file.new, sink(), mode,
          nil, hold)
        assert.equal(0, hold.held)
      end
    end)
  end)

  describe("checks", function()
    it("the values of its arguments [E.3 makefile]", function()
      local f = open(source({"abc"}), "rw")
      for _, format in ipairs({"x", "", "*", "*x"}) do
        assert_raises(ssl.ValueError, "invalid format", f.read, f, format)
        assert_raises(ssl.ValueError, "invalid format", f.lines, f, format)
      end
      assert_raises(ssl.ValueError, "negative count", f.read, f, -1)
      assert_raises(ssl.ValueError, "invalid buffering", f.setvbuf, f, "some")
      assert_raises(ssl.ValueError, "negative buffer size", f.setvbuf, f,
        "full", -1)
      assert_raises(ssl.ValueError, "invalid format", f.read, f, 1, "x")
      assert.equal("abc", f:read("a"))
    end)

    it("the types of its arguments [E.3 makefile]", function()
      local f = open(source({}), "rw")
      local calls = {
        {"#1 to 'read' (string expected, got table)", f.read, f, {}},
        {"#2 to 'read' (string expected, got boolean)", f.read, f, "l", true},
        {"#1 to 'read' (number has no integer representation)", f.read, f, 0.5},
        {"#1 to 'lines' (string expected, got table)", f.lines, f, {}},
        {"#1 to 'write' (string expected, got boolean)", f.write, f, true},
        {"#1 to 'write' (string expected, got ssl.file)", f.write, f, f},
        {"#1 to 'setvbuf' (string expected, got nil)", f.setvbuf, f},
        {"#2 to 'setvbuf' (integer expected, got string)", f.setvbuf, f,
          "full", "8"},
        {"#1 to 'makefile' (string expected, got number)", open, sink(), 5},
        {"#2 to 'makefile' (integer expected, got string)", open, sink(), "w",
          "8"},
      }
      for _, call in ipairs(calls) do
        local ok, err = pcall(table.unpack(call, 2))
        assert.is_false(ok)
        assert.matches("bad argument " .. call[1], err, 1, true)
      end
    end)

    it("and names the line that made the mistake", function()
      local f = open(source({}))
      local _, err = pcall(function() f:read({}) end)
      assert.matches("^[^\n]*file_spec%.lua:%d+: bad argument", err)
    end)

    it("what its methods are called on [E.3 makefile]", function()
      local f = open(source({}))
      local meta = getmetatable(f)
      local forged = setmetatable({}, {__index = meta.__index})
      local empty = setmetatable({}, meta)
      for name, method in pairs(meta.__index) do
        for _, self in ipairs({5, "x", forged, empty, io.stdout, {}}) do
          local ok, err = pcall(method, self)
          assert.is_false(ok)
          assert.matches("bad argument #1 to '" .. name
            .. "' (ssl.file expected, got ", err, 1, true)
        end
      end
      for _, name in ipairs({"__tostring", "__close", "__newindex"}) do
        local ok, err = pcall(meta[name], {})
        assert.is_false(ok)
        assert.matches("(ssl.file expected, got table)", err, 1, true)
      end
    end)
  end)

  it("says what it is [E.3 makefile]", function()
    local f, g = open(source({})), open(source({}))
    assert.matches("^ssl%.file %(0x%x+%)$", tostring(f))
    assert.are_not.equal(tostring(f), tostring(g))
    f:close()
    assert.equal("ssl.file (closed)", tostring(f))
    assert.equal("ssl.file", getmetatable(f).__name)
  end)

  it("has no other names and takes none", function()
    local f = open(source({}))
    assert.is_nil(f.nothing)
    assert_raises(ssl.AttributeError, "no attribute 'mode'", function()
      f.mode = "w"
    end)
  end)
end)
