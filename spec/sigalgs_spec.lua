-- Signature schemes: which there are, which are allowed, which were used.
local negotiation = require "support.negotiation"
local pair = require "support.pair"
local raised = require "support.raised"
local wire = require "support.wire"
local ssl = require "pyssl"

local V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

-- Contexts of a server with a certificate of kind `server`, which asks for one
-- where the client has one, of kind `client`.
local function contexts(version, kinds)
  local client_ctx, server_ctx = negotiation.contexts(version,
    negotiation.certificate(kinds.server or "P-256"))
  if kinds.client then
    negotiation.load(client_ctx, kinds.client)
  end
  if kinds.asks ~= false then negotiation.ask_certificate(server_ctx) end
  return client_ctx, server_ctx
end

-- The schemes of server and client, as both ends tell them.
local function schemes(client_ctx, server_ctx)
  return negotiation.ask(client_ctx, server_ctx, function(client, server)
    assert.equal(client:server_sigalg(), server:server_sigalg())
    assert.equal(client:client_sigalg(), server:client_sigalg())
    return client:server_sigalg(), client:client_sigalg()
  end)
end

local function negotiate(version, kinds, prepare)
  local client_ctx <close>, server_ctx = contexts(version, kinds)
  local _ <close> = server_ctx
  if prepare then prepare(client_ctx, server_ctx) end
  return schemes(client_ctx, server_ctx)
end

describe("get_sigalgs", function()
  it("lists the schemes of the library by IANA's names, in its order [A-02, I-29]", function()
    local list, place = ssl.get_sigalgs(), {}
    for i, name in ipairs(list) do
      assert.is_nil(place[name], "listed twice")
      assert.matches("^[%l%d_]+$", name)
      place[name] = i
    end
    for _, name in ipairs {"ecdsa_secp256r1_sha256", "ed25519", "ed448",
        "rsa_pss_rsae_sha256", "rsa_pss_pss_sha512", "rsa_pkcs1_sha256"} do
      assert.is_number(place[name], name)
    end
    assert.equal(1, place.ecdsa_secp256r1_sha256)
    assert.is_true(place.ed25519 < place.rsa_pss_rsae_sha256)
    assert.is_true(place.rsa_pss_rsae_sha512 < place.rsa_pkcs1_sha256)
    assert.is_nil(place.rsa_pkcs1_sha224) -- not one of IANA's
  end)

  it("lists what can be set, each alone and all together [A-02, D-31, D-32]", function()
    local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    local list = ssl.get_sigalgs()
    for _, name in ipairs(list) do
      assert.is_true(ctx:set_client_sigalgs(name))
      assert.is_true(ctx:set_server_sigalgs(name))
    end
    assert.is_true(ctx:set_server_sigalgs(table.concat(list, ":")))
  end)

  it("gives a list of its own each time [A-02]", function()
    ssl.get_sigalgs()[1] = "changed"
    assert.equal("ecdsa_secp256r1_sha256", ssl.get_sigalgs()[1])
  end)
end)

-- What a key of each kind signs with by default.
local DEFAULTS = {
  {kind = "P-256", [V12] = "ecdsa_secp256r1_sha256", [V13] = "ecdsa_secp256r1_sha256"},
  {kind = "P-384", [V12] = "ecdsa_secp256r1_sha256", [V13] = "ecdsa_secp384r1_sha384"},
  {kind = "P-521", [V12] = "ecdsa_secp256r1_sha256", [V13] = "ecdsa_secp521r1_sha512"},
  {kind = "ed25519", [V12] = "ed25519", [V13] = "ed25519"},
  {kind = "ed448", [V12] = "ed448", [V13] = "ed448"},
  {kind = "rsa", [V12] = "rsa_pss_rsae_sha256", [V13] = "rsa_pss_rsae_sha256"},
  {kind = "rsa-pss", [V12] = "rsa_pss_pss_sha256", [V13] = "rsa_pss_pss_sha256"},
}

