-- Pre-shared keys in TLS 1.2 and 1.3.
local memory = require "support.memory"
local negotiation = require "support.negotiation"
local pair = require "support.pair"
local psk = require "support.psk"
local ssl = require "pyssl"

local TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

-- The errors of client and server in a handshake over memory.
local function refused(client_ctx, server_ctx)
  local ends <close> = memory.new(client_ctx, server_ctx)
  return ends:hands()
end

for _, version in ipairs(negotiation.VERSIONS) do
  describe("a pre-shared key in " .. negotiation.version_name(version), function()
    it("authenticates both ends, which have no certificate [D-41, D-42, D-43]", function()
      local asked
      local client_ctx, server_ctx = psk.contexts(version, nil, function(identity)
        asked = identity
        return psk.KEY
      end)
      local ends <close> = memory.connected(client_ctx, server_ctx)
      assert.equal(psk.IDENTITY, asked)
      assert.is_nil(ends.client:getpeercert())
      assert.is_nil(ends.server:getpeercert())
      ends.client:write("hello")
      ends:move()
      assert.equal("hello", ends.server:read())
    end)

    it("works on sockets [D-41, D-42]", function()
      local client <const>, server <const> = pair.connected(psk.contexts(version))
      client:sendall("hello")
      assert.equal("hello", server:recv())
      pair.close(client, server)
    end)

    it("takes an identity of 255 bytes and a key of 512 [D-43]", function()
      local identity, key, asked = ("i"):rep(255), ("\0k"):rep(256), nil
      memory.connected(psk.contexts(version,
        function() return identity, key end,
        function(name) asked = name return key end)):close()
      assert.equal(identity, asked)
    end)

    it("is refused where the keys differ [D-43]", function()
      local client, server = refused(psk.contexts(version, nil, function()
        return "another key, another key"
      end))
      assert.equal(version == TLS13 and "BINDER_DOES_NOT_VERIFY"
                   or "DECRYPTION_FAILED_OR_BAD_RECORD_MAC", server.reason)
      assert.equal(version == TLS13 and 47 or 20, client.alert)
    end)

    it("is not asked for once the callback is taken away [D-41, D-42]", function()
      local client_ctx, server_ctx = psk.contexts(version)
      assert.is_true(client_ctx:set_psk_client_callback(nil))
      assert.is_truthy(refused(client_ctx, server_ctx):is(ssl.SSLError))
      client_ctx, server_ctx = psk.contexts(version)
      assert.is_true(server_ctx:set_psk_server_callback(nil))
      local client, server = refused(client_ctx, server_ctx)
      assert.is_truthy(server:is(ssl.SSLError))
      -- to OpenSSL a server without key and certificate cannot speak TLS 1.3
      assert.equal(version == TLS13 and 70 or 40, client.alert)
    end)
  end)
end

describe("the hint of TLS 1.2", function()
  local function hint_seen(version, hint)
    local seen = "nothing"
    local client_ctx, server_ctx = psk.contexts(version, function(text)
      seen = text
      return psk.IDENTITY, psk.KEY
    end)
    server_ctx:set_psk_server_callback(function() return psk.KEY end, hint)
    memory.connected(client_ctx, server_ctx):close()
    return seen
  end

  it("reaches the client's callback [D-41, D-42]", function()
    assert.equal("a hint", hint_seen(TLS12, "a hint"))
    assert.equal(("h"):rep(256), hint_seen(TLS12, ("h"):rep(256)))
    assert.equal("key word", hint_seen(TLS12, {identity_hint = "key word"}))
  end)

  it("arrives as nil where there is none, and always in TLS 1.3 [D-43]", function()
    assert.is_nil(hint_seen(TLS12, nil))
    assert.is_nil(hint_seen(TLS12, ""))
    assert.is_nil(hint_seen(TLS13, "a hint"))
  end)

  it("goes with the callback [D-42]", function()
    local seen = "nothing"
    local client_ctx, server_ctx = psk.contexts(TLS12, function(text)
      seen = text
      return psk.IDENTITY, psk.KEY
    end)
    local function key() return psk.KEY end
    server_ctx:set_psk_server_callback(key, "a hint")
    server_ctx:set_psk_server_callback(nil)
    server_ctx:set_psk_server_callback(key)
    memory.connected(client_ctx, server_ctx):close()
    assert.is_nil(seen)
  end)
end)

describe("a rejected key", function()
  local function none() return nil end

  it("is PSK_IDENTITY_NOT_FOUND and handshake_failure, on a client of TLS 1.2 [D-43]", function()
    for _, answer in ipairs {none, function() return "me", "" end} do
      local client, server = refused(psk.contexts(TLS12, answer))
      assert.equal("PSK_IDENTITY_NOT_FOUND", client.reason)
      assert.equal(40, server.alert)
    end
  end)

  it("is PSK_IDENTITY_NOT_FOUND and unknown_psk_identity, on a server of TLS 1.2 [D-43]", function()
    for _, answer in ipairs {none, function() return "" end} do
      local client, server = refused(psk.contexts(TLS12, nil, answer))
      assert.equal("PSK_IDENTITY_NOT_FOUND", server.reason)
      assert.equal(115, client.alert)
    end
  end)

  it("leaves TLS 1.3 to certificates, and fails without any [D-43]", function()
    local client, server = refused(psk.contexts(TLS13, nil, none))
    assert.is_truthy(server:is(ssl.SSLError))
    assert.equal(40, client.alert)
    local client_ctx = pair.client_context {minimum_version = TLS13}
    client_ctx:set_psk_client_callback(none)
    local ends <close> = memory.connected(client_ctx)
    assert.is_table(ends.client:getpeercert())
  end)

  it("is what a client without a list of PSK ciphers comes to in TLS 1.2 [D-43]", function()
    local client_ctx, server_ctx = psk.contexts(TLS12, false)
    assert.equal("NO_CIPHERS_AVAILABLE", refused(client_ctx, server_ctx).reason)
  end)
end)

