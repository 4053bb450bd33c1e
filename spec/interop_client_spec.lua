-- Clients of ours against servers that are not ours.
local certs = require "support.certs"
local pair = require "support.pair"
local peers = require "support.peers"
local ssl = require "pyssl"

local VERSIONS = {"TLSv1.2", "TLSv1.3"}
local KEYS = {{"ECDSA", "server"}, {"RSA", "server-rsa"}}

-- What the two programs call these versions.
local OPENSSL = {["TLSv1.2"] = "-tls1_2", ["TLSv1.3"] = "-tls1_3"}
local GNUTLS = {
  ["TLSv1.2"] = "NORMAL:-VERS-ALL:+VERS-TLS1.2",
  ["TLSv1.3"] = "NORMAL:-VERS-ALL:+VERS-TLS1.3",
}

-- Every combination of a version and a kind of key.
local function each_case(body)
  for _, version in ipairs(VERSIONS) do
    for _, key in ipairs(KEYS) do body(version, key[1], key[2]) end
  end
end

local function client_context(with_certificate)
  local ctx = pair.client_context()
  if with_certificate then
    ctx:load_cert_chain(certs.path "client.pem", certs.path "client.key")
  end
  return ctx
end

local function connect(ctx, port)
  return ctx:connect("127.0.0.1", port,
    {server_hostname = "localhost", timeout = pair.LIMIT})
end

describe("a client of Python's server", function()
  local function server(name, version, more)
    return peers.python("server", pair.merge({
      version = version, cert = certs.path(name .. ".pem"),
      key = certs.path(name .. ".key"), receive = peers.SIZE, send = peers.SIZE,
    }, more))
  end

  local function check_agreement(conn, said)
    assert.equal(said.version, conn:version())
    assert.same(said.cipher, {conn:cipher()})
    assert.equal(said.unique, (conn:get_channel_binding "tls-unique"
      :gsub(".", function(c) return ("%02x"):format(c:byte()) end)))
  end

  local function talk(version, name, with_certificate)
    local peer <close> = server(name, version,
      with_certificate and {ca = certs.path "ca.pem", verify = true})
    local conn <close> = connect(client_context(with_certificate), peer.port)
    local said = peers.report(peer, "handshake")
    assert.equal(version, conn:version())
    check_agreement(conn, said)
    assert.equal(with_certificate and "client" or nil,
      said.cert and said.cert.subject[1][1][2])
    assert.equal("localhost", conn:getpeercert().subject[1][1][2])
    peers.deliver(peer, conn)
    peers.collect(peer, conn)
    assert.equal("", conn:recv(1))
    assert.equal("clean", conn:eof())
    conn:close()
    assert.equal("unwrap", peers.report(peer, "end"))
  end

  each_case(function(version, key, name)
    it(("talks %s with an %s certificate, and agrees on all it can tell "
        .. "[E-16, E-22, E-27]"):format(version, key), function()
      talk(version, name, false)
    end)

    it(("shows it a certificate over %s from an %s server"):format(version, key),
      function() talk(version, name, true) end)
  end)
end)

