--- pump - moves bytes between the queues of an ssl.transport and the object that
-- carries them.
-- The one place that knows what such an object may answer (design.md, "Event
-- loops and transports"). Nothing here waits, unless the object's own methods do.
-- Whatever stops a move is returned, never raised: mode, reason, where
--   mode "r" or "w"  the object must become readable or writable first; reason
--                    is "want", "timeout" where it says so, or "late" where a
--                    connection of ours has waited in vain, to its own deadline
--   mode "busy"      another coroutine is sending, and takes what is queued along
--   mode "error"     reason is the error
-- Calls: errors, protect. Called by: transport.

local core = require "pyssl.core"
local errors = require "pyssl.errors"
local protect = require "pyssl.protect"

local steps = core.transport_steps

local pump = {}

local MOST = 16384 + 5 + 256 -- bytes of a TLS record: asked for, or sent, at once

local WAITS = {
  timeout = {"r", "timeout"},
  wantread = {"r", "want"},
  wantwrite = {"w", "want"},
}

local MAIN = "main" -- where the VM has no name for the coroutine

--- What is kept about a connection.
-- @param object  what carries its bytes
-- @tparam string receive  the name of its method that gives some
-- @tparam ?string descriptor  the name of the one that tells its descriptor
-- @tparam boolean patient  does its `receive` wait for all that is asked for?
function pump.new(object, receive, descriptor, patient)
  return {
    object = object,
    receive = receive,
    descriptor = descriptor,
    patient = patient,
    owner = setmetatable({}, {__mode = "v"}), -- [1]: the coroutine that sends
    sending = false,
    chunk = nil,        -- what the object was offered and wants offered again
    input_error = nil,  -- why nothing more is received
    output_error = nil, -- why nothing more is sent
    wanted = nil,       -- somebody waits until the one who sends has ended
    parting = nil,      -- closed while somebody waits on its descriptor
  }
end

-- Answers

local function broken(state, name, text, ...)
  local message = "the transport's '%s' " .. text
  return errors.ValueError(message:format(state[name] or name, ...))
end

-- An error that the object raised, or gave in place of a text, as a stop.
local function stop_for(err)
  if not core.is_error(err) then return "error", err end
  if err:is(errors.SSLWantReadError) then return "r", "want" end
  if err:is(errors.SSLWantWriteError) then return "w", "want" end
  if err:is(errors.TimeoutError) then return nil, "late" end
  return "error", err
end

-- The same for what it gave beside nil. `mode` is what it was asked to do.
local function stop_answered(state, name, mode, err)
  if core.is_error(err) then return stop_for(err) end
  local wait = WAITS[err]
  if wait then return err == "timeout" and mode or wait[1], wait[2] end
  if err == "closed" then
    return "error", errors.OSError("the transport is closed")
  end
  if type(err) == "string" then return "error", errors.OSError(err) end
  if type(err) == "number" and err % 1 == 0 and err > 0 and err < 2 ^ 31 then
    return "error", core.system_error(err)
  end
  return "error", broken(state, name, "gave nil and no reason")
end

-- A count of bytes, 0 to `most`; else nil and the error.
local function check_count(state, count, most)
  if type(count) ~= "number" then
    return nil, broken(state, "send", "gave a %s (number of bytes expected)",
                       type(count))
  end
  if count >= 0 and count <= most and count % 1 == 0 then return count end
  return nil, broken(state, "send", "gave %s (0 to %d bytes expected)",
                     tostring(count), most)
end

-- Receiving

-- Take in what came; true where that was anything. An error where it is no text,
-- or too long.
local function take_bytes(conn, state, data)
  if type(data) ~= "string" then
    return nil, broken(state, "receive", "gave a %s (string expected)",
                       type(data))
  end
  if #data > MOST then
    return nil, broken(state, "receive", "gave %d bytes, asked for %d", #data,
                       MOST)
  end
  steps.feed(conn, data)
  return data ~= ""
end

local function fail_input(state, err)
  state.input_error = err
  return "error", err
end

-- It gave nil: the end, a wait, or a failure; what came with it is kept.
local function take_partial(conn, state, err, partial)
  local got, wrong = false, nil
  if partial ~= nil then got, wrong = take_bytes(conn, state, partial) end
  if wrong then return fail_input(state, wrong) end
  if err == "closed" then return steps.finish(conn) end
  local mode, reason = stop_answered(state, "receive", "r", err)
  if mode == "error" then state.input_error = reason end
  if got then return nil end
  return mode or "r", reason
end

--- Ask the object for bytes, once.
-- @return nothing where some came, or their end; else mode, reason
function pump.fill(conn, state)
  local object = state.object
  if state.input_error then return "error", state.input_error end
  if state.patient then object:settimeout(0) end
  local ok, data, err, partial = protect.call(object[state.receive], object, MOST)
  if not ok then
    local mode, reason = stop_for(data)
    return mode or "r", reason
  end
  if data == nil then return take_partial(conn, state, err, partial) end
  if data == "" then return steps.finish(conn) end
  local _, wrong = take_bytes(conn, state, data)
  if wrong then return fail_input(state, wrong) end
end

-- Sending

-- What the object has taken of `chunk`, and what stopped it.
local function read_answer(state, chunk, ok, count, err, last)
  local mode, reason
  if not ok then
    mode, reason = stop_for(count)
    count = core.is_error(count) and count.sent or 0
    mode = mode or "w"
  elseif count == nil then
    mode, reason = stop_answered(state, "send", "w", err)
    count = last or 0
  end
  local taken, wrong = check_count(state, count, #chunk)
  if wrong then return 0, "error", wrong end
  if taken == 0 and not mode and chunk ~= "" then return 0, "w", "want" end
  return taken, mode, reason
end

-- Offer it a chunk: how much it took, mode, reason.
local function offer(state, chunk)
  local object = state.object
  if state.patient then object:settimeout(0) end
  return read_answer(state, chunk, protect.call(object.send, object, chunk))
end

-- The same with what is queued. Where the object took nothing, it is offered
-- the very same again: a connection of pyssl or LuaSec insists on that.
local function send_some(conn, state)
  local chunk = state.chunk or steps.output(conn, MOST)
  if chunk == "" then return end
  local taken, mode, reason = offer(state, chunk)
  state.chunk = taken == 0 and chunk or nil
  steps.taken(conn, taken)
  return mode, reason
end

-- The same until nothing is left, or somebody waits to go on with it.
local function send_all(conn, state)
  local mode, reason
  repeat
    mode, reason = send_some(conn, state)
  until mode or state.wanted or steps.output(conn, 1) == ""
  return mode, reason
end

-- Nobody knows what has gone out.
local function fail_output(conn, state, err)
  state.output_error = err
  steps.refuse(conn)
  return "error", err
end

local LOST = "a coroutine ended while it was sending: what the transport has "
             .. "taken is not known"

--- Is a coroutine sending? One that died in the middle of that leaves nobody
-- knowing what has gone out: then nothing more can.
function pump.is_sending(conn, state)
  if not state.sending then return false end
  local owner = state.owner[1]
  if owner == MAIN or owner and coroutine.status(owner) ~= "dead" then
    return true
  end
  state.sending = false
  steps.carry(conn, false)
  fail_output(conn, state, errors.OSError(LOST))
  return false
end

-- Begin to send, or end it.
local function hold(conn, state, flag)
  state.sending = flag
  state.owner[1] = flag and (coroutine.running() or MAIN) or nil
  steps.carry(conn, flag)
  if not flag then steps.ring(conn) end
end

--- Give the object what is queued, until nothing is left, it takes no more, or
-- somebody waits to go on with it.
-- @return nothing, or mode, reason
function pump.flush(conn, state)
  if pump.is_sending(conn, state) then return "busy" end
  if steps.output(conn, 1) == "" then return end
  if state.output_error then return "error", state.output_error end
  hold(conn, state, true)
  -- An interrupt, or a lack of memory, may come anywhere.
  local ok, mode, reason = protect.call(send_all, conn, state)
  hold(conn, state, false)
  state.wanted = nil
  if not ok then return fail_output(conn, state, mode) end
  if mode == "error" then return fail_output(conn, state, reason) end
  return mode, reason
end

--- Offer `rest`, the last bytes of a connection that is closed, for as long as
-- the object takes some.
function pump.part(conn, state, rest)
  if state.output_error or pump.is_sending(conn, state) then return end
  local mode
  while rest ~= "" and not mode do
    local taken
    taken, mode = offer(state, state.chunk or rest:sub(1, MOST))
    state.chunk = nil
    rest = rest:sub(taken + 1)
  end
end

-- What waits

--- The object's descriptor, or -1.
function pump.descriptor(state)
  local object, name = state.object, state.descriptor
  local ok, fd = pcall(function() return name and object[name](object) end)
  return ok and type(fd) == "number" and fd % 1 == 0 and fd >= 0 and fd or -1
end

--- What has the descriptor: below connections on connections, the last object.
function pump.last(state)
  local object = state.object
  while core.is_connection(object) and not core.is_socket(object) do
    object = steps.state(object).object
  end
  return object
end

return pump
