-- The certificate chains of a connection: what was verified, what was sent.
local certs = require "support.certs"
local pair = require "support.pair"
local peers = require "support.peers"
local raised = require "support.raised"
local verifying = require "support.verifying"
local ssl = require "pyssl"

local asking, careless = verifying.asking, verifying.careless

local function load(name)
  return ssl.certificate(certs.read(name .. ".pem"))
end

-- The DER strings of these certificates.
local function ders(...)
  local list = {}
  for i, name in ipairs {...} do list[i] = load(name):public_bytes("DER") end
  return list
end

-- A server's context that presents these, the first being its own.
local function presenting(key, ...)
  local list = {}
  for i, name in ipairs {...} do list[i] = load(name) end
  local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  ctx:load_cert_chain {certdata = list, keyfile = certs.path(key .. ".key")}
  return ctx
end

for what, version in pairs(verifying.VERSIONS) do
  local v = {maximum_version = version, minimum_version = version}

  describe("the chains over " .. what, function()
    local client, server
    after_each(function() pair.close(client, server) end)

    local function connect(...)
      client, server = verifying.connected(...)
    end

    local function assert_chains(conn, verified, sent)
      assert.same(verified, conn:get_verified_chain())
      assert.same(sent, conn:get_unverified_chain())
    end

    it("are the server's own, what it sent and up to the anchor "
      .. "[E-14, E-15]", function()
      connect(pair.client_context(v), presenting("leaf", "leaf", "intermediate"))
      assert_chains(client, ders("leaf", "intermediate", "ca"),
        ders("leaf", "intermediate"))
      assert_chains(server, {}, {})
    end)

    it("are one certificate that is sent, and its issuer that is trusted "
      .. "[E-14, E-15]", function()
      connect(pair.client_context(v))
      assert_chains(client, ders("server", "ca"), ders("server"))
    end)

    it("tell what was sent as it was sent, and not what is of no use "
      .. "[E-14, E-15]", function()
      connect(pair.client_context(v), presenting("leaf", "leaf", "other-ca",
        "ca", "intermediate", "client"))
      assert_chains(client, ders("leaf", "intermediate", "ca"),
        ders("leaf", "other-ca", "ca", "intermediate", "client"))
    end)

    it("end at an issuer that is trusted itself [E-14, E-15]", function()
      local ctx = ssl.create_default_context {cadata = load "intermediate"}
      for name, value in pairs(v) do ctx[name] = value end
      connect(ctx, presenting("leaf", "leaf", "intermediate", "ca"))
      assert_chains(client, ders("leaf", "intermediate"),
        ders("leaf", "intermediate", "ca"))
    end)

    it("have what the client had at hand and the server did not send "
      .. "[E-14, E-15]", function()
      local ctx = pair.client_context(v)
      ctx:load_verify_locations {cadata = load "intermediate"}
      ctx.verify_flags = ctx.verify_flags & ~ssl.VERIFY_X509_PARTIAL_CHAIN
      connect(ctx, presenting("leaf", "leaf"))
      assert_chains(client, ders("leaf", "intermediate", "ca"), ders("leaf"))
    end)

    it("are not verified by a client that verifies nobody, whom it might have "
      .. "trusted or not [E-14, E-15]", function()
      for _, ca in ipairs {"ca", "other-ca"} do
        local ctx = careless(v)
        ctx:load_verify_locations(certs.path(ca .. ".pem"))
        connect(ctx, presenting("leaf", "leaf", "intermediate"))
        assert_chains(client, {}, ders("leaf", "intermediate"))
        pair.close(client, server)
      end
    end)

    for name, mode in pairs {optional = ssl.CERT_OPTIONAL,
      required = ssl.CERT_REQUIRED} do
      it(("have a client's certificate that is %s, which the server puts in "
        .. "front [E-14, E-15]"):format(name), function()
        local ctx = pair.client_context(v)
        ctx:load_cert_chain {certdata = {load "leaf", load "intermediate"},
                             keyfile = certs.path "leaf.key"}
        connect(ctx, asking(mode))
        assert_chains(server, ders("leaf", "intermediate", "ca"),
          ders("leaf", "intermediate"))
        assert_chains(client, ders("server", "ca"), ders("server", "ca"))
      end)
    end

    it("are a client's one certificate, and what it trusts of its issuers, "
      .. "which OpenSSL sends then [E-14, E-15]", function()
      local ctx = pair.client_context(v)
      ctx:load_cert_chain(certs.path "client.pem", certs.path "client.key")
      connect(ctx, asking(ssl.CERT_REQUIRED))
      assert_chains(server, ders("client", "ca"), ders("client", "ca"))
    end)

    it("are empty where a client has no certificate [E-14, E-15]", function()
      connect(pair.client_context(v), asking(ssl.CERT_OPTIONAL))
      assert_chains(server, {}, {})
    end)

    it("are empty before the handshake is done, and after it has failed "
      .. "[E-14, E-15]", function()
      local client_ctx <close> = pair.client_context(v)
      local server_ctx <close> = pair.server_context "stranger"
      client, server = pair.tcp(client_ctx, server_ctx)
      assert_chains(client, {}, {})
      assert_chains(server, {}, {})
      local results = pair.drive({client.do_handshake, client},
                                 {server.do_handshake, server})
      assert.equal(20, results[1][2].verify_code)
      assert_chains(client, {}, {})
      assert_chains(server, {}, {})
    end)

    it("are empty where a session is resumed, with the certificate still known "
      .. "[E-14, E-15]", function()
      local client_ctx <close> = pair.client_context(v)
      local server_ctx <close> = pair.server_context()
      client, server = pair.connected(client_ctx, server_ctx)
      server:send("x") -- the ticket goes before it
      client:recv(1)
      assert_chains(client, ders("server", "ca"), ders("server"))
      local session <close> = client.session
      pair.close(client, server)
      client, server = pair.connected(client_ctx, server_ctx,
        {client = {session = session}})
      assert.is_true(client.session_reused)
      assert_chains(client, {}, {})
      assert.equal(ders("server")[1], client:getpeercert(true))
    end)

    it("are empty where there is no TLS any more [E-14, E-15]", function()
      connect(pair.client_context(v))
      client:settimeout(0)
      server:settimeout(0)
      pair.drive({client.unwrap, client}, {server.unwrap, server})
      assert_chains(client, {}, {})
      client:close()
      assert_chains(client, {}, {})
    end)
  end)
