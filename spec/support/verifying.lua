--- Contexts that verify as much as a spec about certificates needs, and TLS's
-- versions by the names that titles have.
local certs = require "support.certs"
local pair = require "support.pair"
local ssl = require "pyssl"

local verifying = {}

verifying.VERSIONS = {["TLS 1.2"] = ssl.TLSVersion.TLSv1_2,
                      ["TLS 1.3"] = ssl.TLSVersion.TLSv1_3}

--- A server's context that asks clients for certificates, in this manner.
function verifying.asking(mode)
  local ctx = pair.server_context("server", {verify_mode = mode})
  ctx:load_verify_locations(certs.path "ca.pem")
  return ctx
end

--- A client's context that takes any certificate.
function verifying.careless(settings)
  local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
  ctx.check_hostname = false
  ctx.verify_mode = ssl.CERT_NONE
  for name, value in pairs(settings or {}) do ctx[name] = value end
  return ctx
end

--- Client and server, connected; their contexts are closed already.
function verifying.connected(client_ctx, server_ctx)
  local client, server = pair.connected(client_ctx, server_ctx)
  client_ctx:close()
  if server_ctx then server_ctx:close() end
  return client, server
end

return verifying
