--- More cases for oom_cases.lua: connections over transports.
local carry = require "support.carry"
local ssl = require "pyssl"

local case = require "support.oom_case"

local client_ctx = ssl.create_default_context {cafile = case.path "ca.pem"}
local server_ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server_ctx:load_cert_chain(case.path "server.pem", case.path "server.key")

local function open()
  local client, server = carry.wrapped(client_ctx, server_ctx)
  for _ = 1, 3 do
    pcall(client.do_handshake, client)
    pcall(server.do_handshake, server)
  end
  return client, server
end

case.simple("wrap_transport", function()
  local client, server = open()
  client:close()
  server:close()
end)
case.add("send and recv over a transport", function()
  local client, server = open()
  return function()
    client:send {"some ", ssl.buffer("bytes")}
    server:recv()
    server:sendall(("x"):rep(100000))
    client:recv(16384)
  end, function()
    client:close()
    server:close()
  end
end)