describe("a certificate that both ends of a connection show", function()
  local RICH = [[
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
extendedKeyUsage = serverAuth,clientAuth
subjectAltName = @names
authorityInfoAccess = OCSP;URI:http://ocsp.test/1,caIssuers;URI:http://ca.test/2
crlDistributionPoints = URI:http://crl.test/a,URI:http://crl.test/b
[names]
DNS.1 = localhost
DNS.2 = *.example.test
IP.1 = 127.0.0.1
IP.2 = 2001:db8::1
email.1 = someone@example.test
URI.1 = https://example.test/x?y=z
RID.1 = 1.2.3.4
dirName.1 = directory
[directory]
C = DE
O = Example
]]

  local function files()
    local cert, key = certs.issue {config = RICH,
      subject = "/C=DE/O=An Example/OU=x+CN=localhost/emailAddress=a@b.test"}
    return {cert = cert, key = key, ca = certs.path "ca.pem", verify = true}
  end

  it("is the same table for us as for Python [E-13, G.1, G.2, G.3]", function()
    local o = files()
    local peer <close> = peers.python("server", o)
    local ctx = pair.client_context()
    ctx:load_cert_chain(o.cert, o.key)
    local conn <close> = connect(ctx, peer.port)
    local theirs = peers.report(peer, "handshake").cert
    assert.same(theirs, conn:getpeercert())
    assert.equal(8, #theirs.subjectAltName)
    assert.is_string(theirs.crlDistributionPoints[2])
  end)
end)

describe("the end of what Python's server sends", function()
  local DATA = 50000

  local function serve(ending)
    return peers.python("server", {cert = certs.path "server.pem",
      key = certs.path "server.key", send = DATA, ["end"] = ending})
  end

  for _, version in ipairs(VERSIONS) do
    it("is clean where it says close_notify, over " .. version .. " [H-03]", function()
      local peer <close> = serve "unwrap"
      local ctx = pair.client_context {
        maximum_version = ssl.TLSVersion[version:gsub("%.", "_")]}
      local conn <close> = connect(ctx, peer.port)
      assert.equal(DATA, #peers.read(conn, DATA))
      assert.equal("", conn:recv(1))
      assert.equal("", conn:recv(1))
      assert.equal("clean", conn:eof())
    end)

    it("is an error, after all data, where it does not, over " .. version
       .. " [H-03]", function()
      local peer <close> = serve "close"
      local ctx = pair.client_context {
        maximum_version = ssl.TLSVersion[version:gsub("%.", "_")]}
      local conn <close> = connect(ctx, peer.port)
      assert.equal(DATA, #peers.read(conn, DATA))
      local ok, err = pcall(conn.recv, conn, 1)
      assert.is_false(ok)
      assert.is_true(err:is(ssl.SSLEOFError), tostring(err))
      assert.equal("UNEXPECTED_EOF_WHILE_READING", err.reason)
      assert.equal("ragged", conn:eof())
    end)
  end

  it("reads as the end where ragged ends are suppressed, and eof tells [H-03]", function()
    local peer <close> = serve "close"
    local conn <close> = pair.client_context():wrap_socket(nil,
      {server_hostname = "localhost"})
    conn:settimeout(pair.LIMIT)
    conn:connect("127.0.0.1", peer.port)
    assert.equal(DATA, #peers.read(conn, DATA))
    assert.equal("", conn:recv(1))
    assert.equal("ragged", conn:eof())
  end)

  it("may be awaited by it: our close_notify is a clean end to Python", function()
    local peer <close> = serve "await"
    local conn <close> = connect(pair.client_context(), peer.port)
    peers.read(conn, DATA)
    conn:close()
    peers.report(peer, "handshake")
    peers.report(peer, "sent")
    assert.equal("clean", peers.report(peer, "end"))
  end)
end)

describe("a client of openssl s_server", function()
  -- In lines, which s_server's own stand around; digits and the first letters
  -- are no commands to it. Each is awaited, so that neither end waits for the
  -- other with full hands.
  local function each_line(seed, body)
    local data = peers.payload(seed, "0123456789abcdef")
    for at = 1, #data, 8192 do body(data:sub(at, at + 8191) .. "\n") end
  end

  each_case(function(version, key, name)
    it(("talks %s with an %s certificate"):format(version, key), function()
      local peer <close> = peers.s_server(name, {OPENSSL[version]})
      local conn <close> = connect(pair.client_context(), peer.port)
      assert.equal(conn:cipher(), peer:expect("^CIPHER is ([%w_-]+)"))
      assert.equal(version, conn:version())
      peer:expect("^Secure Renegotiation")
      each_line(2, function(line)
        peer:write(line)
        assert.equal(line, peers.read(conn, #line))
      end)
      each_line(3, function(line)
        conn:sendall(line)
        assert.equal(line, peer:read_line() .. "\n")
      end)
      conn:close()
      peer:expect("shutting down SSL")
      assert.same({"exited", 0}, {peer:wait()})
    end)
  end)

  it("shows it a certificate, which it verifies", function()
    local peer <close> = peers.s_server("server", {"-Verify", "2",
      "-verify_return_error", "-CAfile", certs.path "ca.pem"})
    local conn <close> = connect(client_context(true), peer.port)
    assert.equal("TLSv1.3", conn:version())
    peer:expect("^subject=CN = client")
  end)
end)

describe("a client of gnutls-serv", function()
  each_case(function(version, key, name)
    it(("talks %s with an %s certificate"):format(version, key), function()
      local peer <close> = peers.gnutls_serv(name,
        {"--priority", GNUTLS[version], "--disable-client-cert"})
      local conn <close> = connect(pair.client_context(), peer.port)
      assert.equal(version, conn:version())
      local line = ("x"):rep(900) .. "\n"
      for _ = 1, peers.SIZE // #line + 1 do -- it echoes line by line
        conn:sendall(line)
        assert.equal(line, peers.read(conn, #line))
      end
      conn:close()
    end)
  end)

  it("shows it a certificate, which it requires and verifies", function()
    local peer <close> = peers.gnutls_serv("server", {"--require-client-cert",
      "--verify-client-cert", "--x509cafile", certs.path "ca.pem"})
    local conn <close> = connect(client_context(true), peer.port)
    conn:sendall("hello\n")
    assert.equal("hello\n", peers.read(conn, 6))
    conn:close()
  end)
end)
