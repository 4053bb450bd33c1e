local certs = require "support.certs"
local pair = require "support.pair"
local verifying = require "support.verifying"
local ssl = require "pyssl"

local function name(common)
  return {{{"commonName", common}}}
end

-- A server that presents several files as one chain, the first with its key.
local function presenting(...)
  local texts = {}
  for i, each in ipairs({...}) do texts[i] = certs.read(each .. ".pem") end
  local path = certs.path(table.concat({...}, "-") .. "-chain.pem")
  local file <close> = assert(io.open(path, "wb"))
  file:write(table.concat(texts))
  file:close()
  local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  ctx:load_cert_chain(path, certs.path((...) .. ".key"))
  return ctx
end

local DEFAULT_FLAGS = ssl.VERIFY_X509_TRUSTED_FIRST
  | ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT

-- A client that trusts these files; its flags are the default context's.
local function trusting(...)
  local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
  ctx.verify_flags = DEFAULT_FLAGS
  for _, each in ipairs({...}) do
    ctx:load_verify_locations(certs.path(each .. ".pem"))
  end
  return ctx
end

-- What the case is about; `send`, the server's chain (names of certificates);
-- `trust` ("ca"); `with`, more flags of the client, `without`, fewer; then the
-- outcome: code, depth, subject, the words, and the alert that the server sees.
-- Without a code it is accepted.
local CASES = {
  {"an unknown issuer", send = {"stranger"}, code = 20,
    subject = "stranger", words = "unable to get local issuer certificate",
    alert = "UNKNOWN_CA"},
  {"a self-signed certificate", send = {"self-signed"}, code = 18,
    words = "self-signed certificate", alert = "UNKNOWN_CA"},
  {"a self-signed root in the chain", send = {"stranger", "other-ca"},
    code = 19, depth = 1, subject = "Other Root",
    words = "self-signed certificate in certificate chain",
    alert = "UNKNOWN_CA"},
  {"an expired certificate", send = {"expired"}, code = 10,
    words = "certificate has expired", alert = "CERTIFICATE_EXPIRED"},
  {"a certificate that is not valid yet", send = {"future"}, code = 9,
    words = "certificate is not yet valid", alert = "BAD_CERTIFICATE"},
  {"a certificate for another host", send = {"wrong-host"}, code = 62,
    subject = "wrong.example.org",
    words = "Hostname mismatch, certificate is not valid for 'localhost'",
    alert = "BAD_CERTIFICATE"},
  {"a certificate for another address", send = {"server"}, to = "127.0.0.9",
    code = 64,
    words = "IP address mismatch, certificate is not valid for '127.0.0.9'",
    alert = "BAD_CERTIFICATE"},
  {"a certificate without authority key identifier", send = {"no-aki"},
    code = 85, words = "Missing Authority Key Identifier",
    alert = "CERTIFICATE_UNKNOWN"},
  {"a CA without key usage", send = {"no-usage"}, trust = {"no-usage-ca"},
    code = 92, depth = 1, subject = "Careless Root",
    words = "CA cert does not include key usage extension",
    alert = "CERTIFICATE_UNKNOWN"},
  {"no list of revocations where it is demanded", send = {"server"},
    with = ssl.VERIFY_CRL_CHECK_LEAF, code = 3,
    words = "unable to get certificate CRL", alert = "UNKNOWN_CA"},
  {"a revoked certificate", send = {"revoked"}, trust = {"ca-crl"},
    with = ssl.VERIFY_CRL_CHECK_LEAF, code = 23,
    words = "certificate revoked", alert = "CERTIFICATE_REVOKED"},
  {"a client's certificate", send = {"client"}, code = 26,
    subject = "client", words = "unsuitable certificate purpose",
    alert = "UNSUPPORTED_CERTIFICATE"},
  {"an expired CA", send = {"of-expired-ca", "expired-ca"}, code = 10,
    depth = 1, subject = "expired-ca", words = "certificate has expired",
    alert = "CERTIFICATE_EXPIRED"},
  {"an expired root", send = {"of-expired-ca"}, trust = {"expired-ca"},
    code = 10, depth = 1, subject = "expired-ca",
    words = "certificate has expired", alert = "CERTIFICATE_EXPIRED"},
  {"a leaf that acts as a CA", send = {"of-leaf", "leaf", "intermediate"},
    code = 79, depth = 1, words = "invalid CA certificate",
    alert = "UNKNOWN_CA"},
  {"a path longer than a CA allows",
    send = {"too-deep", "below-short", "short"}, code = 25, depth = 2,
    subject = "short", words = "path length constraint exceeded",
    alert = "UNKNOWN_CA"},
  {"an intermediate that was not sent", send = {"leaf"}, code = 20,
    words = "unable to get local issuer certificate", alert = "UNKNOWN_CA"},
  {"a trusted intermediate without PARTIAL_CHAIN",
    send = {"leaf", "intermediate"}, trust = {"intermediate"},
    without = ssl.VERIFY_X509_PARTIAL_CHAIN, code = 2, depth = 1,
    subject = "Test Intermediate",
    words = "unable to get issuer certificate", alert = "UNKNOWN_CA"},
  {"nothing trusted at all", send = {"server"}, trust = {}, code = 20,
    words = "unable to get local issuer certificate", alert = "UNKNOWN_CA"},

  {"a certificate of the trusted CA", send = {"server"}},
  {"a root that was sent, too", send = {"server", "ca"}},
  {"an intermediate that was sent", send = {"leaf", "intermediate"}},
  {"intermediates in any order, and more", send = {"too-shallow", "other-ca",
    "short", "intermediate"}},
  {"an intermediate that is in the trust", send = {"leaf"},
    trust = {"ca", "intermediate"}},
  {"a trusted intermediate alone", send = {"leaf"}, trust = {"intermediate"}},
  {"a trusted leaf alone", send = {"stranger"}, trust = {"stranger"}},
  {"a self-signed certificate that is trusted", send = {"self-signed"},
    trust = {"self-signed"}},
  {"a certificate that is not on the list of revocations", send = {"server"},
    trust = {"ca-crl"}, with = ssl.VERIFY_CRL_CHECK_LEAF},
  {"a revoked certificate where nothing checks it", send = {"revoked"},
    trust = {"ca-crl"}},
  {"no authority key identifier, not strict", send = {"no-aki"},
    without = ssl.VERIFY_X509_STRICT},
  {"a CA without key usage, not strict", send = {"no-usage"},
    trust = {"no-usage-ca"}, without = ssl.VERIFY_X509_STRICT},
}

