-- What the benchmark does where a measured program fails or hangs.
if _VERSION ~= "Lua 5.4" then
  return pending("the benchmark (it is a program for Lua 5.4)")
end

local footnotes = require "bench.footnotes"
local measure = require "bench.measure"
local report = require "bench.report"
local scale = require "bench.scale"
local shell = require "bench.shell"
local process = require "support.process"

local LIMIT = 0.1 -- seconds

-- Programs that are called as peers are: what they print is a time.
local good = {id = "floor", title = "C", command = "echo 3 #"}
local hanging = {id = "luasec", title = "LuaSec", command = "sleep 60 #"}
local failing = {id = "cpython", title = "CPython", command = "false"}
local talking = {id = "pyssl", title = "pyssl", command = "echo hello #"}
local server = {port = 1, dir = "/"}
local work = {id = "upload", sizes = {1, 2}, cpu = 1}

-- Results in which everything is missing but the CPU seconds of some uploads.
local function results_of(figures)
  local empty = {}
  return {
    count = 100, hold = {}, idle = {}, https = {},
    instructions = {visit_full = empty, visit_resumed = empty},
    cpu = {visit_full = empty, visit_resumed = empty, upload = figures},
  }
end

-- The section of a report whose title has some text in it.
local function section(sections, text)
  for _, one in ipairs(sections) do
    if one[1]:find(text, 1, true) then return one[2] end
  end
end

describe("a benchmark with programs that fail", function()
  local limit = measure.LIMIT

  before_each(function()
    measure.LIMIT = LIMIT
    footnotes.list = {}
  end)

  after_each(function()
    measure.LIMIT = limit
    footnotes.list = {}
  end)

  -- Call f with a temporary directory. The system's tools are not to be looked at
  -- by the address sanitizer.
  local function with_directory(f)
    local dir = os.tmpname()
    os.remove(dir)
    process.check {"mkdir", dir}
    local ok, err = pcall(f, dir)
    process.check {"rm", "-rf", dir}
    if not ok then error(err, 0) end
  end

  it("ends a program that takes too long, and says so", function()
    local ok, message = pcall(shell.output, "sleep 60", LIMIT)
    assert.is_false(ok)
    assert.equal("took longer than 0.1 seconds", message:match("[^\n]*"))
  end)

  it("says how another failed", function()
    local ok, message = pcall(shell.output, "sh -c 'echo so; exit 3'", 60)
    assert.is_false(ok)
    assert.equal("ended with status 3", message:match("[^\n]*"))
    assert.truthy(message:find("\nso\n", 1, true))
  end)

  it("measures the others, and reports who hangs, fails or talks", function()
    local times, failures = measure.cpu({good, hanging, failing, talking}, work,
                                        server, 3, 1)
    assert.same({floor = 3}, times)
    assert.equal("took longer than 0.1 seconds",
                 failures.luasec:match("[^\n]*"))
    assert.equal("ended with status 1", failures.cpython:match("[^\n]*"))
    assert.truthy(failures.pyssl:find("hello", 1, true))
    assert.is_nil(failures.floor)
  end)

  it("stops at an interrupt from the keyboard", function()
    assert.error_matches(function()
      footnotes.try({}, "luasec", "upload", error, "run.lua:1: interrupted!")
    end, "interrupted!")
  end)

  it("ends a server that takes too long", function()
    with_directory(function(dir)
      local program = shell.start(dir, "sleep 60", LIMIT)
      local ok, message = pcall(program.read, program)
      program:stop()
      assert.is_false(ok)
      assert.equal("ended before its time", message:match("[^\n]*"))
    end)
  end)

  it("stops the server where its clients cannot be had", function()
    with_directory(function(dir)
      local one = {id = "pyssl", command = "echo"}
      assert.is_false((pcall(scale.hold, one, dir, 4)))
    end)
  end)

  it("puts a mark in the table and a footnote below it", function()
    local figures = {floor = 1e-6, pyssl = 2e-6}
    footnotes.try(figures, "luasec", "CPU seconds: upload: LuaSec", error,
                  "took longer than 120 seconds\nlua luasec.lua", 0)
    local sections = report.sections(results_of(figures))
    local row = section(sections, "CPU seconds"):match("| upload[^\n]*")
    assert.truthy(row:find(
      "| +1.00 µs +| +2.000 +| +%- %(1%) +| +%- +| +%- +|"))
    assert.equal(
      "- (1) CPU seconds: upload: LuaSec: took longer than 120 seconds\n",
      section(sections, "could not be measured"))
  end)

  it("reports without C's figures, too", function()
    local results = results_of({pyssl = 2e-6})
    footnotes.try(results.idle, "floor", "idle connections: C", error, "no", 0)
    footnotes.try(results.https, "nginx", "HTTPS: nginx", error, "no", 0)
    results.idle.pyssl = {memory = 1000, wake = 1e-6}
    results.hold.pyssl = 2000
    local sections = report.sections(results)
    assert.truthy(section(sections, "Memory"):find("- (1)", 1, true))
    assert.truthy(section(sections, "Memory"):find("2,000", 1, true))
    assert.truthy(section(sections, "wrk"):find("- (2)", 1, true))
  end)

  it("has no section of failures where nothing failed", function()
    local sections = report.sections(results_of({floor = 1e-6}))
    assert.is_nil(section(sections, "could not be measured"))
  end)
end)
