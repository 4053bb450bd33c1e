--- transport - the methods of ssl.transport: TLS over any object that sends and
-- receives.
-- A step works on queues (src/bind/transport.c); between two steps the pump moves
-- bytes, and nothing of C lies below it: the object's methods may yield.
-- Calls: callback, check, errors, file, protect, pump, subclass, waiter.
-- Called by: pyssl.

local core = require "pyssl.core"
local callback = require "pyssl.callback"
local check = require "pyssl.check"
local errors = require "pyssl.errors"
local file = require "pyssl.file"
local protect = require "pyssl.protect"
local pump = require "pyssl.pump"
local subclass = require "pyssl.subclass"
local waiter = require "pyssl.waiter"

local steps = core.transport_steps
local transport = core.methods.transport

-- The one who rings may die without having rung: look again after this time.
local BELL_SLICE = 1 -- seconds

local OVER = 0 -- a deadline that has passed

-- Close the object. One that is busy with another coroutine may refuse: it is
-- closed when that one is back.
local function close_object(conn, state)
  local object = state.object
  state.parting = nil
  if not object.close then return end
  local ok, err = object:close()
  state.parting = not ok and err and steps.is_awaited(conn) or nil
end

-- The operation of this coroutine does not wait any more.
local function come_back(conn)
  local state = steps.state(conn)
  core.resume(conn)
  if state.parting and not steps.is_awaited(conn) then
    close_object(conn, state)
  end
end

local function raise(conn, err)
  come_back(conn)
  error(err, 0)
end

-- Moving bytes

-- After a failure to send, what the peer has sent can still be read.
local function may_read_on(conn, op)
  return op == "read" and steps.has_shaken_hands(conn)
end

-- What a step asks for, "read" or "write": flush, then fill. Nothing where there
-- was progress, or it was closed meanwhile; else mode, reason.
local function move(conn, state, status, op)
  local mode, reason = pump.flush(conn, state)
  if steps.is_closed(conn) then return end
  if mode == "error" and not may_read_on(conn, op) then raise(conn, reason) end
  if status ~= "read" then return mode, reason end
  local blocked, why = pump.fill(conn, state)
  if steps.is_closed(conn) then return end
  if blocked == "error" then raise(conn, why) end
  -- Before the handshake is done the peer waits for us.
  if blocked and (mode == "r" or mode == "w") and not may_read_on(conn, op) then
    return mode, reason
  end
  return blocked, why
end

-- Wait for another coroutine to go on.
local function wait_for_bell(conn, state, mode, deadline)
  if not core.waiter(conn) then
    raise(conn, errors.ValueError("another coroutine is "
      .. (mode == "busy" and "sending to" or "receiving from")
      .. " the transport, and there is no waiter to wait for it"))
  end
  if mode == "busy" then
    steps.attend(conn)
    state.wanted = true
  end
  local slice = math.min(core.left(deadline) or BELL_SLICE, BELL_SLICE)
  waiter.wait(conn, core.bell(conn), "r", core.deadline(slice))
  come_back(conn)
  state.wanted = nil
  return deadline
end

local function raise_want(conn, mode, op)
  come_back(conn)
  core.raise_want(mode == "busy" and "w" or mode, op)
end

-- Wait for the object, which waits not by itself. The deadline, then: nil where
-- do_handshake(true) has none.
local function wait_for_object(conn, state, op, mode, reason, deadline)
  local shown = pump.descriptor(state) >= 0
  if reason == "late" or reason == "timeout" and not shown then
    return deadline and OVER or raise_want(conn, mode, op)
  end
  if not shown then raise_want(conn, mode, op) end
  state.mode = mode
  local ready = waiter.wait(conn, conn, mode, deadline)
  come_back(conn)
  return ready and deadline or OVER
end

-- Do what a step has asked for; the deadline of the next one, then.
local function proceed(conn, status, op, deadline, waits)
  local state = steps.state(conn)
  if status == "bell" then
    return wait_for_bell(conn, state, status, deadline)
  end
  local mode, reason = move(conn, state, status, op)
  if status == "callback" then callback.ask(conn) end
  if status == "callback" or not mode then
    come_back(conn)
    return deadline
  end
  if not waits then raise_want(conn, mode, op) end
  if conn.timeout == 0 then deadline = nil end
  if mode == "busy" then return wait_for_bell(conn, state, mode, deadline) end
  return wait_for_object(conn, state, op, mode, reason, deadline)
end

