--- lookuphost - processes whose getaddrinfo is the suite's (lookup_host.c).
-- Calls: certs, process, vm. Called by: loops, specs.
local certs = require "support.certs"
local process = require "support.process"
local vm = require "support.vm"

local lookuphost = {}

--- The program: a path.
lookuphost.PROGRAM =
  (os.getenv "PYSSL_BUILD" or "build") .. "/spec/lookup_host"

--- Run code in such a process, with what support/lookup.lua has for it; what it
-- raises is raised here.
function lookuphost.run(code)
  local status, _, err = process.run({lookuphost.PROGRAM,
    vm.source_in("support.lookup", code), certs.path "ca.pem",
    certs.path "server.pem", certs.path "server.key"}, {sanitizers = true})
  if status ~= 0 then error(err, 2) end
end

return lookuphost
