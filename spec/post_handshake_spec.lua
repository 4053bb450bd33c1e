-- Authentication of clients after the handshake (TLS 1.3).
local certs = require "support.certs"
local memory = require "support.memory"
local pair = require "support.pair"
local peers = require "support.peers"
local process = require "support.process"
local ssl = require "pyssl"

local TLS12 = ssl.TLSVersion.TLSv1_2

-- Contexts of a client that has a certificate, unless `bare`, and of a server
-- that wants one.
local function contexts(bare, mode)
  local client_ctx = pair.client_context {post_handshake_auth = true}
  if not bare then
    client_ctx:load_cert_chain(certs.path "client.pem", certs.path "client.key")
  end
  local server_ctx = pair.server_context()
  server_ctx:load_verify_locations(certs.path "ca.pem")
  server_ctx.verify_mode = mode or ssl.CERT_REQUIRED
  server_ctx.post_handshake_auth = true
  return client_ctx, server_ctx
end

local function raised(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return err
end

describe("post_handshake_auth", function()
  it("is off at first, and true or false [D-08]", function()
    local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert.is_false(ctx.post_handshake_auth)
    ctx.post_handshake_auth = true
    assert.is_true(ctx.post_handshake_auth)
    for _, bad in ipairs {1, "true", {}} do
      assert.is_truthy(raised(function() ctx.post_handshake_auth = bad end)
        :find("boolean expected", 1, true))
    end
    assert.is_string(raised(function() ctx.post_handshake_auth = nil end))
    assert.is_true(ctx.post_handshake_auth)
  end)

  it("leaves verify_mode as it is, whichever is set first [D-08]", function()
    local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.post_handshake_auth = true
    assert.equal(ssl.CERT_NONE, ctx.verify_mode)
    ctx.verify_mode = ssl.CERT_OPTIONAL
    assert.equal(ssl.CERT_OPTIONAL, ctx.verify_mode)
    ctx.post_handshake_auth = false
    assert.equal(ssl.CERT_OPTIONAL, ctx.verify_mode)
  end)

  it("changes nothing in TLS 1.2, nor where a server has it off [D-08]", function()
    local client_ctx, server_ctx = contexts()
    server_ctx.maximum_version = TLS12
    local ends <close> = memory.connected(client_ctx, server_ctx)
    assert.is_table(ends.server:getpeercert())
    client_ctx, server_ctx = contexts()
    server_ctx.post_handshake_auth = false
    local at_once <close> = memory.connected(client_ctx, server_ctx)
    assert.is_table(at_once.server:getpeercert())
  end)
end)

describe("verify_client_post_handshake", function()
  it("gets the certificate of a client that had shown none [E-26, H-16]", function()
    local client, server = pair.connected(contexts())
    assert.is_nil(server:getpeercert())
    assert.is_true(server:verify_client_post_handshake())
    server:sendall("who are you?")
    assert.is_nil(server:getpeercert())
    assert.equal("who are you?", client:recv()) -- and answers
    client:sendall("here")
    assert.equal("here", server:recv())
    assert.same({{{"commonName", "client"}}}, server:getpeercert().subject)
    pair.close(client, server)
  end)

  it("works over memory [E-26, H-16]", function()
    local ends <close> = memory.connected(contexts())
    assert.is_true(ends.server:verify_client_post_handshake())
    ends.server:write("who are you?")
    ends:move()
    assert.equal("who are you?", ends.client:read())
    ends.client:write("here")
    ends:move()
    assert.equal("here", ends.server:read())
    assert.is_table(ends.server:getpeercert())
  end)

  it("asks with a read that does not wait, too [E-26]", function()
    local client, server = pair.connected(contexts())
    server:verify_client_post_handshake()
    server:settimeout(0)
    client:settimeout(0)
    repeat
      assert.is_true(raised(server.recv, server):is(ssl.SSLWantReadError))
      pcall(client.recv, client)
    until server:getpeercert()
    pair.close(client, server)
  end)

  it("may be repeated when it has come to its end [E-26]", function()
    local ends <close> = memory.connected(contexts())
    for _ = 1, 2 do
      ends.server:verify_client_post_handshake()
      ends.server:write("?")
      ends:move()
      ends.client:read()
      ends.client:write("!")
      ends:move()
      assert.equal("!", ends.server:read())
    end
  end)

  it("fails in the server's read where a certificate is required [E-26, H-16]", function()
    local ends <close> = memory.connected(contexts(true))
    ends.server:verify_client_post_handshake()
    ends.server:write("?")
    ends:move()
    ends.client:read()
    ends:move()
    assert.equal("PEER_DID_NOT_RETURN_A_CERTIFICATE",
                 raised(ends.server.read, ends.server).reason)
    ends:move()
    assert.equal(116, raised(ends.client.read, ends.client).alert)
  end)

  it("does without one where it is optional [H-16]", function()
    local ends <close> = memory.connected(contexts(true, ssl.CERT_OPTIONAL))
    ends.server:verify_client_post_handshake()
    ends.server:write("?")
    ends:move()
    ends.client:read()
    ends.client:write("!")
    ends:move()
    assert.equal("!", ends.server:read())
    assert.is_nil(ends.server:getpeercert())
  end)

  it("says why it cannot be [E-26, I-110]", function()
    local function reason(prepare, side, before)
      local client_ctx, server_ctx = contexts()
      if prepare then prepare(client_ctx, server_ctx) end
      local ends <close> = memory.new(client_ctx, server_ctx)
      if not before then ends:shake_hands() end
      local err = raised(ends[side].verify_client_post_handshake, ends[side])
      assert.is_true(err:is(ssl.SSLError))
      return err.reason
    end
    assert.equal("NOT_SERVER", reason(nil, "client"))
    assert.equal("WRONG_SSL_VERSION", reason(nil, "server", true))
    assert.equal("WRONG_SSL_VERSION", reason(function(ctx)
      ctx.maximum_version = TLS12
    end, "server"))
    assert.equal("EXTENSION_NOT_RECEIVED", reason(function(ctx)
      ctx.post_handshake_auth = false
    end, "server"))
    assert.equal("INVALID_CONFIG", reason(function(_, ctx)
      ctx.verify_mode = ssl.CERT_NONE
    end, "server"))
    local ends <close> = memory.connected(contexts())
    ends.server:verify_client_post_handshake()
    assert.equal("STILL_IN_INIT", raised(
      ends.server.verify_client_post_handshake, ends.server).reason)
  end)

  it("needs TLS [E-26, I-90]", function()
    local _, server_ctx = contexts()
    local conn <close> = server_ctx:wrap_socket(nil, {server_side = true})
    for _ = 1, 2 do
      local err = raised(conn.verify_client_post_handshake, conn)
      assert.is_true(err:is(ssl.ValueError))
      conn:close()
    end
    local ends <close> = memory.connected(contexts())
    ends.server:close()
    assert.is_true(raised(ends.server.verify_client_post_handshake, ends.server)
                     :is(ssl.ValueError))
  end)
end)

describe("after the handshake", function()
  it("openssl s_client shows its certificate [D-08, E-26, H-16]", function()
    local _, ctx = contexts()
    local listener <close>, port = peers.listen(ctx)
    local client <close> = peers.s_client(port, {"-quiet", "-enable_pha", "-cert",
      certs.path "client.pem", "-key", certs.path "client.key"})
    local conn <close> = listener:accept()
    conn:settimeout(pair.LIMIT)
    assert.is_nil(conn:getpeercert())
    conn:verify_client_post_handshake()
    conn:sendall("who are you?\n")
    client:expect("who are you")
    client:write("here\n")
    assert.equal("here\n", conn:recv())
    assert.equal("client", conn:getpeercert().subject[1][1][2])
  end)

  it("a client shows its certificate to openssl s_server [D-08, H-16]", function()
    local server <close> = peers.s_server("server", {"-verify", "1", "-CAfile",
      certs.path "ca.pem", "-tls1_3"})
    local conn <close> = contexts():connect("localhost", server.port,
                                            {timeout = pair.LIMIT})
    conn:settimeout(pair.LIMIT)
    conn:sendall("ready\n")
    server:expect("ready")
    server:write("c\n") -- its command to ask for a certificate
    conn:settimeout(0)
    local fd = conn:fileno()
    repeat
      require("native").poll({fd}, {}, 1)
      pcall(conn.recv, conn)
      conn:send("\n")
      local line = server:read_line(pair.LIMIT)
    until line:find("CN *= *client")
  end)
end)

describe("Python's ssl, after the handshake,", function()
  local SERVER = [[
import socket, ssl, sys
ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ctx.load_cert_chain(sys.argv[1], sys.argv[2])
ctx.load_verify_locations(sys.argv[3])
ctx.verify_mode = ssl.CERT_REQUIRED
ctx.post_handshake_auth = True
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    with ctx.wrap_socket(listener.accept()[0], server_side=True) as conn:
        before = conn.getpeercert()
        conn.verify_client_post_handshake()
        conn.sendall(b"who are you?")
        conn.recv(100)
        print(before, conn.getpeercert()["subject"][0][0][1], flush=True)
]]

  it("is shown a certificate by a client [D-08, H-16]", function()
    local server <close> = process.spawn({"/usr/bin/python3", "-c", SERVER,
      certs.path "server.pem", certs.path "server.key", certs.path "ca.pem"}, {stderr = 2})
    local port = tonumber(server:read_line(pair.LIMIT))
    local conn <close> = contexts():connect("localhost", port, {timeout = pair.LIMIT})
    conn:settimeout(pair.LIMIT)
    assert.equal("who are you?", conn:recv())
    conn:sendall("here")
    assert.equal("None client", server:read_line(pair.LIMIT))
  end)
end)
