-- pyssl.loop.copas: sockets wait in copas' dispatcher (Debian's is 1.2, without
-- timers: it looks at time limits with each of its turns).
local loops = require "support.loops"

if not loops.has "copas" then
  return pending("copas (it is not installed)")
end

describe("on copas a socket", function()
  loops.describe_cases "copas"
  loops.it("copas", "abandoned",
           "can be read when the coroutine that did is gone", "close")
end)

describe("LuaSocket's select", function()
  loops.it("copas", "select", "watches a socket, and knows what it has decrypted")
end)

describe("the examples for copas", function()
  it("fetch ten pages at once", function() loops.fetch "copas" end)
  it("serve clients at once", function() loops.echo "copas" end)
end)