-- What a callback gives, and what comes out of the handshake.
local BAD_RESULTS = {
  {side = "client", gives = {1, psk.KEY}, text = "bad result #1 .*string expected, got number"},
  {side = "client", gives = {"me", {}}, text = "bad result #2 .*string expected, got table"},
  {side = "client", gives = {("i"):rep(256), psk.KEY}, value = "longer than 255 bytes"},
  {side = "client", gives = {"me\0you", psk.KEY}, value = "embedded NUL"},
  {side = "client", gives = {"me", ("k"):rep(513)}, value = "longer than 512 bytes"},
  {side = "server", gives = {true}, text = "bad result #1 .*string expected, got boolean"},
  {side = "server", gives = {("k"):rep(513)}, value = "longer than 512 bytes"},
}

-- The alert that the other end sees, and from a client of TLS 1.3 before its
-- hello: a server finds that unexpected.
local ALERTS = {client = {[TLS12] = 40, [TLS13] = 10}, server = {[TLS12] = 115, [TLS13] = 80}}

describe("a callback for keys that fails", function()
  for _, version in ipairs(negotiation.VERSIONS) do
    local name = negotiation.version_name(version)

    local function fails(side, callback)
      local client_cb = side == "client" and callback or nil
      local server_cb = side == "server" and callback or nil
      local client, server = refused(psk.contexts(version, client_cb, server_cb))
      if side == "client" then return client, server end
      return server, client
    end

    it("has its error raised, and the peer told, in " .. name .. " [D-43, I-108]", function()
      for side, alerts in pairs(ALERTS) do
        local thrown = setmetatable({}, {})
        local err, other = fails(side, function() error(thrown) end)
        assert.is_true(rawequal(thrown, err), side)
        assert.equal(alerts[version], other.alert, side)
      end
    end)

    it("is one that gives a bad result, in " .. name .. " [D-43, I-108]", function()
      for _, case in ipairs(BAD_RESULTS) do
        local err, other = fails(case.side, function()
          return table.unpack(case.gives)
        end)
        if case.value then
          assert.is_truthy(err:is(ssl.ValueError))
          assert.is_truthy(err.message:find(case.value, 1, true), err.message)
        else
          assert.is_truthy(err:find(case.text), err)
        end
        assert.equal(ALERTS[case.side][version], other.alert)
      end
    end)
  end

  it("is one without an identity in TLS 1.3 [D-43]", function()
    local client = refused(psk.contexts(TLS13, function() return nil, psk.KEY end))
    assert.is_truthy(client:is(ssl.SSLError))
    local seen = "nothing"
    memory.connected(psk.contexts(TLS12, function() return nil, psk.KEY end,
      function(identity) seen = identity return psk.KEY end)):close()
    assert.is_nil(seen)
  end)
end)

for _, version in ipairs(negotiation.VERSIONS) do
  describe("a session that a key has opened in " .. negotiation.version_name(version), function()
    it("is not resumed when keys stand for certificates no more [D-42]", function()
      local client_ctx, server_ctx = psk.contexts(version)
      server_ctx.verify_mode = ssl.CERT_REQUIRED
      local session, reused
      local function visit()
        local ends <close> = memory.new(client_ctx, server_ctx,
          {client = {session = session}})
        local _, err = ends:hands()
        if err then return err end
        ends.server:write("x")
        ends:move()
        assert.equal("x", ends.client:read())
        session, reused = ends.client.session, ends.client.session_reused
      end
      assert.is_nil(visit())
      assert.is_nil(visit())
      assert.is_true(reused)
      server_ctx:set_psk_server_callback(nil)
      assert.equal(ssl.SSLError, (visit() or {}).class)
    end)
  end)
end

describe("setting a callback for keys", function()
  local client_ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
  local server_ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

  it("is refused on a context of the other side [I-105]", function()
    for ctx, method in pairs {[server_ctx] = "set_psk_client_callback",
                              [client_ctx] = "set_psk_server_callback"} do
      for _, callback in ipairs {print, false} do
        local ok, err = pcall(ctx[method], ctx, callback or nil)
        assert.is_false(ok)
        assert.is_true(err:is(ssl.SSLError))
      end
    end
  end)

  it("takes functions and what can be called [I-106]", function()
    local callable = setmetatable({}, {__call = function() end})
    for ctx, method in pairs {[client_ctx] = "set_psk_client_callback",
                              [server_ctx] = "set_psk_server_callback"} do
      assert.is_true(ctx[method](ctx, callable))
      for _, bad in ipairs {5, "f", true, {1}, ctx} do
        local ok, err = pcall(ctx[method], ctx, bad)
        assert.is_false(ok)
        assert.is_truthy(err:find("function expected", 1, true), err)
      end
    end
  end)

  it("takes a hint of at most 256 bytes, and nothing but a string [D-42, I-107]", function()
    local ok, err = pcall(server_ctx.set_psk_server_callback, server_ctx, print, 5)
    assert.is_false(ok)
    assert.is_truthy(err:find("string expected", 1, true), err)
    for _, hint in ipairs {("h"):rep(257), "a\0b"} do
      ok, err = pcall(server_ctx.set_psk_server_callback, server_ctx, print, hint)
      assert.is_false(ok)
      assert.is_true(err:is(ssl.ValueError))
    end
  end)
end)
