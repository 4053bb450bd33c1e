-- Groups for the key agreement: which there are, which are used.
local negotiation = require "support.negotiation"
local pair = require "support.pair"
local raised = require "support.raised"
local wire = require "support.wire"
local ssl = require "pyssl"

local V = ssl.TLSVersion
local V12, V13 = V.TLSv1_2, V.TLSv1_3

local function set(list)
  local names = {}
  for _, name in ipairs(list) do
    assert.is_nil(names[name], "listed twice")
    names[name] = true
  end
  return names
end

-- Both ends' group where the client, or with `server` the server, has only
-- the groups of the list.
local function negotiate(version, list, more)
  more = more or {}
  -- In TLS 1.2 the groups decide about the curves of certificates as well.
  local client_ctx <close>, server_ctx = negotiation.contexts(version, "server-rsa")
  local _ <close> = server_ctx
  for _, ctx in ipairs {client_ctx, server_ctx} do
    if more.ciphers then ctx:set_ciphers(more.ciphers) end
    if more.both then ctx:set_groups(more.both) end
  end
  if list then (more.server and server_ctx or client_ctx):set_groups(list) end
  return negotiation.ask(client_ctx, server_ctx, function(client, server)
    assert.equal(client:group(), server:group())
    assert.equal(1, select("#", client:group()))
    return client:group()
  end)
end

local LIMITS = {
  {what = "TLS 1.2", settings = {maximum_version = V12},
    has = {"brainpoolP256r1", "sect163k1", "secp256r1", "x25519"},
    lacks = {"ffdhe2048"}},
  {what = "TLS 1.3", settings = {minimum_version = V13},
    has = {"ffdhe2048", "ffdhe8192", "secp521r1", "x448"},
    lacks = {"brainpoolP256r1", "sect163k1", "secp192r1"}},
  {what = "any version", settings = {}, lacks = {},
    has = {"ffdhe2048", "brainpoolP256r1", "sect163k1", "secp256r1"}},
  {what = "any version, its bounds spelt out",
    settings = {minimum_version = V.MINIMUM_SUPPORTED,
                maximum_version = V.MAXIMUM_SUPPORTED},
    has = {"ffdhe2048", "brainpoolP256r1"}, lacks = {}},
}

describe("get_groups", function()
  for _, limit in ipairs(LIMITS) do
    it(("lists what can be used with %s [D-29, I-29]"):format(limit.what), function()
      local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
      for name, value in pairs(limit.settings) do ctx[name] = value end
      local names = set(ctx:get_groups())
      for _, name in ipairs(limit.has) do assert.is_true(names[name], name) end
      for _, name in ipairs(limit.lacks) do assert.is_nil(names[name], name) end
    end)
  end

  it("lists none where the lowest version is above the highest but those of both [D-29]",
    function()
      local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
      ctx.minimum_version, ctx.maximum_version = V13, V12
      assert.is_nil(set(ctx:get_groups()).ffdhe2048)
      assert.is_nil(set(ctx:get_groups()).sect163k1)
    end)

  it("has IANA's names only, and on demand the others too [D-29]", function()
    local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    local plain = set(ctx:get_groups())
    assert.same(ctx:get_groups(), ctx:get_groups {include_aliases = false})
    assert.same(ctx:get_groups(), ctx:get_groups {})
    local all = set(ctx:get_groups {include_aliases = true})
    for name in pairs(plain) do assert.is_true(all[name], name) end
    for _, alias in ipairs {"P-256", "prime256v1", "P-521", "X25519", "K-163"} do
      assert.is_nil(plain[alias])
      assert.is_true(all[alias], alias)
    end
    ctx.minimum_version = V13
    assert.is_nil(set(ctx:get_groups {include_aliases = true})["K-163"])
  end)

  it("lists what set_groups takes [D-29, D-30]", function()
    local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for _, name in ipairs(ctx:get_groups {include_aliases = true}) do
      assert.is_true(ctx:set_groups(name))
    end
    assert.is_true(ctx:set_groups(table.concat(ctx:get_groups(), ":")))
  end)

  it("gives a list of its own each time [D-29]", function()
    local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx:get_groups()[1] = "changed"
    assert.not_equal("changed", ctx:get_groups()[1])
  end)

  it("takes its option in a table only, and no other [D-29]", function()
    local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    raised(ssl.TypeError, ctx.get_groups, ctx, true)
    raised(ssl.TypeError, ctx.get_groups, ctx, {include_alias = true})
    raised.text("boolean expected", ctx.get_groups, ctx, {include_aliases = 1})
  end)
end)

