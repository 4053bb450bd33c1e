--- loop.cqueues - waiting for sockets in cqueues' event loops.
-- A coroutine of a controller's leaves to the controller until its socket is
-- ready. Elsewhere the program waits.
-- Calls: protect, waiter. Called by: programs.

local core = require "pyssl.core"
local cqueues = require "cqueues"
local protect = require "pyssl.protect"
local waiter = require "pyssl.waiter"

local loop = {}

-- A controller remembers what it told the kernel about a descriptor, which saves
-- it telling that again at the next wait. It must forget that before the
-- descriptor closes: cqueues.cancel, a C function, makes all controllers do so.
core.tell_closing(cqueues.cancel)

-- Descriptors of other libraries' (a transport's object has one) may close
-- unseen: who waits last has them forgotten. What is being waited for, by
-- descriptor: sets of pollable objects. Those of coroutines that were collected
-- go with them.
local watched = {}
local WEAK = {__mode = "k"}

local function enter(watch)
  local set = watched[watch.pollfd]
  if not set then
    set = setmetatable({}, WEAK)
    watched[watch.pollfd] = set
  end
  set[watch] = true
end

local function leave(watch)
  local fd = watch.pollfd
  watched[fd][watch] = nil
  if next(watched[fd]) then return end
  watched[fd] = nil
  cqueues.cancel(fd)
end

--- A waiter (see ssl.wait) that yields in the coroutines of a controller.
-- In a coroutine within one of those, cqueues.auxlib's resume and wrap pass it
-- on, as for cqueues' own sockets.
function loop.wait(sock, mode, timeout)
  local fd = waiter.check(sock, mode, timeout)
  if fd < 0 or not (cqueues.running() and protect.running()) then
    return waiter.poll(sock, mode, timeout)
  end
  local watch = {pollfd = fd, events = mode}
  local foreign = not core.tells_closing(sock)
  if foreign then enter(watch) end
  local first
  if timeout then
    first = cqueues.poll(watch, timeout)
  else
    cqueues.poll(watch)
  end
  if foreign then leave(watch) end
  return first == nil or first ~= timeout
end

--- Have all sockets wait so that have no waiter of their own or their context's.
-- @treturn boolean  true
function loop.install()
  return core.set_default_waiter(loop.wait)
end

return loop