-- The step has ended: what it left to be sent, an alert even, goes out. A failure
-- to do that does not hide how the step ended; that of a write it is.
local function finish(conn, op, ok, result, second)
  local known, state = pcall(steps.state, conn) -- not with a wrong receiver
  if known and state then
    local mode, reason = pump.flush(conn, state)
    if ok and mode == "error" and op ~= "read" then error(reason, 0) end
  end
  if not ok then error(result, 0) end
  if second == nil then return result end
  return result, second
end

-- Does do_handshake(block) wait although the timeout is 0?
local function is_blocking(op, a)
  return op == "handshake" and (a == true or type(a) == "table" and a.block)
end

-- Drive a step to its end.
local function drive(self, step, op, a, b, c)
  local ok, result, second, deadline, progress
  repeat
    ok, result, second, deadline, progress =
      pcall(step, self, a, b, c, deadline, progress)
    if ok and result == nil then
      local waits = self.timeout ~= 0 or is_blocking(op, a)
      deadline = proceed(self, second, op, deadline, waits)
    end
  until not ok or result ~= nil
  return ok, result, second
end

-- The same. An interrupt, or a lack of memory, may come anywhere: whatever ends
-- it, this coroutine does not wait any more. On Lua 5.1 it would be another one.
local function drive_safely(self, ...)
  if not protect.native then return drive(self, ...) end
  local fine, ok, result, second = pcall(drive, self, ...)
  if not fine then raise(self, ok) end
  return ok, result, second
end

-- The method that drives a step.
local function method(step, op)
  return function(self, a, b, c)
    steps.state(self) -- the receiver's class: a socket's step would take it
    return finish(self, op, drive_safely(self, step, op, a, b, c))
  end
end

-- Documented at the steps: src/bind/socket_{read,write,step}.c.
for name, op in pairs {
  do_handshake = "handshake", unwrap = "unwrap", close_write = "close_write",
  recv = "read", recv_into = "read", read = "read", send = "write",
  sendall = "write", write = "write", sendfile = "write",
} do
  transport[name] = method(steps[name], op)
end

-- Closing

-- The connection is closed, and `rest` is still to go. Whoever waits on the
-- object's descriptor is woken before it is closed.
local function close_with(conn, state, rest)
  pump.part(conn, state, rest)
  local last = pump.last(state)
  if steps.is_awaited(conn) and pump.descriptor(state) >= 0
     and last.shutdown then
    state.parting = true
    local both = core.is_connection(last) and 2 or "both"
    protect.call(last.shutdown, last, both)
  else
    close_object(conn, state)
  end
end

--- Close the connection: send close_notify, if the object takes it without
-- waiting in vain, then call its `close`.
-- @function transport:close
-- @treturn boolean  true, also when it is closed already; while a makefile object
-- is open, it is closed when the last of them is
-- @raise what the object's `close` raises
function transport.close(self)
  local rest, state = steps.close(self), steps.state(self)
  if rest then
    close_with(self, state, rest)
  elseif state.parting and not steps.is_awaited(self) then
    close_object(self, state)
  end
  return true
end
core.transport_closer(function(self) transport.close(self) end)

--- Give the object back, open; the connection is closed then. Sends nothing.
-- @function transport:detach
-- @return the object, nil where it was closed already
-- @treturn string  bytes that were received from it and not read
-- @raise ValueError where another coroutine is in an operation
function transport.detach(self)
  local state, closed = steps.state(self), steps.is_closed(self)
  if pump.is_sending(self, state) then
    error(errors.ValueError("another coroutine is sending to the transport"), 0)
  end
  local left = steps.detach(self)
  if closed then return nil end
  return state.object, left
end

-- A file's hold. A collector's finalizer sends nothing and calls nobody.
local hold = {acquire = steps.hold_file}

function hold.release(conn, quiet)
  local rest = steps.release_file(conn)
  if rest and not quiet then close_with(conn, steps.state(conn), rest) end
end

local MAKEFILE = {"mode", "buffering"}

--- A buffered file on the connection: socket.lua.
function transport.makefile(self, ...)
  local mode, buffering = core.arguments(MAKEFILE, ...)
  return file.new(self, mode, buffering, hold)
end

-- What the object has

-- The field of an object if it is a function; also of what cannot be indexed.
local function has(object, name)
  local ok, value = pcall(function() return object[name] end)
  return ok and type(value) == "function"
end

--- The object's descriptor, for event loops: -1 where it shows none.
function transport.fileno(self)
  local state = steps.state(self)
  if steps.is_closed(self) and not state.parting then return -1 end
  return pump.descriptor(state)
end
transport.getfd, transport.pollfd = transport.fileno, transport.fileno

local is_dirty = transport.dirty

--- Would a read give something without the object's descriptor?
function transport.dirty(self)
  local object = steps.state(self).object
  return is_dirty(self) or not steps.is_closed(self) and has(object, "dirty")
    and object:dirty() == true
