--- loop.copas - waiting for sockets in copas, from 1.2 on.
-- copas waits only within its own operations on sockets: it is given an object
-- that acts like a socket which has nothing at first, and is done then.
-- Calls: protect, waiter. Called by: programs.

local core = require "pyssl.core"
local copas = require "copas"
local protect = require "pyssl.protect"
local waiter = require "pyssl.waiter"

local loop = {}

local watch = {}
watch.__index = watch

-- What LuaSocket's select asks for. It takes what is dirty as readable, so each
-- turn of the loop looks at the deadline.
function watch.getfd(self) return self.fd end
function watch.dirty(self) return core.left(self.deadline) == 0 end

function watch.receive(self)
  if self.asked then return true end
  self.asked = true
  return nil, "timeout", ""
end

function watch.send(self)
  if self.asked then return 1 end
  self.asked = true
  return nil, "timeout", 0
end

-- copas closes what a coroutine that ends has waited for last.
function watch.close() end

local LEAST = 0.001 -- seconds; 0 would be no limit

-- Copas from 3 on wakes a coroutine when its time is over; not the coroutines
-- that calls are protected by on Lua 5.1, which copas cannot resume.
local function limit(self, timeout)
  self.deadline = core.deadline(timeout)
  if not (timeout and copas.settimeouts and protect.native) then return end
  timeout = math.max(timeout, LEAST)
  copas.settimeouts(self, timeout, timeout, timeout)
end

--- A waiter (see ssl.wait) that yields in coroutines.
function loop.wait(sock, mode, timeout)
  local fd = waiter.check(sock, mode, timeout)
  if fd < 0 or not protect.running() then
    return waiter.poll(sock, mode, timeout)
  end
  local self = setmetatable({fd = fd}, watch)
  limit(self, timeout)
  if mode == "r" then copas.receive(self, 1) else copas.send(self, " ") end
  return core.left(self.deadline) ~= 0
end

--- Have all sockets wait so that have no waiter of their own or their context's.
-- @treturn boolean  true
function loop.install()
  return core.set_default_waiter(loop.wait)
end

return loop
