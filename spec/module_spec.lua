local certs = require "support.certs"
local pair = require "support.pair"
local process = require "support.process"
local raised = require "support.raised"
local ssl = require "pyssl"

describe("the module", function()
  it("has the documented names", function()
    for _, name in ipairs({"SSLContext", "SSLSocket", "SSLObject", "SSLSession",
      "context", "socket", "buffer", "try", "create_default_context",
      "get_server_certificate", "get_default_verify_paths", "wrap_socket",
      "cert_time_to_seconds", "DER_cert_to_PEM_cert", "PEM_cert_to_DER_cert",
      "match_hostname", "RAND_bytes", "RAND_pseudo_bytes", "RAND_status",
      "RAND_add", "RAND_egd", "get_protocol_name", "enum_certificates",
      "enum_crls"}) do
      assert.equal("function", type(ssl[name]), name)
    end
    assert.equal(ssl.SSLContext, ssl.context)
    assert.equal(ssl.SSLSocket, ssl.socket)
    assert.matches("^pyssl %d", ssl._VERSION)
  end)

  it("makes connections by no constructor [I-81]", function()
    for name, maker in pairs({SSLSocket = "wrap_socket", SSLObject = "wrap_bio",
      SSLSession = "connection", socket = "wrap_socket"}) do
      for _, value in ipairs({false, 5, {}, pair.client_context()}) do
        local err = raised(ssl.TypeError, ssl[name], value)
        assert.matches("no public constructor", err.message, 1, true)
        assert.matches(maker, err.message, 1, true)
      end
    end
  end)

  it("changes no global name", function()
    local out = process.check({process.lua, "-e", [[
      local before = {}
      for name in pairs(_G) do before[name] = true end
      require "pyssl"
      for name in pairs(_G) do assert(before[name], name) end
      io.write("none")
    ]]}, {sanitizers = true})
    assert.equal("none", out)
  end)
end)

-- One of everything that warns, each done twice.
local DEPRECATED = [[
  local ssl = require "pyssl"
  local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
  local cert = {subject = {}, subjectAltName = {{"DNS", "a.test"}}}
  for _ = 1, 2 do
    ssl.RAND_pseudo_bytes(1)
    ssl.match_hostname(cert, "a.test")
    ssl.wrap_socket(nil, {ssl_version = ssl.PROTOCOL_TLS_CLIENT})
    ssl.SSLContext(ssl.PROTOCOL_TLSv1_2)
    ssl.SSLContext(ssl.PROTOCOL_TLS)
    ssl.SSLContext()
    ctx.minimum_version = ssl.TLSVersion.TLSv1
    ctx.options = ctx.options | ssl.OP_NO_TLSv1_1
  end
]]

local WARNINGS = {
  "PROTOCOL_TLS", "PROTOCOL_TLSv1_2", "RAND_pseudo_bytes", "match_hostname",
  "ssl.wrap_socket", "OP_NO_TLSv1_1", "TLSVersion.TLSv1",
}

-- What a script says on its standard error, with warnings on.
local function says(script)
  local code, _, err = process.run({process.lua, "-W", "-e", script},
    {sanitizers = true})
  assert.equal(0, code, err)
  return err
end

