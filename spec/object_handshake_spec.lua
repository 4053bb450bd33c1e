-- The handshake over memory: split anywhere, refused for every reason, started
-- by what is no TLS.
local certs = require "support.certs"
local memory = require "support.memory"
local pair = require "support.pair"
local raised = require "support.raised"
local scale = require "support.scale"
local ssl = require "pyssl"

-- Both contexts, for one version, with or without a client's certificate.
local function contexts(version, with_client)
  local client, server = pair.client_context(), pair.server_context()
  client.minimum_version = ssl.TLSVersion[version]
  client.maximum_version = ssl.TLSVersion[version]
  if with_client then
    client:load_cert_chain(certs.path "client.pem", certs.path "client.key")
    server:load_verify_locations(certs.path "ca.pem")
    server.verify_mode = ssl.CERT_REQUIRED
  end
  return client, server
end

-- All that a handshake decides, as both ends see it.
local function describe_end(conn)
  return {
    version = conn:version(), cipher = {conn:cipher()}, group = conn:group(),
    peer = conn:getpeercert(true), verified = conn:get_verified_chain(),
  }
end

local function result_of(ends)
  return {client = describe_end(ends.client), server = describe_end(ends.server)}
end

-- Data goes both ways, and both ends end in the same way.
local function converse(ends)
  ends.client:write("question")
  ends:carry("client")
  assert.equal("question", ends.server:read())
  ends.server:write("answer")
  ends:carry("server")
  assert.equal("answer", ends.client:read())
  assert.equal(ends.client:get_channel_binding("tls-exporter"),
    ends.server:get_channel_binding("tls-exporter"))
end

local STEP = 256 -- bytes between two cuts

describe("a handshake over memory", function()
  for _, version in ipairs {"TLSv1_2", "TLSv1_3"} do
    for _, with_client in ipairs {false, true} do
      local name = ("with %s, %s a client's certificate"):format(version,
        with_client and "with" or "without")

      it("is the same, cut at every byte at once, " .. name .. " [F.1, H-01]", function()
        local client_ctx, server_ctx = contexts(version, with_client)
        local whole <close> = memory.connected(client_ctx, server_ctx)
        local ends <close> = memory.new(client_ctx, server_ctx)
        ends:shake_hands(1)
        assert.same(result_of(whole), result_of(ends))
        assert.equal(with_client and certs.read("client.pem") or nil,
          with_client and ssl.DER_cert_to_PEM_cert(ends.server:getpeercert(true))
          or ends.server:getpeercert(true))
        converse(ends)
      end)

      -- Of the cuts at first, first + STEP, ... each byte boundary of what
      -- either end sends is one, in one of the rounds.
      it("is the same, cut at every byte in turn, " .. name .. " [F.1]", function()
        local client_ctx, server_ctx = contexts(version, with_client)
        local whole <close> = memory.connected(client_ctx, server_ctx)
        local expected = result_of(whole)
        local stride = math.ceil(STEP / scale.count(STEP, 8))
        for first = 1, STEP, stride do
          local ends <close> = memory.new(client_ctx, server_ctx)
          ends:shake_hands(STEP, first)
          assert.same(expected, result_of(ends), first)
          converse(ends)
        end
      end)
    end
  end

  it("ends in the same error however it is cut [F.1]", function()
    local client_ctx = pair.client_context()
    local server_ctx = pair.server_context("stranger")
    for _, size in ipairs {1, 2, 5, 100, 100000} do
      local ends <close> = memory.new(client_ctx, server_ctx)
      local client, server = ends:hands(size)
      assert.equal("CERTIFICATE_VERIFY_FAILED", client.reason)
      assert.equal("TLSV1_ALERT_UNKNOWN_CA", (server
        or raised(ssl.SSLError, ends.server.read, ends.server, 1)).reason)
    end
  end)
end)

