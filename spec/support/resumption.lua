--- Connections that are made to be resumed: each `kind` of session, a server that
-- stays on one port, and pairs over memory.
local certs = require "support.certs"
local pair = require "support.pair"
local ssl = require "pyssl"

local resumption = {}

--- The kinds of sessions: `id`: found again in the server's memory.
resumption.KINDS = {
  {name = "TLS 1.3, tickets", version = ssl.TLSVersion.TLSv1_3},
  {name = "TLS 1.3, without tickets", version = ssl.TLSVersion.TLSv1_3,
    id = true},
  {name = "TLS 1.2, tickets", version = ssl.TLSVersion.TLSv1_2},
  {name = "TLS 1.2, by id", version = ssl.TLSVersion.TLSv1_2, id = true},
}

--- A client's and a server's context for a kind. `mutual`: with a certificate
-- of the client's.
function resumption.contexts(kind, mutual)
  local client, server = pair.client_context(), pair.server_context()
  client.maximum_version = kind.version
  if kind.id then server.options = server.options | ssl.OP_NO_TICKET end
  if mutual then
    client:load_cert_chain(certs.path "client.pem", certs.path "client.key")
    server:load_verify_locations(certs.path "ca.pem")
    server.verify_mode = ssl.CERT_REQUIRED
  end
  return client, server
end

-- What is closed after each test.
local open = {}

local function keep(...)
  for _, conn in ipairs {...} do open[#open + 1] = conn end
  return ...
end

--- Close all connections made by connected, tcp and memory.
function resumption.close()
  while open[1] do table.remove(open):close() end
end

--- As pair.connected and pair.tcp; resumption.close closes both ends.
function resumption.connected(...)
  return keep(pair.connected(...))
end

function resumption.tcp(...)
  return keep(pair.tcp(...))
end

--- Move a byte each way: TLS 1.3's tickets come with the first.
function resumption.exchange(client, server)
  server:sendall("<")
  assert(client:recv(1) == "<")
  client:sendall(">")
  assert(server:recv(1) == ">")
end

--- A connection over TCP, and the session that its client has at its end.
function resumption.session(client_ctx, server_ctx, options)
  local client, server =
    pair.connected(client_ctx, server_ctx, {client = options})
  resumption.exchange(client, server)
  local session = client.session
  pair.close(client, server)
  return session
end

--- A server on a port that stays.
function resumption.listen(server_ctx)
  local listener = server_ctx:wrap_socket(nil,
    {server_side = true, do_handshake_on_connect = false})
  listener:bind("127.0.0.1", 0)
  listener:listen(8)
  return listener
end

--- Connect to it, exchange a byte unless `quiet`; was a session resumed?
function resumption.visit(listener, client_ctx, options, quiet)
  local client <close> = client_ctx:wrap_socket(nil, pair.merge(
    {server_hostname = "localhost", do_handshake_on_connect = false}, options))
  client:connect(listener:getsockname())
  local server <close> = listener:accept()
  client:settimeout(0)
  server:settimeout(0)
  for _, result in ipairs(pair.drive({client.do_handshake, client},
                                     {server.do_handshake, server})) do
    if not result[1] then error(result[2], 0) end
  end
  client:settimeout(pair.LIMIT)
  server:settimeout(pair.LIMIT)
  if not quiet then resumption.exchange(client, server) end
  assert(client.session_reused == server.session_reused)
  return client.session_reused
end

--- A connection over memory, its handshake done and the tickets read.
function resumption.memory(client_ctx, server_ctx, options)
  local up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
  local client = keep(client_ctx:wrap_bio(down, up,
    pair.merge({server_hostname = "localhost"}, options)))
  local server = keep(server_ctx:wrap_bio(up, down, true))
  for _, result in ipairs(pair.drive({client.do_handshake, client},
                                     {server.do_handshake, server})) do
    if not result[1] then error(result[2], 0) end
  end
  pcall(client.read, client, 1)
  return client, server
end

return resumption
