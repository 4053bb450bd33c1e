-- Revocation lists and servers of two certificates, with peers that are not ours.
local certs = require "support.certs"
local pair = require "support.pair"
local peers = require "support.peers"
local process = require "support.process"
local raised = require "support.raised"
local ssl = require "pyssl"

local REVOKED = 23 -- X509_V_ERR_CERT_REVOKED, in OpenSSL's numbers

-- A list by the suite's authority that revokes `name`, made by GnuTLS.
local function gnutls_list(name)
  local template <close> = assert(io.open(certs.path "crl.template", "w"))
  template:write "crl_next_update = 30\ncrl_number = 7\n"
  template:flush()
  return process.check {"certtool", "--generate-crl",
    "--load-ca-privkey", certs.path "ca.key",
    "--load-ca-certificate", certs.path "ca.pem",
    "--load-certificate", certs.path(name .. ".pem"),
    "--template", certs.path "crl.template"}
end

describe("a revocation list", function()
  local function client_context(list)
    local ctx = pair.client_context()
    ctx.verify_flags = ctx.verify_flags | ssl.VERIFY_CRL_CHECK_LEAF
    ctx:load_crl(list)
    return ctx
  end

  local function connect(ctx, port)
    return ctx:connect("localhost", port, {timeout = pair.LIMIT})
  end

  it("has a client refuse openssl s_server, which hears why [H-17]", function()
    local ctx <close> = client_context(certs.read "crl.pem")
    local revoked <close> = peers.s_server("revoked")
    local err = raised(ssl.SSLCertVerificationError, connect, ctx, revoked.port)
    assert.equal(REVOKED, err.verify_code)
    revoked:expect("alert certificate revoked")
    local good <close> = peers.s_server("server")
    connect(ctx, good.port):close()
  end)

  it("has a server refuse openssl s_client and gnutls-cli, which hear why [H-17]",
    function()
      local ctx <close> = pair.server_context("server", {
        verify_mode = ssl.CERT_REQUIRED,
        verify_flags = ssl.VERIFY_CRL_CHECK_LEAF | ssl.VERIFY_X509_TRUSTED_FIRST})
      ctx:load_verify_locations(certs.path "ca.pem")
      ctx:load_crl(certs.read "crl.pem")
      local listener <close>, port = peers.listen(ctx)
      for _, case in ipairs {
        {"alert certificate revoked", peers.s_client, "-cert", "-key"},
        {"Certificate was revoked", peers.gnutls_cli, "--x509certfile",
         "--x509keyfile"},
      } do
        local said, start, cert, key = table.unpack(case)
        local peer <close> = start(port, {cert, certs.path "revoked.pem",
                                          key, certs.path "revoked.key"})
        local err = raised(ssl.SSLCertVerificationError, listener.accept, listener)
        assert.equal(REVOKED, err.verify_code)
        peer:expect(said)
      end
    end)

  it("may be one that GnuTLS has made [H-17]", function()
    local ctx <close> = client_context(gnutls_list "server")
    local revoked <close> = peers.s_server("server")
    local err = raised(ssl.SSLCertVerificationError, connect, ctx, revoked.port)
    assert.equal(REVOKED, err.verify_code)
    local good <close> = peers.s_server("server-rsa")
    connect(ctx, good.port):close()
  end)
end)

local KINDS = {
  RSA = {files = "server-rsa", scheme = "rsa_pss_rsae_sha256", shown = "RSA%-PSS",
    gnutls = "-ECDHE-ECDSA"},
  ECDSA = {files = "server", scheme = "ecdsa_secp256r1_sha256", shown = "ECDSA",
    gnutls = "-ECDHE-RSA:-RSA"},
}
local VERSIONS = {TLSv1_2 = "-tls1_2", TLSv1_3 = "-tls1_3"}

describe("with an RSA and an ECDSA certificate", function()
  local function server_context()
    local ctx = pair.server_context("server")
    ctx:load_cert_chain(certs.path "server-rsa.pem", certs.path "server-rsa.key")
    return ctx
  end

  for version, flag in pairs(VERSIONS) do
    it("a server has the right one for openssl s_client, " .. version, function()
      local listener <close>, port = peers.listen(server_context())
      for _, kind in pairs(KINDS) do
        local peer <close> = peers.s_client(port,
          {flag, "-sigalgs", kind.scheme, "-servername", "localhost"})
        local conn <close> = listener:accept()
        assert.equal(kind.scheme, conn:server_sigalg())
        peer:expect("Peer signature type: " .. kind.shown)
        peer:expect("Verification: OK")
      end
    end)

    it("openssl s_server has the right one for a client, " .. version, function()
      for _, kind in pairs(KINDS) do
        local server <close> = peers.s_server("server", {flag,
          "-dcert", certs.path "server-rsa.pem",
          "-dkey", certs.path "server-rsa.key"})
        local ctx <close> = pair.client_context()
        ctx:set_server_sigalgs(kind.scheme)
        local conn <close> = ctx:connect("localhost", server.port,
                                         {timeout = pair.LIMIT})
        assert.equal(kind.scheme, conn:server_sigalg())
        assert.equal(ssl.PEM_cert_to_DER_cert(certs.read(kind.files .. ".pem")),
                     conn:getpeercert(true))
      end
    end)
  end

  it("a server has the right one for gnutls-cli", function()
    local listener <close>, port = peers.listen(server_context())
    for name, kind in pairs(KINDS) do
      local peer <close> = peers.gnutls_cli(port, {"--priority",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:" .. kind.gnutls})
      local conn <close> = listener:accept()
      assert.matches("^ECDHE%-" .. name, (conn:cipher()))
      peer:expect("Handshake was completed")
    end
  end)
end)
