-- Which context talks to which: the table of versions in the documentation.
local certs = require "support.certs"
local pair = require "support.pair"
local ssl = require "pyssl"

local V = ssl.TLSVersion

-- All protocols, and the one version of those that have one.
local FIXED = {
  {name = "PROTOCOL_TLSv1", has = ssl.HAS_TLSv1, version = "TLSv1"},
  {name = "PROTOCOL_TLSv1_1", has = ssl.HAS_TLSv1_1, version = "TLSv1.1"},
  {name = "PROTOCOL_TLSv1_2", has = ssl.HAS_TLSv1_2, version = "TLSv1.2"},
}
local OPEN = {
  client = {{name = "PROTOCOL_TLS"}, {name = "PROTOCOL_TLS_CLIENT"}},
  server = {{name = "PROTOCOL_TLS"}, {name = "PROTOCOL_TLS_SERVER"}},
}

local function certify(ctx)
  ctx:load_cert_chain(certs.path "server.pem", certs.path "server.key")
end

-- A context of a protocol that would do anything that its library can: of any
-- version, at security level 0, where TLS 1.0 and 1.1 work at all.
local function willing(side, protocol)
  local ctx = ssl.SSLContext(ssl[protocol.name])
  ctx:set_ciphers("ALL:@SECLEVEL=0")
  if not protocol.version then ctx.minimum_version = V.MINIMUM_SUPPORTED end
  if side == "client" then
    ctx.check_hostname = false
    ctx.verify_mode = ssl.CERT_NONE
  else
    certify(ctx)
  end
  return ctx
end

-- The version that two contexts agree on, or nil and both errors.
local function agreed(client_ctx, server_ctx)
  local client, server = pair.tcp(client_ctx, server_ctx)
  local results = pair.drive({client.do_handshake, client},
                             {server.do_handshake, server})
  local version = results[1][1] and client:version() or nil
  if version then assert.equal(version, server:version()) end
  pair.close(client, server)
  if version then return version end
  return nil, results[1][2], results[2][2]
end

-- What the table says of two protocols.
local function expected(client, server)
  if client.version and server.version then
    return client.version == server.version and client.version or nil
  end
  return client.version or server.version or "TLSv1.3"
end

local function protocols(side)
  local list = {}
  for _, protocol in ipairs(FIXED) do
    if protocol.has then list[#list + 1] = protocol end
  end
  return table.move(OPEN[side], 1, #OPEN[side], #list + 1, list)
end

-- Whoever sees that the other is too old refuses; an old server may find the
-- alert of a newer client unreadable.
local function check_refusal(client, server, ours, theirs)
  assert.equal(ssl.SSLError, ours.class)
  assert.equal(ssl.SSLError, theirs.class)
  assert.equal(ssl.ALERT_DESCRIPTION_PROTOCOL_VERSION, ours.alert)
  if client.version > server.version then
    assert.equal("UNSUPPORTED_PROTOCOL", ours.reason)
  else
    assert.equal("UNSUPPORTED_PROTOCOL", theirs.reason)
    assert.equal("TLSV1_ALERT_PROTOCOL_VERSION", ours.reason)
  end
end

describe("the table of versions", function()
  for _, client in ipairs(protocols "client") do
    for _, server in ipairs(protocols "server") do
      local version = expected(client, server)
      it(("has %s for a client of %s and a server of %s [H-18]"):format(
        version or "nothing", client.name, server.name), function()
        local client_ctx <close> = willing("client", client)
        local server_ctx <close> = willing("server", server)
        local got, ours, theirs = agreed(client_ctx, server_ctx)
        assert.equal(version, got)
        if not got then check_refusal(client, server, ours, theirs) end
      end)
    end
  end

  for i = 1, 2 do
    local name, test = FIXED[i].name, FIXED[i].has and it or pending
    test(("has nothing for %s with a context as it is made [H-18]"):format(name),
      function()
        local old <close> = willing("client", FIXED[i])
        local server_ctx <close> = pair.server_context()
        local _, ours, theirs = agreed(old, server_ctx)
        assert.equal("TLSV1_ALERT_PROTOCOL_VERSION", ours.reason)
        assert.equal("UNSUPPORTED_PROTOCOL", theirs.reason)
      end)

    test(("needs @SECLEVEL=0 for %s [H-18, D-05]"):format(name), function()
      local client_ctx <close> = ssl.SSLContext(ssl[name])
      local server_ctx <close> = willing("server", FIXED[i])
      assert.equal(2, client_ctx.security_level)
      assert.is_nil((agreed(client_ctx, server_ctx)))
      client_ctx:set_ciphers("ALL:@SECLEVEL=0")
      assert.truthy(agreed(client_ctx, server_ctx))
    end)
  end

  for _, client in ipairs(OPEN.client) do
    for _, server in ipairs(OPEN.server) do
      it(("has TLS 1.3, and 1.2, for %s and %s as they are made [H-18]"):format(
        client.name, server.name), function()
        for version, name in pairs {[V.TLSv1_3] = "TLSv1.3",
                                    [V.TLSv1_2] = "TLSv1.2"} do
          local client_ctx <close> = ssl.SSLContext(ssl[client.name])
          local server_ctx <close> = ssl.SSLContext(ssl[server.name])
          client_ctx.check_hostname = false
          client_ctx.verify_mode = ssl.CERT_NONE
          client_ctx.maximum_version = version
          certify(server_ctx)
          assert.equal(name, agreed(client_ctx, server_ctx))
        end
      end)
    end
  end

  it("is history for SSLv2 and SSLv3 [H-18, C.11]", function()
    for _, name in ipairs {"PROTOCOL_SSLv2", "PROTOCOL_SSLv3"} do
      local ok, err = pcall(ssl.SSLContext, ssl[name])
      assert.is_false(ok)
      assert.equal(ssl.ValueError, err.class)
    end
    assert.is_false(ssl.HAS_SSLv2)
  end)
end)
