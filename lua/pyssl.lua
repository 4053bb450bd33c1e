--- pyssl - TLS for Lua: Python's ssl module over OpenSSL.
-- The module's table is put together here. C gives the classes (pyssl.core);
-- the files beside add what is policy or needs no C.

local core = require "pyssl.core"
local address = require "pyssl.address"
local certtime = require "pyssl.certtime"
local defaults = require "pyssl.defaults"
local hostname = require "pyssl.hostname"
local pem = require "pyssl.pem"
local protect = require "pyssl.protect"
local waiter = require "pyssl.waiter"

require "pyssl.context" -- adds its methods to ssl.context
require "pyssl.object"
require "pyssl.transport"

local ssl = {_VERSION = "pyssl 0.1"}

-- Constants, enums and error classes are fields of the module.
for _, fields in ipairs {core.constants, core.errors} do
  for name, value in pairs(fields) do ssl[name] = value end
end
ssl.socket_error = ssl.OSError

for _, name in ipairs {
  "SSLContext", "MemoryBIO", "get_default_verify_paths", "buffer", "get_sigalgs",
  "certificate", "certificates", "private_key", "session_import",
  "RAND_bytes", "RAND_status", "RAND_add", "RAND_egd", "enum_certificates",
  "enum_crls",
} do
  ssl[name] = core[name]
end
ssl.context = core.SSLContext

ssl.set_default_waiter = core.set_default_waiter
ssl.set_resolver = address.set_resolver
ssl.wait = waiter.poll

ssl.create_default_context = defaults.create_default_context
ssl.get_server_certificate = defaults.get_server_certificate
ssl.wrap_socket = defaults.wrap_socket
ssl.cert_time_to_seconds = certtime.cert_time_to_seconds
ssl.DER_cert_to_PEM_cert = pem.DER_cert_to_PEM_cert
ssl.PEM_cert_to_DER_cert = pem.PEM_cert_to_DER_cert

--- Check a decoded certificate against a name. [A-16]
-- Deprecated: the handshake checks the name. See hostname.lua.
function ssl.match_hostname(cert, name)
  core.deprecated("match_hostname")
  return hostname.match_hostname(cert, name)
end

--- Random bytes as RAND_bytes gives them, and true. [A-15] Deprecated.
function ssl.RAND_pseudo_bytes(n)
  core.deprecated("RAND_pseudo_bytes")
  return core.RAND_pseudo_bytes(n)
end

-- Classes without a public constructor (I-81), and what makes their objects.
for name, maker in pairs {
  SSLSocket = "context:wrap_socket", SSLObject = "context:wrap_bio",
  SSLSession = "a connection",
} do
  ssl[name] = function()
    error(ssl.TypeError(("%s has no public constructor: %s makes it")
                          :format(name, maker)), 0)
  end
end
ssl.socket = ssl.SSLSocket

local function finish(ok, ...)
  if ok then return ... end
  local err = ...
  if core.is_error(err) then return nil, err end
  error(err, 0)
end

--- Call f(...) and give its results, or nil and the error where one of pyssl's
-- was raised. Any other error goes on up; yields pass through.
-- @function try
-- @tparam function f
-- @param ...  its arguments
-- @return f's results, or nil, error object
ssl.try = core.try or function(f, ...)
  return finish(protect.call(f, ...))
end

return ssl
