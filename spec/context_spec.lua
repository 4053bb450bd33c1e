-- Contexts when they are new: what SSLContext() and create_default_context()
-- give, and what they refuse. The values are CPython's on OpenSSL 3.0.
local certs = require "support.certs"
local pair = require "support.pair"
local process = require "support.process"
local raised = require "support.raised"
local ssl = require "pyssl"

-- Which attributes of each protocol's context differ.
local CONTEXTS = {
  PROTOCOL_TLS = {},
  PROTOCOL_TLSv1 = {fixed = true},
  PROTOCOL_TLSv1_1 = {fixed = true},
  PROTOCOL_TLSv1_2 = {fixed = true},
  PROTOCOL_TLS_CLIENT = {client = true},
  PROTOCOL_TLS_SERVER = {},
}

local CIPHERS = {
  "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_GCM_SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES256-SHA384", "ECDHE-RSA-AES256-SHA384",
  "ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA256",
  "DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-AES128-GCM-SHA256",
  "DHE-RSA-AES256-SHA256", "DHE-RSA-AES128-SHA256",
}

local NOTHING_LOADED = {x509 = 0, x509_ca = 0, crl = 0}

local function cipher_names(ctx)
  local names = {}
  for i, cipher in ipairs(ctx:get_ciphers()) do names[i] = cipher.name end
  return names
end

describe("SSLContext", function()
  for name, expected in pairs(CONTEXTS) do
    it("has the documented defaults for " .. name .. " [D.1]", function()
      local ctx <close> = ssl.SSLContext(ssl[name])
      local version = ssl.TLSVersion
      assert.same({
        protocol = ssl[name],
        verify_mode = expected.client and ssl.CERT_REQUIRED or ssl.CERT_NONE,
        check_hostname = expected.client or false,
        options = 0x82520050,
        minimum_version = expected.fixed and version.MINIMUM_SUPPORTED
          or version.TLSv1_2,
        maximum_version = version.MAXIMUM_SUPPORTED,
        security_level = 2,
        verify_flags = ssl.VERIFY_X509_TRUSTED_FIRST,
        hostname_checks_common_name = true,
      }, {
        protocol = ctx.protocol,
        verify_mode = ctx.verify_mode,
        check_hostname = ctx.check_hostname,
        options = ctx.options,
        minimum_version = ctx.minimum_version,
        maximum_version = ctx.maximum_version,
        security_level = ctx.security_level,
        verify_flags = ctx.verify_flags,
        hostname_checks_common_name = ctx.hostname_checks_common_name,
      })
      assert.same(NOTHING_LOADED, ctx:cert_store_stats())
      assert.same({}, ctx:get_ca_certs())
    end)
  end

  it("lists the documented suites, in their order [D.1]", function()
    for _, protocol in ipairs {"PROTOCOL_TLS_CLIENT", "PROTOCOL_TLS_SERVER"} do
      local ctx <close> = ssl.SSLContext(ssl[protocol])
      assert.same(CIPHERS, cipher_names(ctx))
    end
  end)

  it("is a userdata that says what it is, under both of its names [D.1]", function()
    local ctx <close> = ssl.context(ssl.PROTOCOL_TLS_CLIENT)
    assert.equal(ssl.SSLContext, ssl.context)
    assert.equal("userdata", type(ctx))
    assert.equal("ssl.context", getmetatable(ctx).__name)
    assert.matches("^ssl%.context", tostring(ctx))
  end)

  it("takes its protocol by keyword, as a float, and defaults to TLS [D.1]", function()
    local keyword <close> = ssl.SSLContext {protocol = ssl.PROTOCOL_TLS_SERVER}
    local float <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER + 0.0)
    local none <close> = ssl.SSLContext()
    local null <close> = ssl.SSLContext(nil)
    assert.equal(ssl.PROTOCOL_TLS_SERVER, keyword.protocol)
    assert.equal(ssl.PROTOCOL_TLS_SERVER, float.protocol)
    assert.equal(ssl.PROTOCOL_TLS, none.protocol)
    assert.equal(ssl.PROTOCOL_TLS, null.protocol)
  end)

  it("talks on either side where it was made for PROTOCOL_TLS [D.1]", function()
    local client_ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS)
    local server_ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS)
    server_ctx:load_cert_chain(certs.path "server.pem", certs.path "server.key")
    local client, server = pair.connected(client_ctx, server_ctx)
    assert.equal("TLSv1.3", client:version())
    pair.close(client, server)
  end)

  it("speaks one version where it was made for one [D.1]", function()
    local client_ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLSv1_2)
    local client, server = pair.connected(client_ctx)
    assert.equal("TLSv1.2", client:version())
    pair.close(client, server)
    local old_ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLSv1_1)
    assert.is_truthy((pair.refused(old_ctx, pair.server_context())))
  end)

  for _, protocol in ipairs {0, 1, 99, -1, 6, 2 ^ 40} do
    it(("refuses protocol %d [I-01]"):format(protocol), function()
      local err = raised(ssl.ValueError, ssl.SSLContext, protocol)
      assert.matches("invalid or unsupported protocol version", err.message)
    end)
  end

  it("refuses what is no integer [I-02]", function()
    raised.text("integer expected, got string", ssl.SSLContext, "x")
    raised.text("integer expected, got string", ssl.SSLContext, "16")
    raised.text("integer expected", ssl.SSLContext, 16.5)
    raised.text("integer expected, got boolean", ssl.SSLContext, true)
    raised.text("integer expected", ssl.SSLContext, {16})
    raised.text("option 'protocol' (integer expected, got string)",
      ssl.SSLContext, {protocol = "x"})
  end)

  it("refuses an unknown option and a second argument [D.1]", function()
    for _, arguments in ipairs {{{protocl = 16}}, {16, 17}} do
      assert.is_false((pcall(ssl.SSLContext, table.unpack(arguments))))
    end
  end)

  it("has methods that refuse any other receiver [D.1]", function()
    local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for _, name in ipairs {"get_ciphers", "load_cert_chain", "close",
                           "load_verify_locations", "get_ca_certs"} do
      for _, other in ipairs {0, "x", io.stdout, ssl.buffer(1), {}} do
        raised.text("ssl.context expected", ctx[name], other)
      end
    end
    raised.text("ssl.context expected", getmetatable(ctx).__gc, io.stdout)
  end)
