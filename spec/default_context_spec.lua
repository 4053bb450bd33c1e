local certs = require "support.certs"
local pair = require "support.pair"
local process = require "support.process"
local raised = require "support.raised"
local ssl = require "pyssl"

local create = ssl.create_default_context

-- In a process of its own, whose environment says where authorities are.
local function says(script, env)
  local out = process.check({process.lua, "-e",
    'local ssl = require "pyssl"\n' .. script}, {sanitizers = true, env = env})
  return (out:gsub("\n$", ""))
end

local COUNT = [[
  local ctx = ssl.create_default_context(%s)
  print(#ctx:get_ca_certs())
]]

-- How many authorities the context of create_default_context(arguments) knows.
local function count(arguments, env)
  return tonumber(says(COUNT:format(arguments), env))
end

local function system(file, directory)
  return {SSL_CERT_FILE = file, SSL_CERT_DIR = directory}
end

local function has_flags(ctx, ...)
  for _, flag in ipairs({...}) do
    assert.equal(flag, ctx.verify_flags & flag)
  end
end

describe("create_default_context", function()
  it("makes a client's context that verifies [A-01]", function()
    for _, ctx in ipairs({create(), create(nil), create({}), create(nil, nil),
      create(ssl.Purpose.SERVER_AUTH), create(ssl.Purpose.SERVER_AUTH, {}),
      create({purpose = ssl.Purpose.SERVER_AUTH})}) do
      assert.equal(ssl.PROTOCOL_TLS_CLIENT, ctx.protocol)
      assert.equal(ssl.CERT_REQUIRED, ctx.verify_mode)
      assert.is_true(ctx.check_hostname)
      has_flags(ctx, ssl.VERIFY_X509_STRICT, ssl.VERIFY_X509_PARTIAL_CHAIN,
        ssl.VERIFY_X509_TRUSTED_FIRST)
    end
  end)

  it("makes a server's context that asks for no certificate [A-01]", function()
    for _, ctx in ipairs({create(ssl.Purpose.CLIENT_AUTH),
      create({purpose = ssl.Purpose.CLIENT_AUTH})}) do
      assert.equal(ssl.PROTOCOL_TLS_SERVER, ctx.protocol)
      assert.equal(ssl.CERT_NONE, ctx.verify_mode)
      assert.is_false(ctx.check_hostname)
      has_flags(ctx, ssl.VERIFY_X509_STRICT, ssl.VERIFY_X509_PARTIAL_CHAIN)
    end
  end)

  it("makes a new one each time [A-01]", function()
    local one, two = create(), create()
    assert.not_equal(one, two)
    one.check_hostname = false
    assert.is_true(two.check_hostname)
  end)

  it("trusts the authorities that are named, and no others [A-01]", function()
    local PEM = certs.read("ca.pem")
    for name, options in pairs({
      cafile = {cafile = certs.path("ca.pem")},
      capath = {capath = certs.path("capath")},
      cadata = {cadata = PEM},
      der = {cadata = ssl.PEM_cert_to_DER_cert(PEM)},
    }) do
      local ctx = create(ssl.Purpose.SERVER_AUTH, options)
      local client, server = pair.connected(ctx)
      assert.equal("TLSv1.3", client:version(), name)
      pair.close(client, server)
      local err = pair.refused(ctx, pair.server_context("stranger"))
      assert.equal(ssl.SSLCertVerificationError, err.class, name)
    end
  end)

  it("trusts the system where no authority is named [A-01]", function()
    local env = system(certs.path("ca.pem"), certs.dir)
    assert.equal(1, count("", env))
    assert.equal(1, count("{cafile = '', capath = '', cadata = ''}", env))
    assert.equal(1, count(("{cadata = [[%s]]}"):format(
      certs.read("other-ca.pem")), env))
    assert.equal("Other Root", says([[
      local ctx = ssl.create_default_context{cafile = os.getenv("OTHER")}
      print(ctx:get_ca_certs()[1].subject[1][1][2])
    ]], {OTHER = certs.path("other-ca.pem"), SSL_CERT_FILE =
      certs.path("ca.pem")}))
  end)

  it("loads no authority of the system for a server [A-01]", function()
    local env = system(certs.path("ca.pem"), certs.dir)
    assert.equal(0, count("ssl.Purpose.CLIENT_AUTH", env))
    local ctx = create(ssl.Purpose.CLIENT_AUTH,
      {cafile = certs.path("ca.pem")})
    assert.equal(1, #ctx:get_ca_certs())
    assert.equal(ssl.CERT_NONE, ctx.verify_mode)
  end)

  it("takes a system without authorities as it is [A-01]", function()
    assert.equal(0, count("", system("/no-such-file", "/no-such-directory")))
  end)

  it("refuses what is no purpose [A-01] [I-61]", function()
    for _, value in ipairs({"x", 5, true, false, print}) do
      local text = raised.text(
        ("bad argument #1 to 'create_default_context' (ssl.purpose expected, "
         .. "got %s)"):format(type(value)), function() create(value) end)
      assert.matches("^%S*default_context_spec.lua:%d+: ", text)
    end
    for value, name in pairs({[ssl.buffer(1)] = "ssl.buffer", [{1}] = "table",
      [ssl.TLSVersion] = "ssl.TLSVersion"}) do
      raised.text("(ssl.purpose expected, got " .. name .. ")",
        function() create(value, {}) end)
    end
  end)

  it("takes authorities in a table only [A-01] [I-62]", function()
    local cafile = certs.path("ca.pem")
    raised.text("bad argument #2 to 'create_default_context' (table expected, "
      .. "got string)", function() create(ssl.Purpose.SERVER_AUTH, cafile) end)
    raised(ssl.TypeError, create, ssl.Purpose.SERVER_AUTH, nil, cafile)
    raised(ssl.TypeError, create, ssl.Purpose.SERVER_AUTH, {}, cafile)
  end)

  it("refuses options that it does not know", function()
    local err = raised(ssl.TypeError, create, {ca_file = "x"})
    assert.equal("unknown option 'ca_file'", err.message)
    raised(ssl.TypeError, create, ssl.Purpose.SERVER_AUTH, {cafiel = "x"})
    err = raised(ssl.TypeError, create, ssl.Purpose.SERVER_AUTH,
      {purpose = ssl.Purpose.SERVER_AUTH})
    assert.equal("option 'purpose' is given twice", err.message)
  end)

  it("raises what loading the authorities raises [A-01]", function()
    local err = raised(ssl.OSError, create, {cafile = "/no-such-file"})
    assert.equal("ENOENT", err.name)
    raised(ssl.SSLError, create, {cafile = certs.path("empty.pem")})
    raised(ssl.SSLError, create, {cadata = "nonsense"})
    raised.text("bad value for option 'cafile' (string expected, got number)",
      create, {cafile = 5})
  end)
end)

local PATHS = [[
  local p = ssl.get_default_verify_paths()
  for _, name in ipairs{"cafile", "capath", "openssl_cafile_env",
    "openssl_cafile", "openssl_capath_env", "openssl_capath"} do
    print(name, p[name])
  end
]]

local function paths(env)
  local out = {}
  for line in says(PATHS, env):gmatch("[^\n]+") do
    local name, value = line:match("^(%S+)\t(.*)$")
    out[name] = value ~= "nil" and value or nil
  end
  return out
end

-- What the present library was built with.
local function built_in()
  local directory = process.check({"openssl", "version", "-d"}):match('"(.*)"')
  return directory .. "/cert.pem", directory .. "/certs"
end

describe("get_default_verify_paths", function()
  it("tells the library's own values, whatever the environment says [A-10]",
    function()
      local file, directory = built_in()
      for _, env in ipairs({{}, system(certs.path("ca.pem"), certs.dir),
        system("/no-such-file", "/no-such-directory")}) do
        local p = paths(env)
        assert.equal("SSL_CERT_FILE", p.openssl_cafile_env)
        assert.equal("SSL_CERT_DIR", p.openssl_capath_env)
        assert.equal(file, p.openssl_cafile)
        assert.equal(directory, p.openssl_capath)
      end
    end)

  it("tells what the environment names, where it is there [A-10]", function()
    local ca = certs.path("ca.pem")
    local p = paths(system(ca, certs.dir))
    assert.equal(ca, p.cafile)
    assert.equal(certs.dir, p.capath)
  end)

  it("gives nil for what is not there, or is of the other kind [A-10]",
    function()
      for _, env in ipairs({system("/no-such-file", "/no-such-directory"),
        system(certs.dir, certs.path("ca.pem")), system("", "")}) do
        local p = paths(env)
        assert.is_nil(p.cafile)
        assert.is_nil(p.capath)
      end
    end)

  it("falls back to the library's own where they exist [A-10]", function()
    local file, directory = built_in()
    local function exists(test, path)
      return process.run({"test", test, path}) == 0 and path or nil
    end
    local p = paths({})
    assert.equal(exists("-f", file), p.cafile)
    assert.equal(exists("-d", directory), p.capath)
  end)

  it("says what Python says [A-10]", function()
    local script = 'import ssl\nfor n, v in '
      .. 'ssl.get_default_verify_paths()._asdict().items(): print(n, v)'
    for _, env in ipairs({{}, system(certs.path("ca.pem"), certs.dir),
      system("/no-such-file", "")}) do
      local p = paths(env)
      local out = process.check({"/usr/bin/python3", "-c", script}, {env = env})
      for name, value in out:gmatch("(%S+) (%S+)") do
        assert.equal(value, p[name] or "None", name)
      end
    end
  end)
end)
