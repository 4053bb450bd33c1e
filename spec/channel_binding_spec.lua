-- get_channel_binding: what ties a login to one connection, of three kinds.
local certs = require "support.certs"
local native = require "native"
local exporter = require "support.exporter"
local pair = require "support.pair"
local peers = require "support.peers"
local process = require "support.process"
local raised = require "support.raised"
local wire = require "support.wire"
local ssl = require "pyssl"

local hex = exporter.hex
local UNIQUE, EXPORTER, END_POINT =
  "tls-unique", "tls-exporter", "tls-server-end-point"
local TYPES = {UNIQUE, EXPORTER, END_POINT}
local VERSIONS = {"TLSv1_2", "TLSv1_3"}

-- A wire between two contexts with these settings, certificates unchecked.
local function lay(settings, name)
  local client = pair.client_context {check_hostname = false}
  client.verify_mode = ssl.CERT_NONE
  local server = pair.server_context(name)
  for key, value in pairs(settings or {}) do
    client[key], server[key] = value, value
  end
  return wire.new {client = client, server = server}
end

-- Neither end has this binding, and both say why.
local function refuse(w, type, why)
  for _, s in ipairs {w.client, w.server} do
    local err = raised(ssl.ValueError, s.get_channel_binding, s, type)
    assert.matches("no " .. type, err.message, 1, true)
    assert.matches(why, err.message, 1, true)
  end
end

-- What a coreutils program makes of a certificate: sha256sum, ...
local function digest(sum, path)
  local der = ssl.PEM_cert_to_DER_cert(certs.read(path))
  return process.check({sum}, {input = der}):match("^%x+")
end

