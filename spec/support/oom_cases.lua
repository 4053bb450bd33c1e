--- What is tried with failing memory (oom_host.c runs it): a list of {name,
-- prepare}; prepare() gives the function to try, and what to do afterwards.
-- OOM_CERTS names the directory of the suite's certificates.
local native = require "native"
local ssl = require "pyssl"

local case = require "support.oom_case"
local path, read = case.path, case.read
local add, simple, with_context = case.add, case.simple, case.with_context

local CA, CA_PEM = path "ca.pem", read "ca.pem"
local BOTH_PEM = CA_PEM .. read "other-ca.pem"
local CERT, KEY = path "server.pem", path "server.key"
local CHAIN, CHAIN_KEY = path "chain.pem", path "leaf.key"
local LOCKED, DH, CAPATH = path "encrypted.key", path "dh.pem", path "capath"
local PEM, KEY_PEM = read "server.pem", read "server.key"

-- ---- contexts ----

simple("SSLContext", function() ssl.SSLContext(16) end)
simple("SSLContext()", function() ssl.SSLContext() end)
simple("SSLContext closed", function()
  local ctx <close> = ssl.SSLContext(17)
  return ctx
end)
simple("SSLContext(99)", function() pcall(ssl.SSLContext, 99) end)
simple("create_default_context", function()
  ssl.create_default_context {cafile = CA}
end)
simple("create_default_context of the system's", function()
  ssl.create_default_context():cert_store_stats()
end)
with_context("load_cert_chain", 17, function(ctx)
  ctx:load_cert_chain(CHAIN, CHAIN_KEY)
end)
with_context("load_cert_chain with a password", 17, function(ctx)
  ctx:load_cert_chain(CERT, LOCKED, function() return "sec" .. "ret" end)
end)
with_context("load_cert_chain with a wrong password", 17, function(ctx)
  pcall(ctx.load_cert_chain, ctx, CERT, LOCKED, "wrong")
end)
with_context("load_cert_chain from memory", 17, function(ctx)
  ctx:load_cert_chain {certdata = PEM, keydata = ssl.buffer(KEY_PEM)}
end)
with_context("load_verify_locations of a file", 16, function(ctx)
  ctx:load_verify_locations(CA)
end)
with_context("load_verify_locations of data", 16, function(ctx)
  ctx:load_verify_locations {cadata = BOTH_PEM}
end)
with_context("load_verify_locations of all", 16, function(ctx)
  ctx:load_verify_locations(CA, CAPATH, BOTH_PEM)
end)
with_context("load_verify_locations of garbage", 16, function(ctx)
  pcall(ctx.load_verify_locations, ctx, {cadata = CA_PEM .. PEM:sub(1, 300)})
end)
with_context("load_dh_params", 17, function(ctx) ctx:load_dh_params(DH) end)
with_context("set_ciphers", 16, function(ctx) ctx:set_ciphers("ECDHE+AESGCM") end)
with_context("set_ecdh_curve", 16, function(ctx)
  ctx:set_ecdh_curve("prime256v1")
end)
with_context("get_ciphers", 16, function(ctx) ctx:get_ciphers() end)
with_context("set_alpn_protocols", 17, function(ctx)
  ctx:set_alpn_protocols {"h2", "http/1.1"}
end)
with_context("set_ciphersuites", 16, function(ctx)
  ctx:set_ciphersuites("TLS_AES_128_GCM_SHA256")
end)
with_context("get_groups", 16, function(ctx)
  ctx:get_groups {include_aliases = true}
end)
with_context("set_groups refused", 16, function(ctx) pcall(ctx.set_groups, ctx, "x") end)
simple("get_sigalgs", ssl.get_sigalgs)
with_context("attributes", 16, function(ctx)
  ctx.minimum_version = 769
  ctx.options = ctx.options | ssl.OP_NO_TLSv1_3
  ctx.verify_flags = 0x8000
  pcall(function() ctx.verify_mode = 7 end)
end)

-- ---- certificates and keys as objects ----

local CRL = read "crl.pem"
local cert, cert_list = ssl.certificate(PEM), ssl.certificates(BOTH_PEM)
local key = ssl.private_key(KEY_PEM)

