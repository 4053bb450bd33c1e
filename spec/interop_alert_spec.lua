-- What a peer that is not ours objects to is an error of ours, and the reverse.
local certs = require "support.certs"
local pair = require "support.pair"
local peers = require "support.peers"
local ssl = require "pyssl"

-- What Python's ssl is given to trust us with, or to be trusted.
local function files(name)
  return {cert = certs.path(name .. ".pem"), key = certs.path(name .. ".key")}
end

-- Its class, reason and verify code against the case's.
local function check_theirs(expected, said)
  assert.equal(expected.reason, said.reason)
  assert.equal(expected.code, said.code)
end

local function check_ours(expected, err)
  assert.is_table(err)
  assert.is_true(err:is(expected.class or ssl.SSLError), tostring(err))
  assert.equal("SSL", err.library)
  assert.equal(expected.reason, err.reason)
  assert.equal(expected.alert, err.alert)
  assert.equal(expected.code, err.verify_code)
  assert.equal(expected.op or "handshake", err.op)
end

local VERIFICATION = ssl.SSLCertVerificationError

-- `peer`: options of Python's server; `client`: attributes of our context.
-- `late`: the handshake succeeds, and reading does not.
local CLIENT_CASES = {
  {"an authority that we do not know", server = "stranger",
    ours = {class = VERIFICATION, reason = "CERTIFICATE_VERIFY_FAILED", code = 20,
      alert = 48},
    theirs = {reason = "TLSV1_ALERT_UNKNOWN_CA"}},
  {"a certificate that is not for the name", server = "wrong-host",
    ours = {class = VERIFICATION, reason = "CERTIFICATE_VERIFY_FAILED", code = 62,
      alert = 42},
    theirs = {reason = "SSLV3_ALERT_BAD_CERTIFICATE"}},
  {"a certificate that has expired", server = "expired",
    ours = {class = VERIFICATION, reason = "CERTIFICATE_VERIFY_FAILED", code = 10,
      alert = 45},
    theirs = {reason = "SSLV3_ALERT_CERTIFICATE_EXPIRED"}},
  {"an older version than it takes", peer = {minimum = "TLSv1.3"},
    client = {maximum_version = ssl.TLSVersion.TLSv1_2},
    ours = {reason = "TLSV1_ALERT_PROTOCOL_VERSION", alert = 70},
    theirs = {reason = "UNSUPPORTED_PROTOCOL"}},
  {"no cipher in common",
    peer = {version = "TLSv1.2", ciphers = "ECDHE-ECDSA-AES128-SHA256"},
    ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384",
    ours = {reason = "SSLV3_ALERT_HANDSHAKE_FAILURE", alert = 40},
    theirs = {reason = "NO_SHARED_CIPHER"}},
  {"no certificate of ours, over TLS 1.2",
    peer = {version = "TLSv1.2", verify = true},
    ours = {reason = "SSLV3_ALERT_HANDSHAKE_FAILURE", alert = 40},
    theirs = {reason = "PEER_DID_NOT_RETURN_A_CERTIFICATE"}},
  {"no certificate of ours, over TLS 1.3", late = true,
    peer = {version = "TLSv1.3", verify = true},
    ours = {reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED", alert = 116, op = "read"},
    theirs = {reason = "PEER_DID_NOT_RETURN_A_CERTIFICATE"}},
  {"a certificate of ours that it does not know, over TLS 1.3", late = true,
    peer = {version = "TLSv1.3", verify = true}, own = "stranger",
    ours = {reason = "TLSV1_ALERT_UNKNOWN_CA", alert = 48, op = "read"},
    theirs = {reason = "CERTIFICATE_VERIFY_FAILED", code = 20}},
}

local function own_context(case, ctx)
  if case.ciphers then ctx:set_ciphers(case.ciphers) end
  if case.own then
    ctx:load_cert_chain(files(case.own).cert, files(case.own).key)
  end
  return ctx
end

describe("Python's server and our client both tell of", function()
  for _, case in ipairs(CLIENT_CASES) do
    it(case[1] .. " [H-13, H-14]", function()
      local peer <close> = peers.python("server", pair.merge(pair.merge(
        files(case.server or "server"), {ca = certs.path "ca.pem"}), case.peer))
      local ctx = own_context(case, pair.client_context(case.client))
      local conn, err = ssl.try(ctx.connect, ctx, "127.0.0.1", peer.port,
        {server_hostname = "localhost", timeout = pair.LIMIT})
      if case.late then
        local _ <close> = assert(conn, err)
        local data
        data, err = ssl.try(conn.recv, conn)
        assert.is_nil(data)
      end
      check_ours(case.ours, err)
      check_theirs(case.theirs, peers.report(peer, "error"))
    end)
  end
end)

-- The same the other way round; a `late` error is one of Python's reading.
local SERVER_CASES = {
  {"an authority that it does not know", server = "stranger",
    ours = {reason = "TLSV1_ALERT_UNKNOWN_CA", alert = 48},
    theirs = {reason = "CERTIFICATE_VERIFY_FAILED", code = 20}},
  {"a certificate that is not for the name", peer = {name = "other.test"},
    ours = {reason = "SSLV3_ALERT_BAD_CERTIFICATE", alert = 42},
    theirs = {reason = "CERTIFICATE_VERIFY_FAILED", code = 62}},
  {"an older version than we take", peer = {version = "TLSv1.2"},
    settings = {minimum_version = ssl.TLSVersion.TLSv1_3},
    ours = {reason = "UNSUPPORTED_PROTOCOL", alert = 70},
    theirs = {reason = "TLSV1_ALERT_PROTOCOL_VERSION"}},
  {"no cipher in common",
    peer = {version = "TLSv1.2", ciphers = "ECDHE-ECDSA-AES128-SHA256"},
    ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384",
    ours = {reason = "NO_SHARED_CIPHER", alert = 40},
    theirs = {reason = "SSLV3_ALERT_HANDSHAKE_FAILURE"}},
  {"a certificate that it does not have, over TLS 1.2", asks = true,
    peer = {version = "TLSv1.2"},
    ours = {reason = "PEER_DID_NOT_RETURN_A_CERTIFICATE", alert = 40},
    theirs = {reason = "SSLV3_ALERT_HANDSHAKE_FAILURE"}},
  {"a certificate that it does not have, over TLS 1.3", asks = true, late = true,
    peer = {version = "TLSv1.3"},
    ours = {reason = "PEER_DID_NOT_RETURN_A_CERTIFICATE", alert = 116},
    theirs = {reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"}},
  {"a certificate that we do not know", asks = true, own = "stranger",
    peer = {version = "TLSv1.2"},
    ours = {class = VERIFICATION, reason = "CERTIFICATE_VERIFY_FAILED", code = 20,
      alert = 48},
    theirs = {reason = "TLSV1_ALERT_UNKNOWN_CA"}},
}

describe("Python's client and our server both tell of", function()
  for _, case in ipairs(SERVER_CASES) do
    it(case[1] .. " [H-13, H-14]", function()
      local ctx = pair.server_context(case.server, case.settings)
      if case.ciphers then ctx:set_ciphers(case.ciphers) end
      if case.asks then
        ctx.verify_mode = ssl.CERT_REQUIRED
        ctx:load_verify_locations(certs.path "ca.pem")
      end
      local listener <close>, port = peers.listen(ctx)
      local o = pair.merge({port = port, ca = certs.path "ca.pem",
        ["end"] = "await"}, case.peer)
      if case.own then pair.merge(o, files(case.own)) end
      local peer <close> = peers.python("client", o)
      local conn, err = ssl.try(listener.accept, listener)
      assert.is_nil(conn)
      check_ours(case.ours, err)
      if case.late then peers.report(peer, "handshake") end
      check_theirs(case.theirs, peers.report(peer, "error"))
    end)
  end
end)

describe("GnuTLS and we both tell of", function()
  it("an authority that our client does not know", function()
    local peer <close> = peers.gnutls_serv("stranger",
      {"--disable-client-cert"}, {stdout = "pipe", stderr = "stdout"})
    -- over TLS 1.3 OpenSSL's alert comes before its keys, and GnuTLS drops it
    local ctx = pair.client_context {maximum_version = ssl.TLSVersion.TLSv1_2}
    local conn, err = ssl.try(ctx.connect, ctx, "127.0.0.1", peer.port,
      {server_hostname = "localhost", timeout = pair.LIMIT})
    assert.is_nil(conn)
    check_ours(CLIENT_CASES[1].ours, err)
    peer:expect "Received alert '48'"
  end)

  it("an authority that its client does not know", function()
    local listener <close>, port = peers.listen(pair.server_context "stranger")
    local peer <close> = peers.gnutls_cli(port)
    local ok, conn = pcall(listener.accept, listener)
    if ok then -- it verifies when the handshake is done
      local _ <close> = conn
      conn:settimeout(pair.LIMIT)
      assert.equal("", conn:recv())
    end
    peer:expect "^%- Status: The certificate is NOT trusted"
    assert.equal("exited", (peer:wait()))
  end)

  it("no version in common", function()
    local listener <close>, port = peers.listen(pair.server_context("server",
      {minimum_version = ssl.TLSVersion.TLSv1_3}))
    local peer <close> = peers.gnutls_cli(port,
      {"--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2"})
    local _, err = ssl.try(listener.accept, listener)
    check_ours({reason = "UNSUPPORTED_PROTOCOL", alert = 70}, err)
    peer:expect "%[70%]"
  end)
end)
