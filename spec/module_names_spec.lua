-- Names of the module beyond its documented functions: those that Python has
-- and does not document, those that are gone from it, and its private ones.
local certs = require "support.certs"
local native = require "native"
local pair = require "support.pair"
local process = require "support.process"
local raised = require "support.raised"
local ssl = require "pyssl"

local PROTOCOLS = {
  [0] = "PROTOCOL_SSLv2", [1] = "PROTOCOL_SSLv3", [2] = "PROTOCOL_TLS",
  [3] = "PROTOCOL_TLSv1", [4] = "PROTOCOL_TLSv1_1", [5] = "PROTOCOL_TLSv1_2",
  [16] = "PROTOCOL_TLS_CLIENT", [17] = "PROTOCOL_TLS_SERVER",
}

describe("get_protocol_name", function()
  it("names every protocol, and nothing else [A.3]", function()
    for code = -2, 20 do
      assert.equal(PROTOCOLS[code] or "<unknown>", ssl.get_protocol_name(code))
    end
    for code, name in pairs(PROTOCOLS) do assert.equal(code, ssl[name]) end
    assert.equal("PROTOCOL_TLS", ssl.get_protocol_name(2.0))
    assert.equal("PROTOCOL_TLS", ssl.get_protocol_name(ssl.PROTOCOL_SSLv23))
    for _, other in ipairs {"x", "2", 2.5, 2 ^ 40, {}, true, print} do
      assert.equal("<unknown>", ssl.get_protocol_name(other))
    end
  end)

  it("names the protocol of a context [A.3, D-12]", function()
    local ctx <close> = pair.client_context()
    assert.equal("PROTOCOL_TLS_CLIENT", ssl.get_protocol_name(ctx.protocol))
  end)
end)

describe("the module", function()
  it("has the lines around a certificate in PEM [A.3]", function()
    local pem = certs.read "server.pem"
    assert.equal(ssl.PEM_HEADER, pem:match("^[^\n]+"))
    assert.equal(ssl.PEM_FOOTER, pem:match("([^\n]+)\n$"))
    assert.equal(ssl.PEM_HEADER .. "\n" .. ssl.PEM_FOOTER .. "\n",
      ssl.DER_cert_to_PEM_cert(""))
  end)

  it("has socket_error, the class of what the system refuses [A.3]", function()
    assert.equal(ssl.OSError, ssl.socket_error)
    local ctx <close> = pair.client_context()
    local _, err = ssl.try(ctx.load_verify_locations, ctx, "/nothing")
    assert.is_true(err:is(ssl.socket_error))
  end)

  it("has no private name [A.3]", function()
    for name in pairs(ssl) do
      if name ~= "_VERSION" then assert.not_matches("^_", name) end
    end
    for _, name in ipairs {"_create_unverified_context", "_SSLMethod",
                           "_create_stdlib_context", "_ssl",
                           "_create_default_https_context"} do
      assert.is_nil(ssl[name])
    end
  end)
end)

-- Each class beyond section B's and one way to have it raised. Those that a
-- connection would be needed for are raised by hand.
local RAISED = {
  ValueError = function() ssl.RAND_bytes(-1) end,
  OverflowError = function() ssl.RAND_bytes(2 ^ 40) end,
  TypeError = function() pair.client_context():load_verify_locations() end,
  AttributeError = function() pair.client_context().protocol = 2 end,
  NotImplementedError = function()
    pair.client_context():set_npn_protocols({"h2"})
  end,
  OSError = function() pair.client_context():load_verify_locations("/none") end,
  TimeoutError = function()
    local near, far = native.socketpair()
    local conn <close> = pair.client_context():wrap_socket(near,
      {do_handshake_on_connect = false, server_hostname = "localhost"})
    conn:settimeout(0.001)
    local ok, err = pcall(conn.do_handshake, conn)
    native.close(far)
    assert(not ok)
    error(err, 0)
  end,
}

local PARENTS = {
  OverflowError = "ValueError", TimeoutError = "OSError", SSLError = "OSError",
}

describe("the other error classes", function()
  for name, call in pairs(RAISED) do
    it(("include %s, which is raised and descends as it should [B.4]"):format(
      name), function()
      local err = raised(ssl[name], call)
      assert.equal(name, err.class.name)
      for other in pairs(RAISED) do
        assert.equal(other == name or other == PARENTS[name],
          err:is(ssl[other]), other)
      end
      assert.is_false(err:is(ssl.SSLError))
    end)
  end

  it("leave a wrong type of one value to Lua's own errors [B.4]", function()
    raised.text("integer expected, got string", ssl.RAND_bytes, "x")
    local ctx <close> = pair.client_context()
    raised.text("integer expected, got string", raised.set, ctx,
      "verify_mode", "x")
  end)

  it("name the errno of an OSError instead of subclasses [B.4]", function()
    local err = raised(ssl.OSError, RAISED.OSError)
    assert.same({"ENOENT", 2}, {err.name, err.errno})
    for _, name in ipairs {"FileNotFoundError", "ConnectionResetError",
                           "UnicodeError", "DeprecationWarning"} do
      assert.is_nil(ssl[name])
    end
  end)
end)

