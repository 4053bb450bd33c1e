-- A guest in somebody else's process: nothing of the host's is changed, nothing
-- is left behind. What is done there is in spec/support/guest.lua.
local embed = require "support.embed"

describe("a host that embeds Lua and uses OpenSSL itself", function()
  it("finds the process as it was: signals, locale, umask, environment", function()
    embed.run(1, "state")
  end)

  it("finds the same in another locale", function()
    embed.run(1, "state", {LC_ALL = "C.UTF-8"})
  end)

  it("finds the error queue clean after every failure", function()
    embed.run(1, "queue")
  end)

  it("may have left entries in the queue: they disturb nothing", function()
    embed.run(1, "stale")
  end)
end)
