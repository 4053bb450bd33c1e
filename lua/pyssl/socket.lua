--- socket - the methods of ssl.socket that can wait or take addresses.
-- What they do is in C, as steps; here is the order of the steps.
-- Calls: op, address, file, errors. Called by: pyssl, context.

local core = require "pyssl.core"
local address = require "pyssl.address"
local errors = require "pyssl.errors"
local file = require "pyssl.file"
local op = require "pyssl.op"

local steps = core.steps
local socket = core.methods.socket

-- Documented at the steps: src/bind/socket_{read,write,step}.c.
for _, name in ipairs {
  "do_handshake", "unwrap", "close_write", "recv", "recv_into", "read",
  "send", "sendall", "write", "sendfile",
} do
  socket[name] = op.method(steps[name])
end

local accept = op.method(steps.accept)
local connect_to = op.until_deadline(steps.connect)
local handshake = op.until_deadline(steps.do_handshake)

--- Bind to an address, making the descriptor if there is none yet.
-- @function socket:bind
-- @tparam string|table host  name, numeric address, "" for every interface, a
-- Unix-domain path, or {host, port}
-- @tparam ?integer port  0 lets the system choose
-- @treturn boolean true
-- @raise OSError, ValueError  [E.3 bind]
function socket.bind(self, host, port)
  return steps.bind(self, address.to_bind(host, port))
end

--- Take a connection and perform its handshake.
-- The listener's `handshake_timeout` bounds the handshake, so that a silent
-- peer stops nobody. Where the listener does not wait (timeout 0) neither does
-- the connection, and its first operation performs the handshake.
-- @function socket:accept
-- @treturn ssl.socket  blocking, unless the listener is not
-- @treturn table  the peer's address {host, port, ...}
-- @raise what the handshake raises, with the connection closed and the
-- listener usable; SSLWantReadError, TimeoutError, OSError  [E.3 accept]
function socket.accept(self)
  local conn, peer = accept(self)
  if conn.do_handshake_on_connect and conn.timeout ~= 0 then
    steps.close_on_failure(conn)
    handshake(conn, core.deadline(self.handshake_timeout))
  end
  return conn, peer
end

-- Try the addresses in order. The errno value of the last failure, 0, or that
-- of EINPROGRESS; and a list of the failures for people.
local function try_addresses(self, addresses, near, deadline)
  local failures, number = {}, 0
  for _, each in ipairs(addresses) do
    if near then steps.bind(self, near) end
    number = connect_to(self, deadline, each)
    local err = number ~= 0 and core.system_error(number, "connect")
    if not err or err.name == "EINPROGRESS" then return number end
    failures[#failures + 1] = address.show(each) .. ": " .. err.message
    steps.drop_descriptor(self)
  end
  return number, failures
end

-- The OSError for a connect that failed with `number`.
local function connect_error(number, failures)
  local err = core.system_error(number, "connect")
  if failures then err.message = table.concat(failures, "; ") end
  return err
end

-- Connect by `deadline` and begin TLS, without a handshake. `near` is the
-- address to bind to, or nil.
local function open(self, addresses, near, deadline)
  local number, failures = try_addresses(self, addresses, near, deadline)
  if number ~= 0 then error(connect_error(number, failures), 0) end
  steps.start_tls(self)
end

-- The deadline of an operation that begins now; nil where there is none, and
-- where nothing is waited for.
local function deadline_of(self)
  local timeout = self.timeout
  return timeout ~= 0 and core.deadline(timeout) or nil
end

-- Perform the handshake of connect, where one is wanted and can be.
local function finish_connect(self, deadline)
  if self.do_handshake_on_connect and self.timeout ~= 0 then
    handshake(self, deadline)
  end
end

--- Connect, begin TLS, and perform the handshake.
-- Every address of a name is tried in order; all steps share one deadline.
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
  host, port = address.take(host, port)
  local deadline = deadline_of(self)
  open(self, address.lookup(host, port, "any", deadline), nil, deadline)
  finish_connect(self, deadline)
  return true
end

--- Connect as `connect` does, but give a failure to connect as a number.
-- With timeout 0 it gives EINPROGRESS's; wait until the socket is writable then
-- and call do_handshake.
-- @function socket:connect_ex
-- @treturn integer  0, or an errno value
-- @raise what `connect` raises, but for the errors of connecting
function socket.connect_ex(self, host, port)
  steps.check_connectable(self)
  host, port = address.take(host, port)
  local deadline = deadline_of(self)
  local addresses = address.lookup(host, port, "any", deadline)
  local number = try_addresses(self, addresses, nil, deadline)
  if number ~= 0 and core.system_error(number).name ~= "EINPROGRESS" then
    return number
  end
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

return {open = open, handshake = handshake}
