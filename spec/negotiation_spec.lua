local certs = require "support.certs"
local pair = require "support.pair"
local ssl = require "pyssl"

local V = ssl.TLSVersion
local VERSIONS = {["TLS 1.2"] = V.TLSv1_2, ["TLS 1.3"] = V.TLSv1_3}

local function check(err, reason, alert)
  assert.equal("SSLError", err and err.class.name)
  assert.same({"SSL", reason, alert, "handshake"},
    {err.library, err.reason, err.alert, err.op})
end

local function refused(client, server)
  local ours, theirs = pair.refused(client, server)
  client:close()
  server:close()
  return ours, theirs
end

describe("a handshake", function()
  for what, limits in pairs {
    ["a newer client"] = {client = {minimum_version = V.TLSv1_3},
                          server = {maximum_version = V.TLSv1_2}},
    ["a newer server"] = {client = {maximum_version = V.TLSv1_2},
                          server = {minimum_version = V.TLSv1_3}},
  } do
    it("fails where " .. what .. " has no version in common [H-14]", function()
      local ours, theirs = refused(pair.client_context(limits.client),
        pair.server_context("server", limits.server))
      check(theirs, "UNSUPPORTED_PROTOCOL", ssl.ALERT_DESCRIPTION_PROTOCOL_VERSION)
      check(ours, "TLSV1_ALERT_PROTOCOL_VERSION",
        ssl.ALERT_DESCRIPTION_PROTOCOL_VERSION)
    end)
  end

  it("takes the highest version that both have [H-14]", function()
    for _, version in pairs(VERSIONS) do
      local client_ctx <close> = pair.client_context()
      local server_ctx <close> = pair.server_context("server",
        {maximum_version = version})
      local client, server = pair.connected(client_ctx, server_ctx)
      local expected = version == V.TLSv1_3 and "TLSv1.3" or "TLSv1.2"
      assert.same({expected, expected}, {client:version(), server:version()})
      pair.close(client, server)
    end
  end)

  for _, side in ipairs {"client", "server"} do
    it(("fails on a %s whose lowest version is above its highest, which "
      .. "assigning allows [D-05, D-06, H-14]"):format(side), function()
      local client, server = pair.client_context(), pair.server_context()
      local ctx = side == "client" and client or server
      ctx.minimum_version, ctx.maximum_version = V.TLSv1_3, V.TLSv1_2
      local ours, theirs = refused(client, server)
      local err = side == "client" and ours or theirs
      assert.equal("NO_PROTOCOLS_AVAILABLE", err.reason)
    end)
  end

  local function check_no_cipher(ours, theirs)
    check(theirs, "NO_SHARED_CIPHER", ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE)
    check(ours, "SSLV3_ALERT_HANDSHAKE_FAILURE",
      ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE)
  end

  it("fails without a common cipher in TLS 1.2 [H-14]", function()
    local client = pair.client_context {maximum_version = V.TLSv1_2}
    local server = pair.server_context()
    client:set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    server:set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    check_no_cipher(refused(client, server))
  end)

  it("fails where the ciphers want a key that the server has not "
    .. "[H-14]", function()
    local client = pair.client_context {maximum_version = V.TLSv1_2}
    client:set_ciphers("ECDHE-RSA-AES256-GCM-SHA384")
    check_no_cipher(refused(client, pair.server_context "server"))
  end)

  it("is not troubled by TLS 1.2's ciphers in TLS 1.3 [H-14]", function()
    local client, server = pair.client_context(), pair.server_context()
    client:set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    server:set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    assert.same({}, {refused(client, server)})
  end)

  for what, version in pairs(VERSIONS) do
    it("fails on a server without certificate in " .. what .. " [H-14]",
      function()
        check_no_cipher(refused(
          pair.client_context {maximum_version = version},
          ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)))
      end)
  end

  it("works with the certificate of the two that the client can use "
    .. "[H-14]", function()
    local server = pair.server_context "server"
    server:load_cert_chain(certs.path "server-rsa.pem",
      certs.path "server-rsa.key")
    for _, kind in ipairs {"RSA", "ECDSA"} do
      local client <close> = pair.client_context {maximum_version = V.TLSv1_2}
      client:set_ciphers(("ECDHE-%s-AES256-GCM-SHA384"):format(kind))
      local ours, theirs = pair.refused(client, server)
      assert.same({}, {ours, theirs})
    end
    server:close()
  end)

  it("fails where two clients or two servers meet [H-14]", function()
    local ctx <close> = pair.client_context()
    local listening <close> = pair.server_context()
    local client, server = pair.tcp(ctx, listening)
    local number = client:detach()
    local other = listening:wrap_socket(number,
      {server_side = true, do_handshake_on_connect = false})
    other:settimeout(0)
    -- Both wait for a hello: neither says anything, and neither fails.
    for _, conn in ipairs {other, server} do
      local ok, err = pcall(conn.do_handshake, conn)
      assert.is_false(ok)
      assert.is_true(err:is(ssl.SSLWantReadError))
    end
    pair.close(other, server)
  end)
end)