for _, version in ipairs(negotiation.VERSIONS) do
  local title = negotiation.version_name(version)

  for _, case in ipairs(DEFAULTS) do
    it(("server_sigalg and client_sigalg tell what %s keys have signed with over %s "
        .. "[E-19, E-20, I-29]"):format(case.kind, title), function()
      assert.same({case[version], case[version]},
        {negotiate(version, {server = case.kind, client = case.kind})})
    end)
  end

  it(("tell the two sides apart over %s [E-19, E-20]"):format(title), function()
    assert.same({"ed25519", "rsa_pss_rsae_sha256"},
      {negotiate(version, {server = "ed25519", client = "rsa"})})
    assert.same({"rsa_pss_rsae_sha256", "rsa_pss_pss_sha256"},
      {negotiate(version, {server = "rsa", client = "rsa-pss"})})
    assert.same({"rsa_pss_pss_sha256", "rsa_pss_rsae_sha256"},
      {negotiate(version, {server = "rsa-pss", client = "rsa"})})
  end)

  it(("client_sigalg is nil where the client shows no certificate over %s [E-19]")
     :format(title), function()
    assert.same({"ecdsa_secp256r1_sha256"}, {negotiate(version, {})})
    assert.same({"ecdsa_secp256r1_sha256"},
      {negotiate(version, {client = "rsa", asks = false})})
  end)

  for _, side in ipairs {"client", "server"} do
    it(("set_server_sigalgs on the %s decides what the server signs with over %s "
        .. "[D-32, E-20]"):format(side, title), function()
      for _, name in ipairs {"rsa_pss_rsae_sha512", "rsa_pss_rsae_sha384"} do
        assert.equal(name, (negotiate(version, {server = "rsa"},
          function(client_ctx, server_ctx)
            local ctx = side == "client" and client_ctx or server_ctx
            assert.is_true(ctx:set_server_sigalgs(name))
          end)))
      end
    end)

    it(("set_client_sigalgs on the %s decides what the client signs with over %s "
        .. "[D-31, E-19]"):format(side, title), function()
      assert.same({"rsa_pss_rsae_sha256", "rsa_pss_rsae_sha512"},
        {negotiate(version, {server = "rsa", client = "rsa"},
          function(client_ctx, server_ctx)
            local ctx = side == "client" and client_ctx or server_ctx
            assert.is_true(ctx:set_client_sigalgs(
              "ed25519:rsa_pss_rsae_sha512"))
          end)})
    end)
  end

  it(("set_server_sigalgs holds for clients' signatures too, unless set_client_sigalgs "
      .. "says otherwise, over %s [D-31, D-32, E-19]"):format(title), function()
    local function limit(_, server_ctx)
      server_ctx:set_server_sigalgs("rsa_pss_rsae_sha384")
    end
    assert.same({"rsa_pss_rsae_sha384", "rsa_pss_rsae_sha384"},
      {negotiate(version, {server = "rsa", client = "rsa"}, limit)})
    assert.same({"rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512"},
      {negotiate(version, {server = "rsa", client = "rsa"},
        function(client_ctx, server_ctx)
          limit(client_ctx, server_ctx)
          server_ctx:set_client_sigalgs("rsa_pss_rsae_sha512")
        end)})
  end)

  it(("takes OpenSSL's pairs of names, too, over %s [D-31, D-32]"):format(title), function()
    assert.same({"rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512"},
      {negotiate(version, {server = "rsa", client = "rsa"}, function(client_ctx)
        client_ctx:set_server_sigalgs("RSA-PSS+SHA384:ECDSA+SHA256")
        client_ctx:set_client_sigalgs("RSA-PSS+SHA512")
      end)})
  end)

  it(("lets a handshake fail where the server has no scheme to sign with over %s [D-32]")
     :format(title), function()
    local client_ctx <close>, server_ctx = contexts(version, {})
    local _ <close> = server_ctx
    client_ctx:set_server_sigalgs("rsa_pss_rsae_sha256")
    local ours, theirs = pair.refused(client_ctx, server_ctx)
    assert.equal(ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE, ours.alert)
    assert.equal(version == V13 and "NO_SUITABLE_SIGNATURE_ALGORITHM"
      or "NO_SHARED_CIPHER", theirs.reason)
  end)
end

