-- Protocols, groups and signature schemes with programs that are not ours: both
-- ends are to tell the same.
local certs = require "support.certs"
local negotiation = require "support.negotiation"
local pair = require "support.pair"
local peers = require "support.peers"
local process = require "support.process"
local ssl = require "pyssl"

local VERSIONS = {
  {name = "TLSv1.2", number = ssl.TLSVersion.TLSv1_2, openssl = "-tls1_2",
    gnutls = "VERS-TLS1.2"},
  {name = "TLSv1.3", number = ssl.TLSVersion.TLSv1_3, openssl = "-tls1_3",
    gnutls = "VERS-TLS1.3"},
}

local function server_context(alpn)
  local ctx = pair.server_context("server-rsa")
  ctx:set_alpn_protocols(alpn)
  return ctx
end

local function client_context(alpn)
  local ctx = pair.client_context()
  ctx:set_alpn_protocols(alpn)
  return ctx
end

local function connect(ctx, port)
  return ctx:connect("127.0.0.1", port,
    {server_hostname = "localhost", timeout = pair.LIMIT})
end

local function accept(listener)
  local conn = listener:accept()
  conn:settimeout(pair.LIMIT)
  return conn
end

local function client_certificate(name)
  return certs.path(name .. ".pem"), certs.path(name .. ".key")
end

-- What s_client calls our groups, and our schemes.
local TEMP_KEYS = {
  x25519 = "X25519, 253 bits", secp384r1 = "ECDH, secp384r1, 384 bits",
  secp256r1 = "ECDH, prime256v1, 256 bits",
}
local SCHEMES = {
  {"rsa_pss_rsae_sha512", digest = "SHA512", kind = "RSA%-PSS"},
  {"rsa_pss_rsae_sha256", digest = "SHA256", kind = "RSA%-PSS"},
}

