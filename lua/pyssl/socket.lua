--- socket - the methods of ssl.socket that can wait or take addresses.
-- What they do is in C, as steps; here is the order of the steps.
-- Calls: op, address, file, subclass, errors. Called by: context.

local core = require "pyssl.core"
local address = require "pyssl.address"
local errors = require "pyssl.errors"
local file = require "pyssl.file"
local op = require "pyssl.op"
local subclass = require "pyssl.subclass"

local steps = core.steps
local socket = core.methods.socket

-- Documented at the steps: src/bind/socket_{read,write,step}.c.
for _, name in ipairs {
  "do_handshake", "unwrap", "close_write", "recv", "recv_into", "read",
  "send", "sendall", "write", "sendfile",
} do
  socket[name] = op.method(steps[name], core.quick[name])
end

local accept = op.method(steps.accept)
local connect_to = op.until_deadline(steps.connect)
local handshake = op.until_deadline(steps.do_handshake)

-- The deadline of an operation that begins now; nil where there is none, and
-- where nothing is waited for.
local function deadline_of(self)
  local timeout = self.timeout
  return timeout ~= 0 and core.deadline(timeout) or nil
end

--- Bind to an address, making the descriptor if there is none yet.
-- @function socket:bind
-- @tparam string|table host  name, numeric address, "" for every interface, a
-- Unix-domain path, or {host, port}
-- @tparam ?integer port  0 lets the system choose
-- @treturn boolean true
-- @raise OSError, ValueError  [E.3 bind]
function socket.bind(self, host, port)
  local family = steps.family_name(self)
  host, port = address.take(host, port, "bind")
  local near = address.lookup_near(self, host, port, family,
                                   deadline_of(self))
  return steps.bind(self, near[1])
end

-- The handshake of a connection that was accepted. Under a waiter its first
-- operation performs it, so that accept goes on to others.
local function begin_handshake(conn, timeout)
  if core.waiter(conn) then return steps.limit_handshake(conn, timeout) end
  steps.close_on_failure(conn)
  handshake(conn, core.deadline(timeout))
end

--- Take a connection and perform its handshake.
-- The listener's `handshake_timeout` bounds the handshake, so that a silent
-- peer stops nobody. Where the listener does not wait (timeout 0) neither does
-- the connection, and its first operation performs the handshake; so it is where
-- it waits through a waiter, and then within the same time.
-- @function socket:accept
-- @treturn ssl.socket  blocking, unless the listener is not; or what the
-- context's sslsocket_class makes of it
-- @treturn table  the peer's address {host, port, ...}
-- @raise what the handshake raises, with the connection closed and the
-- listener usable; SSLWantReadError, TimeoutError, OSError  [E.3 accept]
function socket.accept(self)
  local conn, peer = accept(self)
  if conn.do_handshake_on_connect and conn.timeout ~= 0 then
    begin_handshake(conn, self.handshake_timeout)
  end
  return subclass.apply(self.context.sslsocket_class, conn), peer
end

-- Attempts to connect that wait for their end, by socket: what `connect` goes on
-- with where it is called again.
local pending = setmetatable({}, {__mode = "k"})

-- An attempt: addresses in order, those of the near end, which one is tried, why
-- the ones before failed. A descriptor that the socket had already is kept.
local function new_attempt(self, addresses, near)
  return {
    addresses = addresses, near = near, index = 1, failures = {},
    keep = self:fileno() >= 0,
  }
end

-- The attempt of connect and connect_ex: the one that waits where it is to the
-- same host, or a new one. A descriptor that is there can only go to an address
-- of its family.
local function take_attempt(self, host, port, deadline)
  local attempt = pending[self]
  if attempt and (attempt.keep
      or attempt.host == host and attempt.port == port) then
    return attempt
  end
  if attempt then steps.drop_descriptor(self) end
  local family = steps.family_name(self)
  attempt = new_attempt(self,
                        address.lookup(self, host, port, family, deadline))
  attempt.host, attempt.port = host, port
  return attempt
end

-- Try the present address: 0 or an errno value, and whether the deadline has
-- passed. Where it failed for good, say why.
local function try_address(self, attempt, deadline)
  local far = attempt.addresses[attempt.index]
  local near = address.match(attempt.near, far)
  pending[self] = attempt -- where it does not come back from a wait
  local number, late = connect_to(self, deadline, far, near)
  local err = number ~= 0 and core.system_error(number)
  local waits = err and (err.name == "EINPROGRESS" or late and attempt.keep)
  pending[self] = waits and attempt or nil
  if err and not waits and not attempt.keep then steps.drop_descriptor(self) end
  local reason = err and (late and "the connect operation timed out"
                          or err.message)
  attempt.failures[attempt.index] =
    reason and address.show(far) .. ": " .. reason
  return number, late, waits
