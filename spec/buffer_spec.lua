local child = require "support.child"
local pair = require "support.pair"
local raised = require "support.raised"
local ssl = require "pyssl"
local vm = require "support.vm"

local TEXT = "0123456789"

-- Ranges as string.sub takes them, on a text of ten bytes. LuaJIT's own knows
-- 32 bits only.
local LEAST = vm.jit and -2 ^ 31 or math.mininteger
local MOST = vm.jit and 2 ^ 31 - 1 or math.maxinteger
local RANGES = {}
for _, i in ipairs({-100, -11, -10, -9, -1, 0, 1, 2, 5, 10, 11, 100, LEAST,
  MOST}) do
  RANGES[#RANGES + 1] = {i}
  for _, j in ipairs({-100, -11, -10, -1, 0, 1, 5, 10, 11, 100, LEAST, MOST}) do
    RANGES[#RANGES + 1] = {i, j}
  end
end

local function contents(buffer)
  return buffer:sub(1)
end

describe("ssl.buffer", function()
  it("has a size, and zeros in it", function()
    for _, n in ipairs({0, 1, 5, 100000, 4.0}) do
      local b = ssl.buffer(n)
      assert.equal(n, #b)
      assert.equal(("\0"):rep(n), contents(b))
    end
  end)

  it("holds a string that it was made of", function()
    for _, text in ipairs({"", "x", "a\0b\255", TEXT}) do
      local b = ssl.buffer(text)
      assert.equal(#text, #b)
      assert.equal(text, contents(b))
    end
    assert.equal("10", contents(ssl.buffer("10"))) -- no number
  end)

  it("refuses sizes that cannot be, and what is neither", function()
    raised(ssl.ValueError, ssl.buffer, -1)
    raised(ssl.OverflowError, ssl.buffer, 2 ^ 31)
    raised(ssl.OverflowError, ssl.buffer, math.maxinteger)
    raised(ssl.OverflowError, ssl.buffer, 2 ^ 70)
    raised.text("integer expected, got number", ssl.buffer, 1.5)
    for _, value in ipairs({true, {}, print, ssl.buffer(1)}) do
      raised.text("buffer' (integer or string expected, got ",
        function() ssl.buffer(value) end)
    end
    raised.text("integer or string expected, got no value", ssl.buffer)
  end)

  it("says what it is", function()
    assert.matches("^ssl%.buffer: ", tostring(ssl.buffer(1)))
  end)
end)

describe("a buffer", function()
  it("gives what sub of a string gives", function()
    local b = ssl.buffer(TEXT)
    for _, range in ipairs(RANGES) do
      assert.equal(TEXT:sub(table.unpack(range)),
        b:sub(table.unpack(range)), table.concat(range, " "))
    end
  end)

  it("gives what byte of a string gives", function()
    local b = ssl.buffer(TEXT)
    assert.equal(48, b:byte())
    for _, range in ipairs(RANGES) do
      assert.same({TEXT:byte(table.unpack(range))},
        {b:byte(table.unpack(range))}, table.concat(range, " "))
    end
    local big = ssl.buffer(2 ^ 24)
    raised.text("too long", function() return big:byte(1, -1) end)
  end)

  it("takes bytes where they are put", function()
    local b = ssl.buffer(TEXT)
    assert.is_true(b:put(1, "ab"))
    assert.is_true(b:put(-2, "yz"))
    assert.is_true(b:put(5, ssl.buffer("--")))
    assert.is_true(b:put(11, ""))
    assert.is_true(b:put(3.0, ""))
    assert.equal("ab23--67yz", contents(b))
  end)

  it("moves its own bytes, also where they overlap", function()
    local b = ssl.buffer(TEXT)
    b:put(2, b:slice(1, 9))
    assert.equal("0012345678", contents(b))
    b:put(1, b:slice(3, 10))
    assert.equal("1234567878", contents(b))
  end)

  it("is left as it was where bytes do not fit", function()
    local b = ssl.buffer(TEXT)
    for _, case in ipairs({{10, "ab"}, {11, "a"}, {0, "a"}, {0, ""}, {-11, "a"},
      {12, ""}, {1, TEXT .. "x"}, {math.mininteger, "a"},
      {math.maxinteger, "a"}}) do
      raised(ssl.ValueError, b.put, b, case[1], case[2])
    end
    raised(ssl.OverflowError, b.put, b, 2 ^ 70, "a")
    raised.text("integer expected, got string", b.put, b, "1", "a")
    raised.text("string expected, got number", b.put, b, 1, 5)
    raised.text("string expected, got table", b.put, b, 1, {})
    assert.equal(TEXT, contents(b))
  end)

  it("has windows on the same memory", function()
    local b = ssl.buffer(TEXT)
    local window = b:slice(3, 6)
    local inner = window:slice(-2)
    assert.equal("2345", contents(window))
    assert.equal("45", contents(inner))
    inner:put(1, "!")
    b:put(3, "?")
    assert.equal("01?3!56789", contents(b))
    assert.equal("?3!5", contents(window))
    assert.equal(10, #b:slice())
    assert.equal(0, #b:slice(11))
    raised(ssl.ValueError, window.put, window, 4, "ab")
  end)

  it("has windows that keep it alive", function()
    local window = ssl.buffer(TEXT):slice(2, 9):slice(2, 3)
    collectgarbage()
    collectgarbage()
    assert.equal("23", contents(window))
  end)

  it("is empty once it is closed, and so are its windows", function()
    local b = ssl.buffer(TEXT)
    local window = b:slice(3, 6)
    local inner = window:slice(1, 2)
    assert.is_true(b:close())
    for _, each in ipairs({b, window, inner}) do
      assert.equal(0, #each)
      assert.equal("", contents(each))
      assert.same({}, {each:byte(1, -1)})
      raised(ssl.ValueError, each.put, each, 1, "x")
      assert.equal(0, #each:slice())
    end
    assert.is_true(b:close())
    assert.is_true(window:close())
  end)

  it("is wiped when it is closed: no window shows the old bytes", function()
    local b = ssl.buffer("secret")
    local window = b:slice(1, 3)
    window:close()
    assert.equal("secret", contents(b)) -- a window takes only itself away
    do
      local closed <close> = b -- luacheck: ignore
    end
    assert.equal(0, #b)
  end)

  it("has nothing to assign, and gives nil for what it has not", function()
    local b = ssl.buffer(1)
    assert.is_nil(b.size)
    assert.is_nil(b[1])
    for _, name in ipairs({"size", "sub", 1}) do
      raised(ssl.AttributeError, function() b[name] = 1 end)
    end
  end)

  it("takes what is received, and is sent from", function()
    local client, server = pair.connected()
    local b = ssl.buffer(8)
    server:sendall(ssl.buffer("hello"))
    assert.equal(5, client:recv_into(b))
    assert.equal("hello\0\0\0", contents(b))
    server:sendall({"a", ssl.buffer("xbcx"):slice(2, 3), "d"})
    assert.equal(3, client:recv_into(b:slice(6)))
    assert.equal("helloabc", contents(b))
    assert.equal("d", client:recv(10))
    raised.text("ssl.buffer expected, got string", client.recv_into, client,
      "text")
    server:sendall("end")
    assert.equal(2, client:recv_into(b, 2))
    assert.equal("enlloabc", contents(b))
    b:close()
    assert.equal(0, client:recv_into(b))
    pair.close(client, server)
  end)

  it("checks who calls its methods", function()
    local b = ssl.buffer(3)
    for _, name in ipairs({"sub", "byte", "put", "slice", "close"}) do
      for _, other in ipairs({false, 5, "x", {}, print, io.stdout,
        pair.client_context()}) do
        raised.text("ssl.buffer expected, got ", b[name], other, 1, "x")
      end
      raised.text("ssl.buffer expected, got nil", b[name])
    end
  end)

  it("may be collected in any order with its windows", function()
    local peer <close> = child.run(function()
      for _ = 1, 200 do
        local b = ssl.buffer(("x"):rep(100))
        local windows = {}
        for i = 1, 20 do windows[i] = b:slice(i, i + 10) end
        local _ = {windows, windows[1]:slice(1, 2), b}
      end
      collectgarbage()
      return "done"
    end)
    assert.equal("done", peer:join())
  end)
end)