end

describe("a chain", function()
  local client, server
  before_each(function()
    local client_ctx <close> = pair.client_context()
    local server_ctx <close> = presenting("leaf", "leaf", "intermediate")
    client, server = pair.connected(client_ctx, server_ctx)
  end)
  after_each(function() pair.close(client, server) end)

  it("comes as certificates where they are asked for [E-14, E-15]", function()
    for _, case in ipairs {
      {"get_verified_chain", {"leaf", "intermediate", "ca"}},
      {"get_unverified_chain", {"leaf", "intermediate"}},
    } do
      local get, names = client[case[1]], case[2]
      for _, list in ipairs {get(client, true), get(client, {certificates = true})} do
        assert.equal(#names, #list)
        for i, name in ipairs(names) do
          assert.is_true(list[i] == load(name))
          assert.matches("^ssl.certificate: ", tostring(list[i]))
        end
      end
      assert.same(ders(table.unpack(names)), get(client, false))
      assert.same(ders(table.unpack(names)), get(client, {certificates = false}))
      assert.same({}, get(server, true))
    end
  end)

  it("outlives its connection, as certificates [E-14]", function()
    local list = client:get_verified_chain(true)
    pair.close(client, server)
    collectgarbage()
    assert.equal("Test Root", list[3]:info().subject[1][1][2])
    local ctx <close> = ssl.create_default_context {cadata = list[3]}
    assert.equal(1, ctx:cert_store_stats().x509_ca)
  end)

  it("is a new list each time [E-14, E-15]", function()
    client:get_verified_chain()[1] = nil
    client:get_unverified_chain()[1] = nil
    assert.equal(3, #client:get_verified_chain())
    assert.equal(2, #client:get_unverified_chain())
  end)

  it("is asked for with a boolean [E-14, E-15]", function()
    for _, name in ipairs {"get_verified_chain", "get_unverified_chain"} do
      raised.text("boolean expected, got number", client[name], client, 1)
      raised.text("bad value for option 'certificates'", client[name], client,
        {certificates = "yes"})
      raised(ssl.TypeError, client[name], client, {form = "DER"})
      raised(ssl.TypeError, client[name], client, true, true)
    end
  end)

  it("is empty on a socket that is not connected [E-14, E-15]", function()
    local ctx <close> = pair.client_context()
    local conn <close> = ctx:wrap_socket(nil, {server_hostname = "localhost"})
    assert.same({}, conn:get_verified_chain())
    assert.same({}, conn:get_unverified_chain(true))
  end)
end)

describe("the chains of a connection over memory", function()
  it("are those that a socket would have [E-14, E-15]", function()
    local client_ctx <close> = pair.client_context()
    local server_ctx <close> = presenting("leaf", "leaf", "intermediate")
    local one, other = ssl.MemoryBIO(), ssl.MemoryBIO()
    local client = client_ctx:wrap_bio(one, other,
      {server_hostname = "localhost"})
    local server = server_ctx:wrap_bio(other, one, true)
    assert.same({}, client:get_unverified_chain())
    pair.drive({client.do_handshake, client}, {server.do_handshake, server})
    assert.same(ders("leaf", "intermediate"), client:get_unverified_chain())
    assert.same(ders("leaf", "intermediate", "ca"), client:get_verified_chain())
    assert.is_true(client:get_verified_chain(true)[3] == load "ca")
    assert.same({}, server:get_verified_chain())
  end)
end)

describe("the chains of a connection with openssl", function()
  it("are what s_server sends [E-14, E-15]", function()
    local peer <close> = peers.s_server("leaf",
      {"-cert_chain", certs.path "chain.pem"})
    local ctx <close> = pair.client_context()
    local conn <close> = ctx:connect("localhost", peer.port)
    assert.same(ders("leaf", "leaf", "intermediate"),
      conn:get_unverified_chain())
    assert.same(ders("leaf", "intermediate", "ca"), conn:get_verified_chain())
  end)

  -- s_client with a certificate and a chain, which keeps its session in a file
  -- or comes back with it.
  local function visit(listener, port, version, ...)
    local peer <close> = peers.s_client(port, {version, "-quiet", "-cert",
      certs.path "leaf.pem", "-key", certs.path "leaf.key", "-cert_chain",
      certs.path "intermediate.pem", ...})
    local conn <close> = listener:accept()
    conn:sendall("hello\n")
    peer:expect("^hello") -- so it has the ticket, too
    return {verified = conn:get_verified_chain(),
            sent = conn:get_unverified_chain(), peer = conn:getpeercert(true)}
  end

  -- A server that keeps sessions itself has the chains in them.
  local function test_resumption(version, options)
    local ctx = asking(ssl.CERT_REQUIRED)
    ctx.options = ctx.options | options
    local listener <close>, port = peers.listen(ctx)
    local file = certs.path("session" .. version)
    local first = visit(listener, port, version, "-sess_out", file)
    assert.same(ders("leaf", "intermediate", "ca"), first.verified)
    assert.same(ders("leaf", "intermediate"), first.sent)
    local second = visit(listener, port, version, "-sess_in", file)
    assert.same({}, second.verified)
    assert.same({}, second.sent)
    assert.equal(ders("leaf")[1], second.peer)
  end

  for _, version in ipairs {"-tls1_2", "-tls1_3"} do
    for kept, options in pairs {ticket = 0, server = ssl.OP_NO_TICKET} do
      it(("are what s_client sends with %s, and empty when it resumes a session "
        .. "kept by the %s [E-14, E-15]"):format(version, kept), function()
        test_resumption(version, options)
      end)
    end
  end
end)
