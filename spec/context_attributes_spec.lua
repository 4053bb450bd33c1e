-- The attributes of contexts: what each takes, what each refuses, and that a
-- refused value changes nothing.
local certs = require "support.certs"
local pair = require "support.pair"
local raised = require "support.raised"
local ssl = require "pyssl"
local vm = require "support.vm"

local version = ssl.TLSVersion

local function client_context()
  return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
end

-- Assigning `value` raises, and leaves the attribute as it was.
local function refuses(ctx, name, value, class)
  local before = ctx[name]
  local err = raised(ssl[class], raised.set, ctx, name, value)
  assert.equal(before, ctx[name])
  return err
end

-- Assigning `value` is Lua's own error, naming the attribute.
local function refuses_type(ctx, name, value, expected)
  local before = ctx[name]
  raised.text(("bad value for attribute '%s' (%s expected, got %s)")
    :format(name, expected, type(value)), raised.set, ctx, name, value)
  assert.equal(before, ctx[name])
end

local INTEGERS = {
  verify_mode = "D-01, I-04", verify_flags = "D-03, I-06",
  options = "D-04, I-09", minimum_version = "D-05, I-12",
  maximum_version = "D-06, I-12",
}

for name, rows in pairs(INTEGERS) do
  describe(name, function()
    it(("takes integers only, and whole floats [%s]"):format(rows), function()
      local ctx <close> = client_context()
      for _, value in ipairs {"x", "2", false, {}, print, 1.5, 0 / 0} do
        refuses_type(ctx, name, value, "integer")
      end
      raised.text("integer expected, got nil", raised.set, ctx, name, nil)
      local value = ctx[name]
      ctx[name] = value + 0.0
      assert.equal(value, ctx[name])
      assert.equal("integer", math.type(ctx[name]))
    end)

    it(("refuses numbers beyond 64 bits [%s]"):format(rows), function()
      local ctx <close> = client_context()
      for _, value in ipairs {2 ^ 64, -(2 ^ 64), 1 / 0, -1 / 0, 1e300} do
        refuses(ctx, name, value, "OverflowError")
      end
    end)
  end)
end

local BOOLEANS = {
  check_hostname = "D-02", hostname_checks_common_name = "D-11",
}

for name, row in pairs(BOOLEANS) do
  describe(name, function()
    it(("takes true and false, and nothing else [%s]"):format(row), function()
      local ctx <close> = client_context()
      for _, value in ipairs {0, 1, "", "false", {}, print} do
        refuses_type(ctx, name, value, "boolean")
      end
      raised.text("boolean expected, got nil", raised.set, ctx, name, nil)
      for _, value in ipairs {false, true, false} do
        ctx[name] = value
        assert.equal(value, ctx[name])
      end
    end)
  end)
end

describe("verify_mode", function()
  it("is one of the three modes [D-01]", function()
    local ctx <close> = client_context()
    ctx.check_hostname = false
    for _, mode in ipairs {ssl.CERT_NONE, ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED,
                           ssl.VerifyMode.CERT_NONE} do
      ctx.verify_mode = mode
      assert.equal(mode, ctx.verify_mode)
    end
  end)

  for _, mode in ipairs {3, -1, 4, 2 ^ 40} do
    it(("is not %d [D-01, I-03]"):format(mode), function()
      local ctx <close> = client_context()
      refuses(ctx, "verify_mode", mode, "ValueError")
    end)
  end

  it("is not CERT_NONE while names are checked [D-01, I-05]", function()
    local ctx <close> = client_context()
    local err = refuses(ctx, "verify_mode", ssl.CERT_NONE, "ValueError")
    assert.matches("check_hostname", err.message)
    ctx.check_hostname = false
    ctx.verify_mode = ssl.CERT_NONE
    assert.equal(ssl.CERT_NONE, ctx.verify_mode)
  end)

  it("decides what the next connection verifies [D-01]", function()
    local ctx <close> = client_context()
    local server_ctx <close> = pair.server_context()
    assert.equal(20, pair.refused(ctx, server_ctx).verify_code)
    ctx.check_hostname = false
    ctx.verify_mode = ssl.CERT_NONE
    local client, server = pair.connected(ctx, server_ctx)
    pair.close(client, server)
    ctx.verify_mode = ssl.CERT_OPTIONAL -- on clients the same as REQUIRED
    assert.equal(20, pair.refused(ctx, server_ctx).verify_code)
  end)
end)

describe("check_hostname", function()
  it("turns verification on with itself, and not off [D-02]", function()
    local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS)
    ctx.check_hostname = true
    assert.equal(ssl.CERT_REQUIRED, ctx.verify_mode)
    ctx.check_hostname = false
    assert.equal(ssl.CERT_REQUIRED, ctx.verify_mode)
  end)

  it("leaves CERT_OPTIONAL as it is [D-02]", function()
    local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS)
    ctx.verify_mode = ssl.CERT_OPTIONAL
    ctx.check_hostname = true
    assert.equal(ssl.CERT_OPTIONAL, ctx.verify_mode)
  end)

  it("counts as it is when a connection is made [D-02]", function()
    local ctx <close> = pair.client_context()
    local server_ctx <close> = pair.server_context("wrong-host")
    local client, server = pair.tcp(ctx, server_ctx)
    ctx.check_hostname = false
    local results = pair.drive({client.do_handshake, client},
                               {server.do_handshake, server})
    pair.close(client, server)
    assert.equal(62, results[1][2].verify_code)
    client, server = pair.connected(ctx, server_ctx)
    pair.close(client, server)
  end)