end

-- Try the addresses in order. 0 or an errno value, and whether that is for the
-- deadline.
local function try_addresses(self, attempt, deadline)
  while true do
    local number, late, waits = try_address(self, attempt, deadline)
    local last = attempt.index == #attempt.addresses
    if number == 0 or late or waits or last then return number, late end
    attempt.index = attempt.index + 1
  end
end

-- The error for a connect that failed with `number`.
local function connect_error(number, late, attempt)
  local reasons = table.concat(attempt.failures, "; ")
  if late then return errors.TimeoutError(reasons, {op = "connect"}) end
  local err = core.system_error(number, "connect")
  err.message = reasons
  return err
end

-- Connect by `deadline` and begin TLS, without a handshake.
local function open(self, attempt, deadline)
  local number, late = try_addresses(self, attempt, deadline)
  if number ~= 0 then error(connect_error(number, late, attempt), 0) end
  steps.start_tls(self)
end

-- The same for context:connect: `near` is a list of addresses or nil.
local function open_new(self, addresses, near, deadline)
  open(self, new_attempt(self, addresses, near), deadline)
end

-- Perform the handshake of connect, where one is wanted and can be.
local function finish_connect(self, deadline)
  if self.do_handshake_on_connect and self.timeout ~= 0 then
    handshake(self, deadline)
  end
end

--- Connect, begin TLS, and perform the handshake.
-- Every address of a name is tried in order; all steps share one deadline.
-- Where it raised EINPROGRESS it goes on when it is called again.
-- @function socket:connect
-- @tparam string|table host  name, numeric address, Unix-domain path, or
-- {host, port}
-- @tparam ?integer port
-- @treturn boolean true
-- @raise ValueError on the server side and where it is connected; OSError that
-- lists the addresses and why each failed, EINPROGRESS with timeout 0 (use
-- connect_ex there); TimeoutError; what the handshake raises  [E.3 connect]
function socket.connect(self, host, port)
  steps.check_connectable(self)
  host, port = address.take(host, port, "connect")
  local deadline = deadline_of(self)
  open(self, take_attempt(self, host, port, deadline), deadline)
  finish_connect(self, deadline)
  return true
end

--- Connect as `connect` does, but give a failure to connect as a number.
-- With timeout 0 it gives EINPROGRESS's; wait until the socket is writable then
-- and call do_handshake.
-- @function socket:connect_ex
-- @treturn integer  0, or an errno value: ETIMEDOUT's where time is up
-- @raise what `connect` raises, but for the errors of connecting
function socket.connect_ex(self, host, port)
  steps.check_connectable(self)
  host, port = address.take(host, port, "connect_ex")
  local deadline = deadline_of(self)
  local attempt = take_attempt(self, host, port, deadline)
  local number, late = try_addresses(self, attempt, deadline)
  if number ~= 0 and (late or not pending[self]) then return number end
  pending[self] = nil
  steps.start_tls(self)
  if number == 0 then finish_connect(self, deadline) end
  return number
end

local hold = {acquire = steps.hold_file, release = steps.release_file}
local MAKEFILE = {"mode", "buffering"}

--- A buffered file on the connection, which stays open as long as the file.
-- @function socket:makefile
-- @tparam[opt="r"] string mode  "r", "w" or "rw"; a "b" changes nothing
-- @tparam[opt=8192] integer buffering  bytes of writes held back; 0: none;
-- 1: up to the next line feed
-- @treturn ssl.file
-- @raise ValueError on another mode  [E.3 makefile]
function socket.makefile(self, ...)
  local mode, buffering = core.arguments(MAKEFILE, ...)
  return file.new(self, mode, buffering, hold)
end

-- What a TLS stream cannot do (E.4): always, and while TLS is on.
for _, name in ipairs {"dup", "sendmsg", "recvmsg", "recvmsg_into"} do
  socket[name] = function()
    error(errors.NotImplementedError(name .. " is not possible with TLS"), 0)
  end
end

local function refuse_tls(self, name)
  if steps.has_tls(self) then
    error(errors.ValueError(name .. " is not allowed on a TLS connection"), 0)
  end
end

--- Datagram calls, on a socket that carries no TLS: as recv, recv_into, send,
-- with the peer's address beside. [E.4]
function socket.recvfrom(self, n, flags)
  refuse_tls(self, "recvfrom")
  return self:recv(n, flags), {self:getpeername()}
end

function socket.recvfrom_into(self, buffer, n, flags)
  refuse_tls(self, "recvfrom_into")
  return self:recv_into(buffer, n, flags), {self:getpeername()}
end

function socket.sendto(self, data)
  refuse_tls(self, "sendto")
  return self:send(data)
end

return {open = open_new, handshake = handshake}
