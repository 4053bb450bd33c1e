--- context - the methods of ssl.context that make connections.
-- Calls: address, adopt, check, socket, subclass, errors. Called by: pyssl, defaults.

local core = require "pyssl.core"
local address = require "pyssl.address"
local adopt = require "pyssl.adopt"
local check = require "pyssl.check"
local errors = require "pyssl.errors"
local socket = require "pyssl.socket"
local subclass = require "pyssl.subclass"

local context = core.methods.context
local steps = core.steps

local function value_error(message)
  error(errors.ValueError(message), 0)
end

local WRAP = {
  "sock", "server_side", "do_handshake_on_connect", "suppress_ragged_eofs",
  "server_hostname", "session", "initial", "handshake_timeout", "certificate",
  "private_key", "trust", "verify_mode", "alpn_protocols",
}

local function type_error(option, expected, value)
  error(("bad value for option '%s' (%s expected, got %s)")
          :format(option, expected, type(value)), 0)
end

-- Bytes need a socket that they came from.
local function check_initial(sock, initial)
  if initial == nil then return end
  if type(initial) ~= "string" then type_error("initial", "string", initial) end
  if sock == nil or core.is_socket(sock) and sock:fileno() < 0 then
    value_error("initial bytes need a socket that they came from")
  end
end

-- Give a new connection its descriptor, and perform the handshake if it is
-- connected and wants one.
local function begin(conn, take, initial)
  local timeout, read_ahead = take(conn)
  conn:settimeout(timeout)
  if conn:fileno() < 0 then return end
  local connected = steps.adopt(conn, (initial or "") .. read_ahead)
  if not connected or not conn.do_handshake_on_connect then return end
  if timeout == 0 then
    conn:close()
    value_error("do_handshake_on_connect should not be specified for a "
                .. "non-blocking socket")
  end
  steps.close_on_failure(conn)
  conn:do_handshake()
end

--- Put TLS on a socket, which is taken over. [D-38]
-- @function context:wrap_socket
-- @param sock  nil (the socket is made by connect or bind), a descriptor
-- number, an object of LuaSocket, cqueues or luv, or a plain ssl.socket
-- @tparam[opt=false] boolean server_side
-- @tparam[opt=true] boolean do_handshake_on_connect
-- @tparam[opt=true] boolean suppress_ragged_eofs  an end of the stream without
-- close_notify reads as "" instead of raising SSLEOFError
-- @tparam ?string server_hostname  for SNI and the check of the name; needed
-- where the context has check_hostname
-- @tparam ?ssl.session session  to resume
-- @tparam ?string initial  bytes that were read from the socket already, as
-- STARTTLS needs
-- @tparam[opt=30] number handshake_timeout  seconds for each handshake that
-- `accept` performs
-- @param certificate  string or ssl.buffer (PEM or DER), ssl.certificate, or a
-- list of these, the leaf first: what this connection presents in place of all
-- that its context has. This option and the next four are the context's where
-- they are nil. A listener hands them on; a context switched to in sni_callback
-- does not change them
-- @param private_key  string or ssl.buffer, ssl.privatekey: needed with
-- certificate, unless that is PEM with the key in it
-- @param trust  ssl.context: who is trusted that this context trusts now;
-- string, ssl.buffer, ssl.certificate or a list of these: just these authorities
-- @tparam ?integer verify_mode  CERT_NONE, CERT_OPTIONAL or CERT_REQUIRED
-- @tparam ?table alpn_protocols  as for set_alpn_protocols; {} is none
-- @treturn ssl.socket  or what sslsocket_class makes of it [D-14]
-- @raise ValueError for impossible combinations and names; what
-- load_cert_chain, load_verify_locations and set_alpn_protocols raise, with the
-- socket untouched; NotImplementedError for a datagram socket; OSError; what the handshake raises,
-- with the socket closed
function context.wrap_socket(self, ...)
  local sock, server_side, on_connect, suppress, hostname, session, initial,
        handshake_timeout, certificate, key, trust, mode, protocols =
    core.arguments(WRAP, ...)
  local take = sock ~= nil and adopt.taker(sock)
  check_initial(sock, initial)
  local conn = core.new_socket(self, server_side, on_connect, suppress,
                               hostname, handshake_timeout, session,
                               certificate, key, trust, mode, protocols)
  if take then begin(conn, take, initial) end
  return subclass.apply(self.sslsocket_class, conn)