describe("what is deprecated", function()
  it("warns once for each kind", function()
    local seen = {}
    for name in says(DEPRECATED):gmatch(
      "Lua warning: pyssl: (%S+) is deprecated\n") do
      seen[#seen + 1] = name
    end
    table.sort(seen)
    table.sort(WARNINGS)
    assert.same(WARNINGS, seen)
  end)

  it("is silent while Lua's warnings are off", function()
    assert.equal("", says('warn("@off")' .. DEPRECATED))
  end)

  it("is nothing that a careful script does", function()
    assert.equal("", says(([[
      local ssl = require "pyssl"
      local ctx = ssl.create_default_context {cafile = "%s"}
      ctx.minimum_version = ssl.TLSVersion.TLSv1_3
      ctx.options = ctx.options | ssl.OP_NO_TICKET
      ctx:wrap_socket(nil, {server_hostname = "localhost"}):close()
      ssl.RAND_bytes(1)
    ]]):format(certs.path("ca.pem"))))
  end)
end)

-- A script that uses much of the module.
local USE = ([[
  pcall(collectgarbage, "generational") -- 5.4 has it
  local ssl = require "pyssl"
  local core = require "pyssl.core"
  assert(core == package.loaded["pyssl.core"])
  local client = ssl.create_default_context {cafile = "%s"}
  local server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  server:load_cert_chain("%s", "%s")
  local listener = server:wrap_socket(nil,
    {server_side = true, do_handshake_on_connect = false})
  listener:bind("127.0.0.1", 0)
  listener:listen(1)
  local near = client:wrap_socket(nil,
    {server_hostname = "localhost", do_handshake_on_connect = false})
  near:connect({listener:getsockname()})
  local far = listener:accept()
  near:settimeout(0)
  far:settimeout(0)
  repeat
    local one = ssl.try(near.do_handshake, near)
    local two = ssl.try(far.do_handshake, far)
  until one and two
  local _, err = ssl.try(ssl.RAND_bytes, -1)
  assert(err:is(ssl.ValueError))
  assert(ssl.Purpose[ssl.Purpose.SERVER_AUTH] == "SERVER_AUTH")
  -- What is left open here is for the collector, and for lua_close.
  near:send("hello")
]]):format(certs.path("ca.pem"), certs.path("server.pem"),
  certs.path("server.key"))

describe("several Lua states in one process", function()
  it("load the module each, and one may end before the other", function()
    local out = process.check(
      {os.getenv("PYSSL_BUILD") .. "/spec/states_host", USE},
      {sanitizers = true})
    assert.equal("ok\n", out)
  end)

  it("or one after the other in the same state", function()
    process.check({process.lua, "-e", ([[
      local use = [==[%s]==]
      assert(load(use))()
      for name in pairs(package.loaded) do
        if name:find("^pyssl") then package.loaded[name] = nil end
      end
      assert(load(use))()
      collectgarbage()
    ]]):format(USE)}, {sanitizers = true})
  end)
end)

-- Calls with a key that does not exist.
local function calls(key)
  local ctx = pair.client_context()
  local options = {[key] = true}
  return {
    create_default_context = function()
      ssl.create_default_context(options)
    end,
    get_server_certificate = function()
      ssl.get_server_certificate({"127.0.0.1", 1}, options)
    end,
    ["ssl.wrap_socket"] = function() ssl.wrap_socket(nil, options) end,
    SSLContext = function() ssl.SSLContext(options) end,
    ["context:wrap_socket"] = function() ctx:wrap_socket(nil, options) end,
    ["context:connect"] = function() ctx:connect("127.0.0.1", 1, options) end,
    load_verify_locations = function() ctx:load_verify_locations(options) end,
    load_cert_chain = function() ctx:load_cert_chain(options) end,
  }
end

describe("a function that takes options", function()
  it("raises TypeError on a key that it does not know", function()
    for _, key in ipairs({"check_hostnam", "", 2, true}) do
      for name, call in pairs(calls(key)) do
        local err = raised(ssl.TypeError, call)
        assert.equal(("unknown option '%s'"):format(tostring(key)),
          err.message, name)
      end
    end
  end)

  it("raises TypeError on what is given twice, or too much", function()
    local ctx = pair.client_context()
    local ca = certs.path("ca.pem")
    local err = raised(ssl.TypeError, ctx.load_verify_locations, ctx, ca,
      {cafile = ca})
    assert.equal("option 'cafile' is given twice", err.message)
    err = raised(ssl.TypeError, ctx.load_verify_locations, ctx, ca, nil, nil, 5)
    assert.matches("too many arguments (3 at most)", err.message, 1, true)
  end)

  it("takes nil for not given, and a float for the integer it is", function()
    assert.equal(ssl.PROTOCOL_TLS_CLIENT, ssl.SSLContext(16.0).protocol)
    local ctx = pair.client_context()
    ctx.verify_mode = 2.0
    assert.equal(2, ctx.verify_mode)
    ctx:load_verify_locations(certs.path("ca.pem"), nil, nil)
    local conn = ctx:wrap_socket(nil, nil, nil, nil, "localhost")
    assert.is_true(conn.do_handshake_on_connect)
    conn:close()
  end)

  it("takes members of Purpose for values, not for options", function()
    local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    assert.is_true(ctx:load_default_certs(ssl.Purpose.SERVER_AUTH))
  end)
end)