describe("server_sigalg", function()
  it("tells of PKCS #1 signatures, which TLS 1.2 still has [E-20]", function()
    for _, name in ipairs {"rsa_pkcs1_sha256", "rsa_pkcs1_sha384", "rsa_pkcs1_sha512"} do
      assert.equal(name, (negotiate(V12, {server = "rsa"}, function(client_ctx)
        client_ctx:set_server_sigalgs(name)
      end)))
    end
  end)

  it("tells of schemes that have gone out of use [E-20]", function()
    for spelling, name in pairs {["RSA+SHA1"] = "rsa_pkcs1_sha1",
        ["RSA+SHA224"] = "rsa_pkcs1_sha224"} do
      assert.equal(name, (negotiate(V12, {server = "rsa"},
        function(client_ctx, server_ctx)
          for _, ctx in ipairs {client_ctx, server_ctx} do
            ctx:set_ciphers("ALL:@SECLEVEL=0")
            ctx:set_server_sigalgs(spelling)
          end
        end)))
    end
    assert.equal("ecdsa_sha1", (negotiate(V12, {}, function(client_ctx, server_ctx)
      for _, ctx in ipairs {client_ctx, server_ctx} do
        ctx:set_ciphers("ALL:@SECLEVEL=0")
        ctx:set_server_sigalgs("ECDSA+SHA1")
      end
    end)))
  end)

  it("is nil where the suite has no signature of the server's [E-20]", function()
    local function old_suite(client_ctx, server_ctx)
      client_ctx:set_ciphers("AES256-GCM-SHA384") -- RSA's key exchange
      server_ctx:set_ciphers("AES256-GCM-SHA384")
    end
    assert.same({}, {negotiate(V12, {server = "rsa"}, old_suite)})
    assert.same({nil, "ecdsa_secp256r1_sha256"},
      {negotiate(V12, {server = "rsa", client = "P-256"}, old_suite)})
  end)

  it("is nil before TLS 1.2, where MD5 and SHA-1 sign together [E-20]", function()
    assert.same({}, {negotiate(ssl.TLSVersion.TLSv1_1, {server = "rsa"},
      function(client_ctx, server_ctx)
        client_ctx:set_ciphers("ALL:@SECLEVEL=0")
        server_ctx:set_ciphers("ALL:@SECLEVEL=0")
      end)})
  end)

  it("and client_sigalg are nil before the handshake and without TLS [E-19, E-20]", function()
    local client_ctx <close>, server_ctx = contexts(V13, {client = "P-256"})
    local _ <close> = server_ctx
    local idle <close> = client_ctx:wrap_socket(nil, {server_hostname = "localhost"})
    local w <close> = wire.new {client = client_ctx, server = server_ctx,
      handshake = false}
    local function silent(conn)
      assert.is_nil(conn:server_sigalg())
      assert.is_nil(conn:client_sigalg())
    end
    silent(idle)
    silent(w.client)
    pcall(w.client.do_handshake, w.client)
    silent(w.client)
    w:move()
    pcall(w.server.do_handshake, w.server) -- has signed, and awaits the rest
    silent(w.server)
    w:handshake()
    assert.is_string(w.server:server_sigalg())
    assert.is_string(w.server:client_sigalg())
    w:unwrap()
    silent(w.server)
    w.server:close()
    silent(w.server)
  end)
end)

for _, method in ipairs {"set_client_sigalgs", "set_server_sigalgs"} do
  describe(method, function()
    for what, list in pairs {
      ["an unknown name"] = "foo",
      ["an unknown name behind a known one"] = "rsa_pss_rsae_sha256:foo",
      ["an empty list"] = "",
      ["a name given twice"] = "RSA+SHA256:RSA+SHA256",
      ["two names of one scheme"] = "RSA+SHA256:rsa_pkcs1_sha256",
      ["a blank"] = " ",
    } do
      it(("refuses %s and changes nothing [D-31, D-32, I-28]"):format(what), function()
        local client_ctx <close>, server_ctx = contexts(V13,
          {server = "rsa", client = "rsa"})
        local _ <close> = server_ctx
        client_ctx[method](client_ctx, "rsa_pss_rsae_sha512")
        local err = raised(ssl.SSLError, client_ctx[method], client_ctx, list)
        assert.matches("unrecognized signature algorithm", err.message)
        assert.same({}, {err.library, err.reason, err.errno})
        local of_server, of_client = schemes(client_ctx, server_ctx)
        assert.equal("rsa_pss_rsae_sha512",
          method == "set_client_sigalgs" and of_client or of_server)
      end)
    end

    it("refuses a NUL and what is no string [I-28]", function()
      local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
      raised(ssl.ValueError, ctx[method], ctx, "ed25519\0")
      for _, value in ipairs {5, true, {"ed25519"}} do
        raised.text("string expected", ctx[method], ctx, value)
      end
    end)
  end)
end
