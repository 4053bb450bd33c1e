--- op - the operation loop: how a method that can wait drives its step.
--
-- A step (in C) tries, waits inside its descriptor where the socket waits
-- plainly, and gives its results; what fails, it raises. Its first result is nil
-- only where it is to be called again: nil, status, deadline, progress, limit.
-- The limit is the deadline, or an earlier one for this wait alone. The statuses:
--   "read", "write"  the descriptor is to be awaited, through the waiter
--   "bell"  another coroutine awaits the same: wait until that one goes on
--   "callback"  a function of the user's is to be asked first: callback.lua
--   "signal"  a signal interrupted the wait. Between two calls Lua's hook has
--             run, which is how Ctrl-C ends a script that waits.
-- The deadline is made once, by the first call, so that nothing extends it.
-- Whatever the loop calls may yield: no C frame lies under it but those that the
-- VM can take up again, method.c's and, where it is such a one, pcall's.
-- Calls: callback, protect, waiter. Called by: socket, object.

local core = require "pyssl.core"
local callback = require "pyssl.callback"
local protect = require "pyssl.protect"
local waiter = require "pyssl.waiter"

local op = {}

-- The one who rings may die without having rung: look again after this time.
local BELL_SLICE = 1 -- seconds

local OVER = 0 -- a deadline that has passed

-- Do what a step has asked for; its deadline, then.
local function obey(self, status, deadline, limit)
  if status == "read" or status == "write" then
    local mode = status == "read" and "r" or "w"
    return waiter.wait(self, self, mode, limit) and deadline or OVER
  elseif status == "bell" then
    local slice = math.min(core.left(limit) or BELL_SLICE, BELL_SLICE)
    waiter.wait(self, core.bell(self), "r", core.deadline(slice))
  elseif status == "callback" then
    callback.ask(self)
  end
  return deadline
end

-- What a loop gives, which pcall has called.
local function finish(self, ok, ...)
  if ok then return ... end
  core.resume(self)
  error(..., 0)
end

-- A loop that an interrupt, or a lack of memory, may end anywhere: this coroutine
-- does not wait any more then. On Lua 5.1 pcall would be in the way of yields.
local function guard(f)
  if not protect.native then return f end
  return function(self, ...) return finish(self, pcall(f, self, ...)) end
end

-- The loop for a step: goes on where its first call has asked for that.
local function loop(step)
  return function(self, a, b, c, second, deadline, progress, limit)
    local result
    repeat
      deadline = obey(self, second, deadline, limit)
      result, second, deadline, progress, limit =
        step(self, a, b, c, deadline, progress)
    until result ~= nil
    if second == nil then return result end
    return result, second
  end
end

--- The method that drives `step` with its receiver and up to three arguments;
-- it gives the step's results, two at most. Where the VM lets C call the loop so
-- that it may yield, it is a C function, which mostly ends at once (method.c).
-- `quick` is a function of core.quick, for a step that has no time to lose.
function op.method(step, quick)
  local go_on = loop(step)
  if core.method then return core.method(step, go_on, core.resume, quick) end
  go_on = guard(go_on)
  return function(self, a, b, c)
    local result, second, deadline, progress, limit = step(self, a, b, c)
    if result == nil then
      return go_on(self, a, b, c, second, deadline, progress, limit)
    end
    if second == nil then return result end
    return result, second
  end
end

--- The same with a deadline that began earlier: (self, deadline, a, b).
function op.until_deadline(step)
  return guard(function(self, deadline, a, b)
    local result, second, left, progress, limit =
      step(self, a, b, nil, deadline)
    while result == nil do
      left = obey(self, second, left, limit)
      result, second, left, progress, limit =
        step(self, a, b, nil, left, progress)
    end
    return result, second
  end)
end

return op