end

--- What the last operation waited for: "r" or "w".
function transport.events(self)
  return steps.state(self).mode or "r"
end

local function refuse(name)
  error(errors.NotImplementedError(name .. " is not possible on a transport"),
        0)
end

--- The addresses of both ends, by the object's own methods.
for _, name in ipairs {"getsockname", "getpeername"} do
  transport[name] = function(self)
    local object = steps.state(self).object
    if not object[name] then refuse(name) end
    return object[name](object)
  end
end

-- What needs a descriptor of one's own.
for _, name in ipairs {
  "connect", "connect_ex", "bind", "listen", "accept", "shutdown", "setsockopt",
  "getsockopt", "dup", "sendmsg", "recvmsg", "recvmsg_into", "recvfrom",
  "recvfrom_into", "sendto",
} do
  transport[name] = function() refuse(name) end
end

-- Making one

local function first_of(object, names)
  for _, name in ipairs(names) do
    if has(object, name) then return name end
  end
end

local function check_object(object)
  local kind = type(object)
  local receive = (kind == "table" or kind == "userdata")
    and first_of(object, {"receiveany", "recv", "receive"})
  if receive and has(object, "send") then return receive end
  error(("bad argument #1 to 'wrap_transport' (object with send and receive "
         .. "expected, got %s)"):format(kind), 0)
end

-- What is to be kept about an object. LuaSocket's `receive` waits for all that it
-- is asked for, unless its timeout is 0.
local function new_state(object)
  local receive = check_object(object)
  local patient = receive == "receive" and has(object, "getfd")
    and has(object, "setfd") and has(object, "settimeout")
  local descriptor = first_of(object, {"getfd", "fileno", "pollfd"})
  return pump.new(object, receive, descriptor, patient)
end

local OPTIONS = {
  "server_side", "do_handshake_on_connect", "suppress_ragged_eofs",
  "server_hostname", "session", "initial", "timeout", "certificate",
  "private_key", "trust", "verify_mode", "alpn_protocols",
}

local function check_options(on_connect, initial, timeout)
  for name, case in pairs {
    initial = {"string", initial}, timeout = {"number", timeout},
  } do
    if case[2] ~= nil and type(case[2]) ~= case[1] then
      error(("bad value for option '%s' (%s expected, got %s)")
              :format(name, case[1], type(case[2])), 0)
    end
  end
  if timeout and (timeout < 0 or timeout ~= timeout) then
    error(errors.ValueError("timeout must not be negative"), 0)
  end
  if timeout == 0 and on_connect ~= false then
    error(errors.ValueError("do_handshake_on_connect should not be specified "
      .. "for a non-blocking connection"), 0)
  end
end

-- The handshake of a new connection, closed where that fails.
local function shake_hands(conn)
  local ok, err = protect.call(conn.do_handshake, conn)
  if ok then return end
  protect.call(conn.close, conn)
  error(err, 0)
end

--- Put TLS on any object that sends and receives: an nginx cosocket, a LuaSocket
-- object, another connection, a table. What it must have and may answer: see the
-- reference, doc/transport.md.
-- @function context:wrap_transport
-- @param object  has `send`, and `receiveany`, `recv` or `receive`
-- @tparam ?table options  `server_side`, `do_handshake_on_connect`,
-- `suppress_ragged_eofs`, `server_hostname`, `session`, `initial`, `certificate`,
-- `private_key`, `trust`, `verify_mode` and `alpn_protocols` as for wrap_socket;
-- `timeout`: seconds for each operation, nil for no limit, 0: never
-- wait
-- @treturn ssl.transport  or what sslsocket_class makes of it
-- @raise ValueError for impossible combinations and names; what the handshake
-- raises, with the connection and the object closed
function core.methods.context.wrap_transport(self, object, options, ...)
  local state = new_state(object)
  if select("#", ...) > 0 then
    error(errors.TypeError("too many arguments (2 at most)"), 0)
  end
  if options ~= nil and type(options) ~= "table" then
    check.expected(2, "wrap_transport", "table", options)
  end
  local server_side, on_connect, suppress, hostname, session, initial, timeout,
        certificate, key, trust, mode, protocols =
    core.arguments(OPTIONS, options)
  check_options(on_connect, initial, timeout)
  local conn = core.new_transport(self, server_side, on_connect, suppress,
                                  hostname, nil, session, certificate, key,
                                  trust, mode, protocols)
  conn:settimeout(timeout)
  steps.attach(conn, state, initial or "")
  if conn.do_handshake_on_connect then shake_hands(conn) end
  return subclass.apply(self.sslsocket_class, conn)
end