end)

-- What a script of its own says through warn().
local function warnings(script)
  local code, out, err = process.run({process.lua, "-W", "-e",
    'local ssl = require "pyssl" ' .. script}, {sanitizers = true})
  assert.equal(0, code, err)
  assert.equal("", out)
  return err
end

describe("the deprecation warning", function()
  it("comes for each old protocol, once [D.1]", function()
    local text = warnings [[
      for i = 1, 2 do
        for _, protocol in ipairs {2, 3, 4, 5} do ssl.SSLContext(protocol) end
        ssl.SSLContext()
      end]]
    for _, name in ipairs {"PROTOCOL_TLS", "PROTOCOL_TLSv1",
                           "PROTOCOL_TLSv1_1", "PROTOCOL_TLSv1_2"} do
      local _, count = text:gsub(name .. " ", "")
      assert.equal(1, count, name)
    end
  end)

  it("does not come for what is right today [D.1, H-09]", function()
    assert.equal("", warnings [[
      ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
      ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
      ssl.create_default_context()
      ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
      local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
      ctx.options = ctx.options
      ctx.minimum_version = ssl.TLSVersion.TLSv1_3]])
  end)

  it("comes for old versions and for options that turn versions off [D-04, D-05, D-06]",
    function()
      local text = warnings [[
        local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        for i = 1, 2 do
          ctx.minimum_version = ssl.TLSVersion.TLSv1
          ctx.maximum_version = ssl.TLSVersion.TLSv1_1
          ctx.options = ctx.options | ssl.OP_NO_TLSv1_3
          ctx.options = ctx.options & ~ssl.OP_NO_TLSv1_3
        end]]
      for _, name in ipairs {"TLSv1 ", "TLSv1_1 ", "OP_NO_TLSv1_3 "} do
        local _, count = text:gsub("[%w_.]-" .. name, "")
        assert.equal(1, count, name)
      end
      assert.not_matches("OP_NO_SSLv3", text) -- set already: nothing new
    end)
end)