end)

describe("verify_flags", function()
  it("is replaced as a whole [D-03]", function()
    local ctx <close> = client_context()
    local all = ssl.VERIFY_CRL_CHECK_CHAIN | ssl.VERIFY_X509_STRICT
      | ssl.VERIFY_ALLOW_PROXY_CERTS | ssl.VERIFY_X509_TRUSTED_FIRST
      | ssl.VERIFY_X509_PARTIAL_CHAIN
    for _, flags in ipairs {ssl.VERIFY_CRL_CHECK_LEAF, all, ssl.VERIFY_DEFAULT,
                            ssl.VERIFY_X509_STRICT} do
      ctx.verify_flags = flags
      assert.equal(flags, ctx.verify_flags)
    end
  end)

  it("is not negative [D-03]", function()
    local ctx <close> = client_context()
    refuses(ctx, "verify_flags", -1, "ValueError")
    refuses(ctx, "verify_flags", math.mininteger, "ValueError")
  end)

  it("is the context's own, where trust is shared [D-03]", function()
    local first <close> = pair.client_context()
    local second <close> = pair.client_context()
    first.verify_flags = first.verify_flags | ssl.VERIFY_CRL_CHECK_LEAF
    local server_ctx <close> = pair.server_context()
    assert.equal(3, pair.refused(first, server_ctx).verify_code)
    local client, server = pair.connected(second, server_ctx)
    pair.close(client, server)
  end)
end)

describe("options", function()
  it("is replaced as a whole [D-04]", function()
    local ctx <close> = client_context()
    for _, options in ipairs {ssl.OP_NO_TICKET, ssl.OP_ALL | ssl.OP_NO_TLSv1_3,
                              0, ssl.OP_ENABLE_MIDDLEBOX_COMPAT} do
      ctx.options = options
      assert.equal(options, ctx.options)
    end
  end)

  vm.it_needs("integers",
    "holds bits that nobody knows, the highest too [D-04]", function()
    local ctx <close> = client_context()
    for _, case in ipairs {
      {2 ^ 63, math.mininteger}, {math.mininteger, math.mininteger},
      {1 << 62, 1 << 62}, {math.maxinteger, math.maxinteger},
      {math.mininteger | 0x4000, math.mininteger | 0x4000},
      {2 ^ 63 + 2 ^ 62, math.mininteger | 1 << 62},
    } do
      ctx.options = case[1]
      assert.equal(case[2], ctx.options)
    end
  end)

  it("is not negative [D-04, I-07]", function()
    local ctx <close> = client_context()
    for _, value in ipairs {-1, -1.0, -2147483648} do
      refuses(ctx, "options", value, "OverflowError")
    end
  end)

  it("is not 2^64 [D-04, I-08]", function()
    local ctx <close> = client_context()
    refuses(ctx, "options", 2 ^ 64, "OverflowError")
  end)

  it("decides what connections speak [D-04]", function()
    local ctx <close> = pair.client_context()
    ctx.options = ctx.options | ssl.OP_NO_TLSv1_3
    local client, server = pair.connected(ctx)
    assert.equal("TLSv1.2", client:version())
    pair.close(client, server)
  end)
end)

-- What reads back after which assignment (D-05, D-06): CPython's values.
local READ_BACK = {
  minimum_version = {
    {version.MINIMUM_SUPPORTED, version.MINIMUM_SUPPORTED},
    {version.MAXIMUM_SUPPORTED, version.TLSv1_3},
    {version.TLSv1, version.TLSv1}, {version.TLSv1_1, version.TLSv1_1},
    {version.TLSv1_2, version.TLSv1_2}, {version.TLSv1_3, version.TLSv1_3},
  },
  maximum_version = {
    {version.MINIMUM_SUPPORTED, version.TLSv1},
    {version.MAXIMUM_SUPPORTED, version.MAXIMUM_SUPPORTED},
    {version.TLSv1, version.TLSv1}, {version.TLSv1_1, version.TLSv1_1},
    {version.TLSv1_2, version.TLSv1_2}, {version.TLSv1_3, version.TLSv1_3},
  },
}

local ROWS = {minimum_version = "D-05", maximum_version = "D-06"}

