--- waiter - waiting where a blocking socket would poll: through the function that
-- the socket, its context or the program has for that, which may yield.
-- Calls: check, errors, protect. Called by: op, address, pyssl.

local core = require "pyssl.core"
local check = require "pyssl.check"
local errors = require "pyssl.errors"
local protect = require "pyssl.protect"

local waiter = {}

local function value_error(message)
  error(errors.ValueError(message), 0)
end

-- On Lua 5.1 a waiter that yields cannot be called under pcall.
local function call_directly(f, ...)
  return true, f(...)
end
local guarded = protect.native and pcall or call_directly

-- What a waiter has answered: is the time over?
local function is_over(ready, timeout)
  if ready == true then return false end
  if ready ~= false then
    value_error("a waiter returns true or false, not a value of type "
                .. type(ready))
  end
  if timeout == nil then
    value_error("the waiter reported a time-out where there is no time limit")
  end
  return true
end

--- Wait through the waiter in force for a connection.
-- @tparam ssl.socket conn
-- @param object  what is awaited: the connection, or a look-up or bell of it
-- @tparam string mode  "r" or "w"
-- @tparam ?number deadline  as from core.deadline
-- @treturn boolean  true, or false where the deadline has passed
-- @raise what the waiter raises; ValueError where its answer is none
function waiter.wait(conn, object, mode, deadline)
  local f = core.waiter(conn) or waiter.poll -- it may have been taken away
  local timeout = core.left(deadline)
  local ok, ready = guarded(f, object, mode, timeout)
  core.resume(conn)
  if not ok then error(ready, 0) end
  return not is_over(ready, timeout)
end

-- The descriptor of what can be awaited.
local function descriptor(sock)
  if type(sock) == "number" then return check.integer(1, "wait", sock) end
  local kind = type(sock)
  for _, name in ipairs {"getfd", "fileno", "pollfd"} do
    if (kind == "table" or kind == "userdata") and sock[name] then
      return sock[name](sock)
    end
  end
  check.expected(1, "wait", "socket or descriptor", sock)
end

--- Wait in the system until a descriptor can be read or written: a waiter that
-- stops the whole program. Event loops' waiters use it outside of coroutines.
-- @function wait
-- @param sock  descriptor number, or an object with getfd, fileno or pollfd
-- @tparam string mode  "r" or "w"
-- @tparam ?number timeout  seconds; nil: no limit
-- @treturn boolean  true when it is ready, false where the time is over
-- @raise OSError EBADF where it has no open descriptor; ValueError for another
-- mode and a negative time-out
function waiter.poll(sock, mode, timeout)
  local fd = descriptor(sock)
  if mode ~= "r" and mode ~= "w" then value_error("a mode is \"r\" or \"w\"") end
  if timeout ~= nil then
    check.type(3, "wait", "number", timeout)
    if not (timeout >= 0) then value_error("timeout must not be negative") end
  end
  local deadline, ready = core.deadline(timeout), nil
  repeat
    ready = core.wait(fd, mode, deadline) -- nil: a signal; Lua's hook runs here
  until ready ~= nil
  return ready
end

return waiter