simple("ssl.certificate", function() ssl.certificate(PEM) end)
simple("ssl.certificate of garbage", function()
  pcall(ssl.certificate, PEM:sub(1, 300))
end)
simple("ssl.certificates", function() ssl.certificates(BOTH_PEM) end)
simple("ssl.private_key", function() ssl.private_key(KEY_PEM) end)
simple("ssl.private_key with a password", function()
  ssl.private_key(read "encrypted.key", function() return "sec" .. "ret" end)
end)
simple("a certificate's methods", function()
  cert:info()
  cert:public_bytes("PEM")
  cert:fingerprint()
  cert:check_host "localhost"
  cert:check_ip "::1"
  tostring(cert)
end)
with_context("load_cert_chain of objects", 17, function(ctx)
  ctx:load_cert_chain {certdata = {cert, cert_list[1]}, keydata = key}
end)
with_context("load_verify_locations of objects", 16, function(ctx)
  ctx:load_verify_locations {cadata = cert_list}
end)
with_context("load_pkcs12", 17, function(ctx)
  ctx:load_pkcs12(path "chain.p12", "secret")
end)
with_context("load_pkcs12 with a wrong password", 17, function(ctx)
  pcall(ctx.load_pkcs12, ctx, path "chain.p12", "wrong")
end)
with_context("load_crl", 16, function(ctx) ctx:load_crl(CRL) end)
with_context("load_crl of garbage", 16, function(ctx)
  pcall(ctx.load_crl, ctx, CRL .. CRL:sub(1, 300))
end)

local listed = ssl.create_default_context {cadata = BOTH_PEM}
simple("get_ca_certs", function() listed:get_ca_certs() end)
simple("get_ca_certs in DER", function() listed:get_ca_certs(true) end)
simple("cert_store_stats", function() listed:cert_store_stats() end)

-- ---- connections ----

local client_ctx = ssl.create_default_context {cafile = CA}
local server_ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server_ctx:load_cert_chain(CERT, KEY)

local DEFERRED = {do_handshake_on_connect = false, server_hostname = "localhost"}

local function close_all(...)
  for i = 1, select("#", ...) do
    local each = select(i, ...)
    if each then each:close() end
  end
end

local function new_listener()
  local listener = server_ctx:wrap_socket(nil, {server_side = true,
    do_handshake_on_connect = false})
  listener:bind("127.0.0.1", 0)
  listener:listen(5)
  return listener
end

local function new_client(ctx, listener)
  local client = ctx:wrap_socket(nil, DEFERRED)
  client:connect(listener:getsockname())
  return client
end

-- Both ends, no handshake yet, non-blocking.
local function new_pair(ctx)
  local listener <close> = new_listener()
  local client = new_client(ctx or client_ctx, listener)
  local server = listener:accept()
  client:settimeout(0)
  server:settimeout(0)
  return client, server
end

local function is_want(err)
  return type(err) == "table"
    and (err.class == ssl.SSLWantReadError or err.class == ssl.SSLWantWriteError)
end

-- Do what would block for the other end's sake by turns.
local function step(f, ...)
  local ok, err = pcall(f, ...)
  if ok then return true end
  if not is_want(err) then error(err, 0) end
  return false
end

local function shake_hands(client, server)
  local client_done, server_done = false, false
  repeat
    client_done = client_done or step(client.do_handshake, client)
    server_done = server_done or step(server.do_handshake, server)
  until client_done and server_done
end

-- A case with a connection of its own: action(client, server).
local function with_connection(name, action)
  add(name, function()
    local client, server = new_pair()
    shake_hands(client, server)
    client:settimeout(10)
    server:settimeout(10)
    return function() action(client, server) end,
      function() close_all(client, server) end
  end)
end

add("wrap_socket of a descriptor", function()
  local ours, theirs = native.socketpair()
  return function() client_ctx:wrap_socket(ours, DEFERRED) end,
    function()
      collectgarbage()
      native.close(ours) -- where nobody took it over
      native.close(theirs)
    end
end)
simple("wrap_socket without one", function()
  client_ctx:wrap_socket(nil, DEFERRED)
end)
simple("listen", new_listener)
add("accept", function()
  local listener = new_listener()
  local client = new_client(client_ctx, listener)
  return function() close_all((listener:accept())) end,
    function() close_all(listener, client) end
end)
add("connect", function()
  local listener = new_listener()
  local _, port = listener:getsockname()
  return function()
    client_ctx:connect("127.0.0.1", port, DEFERRED):close()
  end, function() listener:close() end
end)
add("connect by name", function()
  local listener = new_listener()
  local _, port = listener:getsockname()
  return function()
    client_ctx:connect("localhost", port, DEFERRED):close()
  end, function() listener:close() end
end)
add("do_handshake", function()
  local client, server = new_pair()
  return function() shake_hands(client, server) end,
    function() close_all(client, server) end
end)
add("do_handshake with an unknown authority", function()
  local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
  local client, server = new_pair(ctx)
  return function() pcall(shake_hands, client, server) end,
    function() close_all(client, server) end
end)
with_connection("send and recv", function(client, server)
  client:send("some bytes")
  server:recv(100)
  server:sendall {"an ", "array ", ssl.buffer("of bytes")}
  client:recv_into(ssl.buffer(100))
end)
with_connection("recv of much", function(client, server)
  client:send(("x"):rep(16384))
  server:recv(100000)
end)
with_connection("makefile", function(client, server)
  local writer, reader = client:makefile("w"), server:makefile("r")
  writer:write("a line\n", 42, "\n")
  writer:flush()
  reader:read("l", "n")
  writer:close()
  reader:close()
end)
with_connection("unwrap", function(client, server)
  client:close_write()
  server:recv(1)
  server:unwrap()
  client:unwrap()
end)
with_connection("errors of a connection", function(client)
  client:settimeout(0)
  pcall(client.recv, client, 1)
  pcall(client.recv, client, -1)
  pcall(client.recv, client, "x")
  client:close()
  pcall(client.recv, client, 1)
end)

