--- LuaSec as a server: lua luasec.lua hold DIR A B, as pyssl.lua.
local socket = require "socket"
local ssl = require "ssl"

local dir, a, b = arg[2], tonumber(arg[3]), tonumber(arg[4])
assert(arg[1] == "hold", "no such kind")

local ctx = assert(ssl.newcontext {
  mode = "server", protocol = "any", options = {"all"}, verify = "none",
  certificate = dir .. "/server.pem", key = dir .. "/server.key",
})
local listener = assert(socket.bind("127.0.0.1", 0))

local function say(...)
  print(...)
  io.stdout:flush()
end

say((select(2, listener:getsockname())))

-- Bytes of memory that the process occupies now, without garbage.
local function resident()
  collectgarbage()
  collectgarbage()
  local file = assert(io.open("/proc/self/statm"))
  local _, pages = file:read("n", "n")
  file:close()
  return pages * 4096
end

local connections = {}
for _, count in ipairs {a, b} do
  for _ = 1, count do
    local conn = assert(ssl.wrap(listener:accept(), ctx))
    assert(conn:dohandshake())
    conn:send(conn:receive(100))
    connections[#connections + 1] = conn
  end
  say(resident())
end
io.read("a")
connections[1]:close()
