-- ssl.certificate: certificates that are parsed once. Where they go is in
-- shared_credentials_spec.lua.
local certs = require "support.certs"
local make = require "support.der"
local process = require "support.process"
local raised = require "support.raised"
local ssl = require "pyssl"

local function load(name)
  return ssl.certificate(certs.read(name))
end

local function der(name)
  return (ssl.PEM_cert_to_DER_cert(certs.read(name)))
end

-- The DER of a made-up one with that common name.
local function named(text)
  return make.certificate {subject = make.common_name(text)}
end

-- What openssl says of a certificate.
local function openssl(name, ...)
  return process.check({"openssl", "x509", "-noout", "-in", certs.path(name),
    ...})
end

-- As OpenSSL's own kind of certificate file, with trust settings behind it.
local function trusted(name)
  return process.check({"openssl", "x509", "-in", certs.path(name), "-trustout",
    "-addtrust", "serverAuth"})
end

describe("ssl.certificate", function()
  local FORMS = {
    ["PEM"] = function() return certs.read "server.pem" end,
    ["DER"] = function() return der "server.pem" end,
    ["a buffer of PEM"] = function()
      return ssl.buffer(certs.read "server.pem")
    end,
    ["a buffer of DER"] = function() return ssl.buffer(der "server.pem") end,
    ["PEM with other text and a key around it"] = function()
      return "text\r\n" .. certs.read "combined.pem" .. "more"
    end,
    ["PEM with an older label"] = function()
      return (certs.read "server.pem":gsub("CERTIFICATE", "X509 CERTIFICATE"))
    end,
    ["PEM with OpenSSL's trust settings"] = function()
      return trusted "server.pem"
    end,
    ["the first of several"] = function()
      return certs.read "server.pem" .. certs.read "ca.pem"
    end,
    ["the first of several, whatever is behind it"] = function()
      return certs.read "server.pem" .. certs.read "broken.pem"
    end,
  }

  for what, give in pairs(FORMS) do
    it("takes " .. what, function()
      local cert <close> = ssl.certificate(give())
      assert.equal(der "server.pem", cert:public_bytes("DER"))
    end)
  end

  local server, two = nil, nil -- of errors
  setup(function()
    server = der "server.pem"
    two = server .. der "ca.pem"
  end)

  local ERRORS = {
    ["no bytes at all"] = {"ValueError", nil, function() return "" end},
    ["an empty buffer"] = {"ValueError", nil, function()
      return ssl.buffer(0)
    end},
    ["text without one"] = {"SSLError", "NOT_ENOUGH_DATA", function()
      return "no certificate"
    end},
    ["PEM without one"] = {"SSLError", "NO_START_LINE", function()
      return certs.read "ca.key" .. certs.read "crl.pem"
    end},
    ["broken base64"] = {"SSLError", "BAD_BASE64_DECODE", function()
      return certs.read "broken.pem"
    end},
    ["PEM that is cut off"] = {"SSLError", "BAD_END_LINE", function()
      return certs.read "server.pem":sub(1, -20)
    end},
    ["DER that is cut off"] = {"SSLError", "NOT_ENOUGH_DATA", function()
      return server:sub(1, -2)
    end},
    ["DER with something behind"] = {"SSLError", "NOT_ENOUGH_DATA", function()
      return server .. "\0"
    end},
    ["two in DER"] = {"SSLError", "NOT_ENOUGH_DATA", function() return two end},
  }

  for what, case in pairs(ERRORS) do
    it("refuses " .. what, function()
      local err = raised(ssl[case[1]], ssl.certificate, case[3]())
      assert.equal(case[2], err.reason)
      if case[2] then assert.equal("load", err.op) end
    end)
  end

  it("refuses a value of another type in Lua's words", function()
    for _, bad in ipairs {5, true, {}} do
      raised.text("string or buffer expected, got " .. type(bad),
        ssl.certificate, bad)
      raised.text("string or buffer expected", ssl.certificates, bad)
    end
    raised.text("string or buffer expected, got no", ssl.certificate)
  end)
end)

