local certs = require "support.certs"
local pair = require "support.pair"
local verifying = require "support.verifying"
local ssl = require "pyssl"

local REQUIRED, OPTIONAL = ssl.CERT_REQUIRED, ssl.CERT_OPTIONAL

-- What the case is about; the server's mode; the client's certificate; `trust`
-- and more flags (`with`) of the server; the outcome there: the verify code and
-- the alert, or neither. `seen` is the common name that the server then sees.
local CASES = {
  {"a certificate where one is required", REQUIRED, "client", seen = "client"},
  {"a certificate where one is asked for", OPTIONAL, "client", seen = "client"},
  {"a certificate where none is asked for", ssl.CERT_NONE, "client"},
  {"no certificate where one is asked for", OPTIONAL},
  {"no certificate where none is asked for", ssl.CERT_NONE},
  {"a certificate and its intermediate", REQUIRED, "client-chain",
    seen = "client-below"},
  {"a certificate that is not revoked", REQUIRED, "client", trust = "ca-crl",
    with = ssl.VERIFY_CRL_CHECK_LEAF, seen = "client"},
  {"a certificate for both sides", REQUIRED, "server", seen = "localhost"},
  {"a certificate for any name", REQUIRED, "wrong-host",
    seen = "wrong.example.org"},
  {"a certificate without authority key identifier, not strict", REQUIRED,
    "no-aki", seen = "localhost"},

  {"a stranger's certificate", REQUIRED, "stranger", code = 20,
    alert = "UNKNOWN_CA", subject = "stranger"},
  {"a stranger's certificate where one is only asked for", OPTIONAL, "stranger",
    code = 20, alert = "UNKNOWN_CA", subject = "stranger"},
  {"a self-signed certificate", REQUIRED, "self-signed", code = 18,
    alert = "UNKNOWN_CA", subject = "localhost"},
  {"an expired certificate", REQUIRED, "expired", code = 10,
    alert = "CERTIFICATE_EXPIRED", subject = "localhost"},
  {"an expired certificate where one is only asked for", OPTIONAL, "expired",
    code = 10, alert = "CERTIFICATE_EXPIRED", subject = "localhost"},
  {"a certificate that is not valid yet", REQUIRED, "future", code = 9,
    alert = "BAD_CERTIFICATE", subject = "localhost"},
  {"a revoked certificate", REQUIRED, "revoked", trust = "ca-crl", code = 23,
    with = ssl.VERIFY_CRL_CHECK_LEAF, alert = "CERTIFICATE_REVOKED",
    subject = "localhost"},
  {"no list of revocations where it is demanded", REQUIRED, "client", code = 3,
    with = ssl.VERIFY_CRL_CHECK_LEAF, alert = "UNKNOWN_CA",
    subject = "client"},
  {"a server's certificate", REQUIRED, "server-only", code = 26,
    alert = "UNSUPPORTED_CERTIFICATE", subject = "server-only"},
  {"a certificate without its intermediate", REQUIRED, "client-below",
    code = 20, alert = "UNKNOWN_CA", subject = "client-below"},
  {"a certificate without authority key identifier, strict", REQUIRED, "no-aki",
    with = ssl.VERIFY_X509_STRICT, code = 85, alert = "CERTIFICATE_UNKNOWN",
    subject = "localhost"},
}

local function make_certificates()
  certs.issue {name = "server-only", usage = "serverAuth"}
  local path, key = certs.issue {
    name = "client-below", ca = "intermediate", usage = "clientAuth",
  }
  for name, contents in pairs {
    ["client-chain.pem"] = certs.read "client-below.pem"
      .. certs.read "intermediate.pem",
    ["client-chain.key"] = certs.read "client-below.key",
  } do
    local file <close> = assert(io.open(certs.path(name), "wb"))
    file:write(contents)
  end
  return path, key
end

local function contexts(case, version)
  local server = pair.server_context("server", {verify_mode = case[2]})
  server.verify_flags = server.verify_flags | (case.with or 0)
  server:load_verify_locations(certs.path((case.trust or "ca") .. ".pem"))
  local client = pair.client_context {maximum_version = version}
  if case[3] then
    client:load_cert_chain(certs.path(case[3] .. ".pem"),
      certs.path(case[3] .. ".key"))
  end
  return client, server
end

-- Drive the handshake of both ends, and close the contexts.
local function handshake(client_ctx, server_ctx)
  local client, server = pair.tcp(client_ctx, server_ctx)
  client_ctx:close()
  server_ctx:close()
  local results = pair.drive({client.do_handshake, client},
                             {server.do_handshake, server})
  client:settimeout(pair.LIMIT)
  server:settimeout(pair.LIMIT)
  return client, server, results[1], results[2]
