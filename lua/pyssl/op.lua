-- op.lua - the operation loop: how a method that can wait drives its step.
--
-- A step (in C) tries, waits inside its descriptor where the socket waits, and
-- gives its results; what fails, it raises. Its first result is nil only where
-- it is to be called again: nil, status, deadline, progress. The statuses:
--   "signal"  a signal interrupted the wait. Between two calls Lua's hook has
--             run, which is how Ctrl-C ends a script that waits.
--   "callback"  a function of the user's is to be asked first: callback.lua.
-- The deadline is made once, by the first call, so that nothing extends it.
-- No C frame lies under this loop.

local callback = require "pyssl.callback"

local op = {}

-- The method that drives `step` with its receiver and up to three arguments;
-- it gives the step's results, two at most.
function op.method(step)
  return function(self, a, b, c)
    local result, second, deadline, progress = step(self, a, b, c)
    while result == nil do
      if second == "callback" then callback.ask(self) end
      result, second, deadline, progress =
        step(self, a, b, c, deadline, progress)
    end
    if second == nil then return result end
    return result, second
  end
end

-- The same with a deadline that began earlier: (self, deadline, a, b).
function op.until_deadline(step)
  return function(self, deadline, a, b)
    local result, second, left, progress = step(self, a, b, nil, deadline)
    while result == nil do
      if second == "callback" then callback.ask(self) end
      result, second, left, progress = step(self, a, b, nil, left, progress)
    end
    return result, second
  end
end

return op
