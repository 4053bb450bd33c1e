--- psk - contexts for pre-shared keys: nobody has a certificate.
local ssl = require "pyssl"

local psk = {IDENTITY = "Client_identity", KEY = ("\18\52\86\120"):rep(4)}

psk.HEX = "12345678123456781234567812345678" -- the key, for openssl

--- Contexts of a client and a server of one version. `client`, `server`: their
-- callbacks; false for none, by default those that know IDENTITY and KEY.
function psk.contexts(version, client, server)
  local client_ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
  local server_ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  client_ctx.check_hostname = false
  client_ctx.verify_mode = ssl.CERT_NONE
  for _, ctx in ipairs {client_ctx, server_ctx} do
    ctx.minimum_version, ctx.maximum_version = version, version
    if version == ssl.TLSVersion.TLSv1_2 then ctx:set_ciphers("PSK") end
  end
  if client ~= false then
    client_ctx:set_psk_client_callback(client or function()
      return psk.IDENTITY, psk.KEY
    end)
  end
  if server ~= false then
    server_ctx:set_psk_server_callback(server or function(identity)
      return identity == psk.IDENTITY and psk.KEY or nil
    end)
  end
  return client_ctx, server_ctx
end

return psk
