local ssl = require "pyssl"
local fakeconn = require "support.fakeconn"
local scale = require "support.scale"
local vm = require "support.vm"

local source = fakeconn.source
local open = fakeconn.open
local timeout = fakeconn.timeout
local want_read = fakeconn.want_read
local assert_raises = fakeconn.assert_raises

local function bytes_of(text)
  local out = {}
  for c in text:gmatch(".") do out[#out + 1] = c end
  return out
end

-- What is received, the formats of each call, what the calls give.
local READS = {
  {"lines without line feed", "one\ntwo\n", {{"l"}, {}, {"l"}},
    {{"one"}, {"two"}, {nil}}},
  {"lines with line feed", "one\n\ntwo", {{"L"}, {"L"}, {"L"}, {"L"}},
    {{"one\n"}, {"\n"}, {"two"}, {nil}}},
  {"a last line without line feed", "one\ntwo", {{"l"}, {"l"}, {"l"}},
    {{"one"}, {"two"}, {nil}}},
  {"a carriage return as data", "one\r\ntwo\rthree\n", {{"l"}, {"l"}},
    {{"one\r"}, {"two\rthree"}}},
  {"NULs", "a\0b\nc\0", {{"l"}, {"a"}}, {{"a\0b"}, {"c\0"}}},
  {"all", "one\ntwo", {{"a"}, {"a"}, {"l"}}, {{"one\ntwo"}, {""}, {nil}}},
  {"counted bytes", "abcdef", {{2}, {3}, {3}, {3}},
    {{"ab"}, {"cde"}, {"f"}, {nil}}},
  {"a count given as float", "abcdef", {{2.0}, {4.0}}, {{"ab"}, {"cdef"}}},
  {"no bytes, but only where there are some", "a", {{0}, {1}, {0}},
    {{""}, {"a"}, {nil}}},
  {"formats with a star", "one\ntwo\n12 x", {{"*l"}, {"*L"}, {"*n"}, {"*a"}},
    {{"one"}, {"two\n"}, {12}, {" x"}}},
  {"formats written out", "one\n12", {{"*line"}, {"*number"}},
    {{"one"}, {12}}},
  {"several formats", "12 ab\nrest\nall", {{"n", 1, "l", "L", "a"}},
    {{12, " ", "ab", "rest\n", "all"}}},
  {"up to the first format that finds nothing", "one\n", {{"l", "l", "a"}},
    {{"one", nil}}},
}

local NUMERALS = {
  {"12,", 12, ","}, {"-7 ", -7, " "}, {"+3", 3, ""},
  {" \t\r\n\v\f5\n", 5, "\n"},
  {"1.5e3x", 1500.0, "x"}, {".5.", 0.5, "."}, {"5.", 5.0, ""},
  {"0x1F-", 31, "-"}, {"-0xA.8p1", -21.0, ""}, {"1e5", 1e5, ""},
  {"9223372036854775807", 9223372036854775807, ""},
  {"9223372036854775808", 2.0 ^ 63, ""},
  {("1"):rep(200) .. " ", tonumber(("1"):rep(200)), " "},
  -- What is no numeral is consumed as far as it might have been one.
  {"abc", nil, "abc"}, {"-x", nil, "x"}, {"1e+z", nil, "z"}, {"0xg", nil, "g"},
  {".", nil, ""}, {"", nil, ""}, {"  ", nil, ""},
  {("1"):rep(203), nil, "111"},
}

describe("A file made by makefile", function()
  describe("reads", function()
    for _, case in ipairs(READS) do
      local what, text, calls, results = table.unpack(case)
      it(what .. ", however it arrives [E.3 makefile]", function()
        for _, script in ipairs({{text}, bytes_of(text)}) do
          local f = open(source(script))
          for i, formats in ipairs(calls) do
            local got = table.pack(f:read(table.unpack(formats)))
            got.n = math.max(got.n, #results[i])
            for k = 1, got.n do assert.equal(results[i][k], got[k], i) end
          end
        end
      end)
    end

    it("as many values as formats have found something, and a nil", function()
      local f = open(source({"one\n"}))
      assert.equal(2, select("#", f:read("l", "l", "l", "a")))
      assert.equal(1, select("#", f:read()))
    end)

    it("numbers as Lua's io library does [E.3 makefile]", function()
      for _, case in ipairs(NUMERALS) do
        for _, script in ipairs({{case[1]}, bytes_of(case[1])}) do
          local f = open(source(script))
          local number = f:read("n")
          assert.equal(case[2], number, case[1])
          assert.equal(math.type(case[2]), math.type(number), case[1])
          assert.equal(case[3], f:read("a"), case[1])
        end
      end
    end)

    vm.it_needs("formats", "what Lua's io library reads from the same bytes",
      function()
      local text = "12 0x\n\n  -3.5e2abc\r\nlast 7"
      local calls = {{"n"}, {"l"}, {"L", "n"}, {3}, {"n", "l", 2}}
      for _, formats in ipairs(calls) do
        local real = assert(io.tmpfile())
        real:write(text)
        real:seek("set")
        local ours = open(source(bytes_of(text)))
        for _ = 1, 12 do
          assert.same(table.pack(real:read(table.unpack(formats))),
            table.pack(ours:read(table.unpack(formats))))
        end
        real:close()
      end
    end)

    it("by lines() [E.3 makefile]", function()
      local got = {}
      for line in open(source({"one\nt", "wo\n", "three"})):lines() do
        got[#got + 1] = line
      end
      assert.same({"one", "two", "three"}, got)
    end)

    it("by lines() with formats [E.3 makefile]", function()
      local got = {}
      for number, rest in open(source({"1 a\n2 b\n"})):lines("n", "L") do
        got[#got + 1] = number .. rest
      end
      assert.same({"1 a\n", "2 b\n"}, got)
    end)

    it("with few and large requests", function()
      local conn = source({"one\ntwo\n", ("x"):rep(40000)})
      local f = open(conn)
      f:read("l", "l")
      assert.same({16384}, conn.asked)
      f:read(50000)
      assert.same({16384, 50000, 16384}, conn.asked)
    end)

    it("a huge count without asking for it at once", function()
      local conn = source({"abc"})
      assert.equal("abc", open(conn):read(math.maxinteger))
      assert.is_true(conn.asked[1] <= 1048576)
    end)

    it("a long line that comes byte by byte before its deadline", function()
      local count, at = scale.count(1000000, 20000), 0
      local conn = {}
      function conn.recv()
        at = at + 1
        return at <= count and "x" or ""
      end
      assert.equal(count, #open(conn):read("l"))
    end)

    it("no further than it must", function()
      local f = open(source({"one\n", ssl.SSLError("never reached")}))
      assert.equal("one", f:read("l"))
    end)
  end)

  describe("goes on reading", function()
    local errors = {
      ["a time-out"] = timeout, ["a want-read"] = want_read,
      ["an error that is no object"] = function() return {} end,
    }
    -- Formats, and what a call gives that was repeated until it went well.
    local calls = {
      {{"l"}, {"12 45"}}, {{"L"}, {"12 45\n"}}, {{"a"}, {"12 45\n7"}},
      {{"n"}, {12}}, {{4}, {"12 4"}}, {{100}, {"12 45\n7"}},
      {{"n", "n", "L", "l"}, {12, 45, "\n", "7"}},
      {{1, "l", "n", "a"}, {"1", "2 45", 7, ""}},
    }
    for what, make in pairs(errors) do
      it("after " .. what .. ", and nothing is lost [E.3 makefile]", function()
        for _, call in ipairs(calls) do
          local f = open(source({"1", make(), "2 4", make(), make(), "5\n",
            make(), "7", make()}))
          local got
          repeat
            got = table.pack(pcall(f.read, f, table.unpack(call[1])))
          until got[1]
          assert.same({true, n = #call[2] + 1, table.unpack(call[2])}, got)
        end
      end)
    end

    it("by another format than the one that failed [E.3 makefile]", function()
      local f = open(source({" \n 1", timeout(), "2\n"}))
      assert_raises(ssl.TimeoutError, "timed out", f.read, f, "l", "n")
      assert.equal(" \n 12\n", f:read("a"))
    end)

    it("with the error unchanged", function()
      local err = want_read()
      local f = open(source({err, err, "x"}))
      assert.equal(err, select(2, pcall(f.read, f)))
      assert.equal(err, select(2, pcall(f.read, f, "l", "a")))
    end)

    it("after lines() has raised", function()
      local f = open(source({"a\nb", want_read(), "c\n"}))
      local next_line = f:lines()
      assert.equal("a", next_line())
      assert_raises(ssl.SSLWantReadError, nil, next_line)
      assert.equal("bc", next_line())
    end)

    it("where a coroutine yields in the middle [E.3 makefile]", function()
      local conn, replies = {}, {"1", "2 x\n", ""}
      function conn.recv()
        coroutine.yield()
        return table.remove(replies, 1)
      end
      local f = open(conn)
      local read = coroutine.wrap(function()
        return "done", f:read("n", "l", "a")
      end)
      repeat
        local got = table.pack(read())
        if got[1] then assert.same({"done", 12, " x", "", n = 4}, got) end
      until got[1]
    end)
  end)
end)
