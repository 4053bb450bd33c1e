-- Several Lua states in a process, each on a thread of its own: the program of
-- examples/embed, with its own script and with the suite's. `make tsan` runs
-- this file under ThreadSanitizer; EMBED_ROUNDS says how long.
local certs = require "support.certs"
local process = require "support.process"
local scale = require "support.scale"

local EMBED = (os.getenv "PYSSL_BUILD" or "build") .. "/embed"
local ROUNDS = tonumber(os.getenv "EMBED_ROUNDS")

local function run(states, script, ...)
  return process.run({EMBED, tostring(states), script, ...}, {
    sanitizers = true,
    env = {SSL_CERT_FILE = certs.path "ca.pem", SSL_CERT_DIR = certs.path "capath"},
  })
end

-- It is to end well, and to say nothing but so.
local function check(states, ...)
  local code, out, err = run(states, ...)
  assert.equal("", err)
  assert.equal(0, code)
  return out
end

describe("the program that embeds Lua in threads", function()
  it("has two states serve each other", function()
    local out = check(2, "examples/embed/worker.lua", certs.dir)
    for i = 1, 2 do
      assert.truthy(out:find(("state %d: served 5 connections and made 5, "
        .. "4 of them resumed\n"):format(i), 1, true))
    end
    assert.truthy(out:find("2 of 2 states ended well\n$"))
  end)

  it("runs any even number of them", function()
    assert.truthy(check(6, "examples/embed/worker.lua", certs.dir, "1")
      :find("6 of 6 states ended well\n$"))
  end)

  it("tells of a state that fails, and fails itself", function()
    local code, out, err = run(2, "examples/embed/worker.lua", "/nowhere")
    assert.equal(1, code)
    assert.equal("0 of 2 states ended well\n", out)
    for i = 1, 2 do assert.truthy(err:find(("state %d: "):format(i), 1, true)) end
    assert.truthy(err:find("No such file", 1, true))
    assert.equal(1, (run(2, "/nowhere")))
    assert.equal(2, (run(3, "examples/embed/worker.lua", certs.dir)))
  end)
end)

describe("states on threads", function()
  local keylog

  before_each(function() keylog = os.tmpname() end)
  after_each(function() os.remove(keylog) end)

  local function stress(states, rounds, ...)
    return check(states, "spec/support/embed_stress.lua", certs.dir,
      tostring(rounds), keylog, ...)
  end

  it("share trust, a key log, look-ups and forks", function()
    stress(4, ROUNDS or scale.count(2), "fork")
    local lines = 0
    for line in io.lines(keylog) do
      lines = lines + 1
      local whole = line:find("^[A-Z_]+[0-9A-Z_]* %x+ %x+$")
      assert(whole or line:sub(1, 1) == "#", line)
    end
    assert.is_true(lines > 100)
  end)

  -- What is made once in a process is made when they all begin.
  it("may all begin at once", function()
    for _ = 1, ROUNDS or scale.count(2) do stress(8, 1) end
  end)
end)

describe("a process that forks while another thread waits", function()
  it("has contexts at work on both sides, the thread serving both", function()
    assert.equal("state 1: done\nstate 2: done\n2 of 2 states ended well\n",
      (check(2, "spec/support/embed_fork.lua", certs.dir):gsub(
        "^(state 2: %l+\n)(state 1: %l+\n)", "%2%1")))
  end)
end)

describe("the thread sanitizer's suppressions", function()
  it("name OpenSSL's libraries and nothing else", function()
    local found = {}
    for line in io.lines("tools/tsan.supp") do
      local rule = line:gsub("#.*", ""):match("^%s*(.-)%s*$")
      if rule ~= "" then found[#found + 1] = rule end
    end
    assert.same({"called_from_lib:libcrypto.so", "called_from_lib:libssl.so"}, found)
  end)
end)
