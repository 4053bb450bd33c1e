--- waiter - waiting where a blocking socket would poll: through the function that
-- the socket, its context or the program has for that, which may yield.
-- Calls: check, errors, protect. Called by: op, address, transport, pyssl, loop
-- adapters.

local core = require "pyssl.core"
local check = require "pyssl.check"
local errors = require "pyssl.errors"
local protect = require "pyssl.protect"

local waiter = {}

local function value_error(message)
  error(errors.ValueError(message), 0)
end

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
  local ok, ready = protect.call(f, object, mode, timeout)
  core.resume(conn)
  if not ok then error(ready, 0) end
  return not is_over(ready, timeout)
end

local NAMES = {"getfd", "fileno", "pollfd"}

-- The descriptor of what can be awaited. Asked for each wait: nothing is made.
local function descriptor(sock)
  local kind = type(sock)
  if kind == "number" then
    if sock % 1 == 0 then return sock end
    check.fail(1, "wait", "number has no integer representation", 1)
  elseif kind == "table" or kind == "userdata" then
    for i = 1, #NAMES do
      local tell = sock[NAMES[i]]
      if tell then return tell(sock) end
    end
  end
  check.expected(1, "wait", "socket or descriptor", sock, 1)
end

--- Check the arguments that a waiter is called with.
-- @treturn integer  the descriptor
function waiter.check(sock, mode, timeout)
  local fd = descriptor(sock)
  if mode ~= "r" and mode ~= "w" then value_error("a mode is \"r\" or \"w\"") end
  if timeout ~= nil then
    if type(timeout) ~= "number" then
      check.expected(3, "wait", "number", timeout)
    end
    if timeout < 0 or timeout ~= timeout then
      value_error("timeout must not be negative")
    end
  end
  return fd
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
  local fd = waiter.check(sock, mode, timeout)
  local deadline = core.deadline(timeout)
  local ready = core.wait(fd, mode, deadline)
  while ready == nil do -- a signal came; Lua's hook runs here
    ready = core.wait(fd, mode, deadline)
  end
  return ready
end

return waiter
