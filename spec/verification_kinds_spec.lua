local certs = require "support.certs"
local der = require "support.der"
local odd = require "support.odd"
local pair = require "support.pair"
local process = require "support.process"
local verifying = require "support.verifying"
local ssl = require "pyssl"

local LEAF = [[
[req]
distinguished_name = req
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
extendedKeyUsage = serverAuth,clientAuth
subjectAltName = DNS:localhost
]]

-- Four primes make a long RSA key in a fraction of the time of two.
local KEYS = {
  {"an RSA key of 4096 bits", "RSA", "rsa_keygen_bits:4096",
    "rsa_keygen_primes:4"},
  {"an RSA key for PSS", "RSA-PSS", "rsa_keygen_bits:2048"},
  {"an RSA key for PSS with SHA-512", "RSA-PSS", "rsa_keygen_bits:2048",
    "rsa_pss_keygen_md:sha512", "rsa_pss_keygen_mgf1_md:sha512",
    "rsa_pss_keygen_saltlen:64"},
  {"an Ed25519 key", "ED25519"},
  {"an Ed448 key", "ED448"},
  {"a P-384 key", "EC", "ec_paramgen_curve:P-384"},
  {"a P-521 key", "EC", "ec_paramgen_curve:P-521"},
}

local function openssl(...)
  return process.check({"openssl", ...}, {cwd = certs.dir})
end

