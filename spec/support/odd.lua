--- Servers that present a certificate of der.lua, and clients that trust just
-- that certificate: so no signature but the handshake's own is looked at.
local certs = require "support.certs"
local der = require "support.der"
local pair = require "support.pair"
local ssl = require "pyssl"

local odd = {}

local count = 0

local function write(name, bytes, label)
  local text = ssl.DER_cert_to_PEM_cert(bytes):gsub("CERTIFICATE", label)
  local file <close> = assert(io.open(certs.path(name), "wb"))
  file:write(text)
end

--- A server's context; `settings` are its attributes.
function odd.server_context(bytes, settings)
  count = count + 1
  local name = "odd-" .. count
  write(name .. ".pem", bytes, "CERTIFICATE")
  write(name .. ".key", der.key, "EC PRIVATE KEY")
  return pair.server_context(name, settings)
end

--- A client's context: CERT_REQUIRED, names are checked, not strict.
function odd.client_context(bytes, settings)
  local ctx = ssl.create_default_context {cadata = bytes}
  ctx.verify_flags = ctx.verify_flags & ~ssl.VERIFY_X509_STRICT
  for name, value in pairs(settings or {}) do ctx[name] = value end
  return ctx
end

--- Present the certificate to a client that asks for `name`. Returns the errors
-- of client and server, nil for an end that succeeded.
function odd.handshake(bytes, name, settings)
  local client <close> = odd.client_context(bytes, settings)
  local server <close> = odd.server_context(bytes)
  return pair.refused(client, server, {client = {server_hostname = name}})
end

return odd
