-- pyssl.loop.luv: sockets wait in luv's event loop.
local loops = require "support.loops"

if not loops.has "luv" then
  return pending("luv (there is none for this Lua)")
end

describe("on luv a socket", function()
  loops.describe_cases "luv"
  loops.it("luv", "abandoned",
           "can be read when the coroutine that did is gone", "close")
end)

describe("luv's handles", function()
  loops.it("luv", "luv_handles", "are one for each socket, while it is awaited")
  loops.it("luv", "luv_abandoned", "go with a coroutine that was closed", "close")
  loops.it("luv", "luv_resumed",
           "go with a wait that ended because another resumed the coroutine")
end)

describe("an error in a coroutine on luv", function()
  it("is reported, with its traceback", function()
    assert.error_matches(function() loops.run("luv", "luv_raised") end,
                         "it was me\nstack traceback:")
  end)
end)

describe("the examples for luv", function()
  it("fetch ten pages at once", function() loops.fetch "luv" end)
  it("serve clients at once", function() loops.echo "luv" end)
end)