for name, cases in pairs(READ_BACK) do
  describe(name, function()
    it(("takes the members of TLSVersion [%s]"):format(ROWS[name]), function()
      for _, protocol in ipairs {ssl.PROTOCOL_TLS, ssl.PROTOCOL_TLS_CLIENT,
                                 ssl.PROTOCOL_TLS_SERVER} do
        local ctx <close> = ssl.SSLContext(protocol)
        for _, case in ipairs(cases) do
          ctx[name] = case[1]
          assert.equal(case[2], ctx[name], version[case[1]])
        end
      end
    end)

    for _, number in ipairs {0, 5, 0x305, -3, 767} do
      it(("is not %d [%s, I-10]"):format(number, ROWS[name]), function()
        local ctx <close> = client_context()
        local err = refuses(ctx, name, number, "ValueError")
        assert.matches("unsupported TLS/SSL version", err.message)
      end)
    end

    it(("does not fit an int where it is 2^40 [%s, I-11]"):format(ROWS[name]),
      function()
        local ctx <close> = client_context()
        for _, value in ipairs {1 << 40, 2 ^ 40, -(1 << 40), 2 ^ 31} do
          refuses(ctx, name, value, "OverflowError")
        end
      end)

    for _, protocol in ipairs {"PROTOCOL_TLSv1", "PROTOCOL_TLSv1_1",
                               "PROTOCOL_TLSv1_2"} do
      it(("is read-only with %s [%s, I-13]"):format(protocol, ROWS[name]),
        function()
          local ctx <close> = ssl.SSLContext(ssl[protocol])
          local err = refuses(ctx, name, version.TLSv1_2, "ValueError")
          assert.matches("protocol", err.message)
          refuses_type(ctx, name, "x", "integer")
        end)
    end
  end)
end

describe("the range of versions", function()
  it("lets SSLv3 in where it is the minimum, as far as the options go [D-05]", function()
    local ctx <close> = client_context()
    local options = ctx.options
    ctx.maximum_version = version.SSLv3
    assert.equal(options, ctx.options)
    ctx.minimum_version = version.SSLv3
    assert.equal(version.SSLv3, ctx.minimum_version)
    assert.equal(options & ~ssl.OP_NO_SSLv3, ctx.options)
  end)

  it("may be empty, and then the handshake fails [D-05, D-06]", function()
    local ctx <close> = pair.client_context()
    ctx.maximum_version = version.TLSv1_2
    ctx.minimum_version = version.TLSv1_3
    local err = pair.refused(ctx, pair.server_context())
    assert.equal("NO_PROTOCOLS_AVAILABLE", err.reason)
  end)

  it("decides what connections speak [D-05, D-06]", function()
    for _, case in ipairs {{"maximum_version", "TLSv1_2", "TLSv1.2"},
                           {"minimum_version", "TLSv1_3", "TLSv1.3"}} do
      local ctx <close> = pair.client_context {[case[1]] = version[case[2]]}
      local client, server = pair.connected(ctx)
      assert.equal(case[3], client:version())
      pair.close(client, server)
    end
  end)

  it("reaches TLS 1.0 only at security level 0 [D-05, D-13]", function()
    local function contexts()
      local old = {minimum_version = version.TLSv1}
      local client_ctx = pair.client_context(old)
      client_ctx.maximum_version = version.TLSv1
      return client_ctx, pair.server_context("server", old)
    end
    local client_ctx, server_ctx = contexts()
    assert.is_truthy((pair.refused(client_ctx, server_ctx)))
    client_ctx:set_ciphers("ALL:@SECLEVEL=0")
    server_ctx:set_ciphers("ALL:@SECLEVEL=0")
    local client, server = pair.connected(client_ctx, server_ctx)
    assert.equal("TLSv1", client:version())
    pair.close(client, server)
  end)
end)

describe("hostname_checks_common_name", function()
  it("decides whether a common name will do for a name [D-11]", function()
    local certificate, key = certs.issue {cn = "localhost", san = false}
    local server_ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_ctx:load_cert_chain(certificate, key)
    local ctx <close> = pair.client_context()
    local client, server = pair.connected(ctx, server_ctx)
    pair.close(client, server)
    ctx.hostname_checks_common_name = false
    assert.equal(62, pair.refused(ctx, server_ctx).verify_code)
    ctx.hostname_checks_common_name = true
    client, server = pair.connected(ctx, server_ctx)
    pair.close(client, server)
  end)
end)

describe("protocol and security_level", function()
  it("are read-only [D-12, D-13, I-17]", function()
    local ctx <close> = client_context()
    for _, name in ipairs {"protocol", "security_level"} do
      local err = refuses(ctx, name, 2, "AttributeError")
      assert.matches(name, err.message)
    end
  end)

  it("tell what was asked for [D-12, D-13]", function()
    local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert.equal(ssl.PROTOCOL_TLS_SERVER, ctx.protocol)
    for level = 0, 3 do
      ctx:set_ciphers("ALL:@SECLEVEL=" .. level)
      assert.equal(level, ctx.security_level)
    end
  end)
end)

describe("an attribute that does not exist", function()
  it("reads as nil and cannot be assigned [D.1, I-17]", function()
    local ctx <close> = client_context()
    for _, name in ipairs {"verify_mod", "Options", "cert", 1} do
      assert.is_nil(ctx[name])
      raised(ssl.AttributeError, raised.set, ctx, name, true)
    end
    raised(ssl.AttributeError, raised.set, ctx, "set_ciphers", print)
    assert.is_function(ctx.set_ciphers)
  end)
end)