-- NAME.key and NAME.pem, by ca.
local function issue(name, kind, ...)
  local argv = {"genpkey", "-algorithm", kind, "-out", name .. ".key"}
  for _, option in ipairs({...}) do
    argv[#argv + 1] = "-pkeyopt"
    argv[#argv + 1] = option
  end
  openssl(table.unpack(argv))
  openssl("req", "-x509", "-new", "-config", "leaf.cnf", "-extensions", "leaf",
    "-key", name .. ".key", "-subj", "/CN=" .. name, "-days", "30",
    "-CA", "ca.pem", "-CAkey", "ca.key", "-out", name .. ".pem")
end

-- Both ends verify each other's certificate, which is the same one.
local function connect_both(name, version)
  local client_ctx <close> = pair.client_context {maximum_version = version}
  local server_ctx <close> = pair.server_context(name,
    {verify_mode = ssl.CERT_REQUIRED})
  server_ctx:load_verify_locations(certs.path "ca.pem")
  client_ctx:load_cert_chain(certs.path(name .. ".pem"),
    certs.path(name .. ".key"))
  return pair.connected(client_ctx, server_ctx)
end

describe("verification works on both sides with", function()
  setup(function()
    local file <close> = assert(io.open(certs.path "leaf.cnf", "wb"))
    file:write(LEAF)
    file:close()
    for i, case in ipairs(KEYS) do
      issue("kind-" .. i, table.unpack(case, 2))
    end
  end)

  for i, case in ipairs(KEYS) do
    for what, version in pairs(verifying.VERSIONS) do
      it(case[1] .. " in " .. what .. " [E-13, H-13]", function()
        local client, server = connect_both("kind-" .. i, version)
        for _, conn in ipairs {client, server} do
          assert.same({{{"commonName", "kind-" .. i}}},
            conn:getpeercert().subject)
        end
        assert.equal(5, client:send("hello"))
        assert.equal("hello", server:recv(5))
        pair.close(client, server)
      end)
    end
  end
end)

describe("a chain", function()
  -- Issue CAs below one another; gives the names, the lowest first.
  local function issue_deep(depth)
    local names, above = {}, "ca"
    for i = 1, depth do
      local name = "deep-" .. i
      certs.issue {name = name, ca = above, authority = true}
      table.insert(names, 1, name)
      above = name
    end
    return names
  end

  it("may have a dozen intermediates [H-13]", function()
    local names = issue_deep(12)
    certs.issue {name = "deep-leaf", ca = names[1]}
    local texts = {certs.read "deep-leaf.pem"}
    for i, name in ipairs(names) do texts[i + 1] = certs.read(name .. ".pem") end
    local file <close> = assert(io.open(certs.path "deep.pem", "wb"))
    file:write(table.concat(texts))
    file:close()
    local server <close> = pair.server_context()
    server:load_cert_chain(certs.path "deep.pem", certs.path "deep-leaf.key")
    local client <close> = pair.client_context()
    assert.same({}, {pair.refused(client, server)})
  end)

  it("is presented from one file, the key first and then leaf to root "
    .. "[G.5]", function()
    local file <close> = assert(io.open(certs.path "one-file.pem", "wb"))
    for _, name in ipairs {"leaf.key", "leaf.pem", "intermediate.pem",
      "ca.pem"} do
      file:write("Some words in between.\n", certs.read(name))
    end
    file:close()
    local server <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server:load_cert_chain(certs.path "one-file.pem")
    local client <close> = pair.client_context()
    assert.same({}, {pair.refused(client, server)})
  end)

  it("may hold a certificate of thousands of names [G.3, H-12]", function()
    local names = {}
    for i = 1, 3000 do names[i] = der.dns("host-" .. i .. ".a.org") end
    local bytes = der.certificate {
      authority = false,
      extensions = {der.alternatives(table.concat(names))},
    }
    local client_ctx <close> = odd.client_context(bytes)
    local server_ctx <close> = odd.server_context(bytes)
    local client, server = pair.connected(client_ctx, server_ctx,
      {client = {server_hostname = "host-3000.a.org"}})
    assert.equal(3000, #client:getpeercert().subjectAltName)
    assert.equal(bytes, client:getpeercert(true))
    pair.close(client, server)
  end)

  for what, version in pairs(verifying.VERSIONS) do
    it("that is longer than 100 KiB is refused in " .. what .. " [H-13]",
      function()
        local bytes = der.certificate {
          authority = false,
          extensions = {der.alternatives(der.uri(("x"):rep(110000)))},
        }
        local ours = odd.handshake(bytes, "a.org", {maximum_version = version})
        assert.equal("EXCESSIVE_MESSAGE_SIZE", ours.reason)
        assert.equal("SSLError", ours.class.name)
      end)
  end

  -- Certificates of der.lua that are not trusted but signed, as they say.
  local function handshake_below_ca(options)
    local bytes = der.certificate(pair.merge({
      authority = false, issuer = der.common_name "Test Root",
    }, options))
    local client <close> = pair.client_context()
    client.verify_flags = client.verify_flags & ~ssl.VERIFY_X509_STRICT
    local server <close> = odd.server_context(bytes)
    return pair.refused(client, server)
  end

  it("with a forged signature is refused [H-13]", function()
    local ours, theirs = handshake_below_ca {
      extensions = {der.alternatives(der.dns "localhost")},
    }
    assert.equal(7, ours.verify_code)
    assert.equal("certificate signature failure", ours.verify_message)
    assert.equal("SSLCertVerificationError", ours.class.name)
    assert.equal(ssl.ALERT_DESCRIPTION_DECRYPT_ERROR, theirs.alert)
  end)

  for what, extensions in pairs {
    ["malformed names"] = {der.extension("2.5.29.17", "\x30\x05\x82\x09x")},
    ["its names twice"] = {der.alternatives(der.dns "localhost"),
      der.alternatives(der.dns "localhost")},
    ["a critical extension that nobody knows"] = {
      der.alternatives(der.dns "localhost"),
      der.tlv(0x30, der.oid "1.2.3.4", "\1\1\xff", der.tlv(4, "\5\0"))},
  } do
    it("is refused whose certificate has " .. what .. " [H-13]", function()
      local bytes = der.certificate {authority = false, extensions = extensions}
      local ours, theirs = odd.handshake(bytes, "localhost")
      assert.equal("SSLCertVerificationError", ours and ours.class.name)
      assert.is_true(ours.verify_code > 0)
      assert.is_truthy(theirs)
    end)
  end

  for what, times in pairs {
    ["expired long ago"] = {after = der.tlv(der.UTC, "010101000000Z"), code = 10},
    ["begins in a far year"] = {
      before = der.tlv(der.GENERALIZED, "99980101000000Z"), code = 9},
    ["begins at no time"] = {before = der.tlv(der.UTC, "20139901"), code = 13},
    ["ends at no time"] = {after = der.tlv(der.UTC, "hello"), code = 14},
  } do
    it("is refused whose certificate " .. what .. " [H-13]", function()
      local bytes = der.certificate {
        authority = false, before = times.before, after = times.after,
        extensions = {der.alternatives(der.dns "localhost")},
      }
      local ours = odd.handshake(bytes, "localhost")
      assert.equal(times.code, ours and ours.verify_code)
    end)
  end

  it("has the subject of the fault even where that is no text "
    .. "[H-13, G.2]", function()
    local ours = handshake_below_ca {
      subject = der.name({"2.5.4.10", "o\0\n"}, {"2.5.4.3", "\12\1x", 0x30}),
      extensions = {der.alternatives(der.dns "localhost")},
    }
    assert.equal(7, ours.verify_code)
    assert.same({{{"organizationName", "o\0\n"}},
      {{"commonName", "<invalid>"}}}, ours.subject)
  end)
end)