describe("set_groups", function()
  for _, version in ipairs(negotiation.VERSIONS) do
    local title = negotiation.version_name(version)

    it("decides the group of a client and of a server over " .. title
       .. " [D-30, E-18]", function()
      for _, name in ipairs {"x25519", "secp256r1", "secp384r1", "secp521r1", "x448"} do
        assert.equal(name, negotiate(version, name))
        assert.equal(name, negotiate(version, name, {server = true}))
      end
    end)

    it("takes OpenSSL's names, and the group has IANA's over " .. title
       .. " [D-30, E-18]", function()
      for alias, name in pairs {["P-256"] = "secp256r1", prime256v1 = "secp256r1",
                                ["P-384"] = "secp384r1", X25519 = "x25519"} do
        assert.equal(name, negotiate(version, alias))
      end
    end)

    it("takes the first that both have over " .. title .. " [D-30]", function()
      assert.equal("secp384r1", negotiate(version, "secp521r1:secp384r1",
        {both = "secp384r1:x448"}))
      assert.equal("secp521r1", negotiate(version, "P-521:P-384",
        {both = "P-521:P-384"}))
    end)

    it("makes every group of get_groups usable over " .. title
       .. " [D-29, D-30, E-18]", function()
      local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
      ctx.minimum_version, ctx.maximum_version = version, version
      local list = ctx:get_groups()
      assert.is_true(#list >= 5)
      for _, name in ipairs(list) do
        assert.equal(name, negotiate(version, nil,
          {both = name, ciphers = "ALL:@SECLEVEL=0"}))
      end
    end)
  end

  it("lets a handshake fail where no group is shared [D-30]", function()
    local client_ctx <close>, server_ctx = negotiation.contexts(V13)
    local _ <close> = server_ctx
    client_ctx:set_groups("x25519:x448")
    server_ctx:set_groups("secp384r1")
    local ours, theirs = pair.refused(client_ctx, server_ctx)
    assert.equal("NO_SUITABLE_KEY_SHARE", theirs.reason)
    assert.equal(ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE, ours.alert)
  end)

  for what, list in pairs {
    ["an unknown name"] = "xxx",
    ["an unknown name behind a known one"] = "P-256:xxx",
    ["an empty list"] = "",
    ["an empty name"] = "P-256:",
    ["a name given twice"] = "P-384:P-256:P-384",
    ["two names of one group"] = "P-256:secp256r1",
    ["a blank"] = " ",
  } do
    it(("refuses %s and leaves the groups as they were [D-30, I-27]"):format(what),
      function()
        local client_ctx <close>, server_ctx = negotiation.contexts(V13)
        local _ <close> = server_ctx
        client_ctx:set_groups("secp521r1")
        local err = raised(ssl.SSLError, client_ctx.set_groups, client_ctx, list)
        assert.matches("unrecognized group", err.message)
        assert.same({}, {err.library, err.reason, err.errno})
        assert.is_truthy(err.message:find("'" .. list .. "'", 1, true))
        assert.equal("secp521r1", negotiation.ask(client_ctx, server_ctx,
          function(client) return client:group() end))
      end)
  end

  it("refuses a NUL and what is no string [D-30, I-27]", function()
    local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    raised(ssl.ValueError, ctx.set_groups, ctx, "P-256\0:xxx")
    for _, value in ipairs {5, true, {"P-256"}} do
      raised.text("string expected", ctx.set_groups, ctx, value)
    end
  end)
end)

describe("group", function()
  it("is nil before the handshake is done and without a connection [E-18, I-29]", function()
    local ctx <close> = pair.client_context()
    local idle <close> = ctx:wrap_socket(nil, {server_hostname = "localhost"})
    assert.is_nil(idle:group())
    local w <close> = wire.new {handshake = false}
    assert.is_nil(w.client:group())
    pcall(w.client.do_handshake, w.client)
    assert.is_nil(w.client:group())
    w:move()
    pcall(w.server.do_handshake, w.server) -- has chosen, and awaits the rest
    assert.is_nil(w.server:group())
    w:handshake()
    assert.is_string(w.client:group())
    w:unwrap()
    assert.is_nil(w.client:group())
    w.client:close()
    assert.is_nil(w.client:group())
  end)

  it("is nil where the key agreement knows no groups [E-18]", function()
    assert.is_nil(negotiate(V12, nil, {ciphers = "AES256-GCM-SHA384"}))
  end)

  it("tells what a second hello has led to [E-18]", function()
    -- The client guesses x25519, and the server asks for another.
    assert.equal("secp384r1", negotiate(V13, "secp384r1:secp521r1",
      {server = true, both = "x25519:secp384r1"}))
  end)
end)