for _, version in ipairs(VERSIONS) do
  describe("openssl over " .. version.name, function()
    for group, temp_key in pairs(TEMP_KEYS) do
      it(("as a client agrees on the group %s [D-30, E-18]"):format(group), function()
        local ctx <close> = server_context {"h2"}
        ctx:set_groups(group)
        local listener <close>, port = peers.listen(ctx)
        local peer <close> = peers.s_client(port, {version.openssl})
        local conn <close> = accept(listener)
        assert.equal(group, conn:group())
        assert.is_nil(conn:selected_alpn_protocol())
        peer:expect("Server Temp Key: " .. temp_key)
      end)
    end

    it("as a client gets the server's choice of protocol [D-33, E-23]", function()
      local ctx <close> = server_context {"http/1.1", "h2"}
      local listener <close>, port = peers.listen(ctx)
      local peer <close> = peers.s_client(port,
        {version.openssl, "-alpn", "h2,http/1.1"})
      local conn <close> = accept(listener)
      assert.equal("http/1.1", conn:selected_alpn_protocol())
      peer:expect("^ALPN protocol: http/1%.1$")
    end)

    it("as a client goes on without a protocol in common [D-33, E-23]", function()
      local ctx <close> = server_context {"http/1.1", "h2"}
      local listener <close>, port = peers.listen(ctx)
      local peer <close> = peers.s_client(port, {version.openssl, "-alpn", "imap"})
      local conn <close> = accept(listener)
      assert.is_nil(conn:selected_alpn_protocol())
      peer:expect("^No ALPN negotiated$")
    end)

    for _, scheme in ipairs(SCHEMES) do
      it(("as a client agrees on the scheme %s [D-32, E-20]"):format(scheme[1]), function()
        local ctx <close> = server_context {}
        ctx:set_server_sigalgs(scheme[1])
        local listener <close>, port = peers.listen(ctx)
        local peer <close> = peers.s_client(port, {version.openssl})
        local conn <close> = accept(listener)
        assert.equal(scheme[1], conn:server_sigalg())
        peer:expect("^Peer signing digest: " .. scheme.digest)
        peer:expect("^Peer signature type: " .. scheme.kind)
      end)
    end

    it("as a server sees what we offer, in our order [D-30, D-32, D-33]", function()
      local ctx <close> = client_context {"imap", "h2"}
      ctx.maximum_version = version.number
      ctx:set_groups("secp521r1:secp384r1")
      ctx:set_server_sigalgs("rsa_pss_rsae_sha384:rsa_pss_rsae_sha512")
      local peer <close> = peers.s_server("server-rsa",
        {"-alpn", "h2,imap", "-groups", "P-384"})
      local conn <close> = connect(ctx, peer.port)
      assert.equal("h2", conn:selected_alpn_protocol())
      assert.equal("secp384r1", conn:group())
      peer:expect("^ALPN protocols advertised by the client: imap, h2$")
      peer:expect("^ALPN protocols selected: h2$")
      peer:expect("^Signature Algorithms: RSA%-PSS%+SHA384:RSA%-PSS%+SHA512$")
      peer:expect("^Supported groups: secp521r1:secp384r1$")
    end)

    it("as a server is shown a certificate with the scheme we chose [D-31, E-19]", function()
      local ctx <close> = client_context {}
      ctx.maximum_version = version.number
      ctx:load_cert_chain(client_certificate("server-rsa"))
      ctx:set_client_sigalgs("rsa_pss_rsae_sha384")
      local peer <close> = peers.s_server("server-rsa",
        {"-Verify", "3", "-CAfile", certs.path "ca.pem"})
      local conn <close> = connect(ctx, peer.port)
      assert.equal("rsa_pss_rsae_sha384", conn:client_sigalg())
      peer:expect("^Peer signing digest: SHA384$")
    end)
  end)

  describe("GnuTLS over " .. version.name, function()
    local PRIORITY = "NORMAL:-VERS-ALL:+%s:-GROUP-ALL:+GROUP-SECP384R1:-SIGN-ALL:"
      .. "+SIGN-RSA-PSS-RSAE-SHA512:+SIGN-RSA-PSS-RSAE-SHA384:+SIGN-RSA-SHA256:"
      .. "+SIGN-ECDSA-SECP256R1-SHA256"

    -- "(TLS1.3-X.509)-(ECDHE-SECP384R1)-(RSA-PSS-RSAE-SHA512)-(AES-256-GCM)"
    local function check_description(conn, line)
      assert.equal(conn:group():upper(), line:match("%(ECDHE%-([^)]*)%)"))
      assert.equal(conn:server_sigalg():upper():gsub("_", "-"),
        line:match("^%b()%-%b()%-%(([^)]*)%)"))
    end

    it("as a client tells the same of group, schemes and protocol "
        .. "[E-18, E-19, E-20, E-23]", function()
      local ctx <close> = server_context {"imap", "h2"}
      negotiation.ask_certificate(ctx)
      ctx:set_client_sigalgs("rsa_pss_rsae_sha384")
      ctx:set_server_sigalgs("rsa_pss_rsae_sha512")
      local listener <close>, port = peers.listen(ctx)
      local cert, key = client_certificate("server-rsa")
      local peer <close> = peers.gnutls_cli(port, {"--alpn", "h2", "--alpn", "imap",
        "--priority", PRIORITY:format(version.gnutls), "--x509certfile", cert,
        "--x509keyfile", key})
      local conn <close> = accept(listener)
      assert.same({"secp384r1", "rsa_pss_rsae_sha512", "rsa_pss_rsae_sha384", "imap"},
        {conn:group(), conn:server_sigalg(), conn:client_sigalg(),
         conn:selected_alpn_protocol()})
      check_description(conn, peer:expect("^%- Description: (.*)$"))
      assert.equal("imap", peer:expect("^%- Application protocol: (.*)$"))
    end)

    it("as a server tells the same of group, scheme and protocol "
        .. "[D-33, E-18, E-20, E-23]", function()
      local ctx <close> = client_context {"h2", "imap"}
      local peer <close> = peers.gnutls_serv("server-rsa", {"--alpn", "imap",
        "--priority", PRIORITY:format(version.gnutls)}, {})
      local conn <close> = connect(ctx, peer.port)
      assert.equal("imap", conn:selected_alpn_protocol())
      check_description(conn, peer:expect("^%- Description: (.*)$"))
      assert.equal("imap", peer:expect("^%- Application protocol: (.*)$"))
    end)
  end)
