--- Run spec/support/guest.lua in a program that embeds Lua and uses OpenSSL
-- itself (embed_host.c).
local certs = require "support.certs"
local process = require "support.process"

local embed = {build = os.getenv "PYSSL_BUILD"}

--- A task of guest.lua, in so many states one after the other, which is to
-- succeed. `env` changes the environment.
function embed.run(times, task, env)
  local code, out, err = process.run({embed.build .. "/spec/embed_host",
    tostring(times), certs.path "server.pem", certs.path "server.key",
    certs.path "ca.pem", "spec/support/guest.lua", certs.dir, task},
    {sanitizers = true, env = env})
  if code ~= 0 or out ~= "done\n" or err ~= "" then
    error(("%s ended with %s:\n%s%s"):format(task, tostring(code), out, err), 2)
  end
end

return embed