for _, version in ipairs(VERSIONS) do
  local is_13 = version == "TLSv1_3"
  local limit = {minimum_version = ssl.TLSVersion[version],
                 maximum_version = ssl.TLSVersion[version]}

  describe("A channel binding of " .. version, function()
    it("is the same on both ends, and nil before the handshake is done [E-22]",
      function()
        local w <close> = wire.new {handshake = false,
          client = pair.client_context(limit),
          server = pair.server_context("server", limit)}
        for _ = 1, 2 do
          for _, type in ipairs(TYPES) do
            assert.is_nil(w.client:get_channel_binding(type))
            assert.is_nil(w.server:get_channel_binding(type))
          end
          raised(ssl.SSLWantReadError, w.client.do_handshake, w.client)
          w:move()
          raised(ssl.SSLWantReadError, w.server.do_handshake, w.server)
        end
        w:handshake()
        local other <close> = lay(limit)
        for _, type in ipairs(TYPES) do
          local bytes = w.client:get_channel_binding(type)
          assert.equal(bytes, w.server:get_channel_binding {cb_type = type})
          assert.equal(type == END_POINT,
            bytes == other.client:get_channel_binding(type))
        end
        assert.equal(w.client:get_channel_binding(UNIQUE),
          w.server:get_channel_binding())
      end)

    it("has the length that its kind has [E-22]", function()
      local w <close> = lay(limit)
      local _, _, bits = w.client:cipher()
      assert.equal(is_13 and (bits == 256 and 48 or 32) or 12,
        #w.client:get_channel_binding(UNIQUE))
      assert.equal(32, #w.client:get_channel_binding(EXPORTER))
      assert.equal(32, #w.client:get_channel_binding(END_POINT))
    end)

    -- GnuTLS knows no tls-unique for TLS 1.3.
    it("is what GnuTLS has [E-22]", function()
      local listener <close>, port = peers.listen(pair.server_context("server", limit))
      local client <close> = peers.gnutls_cli(port, {"--verbose"})
      local server <close> = listener:accept()
      client:expect("Channel bindings")
      for _, type in ipairs {UNIQUE, END_POINT, EXPORTER} do
        local said = client:expect("'" .. type:gsub("%-", "%%-") .. "': (.*)")
        if is_13 and type == UNIQUE then
          assert.equal("not available", said)
        else
          assert.equal(said, hex(server:get_channel_binding(type)))
        end
      end
    end)

    it("of the kind tls-exporter is computed with an empty context [E-22]", function()
      local w, expect = exporter.new(limit.maximum_version)
      local _ <close> = w
      local bytes = expect {{"EXPORTER-Channel-Binding", 32, ""}}[1]
      assert.equal(bytes, w.client:get_channel_binding(EXPORTER))
      assert.equal(bytes, w.server:get_channel_binding(EXPORTER))
    end)
  end)
end

describe("tls-unique", function()
  -- RFC 5929: the first Finished; Python's value for the same connections.
  local SCRIPT = [[
import socket, ssl, sys
ctx = ssl.create_default_context(cafile=sys.argv[1])
ctx.maximum_version = ssl.TLSVersion.TLSv1_2
session = None
for _ in range(2):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    s = ctx.wrap_socket(s, server_hostname="localhost", session=session)
    s.sendall(bytes([s.session_reused]) + s.get_channel_binding("tls-unique"))
    session = s.session
    s.unwrap()
]]

  it("is what Python has, also in a resumed session [E-22]", function()
    local listener <close>, port = peers.listen(pair.server_context())
    local python <close> = process.spawn(
      {"/usr/bin/python3", "-c", SCRIPT, certs.path "ca.pem", tostring(port)},
      {stderr = 2})
    for _, reused in ipairs {"\0", "\1"} do
      local server <close> = listener:accept()
      server:settimeout(pair.LIMIT)
      assert.equal(hex(reused .. server:get_channel_binding()), hex(server:recv()))
      server:unwrap()
    end
    assert.same({"exited", 0}, {python:wait()})
  end)
end)

describe("tls-exporter", function()
  local V12 = ssl.TLSVersion.TLSv1_2

  it("needs the extended master secret before TLS 1.3 [E-22]", function()
    local w <close> = lay {maximum_version = V12,
                           options = exporter.NO_EXTENDED_MASTER_SECRET}
    assert.equal("TLSv1.2", w.client:version())
    refuse(w, EXPORTER, "extended master secret")
    assert.equal(12, #w.client:get_channel_binding(UNIQUE))
    local later <close> = lay {options = exporter.NO_EXTENDED_MASTER_SECRET}
    assert.equal("TLSv1.3", later.client:version())
    assert.equal(32, #later.client:get_channel_binding(EXPORTER))
  end)

  local function client_of(server)
    return pair.client_context():connect("127.0.0.1", server.port,
      {server_hostname = "localhost", timeout = pair.LIMIT})
  end

  -- s_server renegotiates at the line "r", and sends other lines. What it reads
  -- at once is one line to it, so let its HelloRequest arrive.
  local function renegotiate(server, client)
    server:write("r\n")
    assert.is_truthy(native.poll({client:fileno()}, {}, pair.LIMIT))
  end

  it("is not to be had once the connection has renegotiated [E-22]", function()
    local server <close> = peers.s_server("server", {"-tls1_2"})
    local client <close> = client_of(server)
    renegotiate(server, client)
    server:write("hello\n")
    assert.equal("hello\n", client:recv(100))
    local err = raised(ssl.ValueError, client.get_channel_binding, client, EXPORTER)
    assert.matches("renegotiated", err.message, 1, true)
    assert.equal(32, #client:get_channel_binding(END_POINT))
  end)

  it("switches renegotiation off, which would change it [E-22]", function()
    local server <close> = peers.s_server("server", {"-tls1_2"})
    local client <close> = client_of(server)
    assert.is_string(client:get_channel_binding(EXPORTER))
    renegotiate(server, client)
    local err = raised(ssl.SSLError, client.recv, client, 100)
    assert.equal("SSLV3_ALERT_HANDSHAKE_FAILURE", err.reason)
    err = raised(ssl.ValueError, client.get_channel_binding, client, EXPORTER)
    assert.matches("the connection has failed", err.message, 1, true)
  end)
end)

-- A certificate signed in this way, by itself; the name of its files.
local function sign(name, key, ...)
  certs.make()
  process.check({"openssl", "req", "-x509", "-new", "-config", "config",
    "-subj", "/CN=localhost", "-key", key, "-out", name .. ".pem", ...},
    {cwd = certs.dir})
  process.check({"cp", key, name .. ".key"}, {cwd = certs.dir})
  return name .. ".pem"
end

local function lay_unchecked(pem)
  local client = pair.client_context {check_hostname = false}
  client.verify_mode = ssl.CERT_NONE
  local server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  for _, ctx in ipairs {client, server} do
    ctx:set_ciphers("DEFAULT:@SECLEVEL=0") -- for MD5 and SHA-1
  end
  server:load_cert_chain(certs.path(pem), certs.path((pem:gsub("pem$", "key"))))
  return wire.new {client = client, server = server}
end

describe("tls-server-end-point", function()
  for _, case in ipairs {
    {"md5", "sha256sum", "server-rsa.key", "-md5"},
    {"sha1", "sha256sum", "server.key", "-sha1"},
    {"sha224", "sha224sum", "server.key", "-sha224"},
    {"sha256", "sha256sum", "server-rsa.key", "-sha256"},
    {"sha384", "sha384sum", "server.key", "-sha384"},
    {"sha512", "sha512sum", "server-rsa.key", "-sha512"},
    {"pss-sha384", "sha384sum", "server-rsa.key", "-sha384",
      "-sigopt", "rsa_padding_mode:pss"},
    {"pss-sha1", "sha256sum", "server-rsa.key", "-sha1",
      "-sigopt", "rsa_padding_mode:pss"},
  } do
    it(("is the certificate's %s where that is signed with %s [E-22, I-94]")
      :format(case[2]:gsub("sum$", ""), case[1]), function()
        local pem = sign("bind-" .. case[1], table.unpack(case, 3))
        local w <close> = lay_unchecked(pem)
        local expected = digest(case[2], pem)
        assert.equal(expected, hex(w.client:get_channel_binding(END_POINT)))
        assert.equal(expected, hex(w.server:get_channel_binding(END_POINT)))
      end)
  end

  it("is not defined where the signature has no hash or two [E-22]", function()
    process.check({"openssl", "genpkey", "-algorithm", "ed25519", "-out",
      "ed25519.key"}, {cwd = certs.dir})
    for _, pem in ipairs {
      sign("bind-ed25519", "ed25519.key"),
      sign("bind-mixed", "server-rsa.key", "-sha256", "-sigopt",
        "rsa_padding_mode:pss", "-sigopt", "rsa_mgf1_md:sha512"),
      sign("bind-default-mask", "server-rsa.key", "-sha256", "-sigopt",
        "rsa_padding_mode:pss", "-sigopt", "rsa_mgf1_md:sha1"),
    } do
      local w <close> = lay_unchecked(pem)
      refuse(w, END_POINT, "single hash")
    end
  end)

  it("is of the leaf, whatever comes with it [E-22]", function()
    local client, server = pair.client_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server:load_cert_chain(certs.path "chain.pem", certs.path "leaf.key")
    local w <close> = wire.new {client = client, server = server}
    assert.equal(digest("sha256sum", "leaf.pem"),
      hex(w.client:get_channel_binding(END_POINT)))
  end)

  it("is of the server's certificate where the client has one too [E-22]", function()
    local client, server = pair.client_context(), pair.server_context()
    client:load_cert_chain(certs.path "client.pem", certs.path "client.key")
    server:load_verify_locations(certs.path "ca.pem")
    server.verify_mode = ssl.CERT_REQUIRED
    local w <close> = wire.new {client = client, server = server}
    assert.is_truthy(w.server:getpeercert())
    for _, s in ipairs {w.client, w.server} do
      assert.equal(digest("sha256sum", "server.pem"),
        hex(s:get_channel_binding(END_POINT)))
    end
  end)

  -- A server with an RSA and an ECDSA certificate, for TLS 1.2.
  local function two_certificates(first, second)
    local ctx = pair.server_context(first, {maximum_version = ssl.TLSVersion.TLSv1_2})
    ctx:load_cert_chain(certs.path(second .. ".pem"), certs.path(second .. ".key"))
    return ctx
  end

  it("is of the certificate that was chosen, of several [E-22]", function()
    for _, names in ipairs {{"server", "server-rsa"}, {"server-rsa", "server"}} do
      for kind, name in pairs {RSA = "server-rsa", ECDSA = "server"} do
        local client = pair.client_context()
        client:set_ciphers("ECDHE-" .. kind .. "-AES128-GCM-SHA256")
        local w <close> = wire.new {client = client,
                                    server = two_certificates(table.unpack(names))}
        for _, s in ipairs {w.client, w.server} do
          assert.equal(digest("sha256sum", name .. ".pem"),
            hex(s:get_channel_binding(END_POINT)))
        end
      end
    end
  end)

  -- Python's client connects twice with one session; the server's bindings.
  local SCRIPT = [[
import socket, ssl, sys
ctx = ssl.create_default_context(cafile=sys.argv[1])
session = None
for _ in range(2):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    s = ctx.wrap_socket(s, server_hostname="localhost", session=session)
    s.sendall(bytes([s.session_reused]))
    assert s.recv(1) == b"x"
    session = s.session
    s.close()
]]

  local function resume(ctx, check)
    local listener <close>, port = peers.listen(ctx)
    local python <close> = process.spawn(
      {"/usr/bin/python3", "-c", SCRIPT, certs.path "ca.pem", tostring(port)},
      {stderr = 2})
    for i = 0, 1 do
      local server <close> = listener:accept()
      server:settimeout(pair.LIMIT)
      assert.equal(i, server:recv(1):byte())
      check(server, i == 1)
      server:sendall("x")
    end
    assert.same({"exited", 0}, {python:wait()})
  end

  it("is known in a resumed session where there is one certificate [E-22]", function()
    for _, version in ipairs(VERSIONS) do
      resume(pair.server_context("server", {maximum_version = ssl.TLSVersion[version]}),
        function(server)
          assert.equal(digest("sha256sum", "server.pem"),
            hex(server:get_channel_binding(END_POINT)))
        end)
    end
  end)

  it("is refused where a resumed session leaves open which it is of [E-22]", function()
    resume(two_certificates("server", "server-rsa"), function(server, resumed)
      if not resumed then
        assert.is_string(server:get_channel_binding(END_POINT))
        return
      end
      local err = raised(ssl.ValueError, server.get_channel_binding, server, END_POINT)
      assert.matches("which of the certificates", err.message, 1, true)
    end)
  end)

  it("is refused where there is no certificate [E-22]", function()
    local client = pair.client_context {check_hostname = false,
                                        maximum_version = ssl.TLSVersion.TLSv1_2}
    client.verify_mode = ssl.CERT_NONE
    local server = pair.server_context()
    for _, ctx in ipairs {client, server} do
      ctx:set_ciphers("AECDH-AES128-SHA:@SECLEVEL=0")
    end
    local w <close> = wire.new {client = client, server = server}
    refuse(w, END_POINT, "no server certificate")
  end)
end)

describe("get_channel_binding", function()
  it("knows the types of CHANNEL_BINDING_TYPES and no other [I-94, E-22, C.6]",
    function()
      assert.same(TYPES, ssl.CHANNEL_BINDING_TYPES)
      local w <close> = wire.new()
      local fresh <close> = pair.client_context():wrap_socket(nil,
        {server_hostname = "localhost"})
      for _, s in ipairs {w.client, fresh} do
        for _, name in ipairs {"tls-unique\0", "TLS-UNIQUE", "tls-exporte", "", "x"} do
          raised(ssl.ValueError, s.get_channel_binding, s, name)
        end
        raised.text("string expected, got number", s.get_channel_binding, s, 5)
        raised(ssl.TypeError, s.get_channel_binding, s, {type = "tls-unique"})
      end
      for _, type in ipairs(TYPES) do
        assert.is_nil(fresh:get_channel_binding(type))
        assert.is_string(w.client:get_channel_binding(type))
      end
    end)
end)