describe("a handshake over memory that is refused", function()
  for _, case in ipairs {
    {"stranger", 20, "unable to get local issuer certificate", 48},
    {"self-signed", 18, "self-signed certificate", 48},
    {"expired", 10, "certificate has expired", 45},
    {"wrong-host", 62, "Hostname mismatch, certificate is not valid for "
                       .. "'localhost'", 42},
  } do
    local name, code, message, alert = table.unpack(case)
    it("says what was wrong with the certificate: " .. name .. " [F.1]", function()
      local ends <close> = memory.new(pair.client_context(),
        pair.server_context(name))
      local err, theirs = ends:hands()
      assert.equal(ssl.SSLCertVerificationError, err.class)
      assert.equal("SSL", err.library)
      assert.equal("CERTIFICATE_VERIFY_FAILED", err.reason)
      assert.equal(code, err.verify_code)
      assert.equal(message, err.verify_message)
      assert.equal(0, err.depth)
      assert.equal("commonName", err.subject[1][1][1])
      assert.equal("localhost", err.hostname)
      assert.equal("handshake", err.op)
      assert.equal(alert, err.alert)
      theirs = theirs or raised(ssl.SSLError, ends.server.read, ends.server, 1)
      assert.equal(alert, theirs.alert)
    end)
  end

  it("is the server's refusal of a client without certificate [F.1]", function()
    local client_ctx, server_ctx = contexts("TLSv1_2", false)
    server_ctx.verify_mode = ssl.CERT_REQUIRED
    local ends <close> = memory.new(client_ctx, server_ctx)
    local client, server = ends:hands()
    assert.equal("PEER_DID_NOT_RETURN_A_CERTIFICATE", server.reason)
    assert.equal(40, client.alert)
  end)

  it("fails every later call [F.1]", function()
    local ends <close> = memory.new(pair.client_context(),
      pair.server_context("stranger"))
    assert.is_not_nil((ends:hands()))
    raised(ssl.SSLEOFError, ends.client.do_handshake, ends.client)
    raised(ssl.SSLEOFError, ends.client.read, ends.client, 1)
    raised(ssl.SSLEOFError, ends.client.write, ends.client, "plain")
    assert.is_nil(ends.client:version())
    assert.is_nil((ends.client_out:read():find("plain", 1, true)))
  end)
end)

describe("what is no TLS", function()
  local function server_hears(bytes)
    local ends <close> = memory.new()
    ends.server_in:write(bytes)
    local err = raised(ssl.SSLError, ends.server.do_handshake, ends.server)
    return err, ends.server_out:read()
  end

  it("is called HTTP by a server where it is [F.1]", function()
    for _, method in ipairs {"GET", "POST", "HEAD", "PUT"} do
      local err = server_hears(method .. " / HTTP/1.1\r\nHost: x\r\n\r\n")
      assert.equal("HTTP_REQUEST", err.reason)
      assert.equal("SSL", err.library)
      assert.equal("handshake", err.op)
    end
    assert.equal("HTTPS_PROXY_REQUEST",
      server_hears("CONNECT a.test:443 HTTP/1.1\r\n\r\n").reason)
  end)

  it("is a wrong version number to a server [F.1]", function()
    for _, garbage in ipairs {"garbage, and more of it", ("\0"):rep(20),
      "\22\9\1" .. ("x"):rep(20)} do
      local err, answer = server_hears(garbage)
      assert.equal("WRONG_VERSION_NUMBER", err.reason)
      assert.equal("", answer) -- to OpenSSL this is no peer to tell in TLS
    end
  end)

  for _, version in ipairs {"TLSv1_2", "TLSv1_3"} do
    it("makes the peer fail with a protocol_version alert: " .. version .. " [F.1]", function()
      local ends <close> = memory.new(contexts(version, false))
      raised(ssl.SSLWantReadError, ends.client.do_handshake, ends.client)
      ends:carry("client")
      raised(ssl.SSLWantReadError, ends.server.do_handshake, ends.server)
      ends.server_in:write("garbage, and more of it")
      local err = raised(ssl.SSLError, ends.server.do_handshake, ends.server)
      assert.equal("WRONG_VERSION_NUMBER", err.reason)
      assert.equal(70, err.alert)
      ends:carry("server")
      local ok, theirs = memory.try(ends.client.read, ends.client, 1)
      assert.is_false(ok)
      assert.equal("TLSV1_ALERT_PROTOCOL_VERSION", theirs.reason)
      assert.equal(70, theirs.alert)
    end)
  end

  it("is a wrong version number to a client, too [F.1]", function()
    local ends <close> = memory.new()
    ends.client_in:write("HTTP/1.1 400 Bad Request\r\n\r\n")
    local err = raised(ssl.SSLError, ends.client.do_handshake, ends.client)
    assert.equal("WRONG_VERSION_NUMBER", err.reason)
  end)

  it("fails whether it comes whole or by the byte [F.1]", function()
    local ends <close> = memory.new()
    local text, err = "GET / HTTP/1.1\r\n\r\n", nil
    for i = 1, #text do
      ends.server_in:write(text:sub(i, i))
      local ok, e = memory.try(ends.server.do_handshake, ends.server)
      if ok == false then
        err = e
        break
      end
    end
    assert.equal("HTTP_REQUEST", err.reason)
  end)
end)
