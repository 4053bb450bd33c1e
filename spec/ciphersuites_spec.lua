-- The cipher suites of TLS 1.3, which have a list of their own.
local negotiation = require "support.negotiation"
local pair = require "support.pair"
local raised = require "support.raised"
local ssl = require "pyssl"

local AES128, AES256 = "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"
local CHACHA = "TLS_CHACHA20_POLY1305_SHA256"
local DEFAULT = {AES256, CHACHA, AES128}

local function suites(ctx, newest)
  local names = {}
  for _, cipher in ipairs(ctx:get_ciphers()) do
    if (cipher.protocol == "TLSv1.3") == newest then
      names[#names + 1] = cipher.name
    end
  end
  return names
end

describe("set_ciphersuites", function()
  local ctx

  before_each(function() ctx = pair.server_context() end)
  after_each(function() ctx:close() end)

  for _, case in ipairs {
    {AES128, {AES128}},
    {AES128 .. ":" .. CHACHA, {AES128, CHACHA}},
    {CHACHA .. ":TLS_AES_128_CCM_8_SHA256", {CHACHA, "TLS_AES_128_CCM_8_SHA256"}},
    {"foo:" .. AES128 .. ":ECDHE-RSA-AES128-GCM-SHA256", {AES128}},
    {" " .. AES256 .. " : " .. AES128, {AES256, AES128}},
    {"", {}},
  } do
    it(("takes %q: what is known of it, in its order [D-28]"):format(case[1]), function()
      local older = suites(ctx, false)
      assert.is_true(ctx:set_ciphersuites(case[1]))
      assert.same(case[2], suites(ctx, true))
      assert.same(older, suites(ctx, false))
    end)
  end

  it("and set_ciphers leave each other's suites alone [D-28, D-27]", function()
    ctx:set_ciphersuites(CHACHA)
    ctx:set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    ctx:set_ciphersuites(AES128)
    assert.same({AES128}, suites(ctx, true))
    assert.same({"ECDHE-ECDSA-AES128-GCM-SHA256"}, suites(ctx, false))
  end)

  for _, name in ipairs(DEFAULT) do
    it(("decides what TLS 1.3 speaks: %s [D-28]"):format(name), function()
      for _, side in ipairs {"client", "server"} do
        local client_ctx <close>, server_ctx = pair.client_context(), pair.server_context()
        local _ <close> = server_ctx
        local one = side == "client" and client_ctx or server_ctx
        one:set_ciphersuites(name)
        assert.same({name, "TLSv1.3"}, {negotiation.ask(client_ctx, server_ctx,
          function(client) return (client:cipher()), client:version() end)})
      end
    end)
  end

  it("follows the server's order [D-28]", function()
    local client_ctx <close> = pair.client_context()
    client_ctx:set_ciphersuites(AES256 .. ":" .. AES128)
    ctx:set_ciphersuites(AES128 .. ":" .. AES256)
    assert.equal(AES128, negotiation.ask(client_ctx, ctx,
      function(client) return (client:cipher()) end))
  end)

  it("lets a handshake fail where no suite is shared [D-28]", function()
    local client_ctx <close> = pair.client_context {
      minimum_version = ssl.TLSVersion.TLSv1_3}
    client_ctx:set_ciphersuites(AES128)
    ctx:set_ciphersuites(CHACHA)
    local _, theirs = pair.refused(client_ctx, ctx)
    assert.equal("NO_SHARED_CIPHER", theirs.reason)
  end)

  it("with an empty list leaves a server TLS 1.2 [D-28]", function()
    local client_ctx <close> = pair.client_context()
    ctx:set_ciphersuites("")
    ctx.maximum_version = ssl.TLSVersion.TLSv1_2
    assert.equal("TLSv1.2", negotiation.ask(client_ctx, ctx,
      function(client) return client:version() end))
  end)

  for what, list in pairs {
    ["an unknown name"] = "foo",
    ["unknown names only"] = "foo:bar",
    ["OpenSSL's name of a suite of TLS 1.2"] = "ECDHE-RSA-AES128-GCM-SHA256",
    ["IANA's name of a suite of TLS 1.2"] = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    ["such a name behind one of TLS 1.3"] =
      AES128 .. ":TLS_RSA_WITH_AES_128_CBC_SHA",
    ["a blank"] = " ",
    ["a colon"] = ":",
    ["another case"] = AES128:lower(),
  } do
    it(("refuses %s and leaves the suites as they were [D-28, I-26]"):format(what),
      function()
        ctx:set_ciphersuites(CHACHA)
        local newer, older = suites(ctx, true), suites(ctx, false)
        local err = raised(ssl.SSLError, ctx.set_ciphersuites, ctx, list)
        assert.same({"SSL", "NO_CIPHER_MATCH"}, {err.library, err.reason})
        assert.matches("no cipher match", err.message)
        assert.same(newer, suites(ctx, true))
        assert.same(older, suites(ctx, false))
      end)
  end

  it("refuses a NUL and what is no string [D-28, I-26]", function()
    raised(ssl.ValueError, ctx.set_ciphersuites, ctx, AES128 .. "\0")
    for _, value in ipairs {5, true, {AES128}} do
      raised.text("string expected", ctx.set_ciphersuites, ctx, value)
    end
    raised.text("string expected", ctx.set_ciphersuites, ctx, nil)
    assert.same(DEFAULT, suites(ctx, true))
  end)
end)