local client, server = new_pair()
shake_hands(client, server)
simple("getpeercert", function() client:getpeercert() end)
simple("getpeercert in DER", function() client:getpeercert(true) end)
simple("the chains", function()
  client:get_verified_chain()
  client:get_unverified_chain(true)
end)
server:send("x") -- what brings the tickets
client:settimeout(10)
client:recv(1)
local session = client.session
local exported = session:export()
simple("conn.session", function()
  local one, two = client.session, server.session
  assert(one ~= two and #one.id > 0 and one.has_ticket)
  client:identity()
end)
simple("session:export and session_import", function()
  ssl.session_import(session:export()):close()
  pcall(ssl.session_import, exported:sub(2))
end)
simple("a session that is resumed", function()
  client_ctx:wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(),
    {server_hostname = "localhost", session = session}):close()
  pcall(client_ctx.wrap_bio, client_ctx, ssl.MemoryBIO(), ssl.MemoryBIO(),
    {server_hostname = "other", session = session})
end)
with_context("auto_resume", ssl.PROTOCOL_TLS_CLIENT, function(ctx)
  ctx.auto_resume = true
  ctx:wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), {server_hostname = "x"}):close()
  ctx:session_stats()
  ctx.auto_resume = false
end)
simple("cipher, version and the like", function()
  client:cipher()
  client:version()
  server:shared_ciphers()
  client:get_channel_binding()
  client:getpeername()
end)

-- ---- over memory ----

-- Both ends, and a function that moves what they have to say.
local function new_memory_pair(ctx)
  local to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
  return ctx:wrap_bio(to_client, to_server, {server_hostname = "localhost"}),
    server_ctx:wrap_bio(to_server, to_client, {server_side = true})
end

simple("MemoryBIO", function()
  local bio = ssl.MemoryBIO()
  bio:write("bytes")
  bio:write(("x"):rep(5000))
  bio:write(ssl.buffer(3000))
  bio:read(100)
  bio:write_eof()
  bio:read()
end)
simple("wrap_bio", function() close_all(new_memory_pair(client_ctx)) end)
simple("wrap_bio refused", function()
  pcall(client_ctx.wrap_bio, client_ctx, ssl.MemoryBIO(), ssl.MemoryBIO())
end)
simple("do_handshake over memory", function()
  shake_hands(new_memory_pair(client_ctx))
end)
simple("do_handshake over memory that fails", function()
  pcall(shake_hands,
    new_memory_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)))
end)
add("read and write over memory", function()
  local near, far = new_memory_pair(client_ctx)
  shake_hands(near, far)
  local buffer = ssl.buffer(100)
  return function()
    near:write {"some ", ssl.buffer("bytes")}
    far:read()
    near:write(("x"):rep(40000))
    far:read(16384)
    far:read(100, buffer)
  end, function() close_all(near, far) end
end)
add("unwrap over memory", function()
  local near, far = new_memory_pair(client_ctx)
  shake_hands(near, far)
  return function()
    step(near.unwrap, near)
    far:read()
    far:unwrap()
    near:unwrap()
  end, function() close_all(near, far) end
end)
with_context("sslobject_class", 16, function(ctx)
  ctx.sslobject_class = function(conn) return {conn} end
  ctx:wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), false, "localhost")
  ctx.sslobject_class = function() error("text") end
  pcall(ctx.wrap_bio, ctx, ssl.MemoryBIO(), ssl.MemoryBIO(), false, "localhost")
end)

-- ---- the rest ----

simple("ssl.buffer", function()
  local buffer = ssl.buffer(20000)
  buffer:put(1, "text")
  buffer:slice(1, 4):sub(1, 2)
  ssl.buffer("text"):close()
end)
simple("RAND_bytes", function() ssl.RAND_bytes(5000) end)
simple("RAND_bytes(-1)", function() pcall(ssl.RAND_bytes, -1) end)
simple("error objects", function()
  local err = ssl.SSLError("text", {errno = 1, library = "SSL", reason = "X"})
  tostring(err)
  err:is(ssl.OSError)
  ssl.try(error, err)
end)

require "support.oom_callbacks"
require "support.oom_settings"
require "support.oom_transport"

return case.cases