end

describe("a resumed connection of TLS 1.2", function()
  it("has the group of the first, a protocol of its own, and no signature "
      .. "[E-18, E-20, E-23]", function()
    local ctx <close> = server_context {"h2"}
    ctx:set_groups("secp384r1")
    local listener <close>, port = peers.listen(ctx)
    local peer <close> = peers.s_client(port, {"-tls1_2", "-reconnect", "-alpn", "imap,h2"})
    local first <close> = accept(listener)
    assert.same({"secp384r1", "rsa_pss_rsae_sha256", nil, "h2"},
      {first:group(), first:server_sigalg(), first:client_sigalg(),
       first:selected_alpn_protocol()})
    local second <close> = accept(listener)
    assert.same({"secp384r1", nil, nil, "h2"},
      {second:group(), second:server_sigalg(), second:client_sigalg(),
       second:selected_alpn_protocol()})
    peer:expect("^Reused, TLSv1.2")
  end)
end)

describe("Python as a client", function()
  local SCRIPT = [[
import socket, ssl, sys
ctx = ssl.create_default_context(cafile=sys.argv[2])
ctx.set_alpn_protocols(sys.argv[3:])
sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
conn = ctx.wrap_socket(sock, server_hostname="localhost")
print(conn.selected_alpn_protocol(), flush=True)
conn.recv(1)
]]

  for _, case in ipairs {
    {{"h2", "http/1.1"}, "http/1.1"}, {{"imap", "h2"}, "h2"}, {{"imap"}, nil},
  } do
    it(("that offers %s gets %s [D-33, E-23]")
       :format(table.concat(case[1], ","), case[2]), function()
      local ctx <close> = server_context {"http/1.1", "h2"}
      local listener <close>, port = peers.listen(ctx)
      local peer <close> = process.spawn({"/usr/bin/python3", "-c", SCRIPT,
        tostring(port), certs.path "ca.pem", table.unpack(case[1])}, {stderr = 2})
      local conn <close> = accept(listener)
      assert.equal(case[2], conn:selected_alpn_protocol())
      assert.equal(case[2] or "None", peer:read_line())
    end)
  end
end)

describe("TLS 1.3's suites", function()
  it("are what openssl is offered, in our order [D-28]", function()
    local ctx <close> = client_context {}
    ctx.minimum_version = ssl.TLSVersion.TLSv1_3
    ctx:set_ciphersuites("TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256")
    local peer <close> = peers.s_server("server")
    local conn <close> = connect(ctx, peer.port)
    assert.equal("TLS_AES_128_GCM_SHA256", (conn:cipher()))
    peer:expect("^Shared ciphers:TLS_AES_128_GCM_SHA256:"
      .. "TLS_CHACHA20_POLY1305_SHA256$")
  end)

  it("are what we take of openssl's client's [D-28]", function()
    local ctx <close> = server_context {}
    ctx:set_ciphersuites("TLS_AES_128_CCM_SHA256:TLS_AES_128_GCM_SHA256")
    local listener <close>, port = peers.listen(ctx)
    local peer <close> = peers.s_client(port)
    local conn <close> = accept(listener)
    assert.equal("TLS_AES_128_GCM_SHA256", (conn:cipher()))
    peer:expect("Cipher is TLS_AES_128_GCM_SHA256")
  end)
end)
