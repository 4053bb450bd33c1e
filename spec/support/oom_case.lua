--- What the cases of oom_cases.lua are made of.
local ssl = require "pyssl"

local directory = os.getenv("OOM_CERTS")

local case = {cases = {}}

function case.path(name)
  return directory .. "/" .. name
end

function case.read(name)
  local file <close> = assert(io.open(case.path(name), "rb"))
  return file:read("a")
end

--- Add a case.
function case.add(name, prepare)
  case.cases[#case.cases + 1] = {name, prepare}
end

-- A case that needs nothing ready.
function case.simple(name, action)
  case.add(name, function() return action end)
end

-- One that has a context: action(ctx).
function case.with_context(name, protocol, action)
  case.add(name, function()
    local ctx = ssl.SSLContext(protocol)
    return function() action(ctx) end
  end)
end

return case
