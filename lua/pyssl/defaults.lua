--- defaults - contexts made with good settings, and the functions of the
-- module that make one on the way.
-- Calls: context, check, pem, errors. Called by: pyssl.

local core = require "pyssl.core"
local check = require "pyssl.check"
local errors = require "pyssl.errors"
local pem = require "pyssl.pem"

local constants = core.constants
local Purpose = constants.Purpose

local defaults = {}

local function value_error(message)
  error(errors.ValueError(message), 0)
end

-- Flags of every default context (H-10).
local STRICT = {
  constants.VERIFY_X509_PARTIAL_CHAIN, constants.VERIFY_X509_STRICT,
}

-- The flags with one more. No bit operators: the text runs on every VM.
local function with_flag(flags, flag)
  if flags % (2 * flag) >= flag then return flags end
  return flags + flag
end

local function given(value)
  return value ~= nil and value ~= ""
end

-- Raise a wrong type of create_default_context's, placed at its caller.
local function bad_argument(n, expected, value)
  check.expected(n, "create_default_context", expected, value, 1)
end

-- purpose, cafile, capath, cadata of the two shapes of the call.
local function take_default(purpose, options, ...)
  if select("#", ...) > 0 and (...) ~= nil then
    error(errors.TypeError("cafile, capath and cadata go in a table"), 0)
  end
  if options == nil and type(purpose) == "table" then
    purpose, options = nil, purpose
  end
  if options ~= nil and type(options) ~= "table" then
    bad_argument(2, "table", options)
  end
  local by_name, cafile, capath, cadata = core.arguments(
    {"purpose", "cafile", "capath", "cadata"}, options or {})
  if purpose ~= nil and by_name ~= nil then
    error(errors.TypeError("option 'purpose' is given twice"), 0)
  end
  if purpose == nil then purpose = by_name end
  return purpose, cafile, capath, cadata
end

local function check_purpose(purpose)
  if purpose == nil then return Purpose.SERVER_AUTH end
  if purpose ~= Purpose.SERVER_AUTH and purpose ~= Purpose.CLIENT_AUTH then
    bad_argument(1, "ssl.purpose", purpose)
  end
  return purpose
end

--- Make a context with settings chosen for safety. [A-01]
-- For servers' peers (SERVER_AUTH): certificates are verified, names checked,
-- and the system's authorities trusted unless some are named.
-- @function create_default_context
-- @tparam[opt=Purpose.SERVER_AUTH] ssl.purpose purpose  what the peer is:
-- SERVER_AUTH makes a client's context, CLIENT_AUTH a server's
-- @tparam ?table options  `cafile`, `capath`, `cadata` as for
-- load_verify_locations; "" counts as not given
-- @treturn ssl.context  with `keylog_filename` from SSLKEYLOGFILE, if that is set
-- @raise what load_verify_locations raises; OSError where the key log cannot be
-- opened
function defaults.create_default_context(...)
  local purpose, cafile, capath, cadata = take_default(...)
  local client = check_purpose(purpose) == Purpose.SERVER_AUTH
  local ctx = core.SSLContext(client and constants.PROTOCOL_TLS_CLIENT
                              or constants.PROTOCOL_TLS_SERVER)
  for _, flag in ipairs(STRICT) do
    ctx.verify_flags = with_flag(ctx.verify_flags, flag)
  end
  if given(cafile) or given(capath) or given(cadata) then
    ctx:load_verify_locations {
      cafile = given(cafile) and cafile or nil,
      capath = given(capath) and capath or nil,
      cadata = given(cadata) and cadata or nil,
    }
  elseif client then
    ctx:load_default_certs(purpose)
  end
  local keylog = core.environment "SSLKEYLOGFILE"
  if given(keylog) then ctx.keylog_filename = keylog end
  return ctx
end

local SERVER_CERTIFICATE = {"addr", "ssl_version", "ca_certs", "timeout"}

--- Fetch a server's certificate. [A-07]
-- @function get_server_certificate
-- @tparam table addr  {host, port}
-- @tparam[opt=PROTOCOL_TLS_CLIENT] integer ssl_version
-- @tparam ?string ca_certs  a PEM file: the chain and the name are checked
-- @tparam ?number timeout  seconds for the whole call
-- @treturn string  PEM
-- @raise ValueError for another shape of addr; what ctx:connect raises
function defaults.get_server_certificate(...)
  local addr, version, ca_certs, timeout =
    core.arguments(SERVER_CERTIFICATE, ...)
  if type(addr) ~= "table" or addr[1] == nil or addr[2] == nil then
    value_error("an address needs a host and a port")
  end
  if version == nil then version = constants.PROTOCOL_TLS_CLIENT end
  local ctx = core.SSLContext {protocol = version}
  if ca_certs ~= nil then
    ctx.check_hostname = true
    ctx:load_verify_locations {cafile = ca_certs}
  else
    ctx.check_hostname = false
    ctx.verify_mode = constants.CERT_NONE
  end
  local conn = ctx:connect(addr, {timeout = timeout})
  local der = conn:getpeercert(true)
  conn:close()
  return pem.DER_cert_to_PEM_cert(der)
end

local WRAP_SOCKET = {
  "sock", "keyfile", "certfile", "server_side", "cert_reqs", "ssl_version",
  "ca_certs", "do_handshake_on_connect", "suppress_ragged_eofs", "ciphers",
}

-- The context that the old function makes for each call.
local function old_context(version, cert_reqs, ca_certs, certfile, keyfile,
                           ciphers)
  if version == nil then version = constants.PROTOCOL_TLS end
  if cert_reqs == nil then cert_reqs = constants.CERT_NONE end
  local ctx = core.SSLContext {protocol = version}
  ctx.check_hostname = false
  ctx.verify_mode = cert_reqs
  if ca_certs ~= nil then ctx:load_verify_locations {cafile = ca_certs} end
  if certfile ~= nil then
    ctx:load_cert_chain {certfile = certfile, keyfile = keyfile}
  end
  if ciphers ~= nil then ctx:set_ciphers(ciphers) end
  return ctx
end

--- Put TLS on a socket with settings of its own. [A-13]
-- Deprecated, and unsafe for clients: no name is checked and none is sent. Use
-- a context's wrap_socket.
-- @function wrap_socket
-- @param sock  as context:wrap_socket
-- @tparam ?string keyfile
-- @tparam ?string certfile  needed on the server side
-- @tparam[opt=false] boolean server_side
-- @tparam[opt=CERT_NONE] integer cert_reqs
-- @tparam[opt=PROTOCOL_TLS] integer ssl_version
-- @tparam ?string ca_certs
-- @tparam[opt=true] boolean do_handshake_on_connect
-- @tparam[opt=true] boolean suppress_ragged_eofs
-- @tparam ?string ciphers
-- @treturn ssl.socket
-- @raise ValueError without a certfile that is needed; what the context raises
function defaults.wrap_socket(...)
  local sock, keyfile, certfile, server_side, cert_reqs, version, ca_certs,
        on_connect, suppress, ciphers = core.arguments(WRAP_SOCKET, ...)
  core.deprecated("ssl.wrap_socket")
  if server_side and certfile == nil then
    value_error("certfile must be specified for server-side operations")
  end
  if keyfile ~= nil and certfile == nil then
    value_error("certfile must be specified")
  end
  local ctx = old_context(version, cert_reqs, ca_certs, certfile, keyfile,
                          ciphers)
  return ctx:wrap_socket(sock, {
    server_side = server_side, do_handshake_on_connect = on_connect,
    suppress_ragged_eofs = suppress,
  })
end

return defaults
