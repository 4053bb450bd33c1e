--- More cases for oom_cases.lua: handshakes that ask, and what a client keeps.
local ssl = require "pyssl"

local case = require "support.oom_case"

local function new_server_context()
  local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  ctx:load_cert_chain(case.path "server.pem", case.path "server.key")
  return ctx
end

-- Both ends as far as they come; the client has a certificate, and reads.
local function shake_hands(client_ctx, server_ctx)
  local to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
  local client <close> = client_ctx:wrap_bio(to_client, to_server,
    {server_hostname = "localhost"})
  local server <close> = server_ctx:wrap_bio(to_server, to_client,
    {server_side = true})
  for _ = 1, 4 do
    pcall(client.do_handshake, client)
    pcall(server.do_handshake, server)
  end
  pcall(client.read, client, 1)
end

local client_ctx = ssl.create_default_context {cafile = case.path "ca.pem"}
client_ctx:load_cert_chain(case.path "server.pem", case.path "server.key")
client_ctx.cert_callback = function() end
client_ctx.verify_callback = function(_, ok) return ok end

local other = new_server_context()
local switching = new_server_context()
switching.sni_callback = function(conn) conn.context = other end
local asking = new_server_context()
asking:load_verify_locations(case.path "ca.pem")
asking.verify_mode = ssl.CERT_OPTIONAL
asking.client_hello_callback = function() end
asking.cert_callback = function() end

case.simple("a context that is switched to", function()
  shake_hands(client_ctx, switching)
end)
case.simple("callbacks of the handshake", function()
  shake_hands(client_ctx, asking)
end)
case.add("a session that is kept for others", function()
  local ctx = ssl.create_default_context {cafile = case.path "ca.pem"}
  ctx.auto_resume = true
  return function()
    shake_hands(ctx, other)
    shake_hands(ctx, other)
  end, function() ctx:close() end
end)
