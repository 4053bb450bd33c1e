local pair = require "support.pair"
local raised = require "support.raised"
local ssl = require "pyssl"

-- Each class with its parents, as in api.md, B.1, and design.md, Errors.
local CLASSES = {
  OSError = {}, ValueError = {}, TypeError = {}, AttributeError = {},
  NotImplementedError = {},
  SSLError = {"OSError"},
  SSLZeroReturnError = {"SSLError"}, SSLWantReadError = {"SSLError"},
  SSLWantWriteError = {"SSLError"}, SSLSyscallError = {"SSLError"},
  SSLEOFError = {"SSLError"},
  SSLCertVerificationError = {"SSLError", "ValueError"},
  TimeoutError = {"OSError"},
  OverflowError = {"ValueError"},
}

local function ancestors(name, set)
  set = set or {}
  set[name] = true
  for _, parent in ipairs(CLASSES[name]) do ancestors(parent, set) end
  return set
end

local ROWS = {
  SSLError = "B-01", SSLZeroReturnError = "B-02", SSLWantReadError = "B-03",
  SSLWantWriteError = "B-04", SSLSyscallError = "B-05", SSLEOFError = "B-06",
  SSLCertVerificationError = "B-07",
}

describe("the error class", function()
  for name in pairs(CLASSES) do
    local row = ROWS[name] and " [" .. ROWS[name] .. "]" or ""
    it(name .. " is what it descends from, and nothing else" .. row, function()
      assert.equal(name, ssl[name].name)
      local err, is = ssl[name]("text"), ancestors(name)
      for other in pairs(CLASSES) do
        assert.equal(is[other] or false, err:is(ssl[other]), other)
      end
    end)
  end

  it("CertificateError is SSLCertVerificationError itself [B-08]", function()
    assert.equal(ssl.SSLCertVerificationError, ssl.CertificateError)
    assert.equal("SSLCertVerificationError", ssl.CertificateError.name)
  end)

  it("says its name", function()
    assert.equal("class SSLEOFError", tostring(ssl.SSLEOFError))
  end)

  it("builds an error for the caller's own use", function()
    local fields = {errno = 7, library = "MINE", reason = "BECAUSE", extra = {}}
    local err = ssl.SSLError("something", fields)
    assert.equal(ssl.SSLError, err.class)
    assert.equal("something", err.message)
    for name, value in pairs(fields) do assert.equal(value, err[name]) end
    assert.is_nil(fields.message) -- the caller's table stays as it was
    assert.equal("[MINE: BECAUSE] something", tostring(err))
    local twin = ssl.SSLError("a", {class = ssl.OSError, message = "b"})
    assert.equal(ssl.SSLError, twin.class)
    assert.equal("a", twin.message)
  end)

  it("refuses what is no message, and fields that are no table", function()
    raised.text("bad argument #1 to 'OSError' (string expected",
      function() ssl.OSError() end)
    raised.text("bad argument #1 to 'OSError' (string expected, got table)",
      function() ssl.OSError({}) end)
    raised.text("bad argument #2 to 'OSError' (table expected, got number)",
      function() ssl.OSError("text", 5) end)
  end)

  it("is no way to crash when its metamethods are called by hand", function()
    local meta = getmetatable(ssl.OSError)
    for _, event in ipairs({"__call", "__tostring"}) do
      for _, other in ipairs({false, 5, "x", {}, print, ssl.OSError("x")}) do
        raised.text("ssl.errorclass expected", meta[event], other, "x")
      end
      raised.text("ssl.errorclass expected", meta[event])
    end
  end)
end)