local function make_certificates()
  local function issue(each, ca, more)
    certs.issue(pair.merge({name = each, ca = ca}, more))
  end
  local short = [[
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
]]
  issue("expired-ca", "ca", {authority = true, from = -10, days = -1})
  issue("of-expired-ca", "expired-ca")
  issue("of-leaf", "leaf")
  issue("short", "ca", {config = short})
  issue("too-shallow", "short")
  issue("below-short", "short", {authority = true})
  issue("too-deep", "below-short")
end

local function check_refused(case, ours, theirs)
  assert.equal(case.code, ours and ours.verify_code, tostring(ours))
  assert.is_true(ours:is(ssl.SSLCertVerificationError))
  assert.is_true(ours:is(ssl.SSLError))
  assert.is_true(ours:is(ssl.ValueError))
  assert.same({"SSL", "CERTIFICATE_VERIFY_FAILED", "handshake", case.words},
    {ours.library, ours.reason, ours.op, ours.verify_message})
  assert.equal(1, tostring(ours):find("[SSL: CERTIFICATE_VERIFY_FAILED] " ..
    "certificate verify failed: " .. case.words, 1, true))
  assert.equal(case.depth or 0, ours.depth)
  assert.same(name(case.subject or "localhost"), ours.subject)
  assert.equal(case.to or "localhost", ours.hostname)
  assert.equal(ssl["ALERT_DESCRIPTION_" .. case.alert], ours.alert)
  assert.equal(ssl["ALERT_DESCRIPTION_" .. case.alert], theirs.alert)
  assert.is_nil(theirs.verify_code)
  assert.matches("ALERT_" .. case.alert .. "$", theirs.reason)