describe("create_default_context", function()
  it("verifies servers, and their names, strictly [A-01, H-09, H-10]", function()
    local ctx <close> = ssl.create_default_context {cafile = certs.path "ca.pem"}
    assert.equal(ssl.PROTOCOL_TLS_CLIENT, ctx.protocol)
    assert.equal(ssl.CERT_REQUIRED, ctx.verify_mode)
    assert.is_true(ctx.check_hostname)
    assert.equal(0x88020, ctx.verify_flags)
    assert.equal(ssl.TLSVersion.TLSv1_2, ctx.minimum_version)
    assert.same({x509 = 1, x509_ca = 1, crl = 0}, ctx:cert_store_stats())
  end)

  it("asks no client for a certificate, and trusts nobody [A-01, H-10]", function()
    local ctx <close> = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    assert.equal(ssl.PROTOCOL_TLS_SERVER, ctx.protocol)
    assert.equal(ssl.CERT_NONE, ctx.verify_mode)
    assert.is_false(ctx.check_hostname)
    assert.equal(0x88020, ctx.verify_flags)
    assert.same(NOTHING_LOADED, ctx:cert_store_stats())
  end)

  it("takes its purpose in either place, nil for servers' peers [A-01, I-61]", function()
    local client <close> = ssl.create_default_context(nil)
    local second <close> = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    local server <close> = ssl.create_default_context {
      purpose = ssl.Purpose.CLIENT_AUTH, cafile = certs.path "ca.pem"}
    local third <close> = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH,
      {cafile = certs.path "ca.pem"})
    assert.equal(ssl.PROTOCOL_TLS_CLIENT, client.protocol)
    assert.equal(ssl.PROTOCOL_TLS_CLIENT, second.protocol)
    assert.equal(ssl.PROTOCOL_TLS_SERVER, server.protocol)
    assert.equal(1, server:cert_store_stats().x509)
    assert.equal(1, third:cert_store_stats().x509)
  end)

  it("loads what cafile, capath and cadata give, and not the system's [A-01]", function()
    local ctx <close> = ssl.create_default_context {
      cafile = certs.path "ca.pem", cadata = certs.read "other-ca.pem",
      capath = ""}
    assert.equal(2, ctx:cert_store_stats().x509)
    local directory <close> = ssl.create_default_context {
      capath = certs.path "capath"}
    local client, server = pair.connected(directory)
    pair.close(client, server)
    assert.equal(1, directory:cert_store_stats().x509)
  end)

  it("takes an empty string for not given [A-01]", function()
    local ctx <close> = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH,
      {cafile = "", capath = "", cadata = ""})
    assert.same(NOTHING_LOADED, ctx:cert_store_stats())
  end)

  it("passes on what loading raises [A-01]", function()
    local err = raised(ssl.OSError, ssl.create_default_context,
      {cafile = certs.path "missing.pem"})
    assert.equal("ENOENT", err.name)
  end)

  for _, purpose in ipairs {"x", 5, true, io.stdout} do
    it("refuses " .. type(purpose) .. " for a purpose [I-61]", function()
      raised.text("ssl.purpose expected", ssl.create_default_context,
        purpose)
      local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
      raised.text("ssl.purpose expected", ctx.load_default_certs, ctx,
        purpose)
    end)
  end

  it("refuses CA arguments by position, and unknown options [I-62]", function()
    local cafile = certs.path "ca.pem"
    for _, arguments in ipairs {
      {ssl.Purpose.SERVER_AUTH, cafile}, {cafile}, {nil, cafile, n = 2},
      {ssl.Purpose.SERVER_AUTH, nil, cafile, n = 3},
      {{ca_file = cafile}}, {{cafile = cafile, check_hostname = false}},
    } do
      assert.is_false((pcall(ssl.create_default_context,
        table.unpack(arguments, 1, arguments.n))))
    end
  end)
end)

-- H-10: what the strict flags refuse, and how they are cleared.
describe("the flags of default contexts", function()
  local CASES = {
    {server = "no-aki", cafile = "ca.pem", code = 85},
    {server = "no-usage", cafile = "no-usage-ca.pem", code = 92},
  }

  for _, case in ipairs(CASES) do
    it(("refuse %s.pem with code %d, until they are cleared [H-10]"):format(
      case.server, case.code), function()
      local ctx <close> = ssl.create_default_context {
        cafile = certs.path(case.cafile)}
      local server_ctx <close> = pair.server_context(case.server)
      local err = pair.refused(ctx, server_ctx)
      assert.equal(ssl.SSLCertVerificationError, err.class)
      assert.equal(case.code, err.verify_code)
      ctx.verify_flags = ctx.verify_flags & ~ssl.VERIFY_X509_STRICT
      local client, server = pair.connected(ctx, server_ctx)
      pair.close(client, server)
    end)
  end

  it("take an intermediate authority that is loaded for an anchor [H-10]", function()
    local server_ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_ctx:load_cert_chain(certs.path "leaf.pem", certs.path "leaf.key")
    local ctx <close> = ssl.create_default_context {
      cafile = certs.path "intermediate.pem"}
    local client, server = pair.connected(ctx, server_ctx)
    pair.close(client, server)
    ctx.verify_flags = ctx.verify_flags & ~ssl.VERIFY_X509_PARTIAL_CHAIN
    assert.equal(2, pair.refused(ctx, server_ctx).verify_code)
  end)
end)

describe("a context that is not a default one", function()
  it("verifies nothing on the server's side [H-09]", function()
    local server_ctx <close> = pair.server_context()
    local client_ctx <close> = pair.client_context()
    client_ctx:load_cert_chain(certs.path "stranger.pem",
      certs.path "stranger.key")
    local client, server = pair.connected(client_ctx, server_ctx)
    assert.is_nil(server:getpeercert())
    pair.close(client, server)
  end)

  it("checks no name by CERT_REQUIRED alone [H-09]", function()
    local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS)
    ctx.verify_mode = ssl.CERT_REQUIRED
    ctx:load_verify_locations(certs.path "ca.pem")
    local server_ctx <close> = pair.server_context("wrong-host")
    local client, server = pair.connected(ctx, server_ctx)
    pair.close(client, server)
    ctx.check_hostname = true
    local err = pair.refused(ctx, server_ctx)
    assert.equal(62, err.verify_code)
  end)
end)