describe("ssl.certificates", function()
  local function names(list)
    local out = {}
    for i, cert in ipairs(list) do
      out[i] = cert:info().subject[1][1][2]
      cert:close()
    end
    return out
  end

  it("gives all of a PEM bundle in their order, and passes over the rest",
    function()
      local text = certs.read "chain.pem" .. certs.read "ca.key" .. "# note\n"
        .. certs.read "crl.pem" .. trusted "ca.pem" .. certs.read "ca.pem"
      assert.same({"localhost", "Test Intermediate", "Test Root", "Test Root"},
        names(ssl.certificates(text)))
      assert.equal(4, #ssl.certificates(ssl.buffer(text)))
    end)

  it("gives all of DER, one after the other", function()
    assert.same({"Test Root", "localhost"},
      names(ssl.certificates(der "ca.pem" .. der "server.pem")))
  end)

  it("gives the certificates of the system's bundle, which openssl counts, too",
    function()
      local path = "/etc/ssl/certs/ca-certificates.crt"
      local file = io.open(path, "rb")
      if not file then return end
      local text = file:read("a")
      file:close()
      local _, count = text:gsub("BEGIN CERTIFICATE", "")
      local list = ssl.certificates(text)
      assert.equal(count, #list)
      assert.equal(der "ca.pem", ssl.certificates(certs.read "ca.pem")[1]
        :public_bytes "DER")
    end)

  it("refuses the whole bundle where one is broken, and one without any",
    function()
      raised(ssl.ValueError, ssl.certificates, "")
      for reason, text in pairs {
        BAD_BASE64_DECODE = certs.read "ca.pem" .. certs.read "broken.pem",
        NO_START_LINE = certs.read "ca.key",
        NOT_ENOUGH_DATA = der "ca.pem" .. der "server.pem":sub(1, -2),
      } do
        assert.equal(reason,
          raised(ssl.SSLError, ssl.certificates, text).reason)
      end
    end)
end)

describe("a certificate", function()
  it("tells the table that a connection gives of it", function()
    local cert <close> = load "server.pem"
    local t = cert:info()
    assert.same({{{"commonName", "localhost"}}}, t.subject)
    assert.same({{{"commonName", "Test Root"}}}, t.issuer)
    assert.same({"DNS", "localhost"}, t.subjectAltName[1])
    assert.equal(openssl("server.pem", "-serial"):match("=(%x+)"),
      t.serialNumber)
    t.subject[1][1][2] = "changed"
    assert.equal("localhost", cert:info().subject[1][1][2])
  end)

  it("gives its bytes as DER, and as DER_cert_to_PEM_cert writes PEM", function()
    for _, name in ipairs {"server.pem", "server-rsa.pem", "ca.pem"} do
      local cert <close> = load(name)
      local pem = cert:public_bytes("PEM")
      assert.equal(der(name), cert:public_bytes("DER"))
      assert.equal(ssl.DER_cert_to_PEM_cert(der(name)), pem)
      assert.equal(certs.read(name), pem)
      assert.equal(pem, cert:public_bytes())
      assert.equal(pem, cert:public_bytes {format = "PEM"})
    end
  end)

  it("gives its PEM for every length of the last line", function()
    local seen = {}
    for i = 1, 100 do
      local bytes = named(("x"):rep(i))
      local cert <close> = ssl.certificate(bytes)
      seen[#bytes % 48] = true
      assert.equal(ssl.DER_cert_to_PEM_cert(bytes), cert:public_bytes())
    end
    for i = 0, 47 do assert.is_true(seen[i]) end
  end)

  it("has no trust settings in its bytes", function()
    local cert <close> = ssl.certificate(trusted "server.pem")
    assert.equal(der "server.pem", cert:public_bytes("DER"))
  end)

  it("refuses another form", function()
    local cert <close> = load "server.pem"
    for _, form in ipairs {"pem", "DER ", "", "TXT"} do
      raised(ssl.ValueError, cert.public_bytes, cert, form)
    end
    raised.text("string expected, got number", cert.public_bytes, cert, 1)
    raised(ssl.TypeError, cert.public_bytes, cert, {form = "DER"})
  end)

  it("has the fingerprints that openssl tells", function()
    local cert <close> = load "server.pem"
    for _, name in ipairs {"sha256", "sha1", "sha512", "sha3-256", "md5"} do
      local expected = openssl("server.pem", "-fingerprint", "-" .. name)
        :match("=([%x:]+)"):gsub(":", ""):lower()
      assert.equal(expected, cert:fingerprint(name))
      assert.equal(expected, cert:fingerprint {algorithm = name:upper()})
      if name == "sha256" then assert.equal(expected, cert:fingerprint()) end
    end
  end)

  it("refuses an unknown digest, and leaves no error behind", function()
    local cert <close> = load "server.pem"
    for _, name in ipairs {"", "sha257", "sha256\0", "localhost"} do
      raised(ssl.ValueError, cert.fingerprint, cert, name)
    end
    raised.text("string expected, got boolean", cert.fingerprint, cert, true)
  end)

  local HOSTS = {
    ["localhost"] = true, ["LOCALHOST"] = true, ["localhost."] = true,
    ["a.example.test"] = true, ["example.test"] = false,
    ["a.b.example.test"] = false, ["localhost.example"] = false,
    ["127.0.0.1"] = false, ["::1"] = false, [""] = false, ["."] = false,
    [".example.test"] = false, ["a..example.test"] = false,
    ["localhost\0"] = false, ["localhost\0.example.test"] = false,
    [("a"):rep(64) .. ".example.test"] = false,
  }
  for host, expected in pairs(HOSTS) do
    it(("is %s one for the host %q"):format(expected and "" or "not", host),
      function()
        local cert <close> = load "server.pem"
        assert.equal(expected, cert:check_host(host))
      end)
  end

  local ADDRESSES = {
    ["127.0.0.1"] = true, ["::1"] = true, ["0:0:0:0:0:0:0:1"] = true,
    ["127.0.0.2"] = false, ["::2"] = false, ["127.1"] = false,
    ["localhost"] = false, [""] = false, [":"] = false, ["127.0.0.1\0"] = false,
    [" 127.0.0.1"] = false, ["::ffff:127.0.0.1"] = false,
  }
  for address, expected in pairs(ADDRESSES) do
    it(("is %s one for the address %q"):format(expected and "" or "not", address),
      function()
        local cert <close> = load "server.pem"
        assert.equal(expected, cert:check_ip(address))
      end)
  end

  it("names its host in the common name where it has no other name", function()
    local path = certs.issue {cn = "only.example", san = false}
    local file <close> = assert(io.open(path, "rb"))
    local cert <close> = ssl.certificate(file:read("a"))
    assert.is_true(cert:check_host "only.example")
    assert.is_false(cert:check_host "other.example")
    assert.is_false(cert:check_ip "127.0.0.1")
  end)

  it("is not for a host that is an address, whatever its common name", function()
    local cert <close> = ssl.certificate(named "127.0.0.1")
    assert.is_false(cert:check_host "127.0.0.1")
    assert.is_false(cert:check_ip "127.0.0.1")
  end)

  it("has a wildcard as a whole label only, as the handshake does", function()
    local cert <close> = ssl.certificate(make.certificate {
      extensions = {make.alternatives(make.dns "f*.a.test",
        make.dns "*.b.test")}})
    assert.is_true(cert:check_host "foo.b.test")
    assert.is_false(cert:check_host "foo.a.test")
  end)

  it("is checked for a text, and for nothing else", function()
    local cert <close> = load "server.pem"
    for _, method in ipairs {"check_host", "check_ip"} do
      for _, bad in ipairs {5, true, {}} do
        raised.text("string expected, got " .. type(bad), cert[method], cert, bad)
      end
      raised.text("string expected", cert[method], cert)
    end
  end)

  it("equals one with the same DER, and nothing else", function()
    local cert, same = load "server.pem", load "server.der"
    assert.is_true(cert == same)
    assert.is_true(cert == ssl.certificate(trusted "server.pem"))
    assert.is_false(cert == load "leaf.pem")
    assert.is_false(cert == ssl.buffer(der "server.pem"))
    assert.is_false(ssl.buffer(der "server.pem") == cert)
    assert.is_false(cert == cert:public_bytes())
    same:close()
    assert.is_false(cert == same)
    assert.is_true(same == same)
  end)

  it("differs from one that differs in its signature only", function()
    local bytes = der "server.pem"
    local last = bytes:byte(-1)
    local other = bytes:sub(1, -2) .. string.char((last + 1) % 256)
    assert.is_false(ssl.certificate(bytes) == ssl.certificate(other))
  end)

  it("says whose it is", function()
    local cert <close> = load "server.pem"
    assert.equal("ssl.certificate: /CN=localhost", tostring(cert))
    cert:close()
    assert.equal("ssl.certificate: closed", tostring(cert))
  end)

  it("says it in one line that ends, whatever its name is", function()
    local hostile <close> = ssl.certificate(named("a\nb\0c\27"
      .. ("x"):rep(2000)))
    local text = tostring(hostile)
    assert.is_true(#text < 300)
    assert.is_nil(text:find("%c"))
  end)

  it("raises ValueError once it is closed, which it can be twice", function()
    local cert = load "server.pem"
    assert.is_true(cert:close())
    assert.is_true(cert:close())
    for _, case in ipairs {{"info"}, {"public_bytes"}, {"fingerprint"},
      {"check_host", "localhost"}, {"check_ip", "::1"}} do
      raised(ssl.ValueError, cert[case[1]], cert, case[2])
    end
  end)
end)