end

describe("a client's verification", function()
  setup(make_certificates)

  for _, case in ipairs(CASES) do
    for what, version in pairs(verifying.VERSIONS) do
      it(("%s %s in %s [H-13, H-10]"):format(
        case.code and "refuses" or "accepts", case[1], what), function()
        local client <close> = trusting(table.unpack(case.trust or {"ca"}))
        client.verify_flags =
          (client.verify_flags | (case.with or 0)) & ~(case.without or 0)
        client.maximum_version = version
        local server <close> = presenting(table.unpack(case.send))
        local ours, theirs = pair.refused(client, server,
          {client = {server_hostname = case.to or "localhost"}})
        if not case.code then
          assert.same({}, {ours, theirs})
        else
          check_refused(case, ours, theirs)
        end
      end)
    end
  end

  it("has its flags from create_default_context, the server's context "
    .. "likewise [H-10]", function()
    assert.equal(0x88020, DEFAULT_FLAGS)
    for _, purpose in ipairs {ssl.Purpose.SERVER_AUTH,
      ssl.Purpose.CLIENT_AUTH} do
      local ctx <close> = ssl.create_default_context(purpose,
        {cafile = certs.path "ca.pem"})
      assert.equal(DEFAULT_FLAGS, ctx.verify_flags)
    end
    local plain <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    assert.equal(ssl.VERIFY_X509_TRUSTED_FIRST, plain.verify_flags)
  end)

  it("is strict in a default context, until its flag is cleared "
    .. "[H-10]", function()
    local client <close> = pair.client_context()
    local server <close> = pair.server_context "no-aki"
    assert.equal(85, pair.refused(client, server).verify_code)
    client.verify_flags = client.verify_flags & ~ssl.VERIFY_X509_STRICT
    assert.same({}, {pair.refused(client, server)})
  end)

  it("is made with CERT_OPTIONAL, and not with CERT_NONE "
    .. "[H-09, H-13]", function()
    local client <close> = pair.client_context {
      verify_mode = ssl.CERT_OPTIONAL,
    }
    local server <close> = pair.server_context "stranger"
    assert.equal(20, pair.refused(client, server).verify_code)
    client.check_hostname = false
    client.verify_mode = ssl.CERT_NONE
    assert.same({}, {pair.refused(client, server)})
  end)

  it("verifies nothing in a context that was not told to [H-09]", function()
    local server <close> = pair.server_context "stranger"
    local client <close> = ssl.SSLContext(ssl.PROTOCOL_TLS)
    assert.same({}, {pair.refused(client, server)})
  end)

  it("fails each connection of a context by itself [H-13]", function()
    local client <close> = pair.client_context()
    local good <close> = pair.server_context()
    local bad <close> = pair.server_context "stranger"
    for _ = 1, 2 do
      assert.equal(20, pair.refused(client, bad).verify_code)
      assert.same({}, {pair.refused(client, good)})
    end
  end)

  it("keeps a connection that it failed from carrying data [H-13]", function()
    local client_ctx <close> = pair.client_context()
    local server_ctx <close> = pair.server_context "stranger"
    local client, server = pair.tcp(client_ctx, server_ctx)
    pair.drive({client.do_handshake, client}, {server.do_handshake, server})
    for _, call in ipairs {{client.send, client, "secret"},
      {client.do_handshake, client}, {client.recv, client, 1}} do
      local ok, err = pcall(table.unpack(call))
      assert.is_false(ok)
      assert.is_false(pair.is_want(err))
    end
    pair.close(client, server)
  end)
end)