-- Everything that is deprecated or gone, how it is used, and what it warns of.
-- What the use gives is checked, for it still works.
local GONE = {
  {"RAND_pseudo_bytes", "A-15", [[
    local bytes, good = ssl.RAND_pseudo_bytes(8)
    assert(#bytes == 8 and good == true)]]},
  {"match_hostname", "A-16", [[
    local cert = {subject = {}, subjectAltName = {{"DNS", "a.test"}}}
    ssl.match_hostname(cert, "a.test")
    local _, err = ssl.try(ssl.match_hostname, cert, "b.test")
    assert(err.class == ssl.CertificateError)]]},
  {"ssl.wrap_socket", "A-13", [[
    local conn = ssl.wrap_socket(nil, {ssl_version = ssl.PROTOCOL_TLS_CLIENT})
    assert(conn.context.verify_mode == ssl.CERT_NONE)
    conn:close()]]},
  {"set_npn_protocols", "D-34", [[
    local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    local _, err = ssl.try(ctx.set_npn_protocols, ctx, {"h2"})
    assert(err.class == ssl.NotImplementedError)]]},
  {"selected_npn_protocol", "E-24", [[
    local conn = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT):wrap_socket(nil,
      {server_hostname = "localhost"})
    assert(conn:selected_npn_protocol() == nil)
    conn:close()]]},
  {"PROTOCOL_TLS", "D.1", [[
    local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS)
    assert(ctx.minimum_version == ssl.TLSVersion.TLSv1_2)]]},
  {"PROTOCOL_TLS", "D.1", "assert(ssl.SSLContext().protocol == 2)"},
  {"PROTOCOL_TLSv1", "C.3", "assert(ssl.SSLContext(3).protocol == 3)"},
  {"PROTOCOL_TLSv1_1", "C.3", "assert(ssl.SSLContext(4).protocol == 4)"},
  {"PROTOCOL_TLSv1_2", "C.3", "assert(ssl.SSLContext(5).protocol == 5)"},
  {"OP_NO_TLSv1_2", "C.4", [[
    local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.options = ctx.options | ssl.OP_NO_TLSv1_2
    assert(ctx.options & ssl.OP_NO_TLSv1_2 ~= 0)]]},
  {"TLSVersion.TLSv1_1", "C.8", [[
    local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.minimum_version = ssl.TLSVersion.TLSv1_1
    assert(ctx.minimum_version == ssl.TLSVersion.TLSv1_1)]]},
}

-- Gone as well, but there is nothing to warn about: they cannot be used.
local REFUSED = {
  {"PROTOCOL_SSLv2", "C.11", "ssl.SSLContext, ssl.PROTOCOL_SSLv2",
    "ValueError"},
  {"PROTOCOL_SSLv3", "C.11", "ssl.SSLContext, ssl.PROTOCOL_SSLv3",
    "ValueError"},
  {"RAND_egd", "A-14", "ssl.RAND_egd, '/no/such/socket'", "SSLError"},
}

local function says(script)
  local code, _, err = process.run({process.lua, "-W", "-e",
    "local ssl = require 'pyssl' " .. script}, {sanitizers = true})
  assert.equal(0, code, err)
  return err
end

describe("what is deprecated or gone from Python", function()
  for _, case in ipairs(GONE) do
    local name, id, use = table.unpack(case)
    it(("works, and warns once: %s [%s]"):format(name, id), function()
      assert.equal(("Lua warning: pyssl: %s is deprecated\n"):format(name),
        says(("for _ = 1, 2 do %s end"):format(use)))
    end)
  end

  for _, case in ipairs(REFUSED) do
    local name, id, call, class = table.unpack(case)
    it(("is there, and raises %s: %s [%s]"):format(class, name, id), function()
      assert.equal("", says(([[
        local _, err = ssl.try(%s)
        assert(err.class == ssl.%s, tostring(err))
      ]]):format(call, class)))
    end)
  end

  it("is no-op where OpenSSL has nothing left to switch [C.11]", function()
    for _, name in ipairs {"OP_NO_SSLv2", "OP_SINGLE_DH_USE",
                           "OP_SINGLE_ECDH_USE"} do
      assert.equal(0, ssl[name])
    end
    assert.is_false(ssl.HAS_SSLv2)
    assert.is_false(ssl.HAS_NPN)
  end)
end)
