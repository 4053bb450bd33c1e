--- LuaSec as a server of the kind hold, as service.lua says.
local service = require "bench.service"
local socket = require "socket"
local ssl = require "ssl"

local dir = service.dir

local ctx = assert(ssl.newcontext {
  mode = "server", protocol = "any", options = {"all"}, verify = "none",
  certificate = dir .. "/server.pem", key = dir .. "/server.key",
})
local listener = assert(socket.bind("127.0.0.1", 0))
listener:setoption("tcp-nodelay", true) -- what it accepts inherits it

service.say((select(2, listener:getsockname())))

local function take()
  local conn = assert(ssl.wrap(listener:accept(), ctx))
  assert(conn:dohandshake())
  conn:send(conn:receive(100))
  return conn
end

service.run {hold = function() service.hold(take) end}
