-- pyssl.loop.cqueues: sockets wait in cqueues' event loops.
local loops = require "support.loops"

if not loops.has "cqueues" then
  return pending("cqueues (there is none for this Lua)")
end

describe("on cqueues a socket", function()
  loops.describe_cases "cqueues"
  loops.it("cqueues", "abandoned",
           "can be read when the coroutine that did is gone")
  loops.it("cqueues", "cqueues_poll",
           "that does not block can be polled itself")
end)

describe("the examples for cqueues", function()
  it("fetch ten pages at once", function() loops.fetch "cqueues" end)
  it("serve clients at once", function() loops.echo "cqueues" end)
end)
