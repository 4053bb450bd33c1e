-- What is different in TLS 1.3.
local certs = require "support.certs"
local native = require "native"
local negotiation = require "support.negotiation"
local pair = require "support.pair"
local raised = require "support.raised"
local ssl = require "pyssl"

local TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

-- A server's context that demands a certificate of clients.
local function demanding(version)
  local ctx = pair.server_context("server", {maximum_version = version})
  ctx:load_verify_locations(certs.path "ca.pem")
  ctx.verify_mode = ssl.CERT_REQUIRED
  return ctx
end

local function shake_hands(client, server)
  return table.unpack(pair.drive({client.do_handshake, client},
                                 {server.do_handshake, server}))
end

describe("TLS 1.3", function()
  it("has cipher suites of its own, which set_ciphers does not choose "
    .. "[H-15]", function()
    local client_ctx <close>, server_ctx = negotiation.contexts(TLS13)
    local _ <close> = server_ctx
    client_ctx:set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    client_ctx:set_ciphersuites("TLS_CHACHA20_POLY1305_SHA256")
    assert.same({"TLS_CHACHA20_POLY1305_SHA256", "TLSv1.3", 256},
      {negotiation.ask(client_ctx, server_ctx,
        function(client) return client:cipher() end)})
    client_ctx.minimum_version, client_ctx.maximum_version = TLS12, TLS12
    server_ctx.minimum_version, server_ctx.maximum_version = TLS12, TLS12
    assert.same({"ECDHE-ECDSA-AES256-GCM-SHA384", "TLSv1.2", 256},
      {negotiation.ask(client_ctx, server_ctx,
        function(client) return client:cipher() end)})
  end)

  it("without a suite of its own in common fails, where TLS 1.2 is ruled out "
    .. "[H-15]", function()
    local client_ctx <close>, server_ctx = negotiation.contexts(TLS13)
    local _ <close> = server_ctx
    client_ctx:set_ciphersuites("TLS_AES_128_GCM_SHA256")
    server_ctx:set_ciphersuites("TLS_AES_256_GCM_SHA384")
    local _, err = pair.refused(client_ctx, server_ctx)
    assert.equal("NO_SHARED_CIPHER", err.reason)
  end)

  it("sends tickets after the handshake, and a client's first read may just "
    .. "take them in [H-15]", function()
    local client_ctx <close>, server_ctx = negotiation.contexts(TLS13)
    local _ <close> = server_ctx
    local client, server = pair.connected(client_ctx, server_ctx)
    client:settimeout(0)
    assert.equal(0, client:pending())
    -- The socket is readable, and yet there is nothing to be read.
    local limit = pair.LIMIT
    assert.truthy(native.poll({client:fileno()}, {}, limit))
    raised(ssl.SSLWantReadError, client.recv, client, 100)
    assert.is_nil((native.poll({client:fileno()}, {}, 0)))
    server:sendall("data")
    assert.truthy(native.poll({client:fileno()}, {}, limit))
    assert.equal("data", client:recv(100))
    pair.close(client, server)
  end)

  it("has nothing behind the handshake where no ticket is sent, as TLS 1.2 "
    .. "[H-15]", function()
    for _, version in ipairs {TLS12, TLS13} do
      local client_ctx <close>, server_ctx = negotiation.contexts(version)
      local _ <close> = server_ctx
      server_ctx.num_tickets = 0
      local client, server = pair.connected(client_ctx, server_ctx)
      assert.is_nil((native.poll({client:fileno()}, {}, 0)))
      pair.close(client, server)
    end
  end)

  it("lets a read wait for data behind the tickets [H-15]", function()
    local client_ctx <close>, server_ctx = negotiation.contexts(TLS13)
    local _ <close> = server_ctx
    local client, server = pair.connected(client_ctx, server_ctx)
    client:settimeout(0.01)
    raised(ssl.TimeoutError, client.recv, client, 100)
    client:settimeout(pair.LIMIT)
    server:sendall("data")
    assert.equal("data", client:recv(100))
    pair.close(client, server)
  end)

  -- In TLS 1.2 the same is refused within the handshake of both.
  for _, case in ipairs {
    {"without a certificate", nil, "TLSV13_ALERT_CERTIFICATE_REQUIRED",
      "PEER_DID_NOT_RETURN_A_CERTIFICATE"},
    {"with a stranger's certificate", "stranger", "TLSV1_ALERT_UNKNOWN_CA",
      "CERTIFICATE_VERIFY_FAILED"},
  } do
    local what, name, alert, reason = table.unpack(case)
    it(("tells a client %s late: its handshake is done, its first read fails "
      .. "[H-15]"):format(what), function()
      for _, version in ipairs {TLS12, TLS13} do
        local client_ctx <close> = pair.client_context()
        local server_ctx <close> = demanding(version)
        if name then
          client_ctx:load_cert_chain(certs.path(name .. ".pem"),
            certs.path(name .. ".key"))
        end
        local client, server = pair.tcp(client_ctx, server_ctx)
        local ours, theirs = shake_hands(client, server)
        assert.is_false(theirs[1])
        assert.equal(reason, theirs[2].reason)
        assert.equal(version == TLS13, ours[1])
        if version == TLS13 then
          assert.equal("TLSv1.3", client:version())
          client:settimeout(pair.LIMIT)
          local err = raised(ssl.SSLError, client.recv, client, 1)
          assert.same({alert, "read"}, {err.reason, err.op})
        end
        pair.close(client, server)
      end
    end)
  end

  it("has neither early data nor rekeying by hand [H-15]", function()
    local client_ctx <close>, server_ctx = negotiation.contexts(TLS13)
    local _ <close> = server_ctx
    local client, server = pair.connected(client_ctx, server_ctx)
    for _, name in ipairs {"read_early_data", "write_early_data", "key_update",
                           "renegotiate"} do
      assert.is_nil(client[name], name)
    end
    for _, name in ipairs {"max_early_data", "early_data"} do
      assert.is_false((pcall(raised.set, server_ctx, name, 1)), name)
    end
    pair.close(client, server)
  end)
end)
