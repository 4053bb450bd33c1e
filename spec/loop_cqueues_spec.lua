-- pyssl.loop.cqueues: sockets wait in cqueues' event loops.
local certs = require "support.certs"
local loops = require "support.loops"
local process = require "support.process"

if not loops.has "cqueues" then
  return pending("cqueues (there is none for this Lua)")
end

-- A program that leaves connections open.
local LEFT_OPEN = ([[
require("support.vm").install()
arg = {[3] = %q}
require "support.loopcase"
local pair = require "support.pair"
local ends = {pair.connected()}
local cqueues = require "cqueues"
require("pyssl.loop.cqueues").install()
local more = {pair.connected()}
local controller = cqueues.new()
for _, conn in ipairs {ends[1], more[1]} do
  controller:wrap(function() conn:recv(1) end)
end
assert(controller:step(0))
kept = {ends, more, controller}
io.write "done"
]]):format(certs.dir)

describe("on cqueues a socket", function()
  loops.describe_cases "cqueues"
  loops.it("cqueues", "abandoned",
           "can be read when the coroutine that did is gone")
  loops.it("cqueues", "cqueues_poll",
           "that does not block can be polled itself")

  for _, case in ipairs {
    {"closing", "may be closed as soon as it wakes, its number come again"},
    {"closing_interrupted", "may be closed where an interrupt ended its wait"},
    {"closing_hook", "is not interrupted while cqueues is told"},
    {"closing_controllers", "is closed in each controller"},
    {"closing_shared", "is closed by the last one who leaves it"},
    {"closing_forked", "of a parent's is not taken from it by its child"},
  } do
    loops.it("cqueues", case[1], case[2])
  end

  -- Lua 5.1 unloads cqueues before it closes what is older.
  it("may be open when the program ends, older than cqueues", function()
    local status, out, err = process.run({process.lua, "-e", LEFT_OPEN},
                                         {sanitizers = true})
    assert.equal("", err)
    assert.equal("done", out)
    assert.equal(0, status)
  end)
end)

describe("the examples for cqueues", function()
  it("fetch ten pages at once", function() loops.fetch "cqueues" end)
  it("serve clients at once", function() loops.echo "cqueues" end)
end)
