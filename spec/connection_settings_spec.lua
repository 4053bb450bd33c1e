-- What one connection has in place of its context's: certificate, private_key,
-- trust, verify_mode, alpn_protocols.
local certs = require "support.certs"
local memory = require "support.memory"
local pair = require "support.pair"
local peers = require "support.peers"
local resumption = require "support.resumption"
local ssl = require "pyssl"

after_each(resumption.close)

local VERSIONS = {["TLS 1.2"] = ssl.TLSVersion.TLSv1_2,
                  ["TLS 1.3"] = ssl.TLSVersion.TLSv1_3}
local FLAGS = {["TLS 1.2"] = "-tls1_2", ["TLS 1.3"] = "-tls1_3"}

local function credentials(name, more)
  return pair.merge({certificate = certs.read(name .. ".pem"),
                     private_key = certs.read(name .. ".key")}, more)
end

local function new_client(version)
  local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
  if version then ctx.maximum_version = version end
  return ctx
end

local function new_server()
  return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
end

local function common_name(cert)
  return cert and cert.subject[#cert.subject][1][2]
end

-- The names that both ends see of each other.
local function names(client, server)
  return common_name(client:getpeercert()), common_name(server:getpeercert())
end

-- Everything from the options, nothing from the contexts.
local function all_options()
  local ca = certs.read "ca.pem"
  return {
    client = credentials("client",
      {trust = ca, alpn_protocols = {"h2", "http/1.1"}}),
    server = credentials("server", {trust = ca, alpn_protocols = {"http/1.1"},
                                    verify_mode = ssl.CERT_REQUIRED}),
  }
end

describe("the options of a connection", function()
  for name, version in pairs(VERSIONS) do
    it("stand in for settings that its context lacks, in " .. name, function()
      local options = all_options()
        local client, server = resumption.connected(new_client(version),
                                                  new_server(), options)
      local theirs, ours = names(client, server)
      assert.same({"localhost", "client"}, {theirs, ours})
      assert.equal("http/1.1", client:selected_alpn_protocol())
      assert.equal("http/1.1", server:selected_alpn_protocol())
    end)

    it("serve openssl s_client, in " .. name, function()
      local options = all_options().server
      local listener <close>, port = peers.listen(new_server(), options)
      local peer <close> = peers.s_client(port, {FLAGS[name], "-alpn",
        "h2,http/1.1", "-cert", certs.path "client.pem", "-key",
        certs.path "client.key"})
      local conn <close> = listener:accept()
      assert.equal("client", common_name(conn:getpeercert()))
      assert.equal("http/1.1", conn:selected_alpn_protocol())
      conn:sendall "a line\n"
      peer:expect "Verify return code: 0"
      peer:close_input()
    end)

    it("are enough for a client of openssl s_server, in " .. name, function()
      local server <close> = peers.s_server("server", {FLAGS[name], "-www",
        "-Verify", "1", "-verify_return_error", "-CAfile", certs.path "ca.pem",
        "-alpn", "http/1.1"})
      local options = credentials("client", {trust = certs.read "ca.pem",
        alpn_protocols = {"h2", "http/1.1"}, server_hostname = "localhost",
        timeout = pair.LIMIT, suppress_ragged_eofs = true})
      local conn <close> = new_client():connect("127.0.0.1", server.port, options)
      assert.equal("http/1.1", conn:selected_alpn_protocol())
      conn:sendall "GET / HTTP/1.0\r\n\r\n"
      assert.truthy(peers.read(conn, 1000000):find("Subject: CN ?= ?client"))
    end)
  end

  it("take the place of what the context has", function()
    local client_ctx, server_ctx = pair.client_context(), pair.server_context()
    server_ctx:load_cert_chain(certs.path "server-rsa.pem",
                               certs.path "server-rsa.key")
    server_ctx:set_alpn_protocols {"h2"}
    client_ctx:set_alpn_protocols {"h2"}
    local client = resumption.connected(client_ctx, server_ctx, {
      client = {trust = certs.read "other-ca.pem"},
      server = credentials("stranger", {alpn_protocols = {}}),
    })
    assert.equal("stranger", common_name(client:getpeercert()))
    assert.is_nil(client:selected_alpn_protocol())
    client = resumption.connected(client_ctx, server_ctx)
    assert.equal("localhost", common_name(client:getpeercert()))
    assert.equal("h2", client:selected_alpn_protocol())
  end)

  it("leave no certificate of the context's beside their own", function()
    local client = resumption.connected(nil, pair.server_context(), -- an EC key
      {server = credentials "server-rsa"})
    assert.equal(ssl.PEM_cert_to_DER_cert(certs.read "server-rsa.pem"),
                 client:getpeercert(true))
  end)

  it("take certificates and keys in every form", function()
    local both = certs.read "combined.pem"
    local forms = {
      {certificate = both},
      {certificate = ssl.buffer(both)},
      {certificate = ssl.certificate(both), private_key = ssl.private_key(both)},
      {certificate = {ssl.certificate(both)}, private_key = both},
      {certificate = certs.read "server.der", private_key = ssl.buffer(both)},
    }
    for _, form in ipairs(forms) do
      local client = resumption.connected(nil, new_server(), {server = form})
      assert.equal("localhost", common_name(client:getpeercert()))
    end
    local chain = ssl.certificates(certs.read "chain.pem")
    local client = resumption.connected(nil, new_server(), {server = {
      certificate = chain, private_key = certs.read "leaf.key"}})
    assert.equal(2, #client:get_unverified_chain())
  end)

  it("take trust in every form", function()
    local text, other = certs.read "ca.pem", pair.client_context()
    local forms = {text, ssl.buffer(text), ssl.certificate(text),
                   ssl.certificates(text), other,
                   ssl.PEM_cert_to_DER_cert(text)}
    for _, form in ipairs(forms) do
      local client = resumption.connected(new_client(), nil,
                                          {client = {trust = form}})
      assert.equal("localhost", common_name(client:getpeercert()))
    end
  end)

  it("trust what another context trusts at that time", function()
    local other = pair.client_context()
    local early, late = new_client(), new_client()
    local one <close> = memory.new(early, nil, {client = {trust = other}})
    local two <close> = memory.new(late, nil, {client = {trust = late}})
    late:load_verify_locations(certs.path "ca.pem")
    other:close()
    one:shake_hands()
    assert.equal("localhost", common_name(one.client:getpeercert()))
    local _, err = pcall(two.shake_hands, two)
    assert.equal(20, err.verify_code)
  end)

  it("make a verification fail that the context would have passed", function()
    local err = pair.refused(pair.client_context(), pair.server_context(),
      {client = {trust = certs.read "other-ca.pem"}})
    assert.equal(20, err.verify_code)
    err = pair.refused(pair.client_context(), pair.server_context(),
      {client = {trust = new_client()}})
    assert.truthy(err.message:find("no CA certificates are loaded", 1, true))
    local _, refusal = pair.refused(pair.client_context(), pair.server_context(),
      {server = {verify_mode = ssl.CERT_REQUIRED}})
    assert.equal("PEER_DID_NOT_RETURN_A_CERTIFICATE", refusal.reason)
  end)

  it("let one connection go unverified", function()
    local ctx = pair.client_context {check_hostname = false}
    local client = resumption.connected(ctx, pair.server_context "stranger",
      {client = {verify_mode = ssl.CERT_NONE}})
    assert.same({}, client:getpeercert())
    assert.equal(ssl.CERT_REQUIRED, ctx.verify_mode)
    local err = pair.refused(ctx, pair.server_context "stranger")
    assert.equal(20, err.verify_code)
  end)

  it("ask for the certificate later where the context does so", function()
    local server_ctx = pair.server_context(nil, {post_handshake_auth = true})
    local client_ctx = pair.client_context {post_handshake_auth = true}
    local client, server = resumption.connected(client_ctx, server_ctx, {
      client = credentials "client",
      server = {trust = certs.read "ca.pem", verify_mode = ssl.CERT_REQUIRED}})
    assert.is_nil(server:getpeercert())
    server:verify_client_post_handshake()
    resumption.exchange(client, server)
    resumption.exchange(client, server)
    assert.equal("client", common_name(server:getpeercert()))
  end)

  it("hold for connections over memory", function()
    local options = all_options()
    local ends <close> = memory.connected(new_client(), new_server(), options)
    assert.same({"localhost", "client"}, {names(ends.client, ends.server)})
  end)

  it("let two connections of one context have different certificates",
     function()
    local server_ctx = pair.server_context(nil,
      {verify_mode = ssl.CERT_REQUIRED})
    server_ctx:load_verify_locations(certs.path "ca.pem")
    local ctx, ends = pair.client_context(), {}
    for i, name in ipairs {"client", "wrong-host"} do
      ends[i] = {resumption.tcp(ctx, server_ctx, {client = credentials(name)})}
    end
    assert.are_not.equal(ends[1][1]:identity(), ends[2][1]:identity())
    local calls = {}
    for _, each in ipairs(ends) do
      for _, conn in ipairs(each) do
        calls[#calls + 1] = {conn.do_handshake, conn}
      end
    end
    for _, result in ipairs(pair.drive(table.unpack(calls))) do
      assert.is_true(result[1], tostring(result[2]))
    end
    assert.equal("client", common_name(ends[1][2]:getpeercert()))
    assert.equal("wrong.example.org", common_name(ends[2][2]:getpeercert()))
  end)
end)

describe("a listener", function()
  it("hands its options on to every connection that it accepts", function()
    local listener <close> = new_server():wrap_socket(nil,
      credentials("server", {server_side = true, trust = certs.read "ca.pem",
        verify_mode = ssl.CERT_REQUIRED, alpn_protocols = {"h2"},
        do_handshake_on_connect = false}))
    listener:bind("127.0.0.1", 0)
    listener:listen(4)
    local ctx = pair.client_context()
    for _ = 1, 3 do
      local client <close> = ctx:wrap_socket(nil, credentials("client",
        {server_hostname = "localhost", alpn_protocols = {"h2"},
         do_handshake_on_connect = false}))
      client:connect(listener:getsockname())
      local server <close> = listener:accept()
      client:settimeout(0)
      server:settimeout(0)
      collectgarbage()
      pair.drive({client.do_handshake, client}, {server.do_handshake, server})
      assert.same({"localhost", "client"}, {names(client, server)})
      assert.equal("h2", server:selected_alpn_protocol())
    end
  end)

  it("hands on a certificate that it is given later", function()
    local listener <close> = new_server():wrap_socket(nil,
      {server_side = true, do_handshake_on_connect = false})
    listener:bind("127.0.0.1", 0)
    listener:listen(1)
    listener:load_cert_chain(certs.path "server.pem", certs.path "server.key")
    assert.is_false(resumption.visit(listener, pair.client_context()))
  end)
end)

describe("the options of a server whose context is switched", function()
  it("stay, while all other settings are the new context's", function()
    local first, second = new_server(), pair.server_context "server-rsa"
    second.maximum_version = ssl.TLSVersion.TLSv1_2
    second:set_alpn_protocols {"http/1.1"}
    first.sni_callback = function(conn) conn.context = second end
    local options = all_options()
    options.server.alpn_protocols = {"h2"}
    local client, server = resumption.connected(new_client(), first, options)
    assert.equal(second, server.context)
    assert.equal("TLSv1.2", client:version())
    assert.equal("h2", client:selected_alpn_protocol())
    assert.same({"localhost", "client"}, {names(client, server)})
    assert.truthy(client:cipher():find("ECDSA", 1, true))
  end)

  it("give way nowhere to what the new context trusts", function()
    local first, second = pair.server_context(), pair.server_context()
    second:load_verify_locations(certs.path "other-ca.pem")
    second.verify_mode = ssl.CERT_REQUIRED
    first.sni_callback = function(conn) conn.context = second end
    local _, err = pair.refused(pair.client_context(), first,
      {client = credentials "stranger", server = {trust = certs.read "ca.pem"}})
    assert.equal(20, err.verify_code)
    local _, server = resumption.connected(pair.client_context(), first,
      {client = credentials "stranger"})
    assert.equal("stranger", common_name(server:getpeercert()))
  end)
end)
