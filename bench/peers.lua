--- peers - who is measured: the commands that do their work, and their versions.
-- Calls: shell. Called by: run, check, measure, report.
local shell = require "bench.shell"

local lua = os.getenv("BENCH_LUA") or "lua5.4"
local programs = os.getenv("BENCH_PROGRAMS") or "build/bench"

-- The first line of what a command prints, or of a part of it.
local function version(command, pattern)
  local text = shell.try(command) or "unknown"
  return (text:match(pattern or "[^\n]+") or text)
end

local function debian(package)
  return version(("dpkg-query -W -f '${Version}' %s"):format(package))
end

local function with_lua(file)
  return ("%s bench/%s"):format(shell.quote(lua), file)
end

local peers = {
  {
    id = "floor", title = "C", command = shell.quote(programs .. "/floor"),
    version = function() return version("openssl version", "OpenSSL %S+") end,
  },
  {
    id = "pyssl", title = "pyssl", command = with_lua("peers/pyssl.lua"),
    version = function()
      return version(shell.quote(lua) .. " -v", "Lua %S+")
    end,
  },
  {
    id = "luasec", title = "LuaSec", command = with_lua("peers/luasec.lua"),
    version = function() return "lua-sec " .. debian("lua-sec") end,
  },
  {
    id = "luaossl", title = "luaossl, cqueues",
    command = with_lua("peers/luaossl.lua"),
    version = function()
      return ("lua-luaossl %s, lua-cqueues %s"):format(debian("lua-luaossl"),
                                                       debian("lua-cqueues"))
    end,
  },
  {
    id = "cpython", title = "CPython",
    command = "/usr/bin/python3 bench/peers/cpython.py",
    version = function()
      return version("/usr/bin/python3 --version", "Python %S+")
    end,
  },
}

for _, peer in ipairs(peers) do peers[peer.id] = peer end

--- Where what was built for the benchmark is.
peers.directory = programs

--- The command of one of the benchmark's own C programs.
function peers.program(name)
  return shell.quote(programs .. "/" .. name)
end

--- The command that runs a Lua script of the benchmark.
peers.script = with_lua

return peers
