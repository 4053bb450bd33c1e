--- What a Lua state does that a host opens: for embed_host. Arguments: the
-- directory of the suite's certificates, and what to do: one of the functions
-- below. Returns the path of the core.
local directory, task = ...
local host = host -- luacheck: ignore

local certs = require "support.certs"
certs.dir = directory

local tasks = {}

-- Contexts and connections: some closed, some left to the collector, some to
-- the state's end.
function tasks.use()
  local pair = require "support.pair"
  local client, server = pair.connected()
  client:sendall "hello"
  assert(server:recv() == "hello")
  pair.close(client, server)
  pair.connected()
  collectgarbage()
  tasks.kept = {pair.connected()}
  assert(pair.refused(pair.client_context(), pair.server_context "stranger"))
end

-- Each of these fails; behind each the queue has to be empty.
local function failures()
  local pair = require "support.pair"
  local ssl = require "pyssl"
  local path = certs.path
  local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
  local function fails(f, ...)
    local call = table.pack(f, ...)
    return function() assert(not pcall(table.unpack(call, 1, call.n))) end
  end
  local function refused(name)
    return function()
      assert(pair.refused(pair.client_context(), pair.server_context(name)))
    end
  end
  local function damaged()
    local client, server = pair.connected()
    local fd = server:detach()
    require "native".write(fd, "\x17\x03\x03\0\x20" .. ("x"):rep(32))
    host.spoil()
    assert(not pcall(client.recv, client))
    assert(not pcall(client.recv, client))
    assert(not pcall(client.unwrap, client))
    client:close()
    require "native".close(fd)
  end
  local function truncated()
    local client, server = pair.connected()
    client.suppress_ragged_eofs = false
    require "native".close(server:detach())
    host.spoil()
    assert(not pcall(client.recv, client))
    assert(not pcall(client.unwrap, client))
    client:close()
  end
  local function reset()
    local client, server = pair.connected()
    client:send "never read"
    require "native".close(server:detach())
    host.spoil() -- the handshake has emptied the queue
    local _, err = ssl.try(client.send, client, "lost")
    assert(err and err.name, tostring(err))
    client:close()
  end
  -- The question is asked, and OpenSSL in the middle of the handshake.
  local function asking()
    local server_ctx = pair.server_context()
    local unwrapped, left = true, nil
    function server_ctx.sni_callback(conn)
      unwrapped = pcall(conn.unwrap, conn)
      left = host.queue()
    end
    pair.close(pair.connected(nil, server_ctx))
    assert(not unwrapped and not left, left)
  end
  return {
    ["no such file"] = fails(ctx.load_verify_locations, ctx, "/nowhere"),
    ["a broken file"] = fails(ctx.load_verify_locations, ctx, path "broken.pem"),
    ["an empty file"] = fails(ctx.load_verify_locations, ctx, path "empty.pem"),
    ["no such directory"] = fails(ctx.load_verify_locations, ctx, nil, ""),
    ["broken data"] = fails(ctx.load_verify_locations, ctx,
      {cadata = "-----BEGIN CERTIFICATE-----\n!"}),
    ["broken DER"] = fails(ctx.load_verify_locations, ctx, {cadata = "\x30\x82"}),
    ["a broken certificate"] = fails(ctx.load_cert_chain, ctx, path "broken.pem"),
    ["another's key"] = fails(ctx.load_cert_chain, ctx, path "server.pem",
      path "client.key"),
    ["a wrong password"] = fails(ctx.load_cert_chain, ctx, path "server.pem",
      path "encrypted.key", "wrong"),
    ["no password"] = fails(ctx.load_cert_chain, ctx, path "server.pem",
      path "encrypted.key"),
    ["no such cipher"] = fails(ctx.set_ciphers, ctx, "foo"),
    ["no such curve"] = fails(ctx.set_ecdh_curve, ctx, "foo"),
    ["no DH parameters"] = fails(ctx.load_dh_params, ctx, path "server.pem"),
    ["the wrong side"] = fails(ctx.wrap_socket, ctx, nil,
      {server_side = true, server_hostname = "x"}),
    ["an unknown issuer"] = refused "stranger",
    ["another name"] = refused "wrong-host",
    ["a time long past"] = refused "expired",
    ["a damaged record"] = damaged,
    ["a truncated stream"] = truncated,
    ["a connection that was reset"] = reset,
    ["unwrap while a callback is asked"] = asking,
  }
end

-- Loading and using it changes nothing of the process.
function tasks.state()
  local before = host.state()
  require "pyssl"
  tasks.use()
  for _, case in pairs(failures()) do case() end
  assert(host.state() == before, "the process is not as it was")
end

function tasks.queue()
  require "pyssl"
  assert(host.queue() == nil, host.queue())
  tasks.use()
  assert(host.queue() == nil, host.queue())
  for name, case in pairs(failures()) do
    case()
    if host.queue() then error(name .. " left " .. host.queue()) end
  end
end

-- The host's own entries neither disturb nor show in our errors.
function tasks.stale()
  local pair = require "support.pair"
  local ssl = require "pyssl"
  host.spoil()
  local client, server = pair.connected()
  client:settimeout(0)
  host.spoil()
  local _, err = ssl.try(client.recv, client)
  assert(err:is(ssl.SSLWantReadError), tostring(err))
  host.spoil()
  server:sendall "hello"
  server:close()
  client:settimeout(pair.LIMIT)
  host.spoil()
  assert(client:recv() == "hello")
  host.spoil()
  assert(client:recv() == "")
  assert(client:eof() == "clean")
  client:close()
  for name, case in pairs(failures()) do
    host.spoil()
    case()
    if name ~= "the wrong side" and host.queue() then
      error(name .. " left " .. host.queue())
    end
    host.clear()
  end
end

tasks[task]()
return package.searchpath("pyssl.core", package.cpath)
