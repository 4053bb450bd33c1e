--- callback - the questions that a handshake stops at until the user's function
-- has answered (question.c). It is called here, outside of OpenSSL, and may
-- yield. Calls: protect. Called by: op, transport.

local core = require "pyssl.core"
local protect = require "pyssl.protect"

local callback = {}

-- The wait for the callback is over; those who wait for the same may go on.
local function give(conn, ...)
  core.resume(conn)
  core.answer(conn, ...)
end

local function put(conn, f, ...)
  if f then return give(conn, protect.call(f, ...)) end
  core.resume(conn)
end

--- Ask, and give the answer to the connection: its next step goes on with it.
-- What the function raises is raised by that step, when the alert is out. A
-- coroutine that dies meanwhile is asked no more: the next one is.
function callback.ask(conn)
  put(conn, core.question(conn))
end

return callback
