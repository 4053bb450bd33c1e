--- callback - the questions that a handshake stops at until the user's function
-- has answered (question.c). It is called here, outside of OpenSSL, and may
-- yield. Calls: errors, protect. Called by: op.

local core = require "pyssl.core"
local errors = require "pyssl.errors"
local protect = require "pyssl.protect"

local callback = {}

-- Which coroutine is asked for a connection. One that died, or was collected,
-- asks no more: the question is put again.
local asking = setmetatable({}, {__mode = "kv"})
local MAIN = "main" -- where the VM has no name for it

local function is_asked(conn)
  local owner = asking[conn]
  return owner == MAIN
    or owner ~= nil and coroutine.status(owner) ~= "dead"
end

local function give(conn, ...)
  asking[conn] = nil
  core.answer(conn, ...)
end

local function put(conn, f, ...)
  if not f then return end
  asking[conn] = coroutine.running() or MAIN
  give(conn, protect.call(f, ...))
end

--- Ask, and give the answer to the connection: its next step goes on with it.
-- What the function raises is raised by that step, when the alert is out.
-- @raise ValueError where it is being asked already
function callback.ask(conn)
  if is_asked(conn) then
    error(errors.ValueError("the connection waits for its callback"), 0)
  end
  put(conn, core.question(conn))
end

return callback
