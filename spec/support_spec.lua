-- What other specs rely on without looking: other programs run without what
-- the sanitizers need, errors come back from children, and no spec can hang.
local certs = require "support.certs"
local child = require "support.child"
local native = require "native"
local process = require "support.process"
local vm = require "support.vm"

describe("a program that a spec starts", function()
  it("gets its input, and gives its output, its errors and its status", function()
    local code, out, err = process.run({"sh", "-c", "cat; echo no >&2; exit 3"},
      {input = ("x"):rep(300000)})
    assert.equal(3, code)
    assert.equal(300000, #out)
    assert.equal("no\n", err)
  end)

  it("has our environment without the sanitizers' part", function()
    local set = {}
    for name, value in process.check({"env"}, {env = {A = "1", LANG = false}})
      :gmatch("([%w_]+)=([^\n]*)\n") do
      set[name] = value
    end
    assert.equal("1", set.A)
    assert.equal(os.getenv("PATH"), set.PATH)
    for _, name in ipairs{"LANG", "LD_PRELOAD", "ASAN_OPTIONS"} do
      assert.is_nil(set[name], name)
    end
  end)

  it("has the descriptors that it was given, and no other", function()
    local reader <close> = assert(io.open("/dev/null"))
    local fd = native.open("/dev/zero")
    local out = process.check({"sh", "-c", "ls -l /proc/$$/fd"}, {give = {fd}})
    native.close(fd)
    assert.equal("file", io.type(reader))
    assert.matches("3 %-> /dev/zero", out)
    assert.not_matches(" 4 %->", out)
  end)

  it("is awaited line by line", function()
    local cat <close> = process.spawn({"cat"}, {stdin = "pipe"})
    cat:write("one\ntwo 2\nthree")
    assert.equal("one", cat:read_line())
    assert.equal("2", cat:expect("^two (%d)"))
    cat:close_input()
    assert.equal("three", cat:read_line())
    assert.is_nil(cat:read_line())
    assert.same({"exited", 0}, {cat:wait()})
  end)

  it("ends when the spec does", function()
    local sleeper = process.spawn({"sleep", "1000"})
    assert.is_true(sleeper:running())
    sleeper:close()
    assert.same({"signaled", 9}, {sleeper:wait()})
  end)

  it("is an error where there is none of that name", function()
    assert.error_matches(function() process.run({"no-such-program"}) end, "ENOENT")
  end)
end)

describe("a function that runs in a child", function()
  it("talks to its parent and returns a result", function()
    local peer <close> = child.run(function(channel)
      channel:send("you said " .. channel:receive())
      return 42
    end)
    peer:send("hello\n\0")
    assert.equal("you said hello\n\0", peer:receive())
    assert.equal("42", peer:join())
  end)

  it("passes its error on", function()
    local peer <close> = child.run(function() error("what went wrong") end)
    assert.error_matches(function() peer:join() end, "what went wrong")
  end)

  it("is told from one that was killed", function()
    local peer <close> = child.run(function()
      native.kill(native.getpid(), "SIGKILL")
    end)
    assert.error_matches(function() peer:join() end, "signaled with 9")
  end)
end)

describe("a deadline", function()
  after_each(function() native.deadline(0) end)

  vm.it_needs("hooks", "ends a loop", function()
    native.deadline(0.05, "too late")
    assert.error_matches(function() while true do end end, "too late")
  end)

  it("ends a wait", function()
    native.deadline(0.05, "too late")
    assert.error_matches(function() native.poll({}, {}, 30) end, "too late")
  end)
end)

describe("the certificates", function()
  local function verify(name)
    return process.run({"openssl", "verify", "-x509_strict", "-CAfile",
      certs.path("ca.pem"), certs.path(name)})
  end

  it("pass strict checks where they should", function()
    for _, name in ipairs{"server.pem", "server-rsa.pem", "client.pem"} do
      assert.equal(0, verify(name), name)
    end
    local code = process.run({"openssl", "verify", "-x509_strict", "-CAfile",
      certs.path("ca.pem"), "-untrusted", certs.path("intermediate.pem"),
      certs.path("leaf.pem")})
    assert.equal(0, code)
  end)

  local WRONG = {
    {"expired.pem", "error 10 "}, {"future.pem", "error 9 "},
    {"self-signed.pem", "error 18 "}, {"stranger.pem", "error 20 "},
    {"no-aki.pem", "error 85 "}, {"no-usage.pem", "error 20 "},
  }

  for _, case in ipairs(WRONG) do
    it("fail as their name says: " .. case[1], function()
      local code, _, err = verify(case[1])
      assert.equal(2, code)
      assert.matches(case[2], err)
    end)
  end
end)