end

-- How the client learns that it was refused: in TLS 1.2 its handshake fails,
-- in 1.3 that succeeds and its first read fails. Gives the error.
local function client_failure(client, result, version)
  if version == ssl.TLSVersion.TLSv1_2 then
    assert.is_false(result[1])
    return result[2]
  end
  assert.is_true(result[1])
  local ok, err = pcall(client.recv, client, 1)
  assert.is_false(ok)
  return err
end

local function check_accepted(case, client, server)
  local certificate = server:getpeercert()
  assert.equal(case.seen, certificate
    and certificate.subject[1][1][2])
  assert.equal(5, server:send("hello"))
  assert.equal("hello", client:recv(5))
end

local function check_refused(case, err)
  assert.is_true(err:is(ssl.SSLCertVerificationError))
  assert.equal(case.code, err.verify_code)
  assert.equal(0, err.depth)
  assert.same({{{"commonName", case.subject}}}, err.subject)
  assert.is_nil(err.hostname)
  assert.equal(ssl["ALERT_DESCRIPTION_" .. case.alert], err.alert)
end

describe("a server", function()
  setup(make_certificates)

  for _, case in ipairs(CASES) do
    for what, version in pairs(verifying.VERSIONS) do
      it(("%s %s in %s [H-13, E-13]"):format(
        case.code and "refuses" or "accepts", case[1], what), function()
        local client, server, ours, theirs =
          handshake(contexts(case, version))
        if case.code then
          assert.is_false(theirs[1])
          check_refused(case, theirs[2])
          local err = client_failure(client, ours, version)
          assert.equal("SSLError", err.class.name)
          assert.matches("ALERT_" .. case.alert .. "$", err.reason)
          assert.equal(theirs[2].alert, err.alert)
        else
          assert.same({true, true}, {ours[1], theirs[1]})
          check_accepted(case, client, server)
        end
        pair.close(client, server)
      end)
    end
  end

  local NONE = {
    ["TLS 1.2"] = {"SSLV3_ALERT_HANDSHAKE_FAILURE", 40},
    ["TLS 1.3"] = {"TLSV13_ALERT_CERTIFICATE_REQUIRED", 116},
  }

  for what, version in pairs(verifying.VERSIONS) do
    it("refuses no certificate where one is required in " .. what
      .. ", which is no verification error [H-13]", function()
      local client, server, ours, theirs =
        handshake(contexts({"", REQUIRED}, version))
      local err = theirs[2]
      assert.equal("SSLError", err.class.name)
      assert.equal("PEER_DID_NOT_RETURN_A_CERTIFICATE", err.reason)
      assert.is_nil(err.verify_code)
      err = client_failure(client, ours, version)
      assert.equal("SSLError", err.class.name)
      assert.same(NONE[what], {err.reason, err.alert})
      pair.close(client, server)
    end)
  end

  it("tells a TLS 1.3 client that it was refused when that reads, and takes "
    .. "nothing from it [H-13]", function()
    local client, server = handshake(contexts({"", REQUIRED, "stranger"}))
    local ok, err = pcall(client.recv, client, 1)
    assert.is_false(ok)
    assert.equal("TLSV1_ALERT_UNKNOWN_CA", err.reason)
    for _, call in ipairs {{server.recv, server, 1}, {server.send, server, "x"},
      {server.do_handshake, server}} do
      ok, err = pcall(table.unpack(call))
      assert.is_false(ok)
      assert.is_false(pair.is_want(err))
    end
    pair.close(client, server)
  end)

  it("gives a TLS 1.3 client that it refused no plain socket back "
    .. "[H-13]", function()
    local client, server = handshake(contexts({"", REQUIRED, "stranger"}))
    local ok, err = pcall(client.unwrap, client)
    assert.is_false(ok)
    assert.equal("TLSV1_ALERT_UNKNOWN_CA", err.reason)
    pair.close(client, server)
  end)

  it("trusts for clients what its own context trusts, not what its "
    .. "certificate is by [H-13]", function()
    local server_ctx = pair.server_context("server", {verify_mode = REQUIRED})
    server_ctx:load_verify_locations(certs.path "other-ca.pem")
    local client_ctx = pair.client_context()
    client_ctx:load_cert_chain(certs.path "client.pem",
      certs.path "client.key")
    local client, server, _, theirs = handshake(client_ctx, server_ctx)
    assert.equal(19, theirs[2].verify_code) -- the client sent its root, too
    pair.close(client, server)
  end)
end)
