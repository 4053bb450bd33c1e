local ssl = require "pyssl"
local fakeconn = require "support.fakeconn"

local sink = fakeconn.sink
local open = fakeconn.open
local timeout = fakeconn.timeout
local want_read = fakeconn.want_read
local want_write = fakeconn.want_write
local assert_raises = fakeconn.assert_raises

describe("A file made by makefile", function()
  describe("writes", function()
    it("strings and numbers and gives itself [E.3 makefile]", function()
      local conn = sink()
      local f = open(conn, "w")
      assert.equal(f, f:write("a", 1, "b", 2.5, ""))
      assert.is_true(f:flush())
      assert.same({"a1b2.5"}, conn.calls)
    end)

    it("a buffer of pyssl's", function()
      local conn = sink()
      open(conn, "w", 0):write(ssl.buffer("abc"), "d")
      assert.same({"abcd"}, conn.calls)
    end)

    it("all strings of a flush in one call [E.3 makefile]", function()
      local got
      local conn = {sendall = function(_, data) got = data end}
      local f = open(conn, "w")
      f:write("a", "b"):write("c")
      f:flush()
      assert.same({"a", "b", "c"}, got)
    end)

    it("nothing where there is nothing to send", function()
      local conn = sink()
      local f = open(conn, "w", 0)
      f:write("")
      f:write()
      f:flush()
      f:close()
      assert.same({}, conn.calls)
    end)

    it("nothing of a call that has a wrong argument [E.3 makefile]", function()
      local conn = sink()
      local f = open(conn, "w")
      local ok, err = pcall(f.write, f, "a", {})
      assert.is_false(ok)
      assert.matches("bad argument #2 to 'write' (string expected, got table)",
        err, 1, true)
      f:close()
      assert.same({}, conn.calls)
    end)
  end)

  describe("holds writes back", function()
    -- The buffering, how setvbuf says it, and what reaches the connection
    -- when each of these is written.
    local written = {"ab", "c\n", "d", "efgh", "\n"}
    local bufferings = {
      {"not at all", 0, {"no"}, {"ab", "c\n", "d", "efgh", "\n"}},
      {"up to a line feed", 1, {"line"}, {"abc\n", "defgh\n"}},
      {"up to a size", 5, {"full", 5}, {"abc\nd", "efgh\n"}},
      {"up to the default size", nil, {"full"}, {}},
      {"up to the default size", -1, {"full"}, {}},
    }
    for _, case in ipairs(bufferings) do
      local what, number, setting, calls = table.unpack(case)
      it(("%s (%s) [E.3 makefile]"):format(what, tostring(number)), function()
        local by_number, by_name = sink(), sink()
        local f = open(by_number, "w", number)
        local g = open(by_name, "w")
        assert.is_true(g:setvbuf(table.unpack(setting)))
        for _, s in ipairs(written) do
          f:write(s)
          g:write(s)
        end
        assert.same(calls, by_number.calls)
        assert.same(calls, by_name.calls)
      end)
    end

    it("a line up to a size, too [E.3 makefile]", function()
      local conn = sink()
      local f = open(conn, "w")
      f:setvbuf("line", 3)
      f:write("ab"):write("c"):write("d\n")
      assert.same({"abc", "d\n"}, conn.calls)
    end)

    it("8192 bytes where nothing else is said [E.3 makefile]", function()
      local conn = sink()
      local f = open(conn, "w")
      f:write(("x"):rep(8191))
      assert.same({}, conn.calls)
      f:write("y")
      assert.equal(8192, #conn.calls[1])
    end)
  end)

  describe("goes on writing", function()
    it("with exactly the rest after a time-out [E.3 makefile]", function()
      for sent = 0, 6 do
        local conn = sink({timeout(sent)})
        local f = open(conn, "w")
        f:write("ab", "c", "", "def")
        local err = assert_raises(ssl.TimeoutError, "timed out", f.flush, f)
        assert.equal(sent, err.sent)
        f:write("gh")
        f:flush()
        local rest = table.concat(conn.calls, "", 2)
        assert.equal(("abcdefgh"):sub(sent + 1), rest)
      end
    end)

    for name, make in pairs({SSLWantWriteError = want_write,
      SSLWantReadError = want_read}) do
      it("with the same data after " .. name .. " [E.3 makefile]", function()
        local conn = sink({make(), make(), make()})
        local f = open(conn, "w", 4)
        assert_raises(ssl[name], nil, f.write, f, "ab", "cd")
        assert_raises(ssl[name], nil, f.write, f, "e")
        assert_raises(ssl[name], nil, f.flush, f)
        f:flush()
        assert.same({"abcd", "abcd", "abcd", "abcd", "e"}, conn.calls)
      end)
    end

    it("with the next write, before what is newer [E.3 makefile]", function()
      local conn = sink({want_write()})
      local f = open(conn, "w", 4)
      assert_raises(ssl.SSLWantWriteError, nil, f.write, f, "abcd")
      f:write("e")
      assert.same({"abcd", "abcd", "e"}, conn.calls)
    end)

    it("with the error unchanged", function()
      local err = want_write()
      local f = open(sink({err}), "w", 0)
      assert.equal(err, select(2, pcall(f.write, f, "a")))
    end)
  end)
end)