end

local WRAP_BIO = {
  "incoming", "outgoing", "server_side", "server_hostname", "session",
  "certificate", "private_key", "trust", "verify_mode", "alpn_protocols",
}

--- Make a TLS connection over memory. No handshake is begun. [D-39]
-- @function context:wrap_bio
-- @tparam ssl.memorybio incoming  what the peer sends is read from it
-- @tparam ssl.memorybio outgoing  what it is to get is written to it
-- @tparam[opt=false] boolean server_side
-- @tparam ?string server_hostname  for SNI and the check of the name; needed
-- where the context has check_hostname
-- @tparam ?ssl.session session  to resume
-- @param certificate, private_key, trust, verify_mode, alpn_protocols  as for
-- wrap_socket
-- @treturn ssl.object  or what sslobject_class makes of it [D-15]
-- @raise ValueError for impossible combinations and names; SSLError for a
-- context of the other side
function context.wrap_bio(self, ...)
  local object = core.new_object(self, core.arguments(WRAP_BIO, ...))
  return subclass.apply(self.sslobject_class, object)
end

local CONNECT = {
  "do_handshake_on_connect", "suppress_ragged_eofs", "server_hostname",
  "session", "timeout", "bind", "family", "certificate", "private_key",
  "trust", "verify_mode", "alpn_protocols",
}

local FAMILIES = {any = true, inet = true, inet6 = true}

local function check_connect(timeout, near, family)
  if timeout ~= nil and type(timeout) ~= "number" then
    type_error("timeout", "number", timeout)
  end
  if timeout and (timeout <= 0 or timeout ~= timeout) then
    value_error("timeout must be greater than 0")
  end
  if near ~= nil and type(near) ~= "table" then
    type_error("bind", "table", near)
  end
  if family == nil then return end
  if type(family) ~= "string" then type_error("family", "string", family) end
  if not FAMILIES[family] then
    value_error("family is 'any', 'inet' or 'inet6'")
  end
end

-- ("host", port, options), ({host, port}, options) or ("/path", options).
local function take_target(host, port, options, ...)
  if options == nil and type(port) == "table" then
    port, options = nil, port
  end
  if select("#", ...) > 0 then error("too many arguments (3 at most)", 0) end
  if options ~= nil and type(options) ~= "table" then
    check.expected(3, "connect", "table", options)
  end
  host, port = address.take(host, port, "connect", 1)
  return host, port, options or {}
end

--- Resolve, connect, wrap and verify in one call, with one deadline.
-- @function context:connect
-- @tparam string|table host  name, numeric address, {host, port}, or a
-- Unix-domain path
-- @tparam ?integer port
-- @tparam ?table options  `do_handshake_on_connect`, `server_hostname`
-- (default: host), `session`, `certificate`, `private_key`, `trust`,
-- `verify_mode` and `alpn_protocols` as for wrap_socket; `suppress_ragged_eofs`
-- (default false: a truncated stream raises SSLEOFError once all was read);
-- `timeout`: seconds for the whole call, nil for no limit, and the socket
-- keeps it; `bind`: {host, port} of the near end; `family`: "any", "inet" or
-- "inet6"
-- @treturn ssl.socket  or what sslsocket_class makes of it [D-14]
-- @raise OSError (library "DNS" for a failed look-up; else every address that
-- was tried and why it failed), TimeoutError, ValueError, what the handshake
-- raises
function context.connect(self, ...)
  local host, port, options = take_target(...)
  local on_connect, suppress, hostname, session, timeout, near, family,
        certificate, key, trust, mode, protocols =
    core.arguments(CONNECT, options)
  check_connect(timeout, near, family)
  if near then near = {address.take(near, nil, "connect")} end
  if hostname == nil and port then hostname = host end
  if suppress == nil then suppress = false end
  local conn = core.new_socket(self, false, on_connect, suppress, hostname, nil,
                               session, certificate, key, trust, mode, protocols)
  conn:settimeout(timeout)
  local deadline = core.deadline(timeout)
  local addresses = address.lookup(conn, host, port, family, deadline)
  near = near and address.lookup_near(conn, near[1], near[2], family,
                                         deadline)
  socket.open(conn, addresses, near, deadline)
  if conn.do_handshake_on_connect then
    steps.close_on_failure(conn)
    socket.handshake(conn, deadline)
  end
  return subclass.apply(self.sslsocket_class, conn)
end
