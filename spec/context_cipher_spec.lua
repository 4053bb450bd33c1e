-- Cipher suites, curves and Diffie-Hellman parameters of contexts.
local certs = require "support.certs"
local pair = require "support.pair"
local raised = require "support.raised"
local ssl = require "pyssl"

local function new_context()
  return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
end

local function names(ctx, protocol)
  local list = {}
  for _, cipher in ipairs(ctx:get_ciphers()) do
    if not protocol or cipher.protocol == protocol then
      list[#list + 1] = cipher.name
    end
  end
  return list
end

local function write(contents)
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "wb"))
  file:write(contents)
  return path
end

describe("get_ciphers", function()
  it("tells eleven things of an authenticated cipher, ten of which it has [D-26]", function()
    local ctx <close> = new_context()
    assert.same({
      id = 50336514, name = "TLS_AES_256_GCM_SHA384", protocol = "TLSv1.3",
      description = "TLS_AES_256_GCM_SHA384         TLSv1.3 Kx=any      "
        .. "Au=any   Enc=AESGCM(256)            Mac=AEAD",
      strength_bits = 256, alg_bits = 256, aead = true,
      symmetric = "aes-256-gcm", digest = nil, kea = "kx-any",
      auth = "auth-any",
    }, ctx:get_ciphers()[1])
  end)

  it("names the digest of a suite that has one [D-26]", function()
    local ctx <close> = new_context()
    ctx:set_ciphers("ECDHE-RSA-AES128-SHA256")
    local last = ctx:get_ciphers()
    last = last[#last]
    last.description = nil
    assert.same({
      id = 50380839, name = "ECDHE-RSA-AES128-SHA256", protocol = "TLSv1.2",
      strength_bits = 128, alg_bits = 128, aead = false,
      symmetric = "aes-128-cbc", digest = "sha256", kea = "kx-ecdhe",
      auth = "auth-rsa",
    }, last)
  end)

  it("calls old suites by the version that brought them [D-26]", function()
    local ctx <close> = new_context()
    ctx:set_ciphers("ECDHE-ECDSA-AES128-SHA:AES128-SHA:@SECLEVEL=0")
    ctx.minimum_version = ssl.TLSVersion.TLSv1
    local seen = {}
    for _, cipher in ipairs(ctx:get_ciphers()) do
      seen[cipher.name] = cipher.protocol
    end
    assert.equal("TLSv1.0", seen["ECDHE-ECDSA-AES128-SHA"])
    assert.equal("SSLv3", seen["AES128-SHA"])
  end)

  it("lists TLS 1.3's first, and one line each [D-26]", function()
    local ctx <close> = new_context()
    local list = ctx:get_ciphers()
    for i, cipher in ipairs(list) do
      assert.equal(i <= 3 and "TLSv1.3" or "TLSv1.2", cipher.protocol)
      assert.not_matches("\n", cipher.description)
      assert.equal(cipher.aead, cipher.digest == nil)
    end
  end)

  it("gives a list of its own each time [D-26]", function()
    local ctx <close> = new_context()
    ctx:get_ciphers()[1].name = "changed"
    assert.equal("TLS_AES_256_GCM_SHA384", ctx:get_ciphers()[1].name)
  end)
end)

describe("set_ciphers", function()
  it("chooses suites up to TLS 1.2, in their order, and leaves TLS 1.3's [D-27]", function()
    local ctx <close> = new_context()
    assert.is_true(ctx:set_ciphers(
      "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"))
    assert.same({"ECDHE-ECDSA-AES128-GCM-SHA256",
                 "ECDHE-ECDSA-AES256-GCM-SHA384"}, names(ctx, "TLSv1.2"))
    assert.equal(3, #names(ctx, "TLSv1.3"))
  end)

  it("decides what is spoken [D-27]", function()
    local suite = "ECDHE-ECDSA-AES128-GCM-SHA256"
    local ctx <close> = pair.client_context {
      maximum_version = ssl.TLSVersion.TLSv1_2}
    ctx:set_ciphers(suite)
    local client, server = pair.connected(ctx)
    assert.equal(suite, (client:cipher()))
    pair.close(client, server)
  end)

  for _, list in ipairs {"", "foo", "TLS_AES_128_GCM_SHA256", "foo:bar"} do
    it(("refuses %q and leaves the list as it was [D-27, I-23]"):format(list),
      function()
        local ctx <close> = new_context()
        ctx:set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:@SECLEVEL=1")
        local before = names(ctx)
        local err = raised(ssl.SSLError, ctx.set_ciphers, ctx, list)
        assert.matches("No cipher can be selected", err.message)
        assert.is_nil(err.errno)
        assert.is_nil(err.library)
        assert.is_nil(err.reason)
        assert.same(before, names(ctx))
        assert.equal(1, ctx.security_level)
      end)
  end

  it("refuses a list that selects nothing with its security level [D-27, I-23]", function()
    local ctx <close> = new_context()
    raised(ssl.SSLError, ctx.set_ciphers, ctx, "foo:@SECLEVEL=0")
    assert.equal(2, ctx.security_level)
  end)

  it("takes a string and nothing else [D-27, I-24]", function()
    local ctx <close> = new_context()
    for _, value in ipairs {5, true, {}, {"ALL"}, {ciphers = "ALL"}, print} do
      raised.text("string expected, got " .. type(value),
        ctx.set_ciphers, ctx, value)
    end
    raised.text("string expected, got nil", ctx.set_ciphers, ctx, nil)
    raised.text("string expected, got no value", ctx.set_ciphers, ctx)
  end)

  it("refuses an embedded NUL [D-27, I-25]", function()
    local ctx <close> = new_context()
    local before = names(ctx)
    raised(ssl.ValueError, ctx.set_ciphers, ctx, "ALL\0ALL")
    assert.same(before, names(ctx))
  end)
end)

describe("set_ecdh_curve", function()
  -- The groups that a client offers, by what `openssl s_server` would see: a
  -- server with another one cannot agree in TLS 1.2.
  local function agree(client_curve, server_curve)
    local client_ctx <close> = pair.client_context {
      maximum_version = ssl.TLSVersion.TLSv1_2}
    local server_ctx <close> = pair.server_context("server-rsa")
    if client_curve then client_ctx:set_ecdh_curve(client_curve) end
    if server_curve then server_ctx:set_ecdh_curve(server_curve) end
    client_ctx:set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    return (pair.refused(client_ctx, server_ctx)) == nil
  end

  it("makes one curve the only group, of servers and of clients [D-37]", function()
    assert.is_true(agree("secp384r1", nil))
    assert.is_true(agree("secp384r1", "secp384r1"))
    assert.is_false(agree("secp384r1", "prime256v1"))
    assert.is_true(agree("X25519", "X25519"))
    assert.is_false(agree("X25519", "prime256v1"))
  end)

  it("replaces what was set before, and gives true [D-37]", function()
    local ctx <close> = new_context()
    assert.is_true(ctx:set_ecdh_curve("prime256v1"))
    assert.is_true(ctx:set_ecdh_curve("secp521r1"))
  end)

  for _, name in ipairs {"foo", "", "P-256", "prime256v1:secp384r1",
                         "prime256v1\0"} do
    it(("knows no curve %q [D-37, I-34]"):format(name), function()
      local ctx <close> = new_context()
      local err = raised(ssl.ValueError, ctx.set_ecdh_curve, ctx, name)
      assert.matches("unknown elliptic curve name '" .. name:match("^%Z*")
        :gsub("%p", "%%%0"), err.message)
    end)
  end

  it("refuses an object that is no curve [D-37, I-35]", function()
    local ctx <close> = new_context()
    raised(ssl.SSLError, ctx.set_ecdh_curve, ctx, "SHA256")
    raised(ssl.SSLError, ctx.set_ecdh_curve, ctx, "CN")
  end)

  it("takes a string and nothing else [D-37, I-36]", function()
    local ctx <close> = new_context()
    for _, value in ipairs {5, true, {"prime256v1"}} do
      raised.text("string expected", ctx.set_ecdh_curve, ctx, value)
    end
    raised.text("string expected, got nil", ctx.set_ecdh_curve, ctx, nil)
  end)
end)

describe("load_dh_params", function()
  local path
  after_each(function()
    if path then os.remove(path) end
    path = nil
  end)

  -- Whether a server with these parameters and a client that wants DHE agree.
  local function suite(load)
    local server_ctx <close> = pair.server_context("server-rsa")
    local client_ctx <close> = pair.client_context {
      maximum_version = ssl.TLSVersion.TLSv1_2}
    client_ctx:set_ciphers("DHE-RSA-AES128-GCM-SHA256")
    load(server_ctx)
    local client, server = pair.connected(client_ctx, server_ctx)
    local name = client:cipher()
    pair.close(client, server)
    return name
  end

  it("lets a server use the parameters of a file [D-36]", function()
    assert.equal("DHE-RSA-AES128-GCM-SHA256", suite(function(ctx)
      assert.is_true(ctx:load_dh_params(certs.path "dh.pem"))
    end))
  end)

  it("finds them behind other blocks [D-36]", function()
    path = write(certs.read "server.pem" .. certs.read "dh.pem")
    assert.equal("DHE-RSA-AES128-GCM-SHA256", suite(function(ctx)
      ctx:load_dh_params(path)
    end))
  end)

  local MISSING = {{"missing.pem", "ENOENT"}, {"", "EISDIR"}}

  for _, case in ipairs(MISSING) do
    it("raises " .. case[2] .. ", naming the file [D-36, I-37]", function()
      local ctx <close> = new_context()
      local err = raised(ssl.OSError, ctx.load_dh_params, ctx,
        certs.path(case[1]))
      assert.equal(case[2], err.name)
      assert.is_truthy(err.message:find(certs.path(case[1]), 1, true))
    end)
  end

  for _, name in ipairs {"server.pem", "server.key", "empty.pem"} do
    it(("finds none in %s [D-36, I-37]"):format(name), function()
      local ctx <close> = new_context()
      local err = raised(ssl.SSLError, ctx.load_dh_params, ctx,
        certs.path(name))
      assert.same({"PEM", "NO_START_LINE", 108},
        {err.library, err.reason, err.errno})
    end)
  end

  it("raises SSLError for parameters that are broken [D-36]", function()
    path = write((certs.read "dh.pem":gsub("\n.", "\n!", 1)))
    local ctx <close> = new_context()
    raised(ssl.SSLError, ctx.load_dh_params, ctx, path)
  end)

  it("refuses a wrong type and an embedded NUL [D-36, I-37]", function()
    local ctx <close> = new_context()
    raised.text("string expected", ctx.load_dh_params, ctx, nil)
    raised.text("string expected", ctx.load_dh_params, ctx, 5)
    raised(ssl.ValueError, ctx.load_dh_params, ctx,
      certs.path "dh.pem" .. "\0")
  end)
end)
