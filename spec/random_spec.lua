local certs = require "support.certs"
local child = require "support.child"
local native = require "native"
local process = require "support.process"
local raised = require "support.raised"
local ssl = require "pyssl"

describe("RAND_bytes", function()
  it("gives as many bytes as asked for [A-03]", function()
    for _, n in ipairs({0, 1, 32, 100000, 16.0}) do
      assert.equal(n, #ssl.RAND_bytes(n))
    end
    assert.equal("", ssl.RAND_bytes(0))
  end)

  it("never gives the same [A-03]", function()
    local seen = {}
    for _ = 1, 100 do
      local bytes = ssl.RAND_bytes(16)
      assert.is_nil(seen[bytes])
      seen[bytes] = true
    end
  end)

  it("gives a forked process other bytes", function()
    local peer <close> = child.run(function() return ssl.RAND_bytes(32) end)
    assert.not_equal(peer:join(), ssl.RAND_bytes(32))
  end)

  it("raises ValueError on a negative number [A-03] [I-100]", function()
    local err = raised(ssl.ValueError, ssl.RAND_bytes, -1)
    assert.matches("negative", err.message)
    raised(ssl.ValueError, ssl.RAND_bytes, math.mininteger)
  end)

  it("raises OverflowError on more than there can be [A-03]", function()
    raised(ssl.OverflowError, ssl.RAND_bytes, 2 ^ 31)
    raised(ssl.OverflowError, ssl.RAND_bytes, math.maxinteger)
    raised(ssl.OverflowError, ssl.RAND_bytes, 2 ^ 64)
    raised(ssl.OverflowError, ssl.RAND_bytes, math.huge)
  end)

  it("names what is no integer [A-03] [I-100]", function()
    for _, value in ipairs({"1", 1.5, 0 / 0, {}, true, false, print}) do
      local text = "RAND_bytes' (integer expected, got " .. type(value) .. ")"
      raised.text(text, function() ssl.RAND_bytes(value) end)
    end
    raised.text("(integer expected, got nil)", ssl.RAND_bytes, nil)
    raised.text("(integer expected, got no value)",
      function() ssl.RAND_bytes() end)
  end)
end)

describe("RAND_pseudo_bytes", function()
  it("gives random bytes, and true: they are good for keys [A-15]", function()
    local bytes, good = ssl.RAND_pseudo_bytes(20)
    assert.equal(20, #bytes)
    assert.is_true(good)
    assert.not_equal(bytes, (ssl.RAND_pseudo_bytes(20)))
    assert.same({"", true}, {ssl.RAND_pseudo_bytes(0)})
  end)

  it("raises what RAND_bytes raises [A-15]", function()
    raised(ssl.ValueError, ssl.RAND_pseudo_bytes, -1)
    raised(ssl.OverflowError, ssl.RAND_pseudo_bytes, 2 ^ 31)
    raised.text("(integer expected, got string)", ssl.RAND_pseudo_bytes, "x")
  end)
end)

describe("RAND_status", function()
  it("is true, for OpenSSL seeds itself [A-04]", function()
    assert.is_true(ssl.RAND_status())
  end)
end)

describe("RAND_add", function()
  it("takes text or a buffer, and any estimate [A-05]", function()
    for _, bytes in ipairs({"", "x", ("\0\255"):rep(50000), ssl.buffer("abc"),
      ssl.buffer(0), ssl.buffer("abcdef"):slice(2, 3)}) do
      for _, entropy in ipairs({0, 0.0, 1, 2.5, -1}) do
        assert.is_true(ssl.RAND_add(bytes, entropy))
      end
    end
    assert.is_true(ssl.RAND_status())
  end)

  it("names what is of a wrong type [A-05] [I-101]", function()
    for _, value in ipairs({5, true, {}, print}) do
      raised.text(("RAND_add' (string expected, got %s)"):format(type(value)),
        function() ssl.RAND_add(value, 0) end)
    end
    for _, value in ipairs({"y", "0", {}, false}) do
      raised.text(("bad argument #2 to 'RAND_add' (number expected, got %s)")
        :format(type(value)), function() ssl.RAND_add("x", value) end)
    end
    raised.text("#2 to 'RAND_add' (number expected, got no value)",
      function() ssl.RAND_add("x") end)
    raised.text("#2 to 'RAND_add' (finite number expected)",
      function() ssl.RAND_add("x", 0 / 0) end)
  end)
end)

-- --- an entropy gathering daemon, after the protocol's description ---
--
-- A request is a command and, for 1 and 2, a count of 1 to 255:
--   0: how many bits there are (four bytes); 3: take mine; 4: process id
--   1: give what you have, up to count: one byte says how many, they follow
--   2: give count bytes, and wait until you have them: just the bytes
-- A connection serves any number of requests.

local COMMANDS = {SOME = 1, ALL = 2}

-- How it answers to one request: bytes to send, and whether it hangs up then.
local function answer(behaviour, command, count)
  local has = math.min(behaviour.has or count, count)
  if command == COMMANDS.ALL then has = count end
  local body = ("r"):rep(has)
  if behaviour.loses then body = body:sub(1, behaviour.loses) end
  local head = command == COMMANDS.SOME
    and string.char(has) or ""
  return head .. body .. (behaviour.extra or ""), behaviour.loses
end

-- Serve one connection; what was asked for is the result: "1:255 1:1".
local function serve(connection, behaviour)
  local asked = {}
  while not behaviour.silent do
    local request = connection:receive(2)
    if not request then break end
    local command, count = request:byte(1, 2)
    asked[#asked + 1] = command .. ":" .. count
    if behaviour.requests and #asked > behaviour.requests then break end
    local bytes, last = answer(behaviour, command, count)
    local step = behaviour.step or #bytes
    for i = 1, #bytes, step do connection:send(bytes:sub(i, i + step - 1)) end
    if last then break end
  end
  connection:close()
  return table.concat(asked, " ")
end

local function egd_path()
  return certs.dir .. "/egd"
end

-- Start it; LuaSocket is loaded by the child only, for it changes SIGPIPE.
local function speaker(behaviour)
  os.remove(egd_path())
  local peer = child.run(function(channel)
    local listener = require("socket.unix").stream()
    assert(listener:bind(egd_path()))
    assert(listener:listen(1))
    channel:send("ready")
    local result = serve(assert(listener:accept()), behaviour)
    listener:close()
    return result
  end)
  assert.equal("ready", peer:receive())
  return peer
end

-- What the daemon does, and what it is asked for then.
local GIVING = {
  {"has everything", {}, "1:255 1:1"},
  {"sends byte by byte", {step = 1}, "1:255 1:1"},
  {"has a little", {has = 10}, "1:255 2:246"},
  {"has a single byte", {has = 1}, "1:255 2:255"},
  {"has nothing", {has = 0}, "1:255 2:255 2:1"},
  {"has a little and sends byte by byte", {has = 100, step = 1},
    "1:255 2:156"},
}

local FAILING = {
  {"hangs up at once", {silent = true}},
  {"hangs up after the first answer", {requests = 1}},
  {"hangs up in an answer", {loses = 100}},
  {"hangs up behind a count", {loses = 0}},
  {"gives more than it says", {extra = "more"}},
}

describe("RAND_egd", function()
  for _, case in ipairs(GIVING) do
    it("reads 256 bytes from a daemon that " .. case[1] .. " [A-14]", function()
      local peer <close> = speaker(case[2])
      assert.equal(256, ssl.RAND_egd(egd_path()))
      assert.equal(case[3], peer:join())
    end)
  end

  for _, case in ipairs(FAILING) do
    it("raises SSLError when the daemon " .. case[1] .. " [A-14]", function()
      local peer <close> = speaker(case[2])
      local err = raised(ssl.SSLError, ssl.RAND_egd, egd_path())
      assert.matches(egd_path(), err.message, 1, true)
      peer:join()
    end)
  end

  it("refuses more bytes than it asked for [A-14]", function()
    -- 255 of 255, then 1 is asked for.
    local peer <close> = child.run(function(channel)
      os.remove(egd_path())
      local listener = require("socket.unix").stream()
      assert(listener:bind(egd_path()))
      assert(listener:listen(1))
      channel:send("ready")
      local connection = assert(listener:accept())
      connection:receive(2)
      connection:send("\255" .. ("r"):rep(255))
      connection:receive(2)
      connection:send("\5r")
      connection:receive(1) -- until the other side hangs up
      connection:close()
    end)
    assert.equal("ready", peer:receive())
    local err = raised(ssl.SSLError, ssl.RAND_egd, egd_path())
    assert.matches("[Pp]rotocol", err.message)
    peer:join()
  end)

  it("raises SSLError where there is no daemon [A-14]", function()
    local file = certs.path("server.pem")
    for path, text in pairs({
      [certs.dir .. "/no-such-socket"] = "No such file or directory",
      [file] = "Connection refused", [""] = "No such file or directory",
      [("x"):rep(200)] = "name too long",
    }) do
      local err = raised(ssl.SSLError, ssl.RAND_egd, path)
      assert.matches(text, err.message, 1, true)
      assert.matches(path, err.message, 1, true)
    end
  end)

  it("raises SSLError where nobody listens any more [A-14]", function()
    local peer <close> = speaker({silent = true})
    raised(ssl.SSLError, ssl.RAND_egd, egd_path())
    peer:join()
    local err = raised(ssl.SSLError, ssl.RAND_egd, egd_path())
    assert.matches("refused", err.message)
  end)

  it("refuses a path with a NUL, and what is no path [A-14]", function()
    raised(ssl.ValueError, ssl.RAND_egd, egd_path() .. "\0x")
    for _, value in ipairs({5, true, {}}) do
      raised.text("(string expected, got " .. type(value) .. ")", ssl.RAND_egd,
        value)
    end
    raised.text("(string expected, got no value)", ssl.RAND_egd)
  end)

  it("goes on after a signal [A-14]", function()
    local before = native.signal("SIGUSR1", "catch")
    local peer <close> = child.run(function(channel)
      os.remove(egd_path())
      local listener = require("socket.unix").stream()
      assert(listener:bind(egd_path()))
      assert(listener:listen(1))
      channel:send("ready")
      local connection = assert(listener:accept())
      connection:receive(2)
      native.kill(tonumber(channel:receive()), "SIGUSR1")
      connection:send("\255" .. ("r"):rep(255))
      connection:receive(2)
      connection:send("\1r")
      connection:close()
    end)
    assert.equal("ready", peer:receive())
    peer:send(tostring(native.getpid()))
    assert.equal(256, ssl.RAND_egd(egd_path()))
    peer:join()
    native.signal("SIGUSR1", before)
  end)
end)

describe("the generator", function()
  it("is ready in a process that has just begun [A-03, A-04]", function()
    local out = process.check({process.lua, "-e", [[
      local ssl = require "pyssl"
      print(ssl.RAND_status(), #ssl.RAND_bytes(64))
    ]]}, {sanitizers = true})
    assert.equal("true\t64\n", out)
  end)
end)