describe("an error object", function()
  it("is a table whose metatable has a name", function()
    local err = raised(ssl.ValueError, ssl.RAND_bytes, -1)
    assert.equal("table", type(err))
    assert.equal("ssl.error", getmetatable(err).__name)
  end)

  it("has its text as message, strerror and tostring [B.2]", function()
    local plain = ssl.ValueError("text")
    assert.equal("text", plain.message)
    assert.equal("text", plain.strerror)
    assert.equal("text", tostring(plain))
    local known = ssl.SSLError("text", {library = "SSL", reason = "WHY"})
    assert.equal("text", known.message)
    assert.equal("[SSL: WHY] text", known.strerror)
    assert.equal("[SSL: WHY] text", tostring(known))
    local half = ssl.SSLError("text", {library = "SSL"})
    assert.equal("[SSL] text", tostring(half))
  end)

  it("gives nil for every field it does not have [B.2]", function()
    local err = raised(ssl.ValueError, ssl.RAND_bytes, -1)
    for _, name in ipairs({"errno", "name", "library", "reason", "verify_code",
      "verify_message", "depth", "subject", "hostname", "op", "alert", "sent",
      "nothing", 1, 1.5, true, {}, print}) do
      assert.is_nil(err[name])
    end
  end)

  it("comes out of nested calls as the same object", function()
    local mine = ssl.SSLError("mine")
    local function inner() error(mine) end
    local _, first = pcall(inner)
    assert.equal(mine, first)
    local _, second = pcall(function() error(first) end)
    assert.equal(mine, second)
    local co = coroutine.create(inner)
    assert.equal(mine, select(2, coroutine.resume(co)))
    local _, third = ssl.try(inner)
    assert.equal(mine, third)
  end)

  it("answers is() for classes that the user made", function()
    local class = setmetatable({name = "MyError", bases = {ssl.SSLEOFError}},
      getmetatable(ssl.SSLError))
    local err = class("text")
    assert.is_true(err:is(class))
    assert.is_true(err:is(ssl.OSError))
    assert.is_false(err:is(ssl.ValueError))
    assert.is_false(ssl.SSLEOFError("text"):is(class))
  end)

  it("survives classes that make no sense", function()
    local circle = {}
    circle.bases = {circle}
    local many = {}
    for i = 1, 2000 do many[i] = {} end
    local err = ssl.OSError("x")
    for _, class in ipairs({{}, {bases = 5}, {bases = {5}}, {bases = many}}) do
      err.class = class
      assert.is_false(err:is(ssl.OSError))
    end
    err.class = circle
    raised.text("nested too deeply", function() return err:is(ssl.OSError) end)
    err.class = 5
    assert.is_false(err:is(ssl.OSError))
    err.class, err.message, err.library = nil, nil, {}
    assert.equal("unknown error", tostring(err))
  end)

  it("checks who calls its methods", function()
    local err = ssl.OSError("x")
    local meta = getmetatable(err)
    for _, other in ipairs({false, 5, "x", {}, print, ssl.buffer(1)}) do
      raised.text("ssl.error expected", err.is, other, ssl.OSError)
      raised.text("ssl.error expected", meta.__tostring, other)
      raised.text("ssl.error expected", meta.__index, other, "strerror")
    end
    raised.text("table expected", function() err:is() end)
    raised.text("table expected", function() err:is("OSError") end)
  end)
end)

describe("ssl.try", function()
  it("gives all results of the function, nil and none among them", function()
    assert.same({n = 4, 1, nil, "x", nil},
      table.pack(ssl.try(function(...) return ... end, 1, nil, "x", nil)))
    assert.equal(0, select("#", ssl.try(function() end)))
    assert.same({n = 1, false},
      table.pack(ssl.try(function() return false end)))
  end)

  it("gives nil and the error where one of pyssl was raised", function()
    local out = table.pack(ssl.try(ssl.RAND_bytes, -1))
    assert.equal(2, out.n)
    assert.is_nil(out[1])
    assert.is_true(out[2]:is(ssl.ValueError))
    local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    local _, err = ssl.try(ctx.load_verify_locations, ctx, "/nonexistent")
    assert.equal("ENOENT", err.name)
  end)

  it("works on methods that wait", function()
    local client, server = pair.connected()
    client:settimeout(0)
    local data, err = ssl.try(client.recv, client, 10)
    assert.is_nil(data)
    assert.is_true(err:is(ssl.SSLWantReadError))
    server:sendall("hello")
    client:settimeout(pair.LIMIT)
    assert.equal("hello", ssl.try(client.recv, client, 10))
    pair.close(client, server)
  end)

  it("lets every other error pass, unchanged", function()
    local like_ours = setmetatable({class = ssl.OSError},
      {__name = "ssl.error"})
    for _, value in ipairs({"text", {}, like_ours, 5, true, print}) do
      local ok, err = pcall(ssl.try, error, value, 0)
      assert.is_false(ok)
      assert.equal(value, err)
    end
    local ok, err = pcall(ssl.try, error, nil)
    assert.is_false(ok)
    assert.is_nil(err)
    raised.text("string expected", ssl.try, ssl.RAND_egd, 5)
    raised.text("attempt to call a nil value", ssl.try, nil)
  end)

  it("lets yields pass, and errors after them", function()
    local co = coroutine.wrap(function()
      local got, more = ssl.try(function(a)
        local b = coroutine.yield(a)
        return b, coroutine.yield(b)
      end, 1)
      coroutine.yield(got .. more)
      local _, err = ssl.try(function()
        error(ssl.TimeoutError(coroutine.yield("again")))
      end)
      return err
    end)
    assert.equal(1, co())
    assert.equal("b", co("b"))
    assert.equal("bc", co("c"))
    assert.equal("again", co())
    assert.equal("late", co("late").message)
  end)
end)
