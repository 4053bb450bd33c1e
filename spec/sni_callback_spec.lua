-- The SNI callback: when a server asks, and what it is told. Its answers are in
-- sni_answer_spec.lua, what a switched context changes in sni_switch_spec.lua.
local pair = require "support.pair"
local raised = require "support.raised"
local sni = require "support.sni"
local ssl = require "pyssl"

local ctx, client_ctx, ends

before_each(function() ctx, client_ctx = sni.begin() end)
after_each(sni.finish)

-- Two ends over memory, the client asking for `name` ("localhost").
local function open(name)
  ends = sni.open(name)
  return ends
end

describe("sni_callback", function()
  it("is nil, takes a function or what can be called, and nil again [D-10]", function()
    assert.is_nil(ctx.sni_callback)
    local f = function() end
    ctx.sni_callback = f
    assert.equal(f, ctx.sni_callback)
    local callable = setmetatable({}, {__call = function() end})
    ctx.sni_callback = callable
    assert.equal(callable, ctx.sni_callback)
    ctx.sni_callback = nil
    assert.is_nil(ctx.sni_callback)
  end)

  for what, value in pairs {["a number"] = 4, ["a string"] = "f",
                            ["a table"] = {}, ["true"] = true} do
    it(("refuses %s, and then there is none [D-10, I-19]"):format(what), function()
      local calls = 0
      ctx.sni_callback = function() calls = calls + 1 end
      raised.text("bad value for attribute 'sni_callback' (function expected, got "
        .. type(value) .. ")", function() ctx.sni_callback = value end)
      assert.is_nil(ctx.sni_callback)
      open():shake_hands()
      assert.equal(0, calls)
    end)
  end

  for what, value in pairs {["a function"] = print, ["a number"] = 4,
                            ["nil"] = false} do
    it(("refuses %s on a context for clients [D-10, D-35, I-20]"):format(what),
      function()
        raised(ssl.ValueError, function()
          client_ctx.sni_callback = value or nil
        end)
        assert.is_nil(client_ctx.sni_callback)
        if value == 4 then return end
        raised(ssl.ValueError, client_ctx.set_servername_callback, client_ctx,
               value or nil)
      end)
  end

  it("raises on a closed context [D-10, D-35]", function()
    local closed = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    closed:close()
    raised(ssl.ValueError, function() closed.sni_callback = print end)
    raised(ssl.ValueError, closed.set_servername_callback, closed, print)
  end)

  it("has set_servername_callback as its old name [D-35]", function()
    local seen
    local f = function(_, name) seen = name end
    assert.is_true(ctx:set_servername_callback(f))
    assert.equal(f, ctx.sni_callback)
    open():shake_hands()
    assert.equal("localhost", seen)
    assert.is_true(ctx:set_servername_callback(nil))
    assert.is_nil(ctx.sni_callback)
  end)

  it("of which a wrong type is an argument error that changes nothing [D-35, I-21]", function()
    ctx.sni_callback = print
    raised.text("bad argument #1 to 'set_servername_callback' (function expected, "
      .. "got number)", function() ctx:set_servername_callback(4) end)
    raised.text("function expected", function()
      client_ctx:set_servername_callback(4)
    end)
    raised.text("bad argument #1", function() ctx:set_servername_callback() end)
    assert.equal(print, ctx.sni_callback)
  end)
end)

describe("the question", function()
  local seen
  before_each(function()
    seen = {}
    ctx.sni_callback = function(...) seen[#seen + 1] = table.pack(...) end
  end)

  it("comes once, with the connection, the name and the context [D-10, D-44]", function()
    open():shake_hands()
    assert.equal(1, #seen)
    assert.equal(3, seen[1].n)
    assert.equal(ends.server, seen[1][1])
    assert.equal("localhost", seen[1][2])
    assert.equal(ctx, seen[1][3])
    assert.equal(ctx, ends.server.context)
    ends.client:write("x")
    ends:move()
    assert.equal("x", ends.server:read())
  end)

  for _, version in ipairs {"TLSv1_2", "TLSv1_3"} do
    it("comes over " .. version .. " on sockets too, and in each of many [D-44]", function()
      ctx.maximum_version = ssl.TLSVersion[version]
      for i = 1, 3 do
        local client, server = pair.connected(client_ctx, ctx)
        assert.equal(i, #seen)
        assert.equal(server, seen[i][1])
        assert.equal("localhost", seen[i][2])
        pair.close(client, server)
      end
    end)
  end

  it("comes without a name where the client gives none, or an address [D-44]", function()
    client_ctx.check_hostname = false
    for _, name in ipairs {"127.0.0.1", "::1", false} do
      open()
      ends.client:close()
      ends.client = client_ctx:wrap_bio(ends.client_in, ends.client_out,
        {server_hostname = name or nil})
      ends:shake_hands()
      assert.is_nil(seen[#seen][2])
      ends:close()
    end
    assert.equal(3, #seen)
  end)

  it("has the A-label of an international name [D-35, D-44]", function()
    client_ctx.check_hostname = false
    open("b\195\188cher.example"):shake_hands()
    assert.equal("xn--bcher-kva.example", seen[1][2])
  end)

  it("finds a connection that has agreed on nothing yet [D-44]", function()
    local found
    ctx:set_alpn_protocols {"h2"}
    client_ctx:set_alpn_protocols {"h2"}
    ctx.sni_callback = function(conn)
      found = {version = conn:version(), cipher = conn:cipher(),
        alpn = conn:selected_alpn_protocol(), side = conn.server_side,
        context = conn.context}
    end
    open():shake_hands()
    assert.same({side = true, context = ctx}, found)
    assert.equal("h2", ends.server:selected_alpn_protocol())
  end)

  it("is put at whatever operation begins the handshake [D-44]", function()
    for _, begin in ipairs {
      function(server) return server:read(1) end,
      function(server) return server:write("x") end,
      function(server) return server:do_handshake() end,
    } do
      open()
      pcall(ends.client.do_handshake, ends.client)
      ends:move()
      local before = #seen
      assert.is_true(pair.is_want(select(2, pcall(begin, ends.server))))
      assert.equal(before + 1, #seen)
      ends:shake_hands()
      assert.equal(before + 1, #seen)
    end
  end)

  it("goes to the function that is set when the hello is there [D-10, D-44]", function()
    open()
    local calls = 0
    ctx.sni_callback = function() calls = calls + 1 end
    ends:shake_hands()
    assert.same({1, 0}, {calls, #seen})
    open()
    ctx.sni_callback = nil
    ends:shake_hands()
    assert.same({1, 0}, {calls, #seen})
  end)

  it("comes once too where the hello arrives a byte at a time [D-44]", function()
    open():shake_hands(1)
    assert.equal(1, #seen)
  end)

  -- The types of the extensions of a TLS 1.2 ServerHello, which is in clear.
  local function extensions(flight)
    local types = {}
    local at = 1 + 5 + 4 + 2 + 32
    at = at + 1 + flight:byte(at) + 2 + 1 -- session id, cipher, compression
    local length
    length, at = (">I2"):unpack(flight, at)
    local last = at + length
    while at < last do
      types[(">I2"):unpack(flight, at)] = (">s2"):unpack(flight, at + 2)
      at = at + 4 + (">I2"):unpack(flight, at + 2)
    end
    return types
  end

  it("is acknowledged, as RFC 6066 has it, and only where it was put [D-44]", function()
    local other <close> = pair.server_context()
    for _, case in ipairs {"stay", "switch", "none"} do
      ctx.maximum_version = ssl.TLSVersion.TLSv1_2
      other.maximum_version = ssl.TLSVersion.TLSv1_2
      ctx.sni_callback = case ~= "none" and function(conn)
        if case == "switch" then conn.context = other end
      end or nil
      open()
      pcall(ends.client.do_handshake, ends.client)
      ends:move()
      pcall(ends.server.do_handshake, ends.server)
      assert.equal(case ~= "none" and "" or nil,
                   extensions(ends.server_out:read())[0])
    end
  end)
end)

describe("conn.context", function()
  local other

  before_each(function() other = pair.server_context("server-rsa") end)
  after_each(function() other:close() end)

  it("is assigned in the callback, and nowhere else [D-44, E-01]", function()
    ctx.sni_callback = function(conn)
      conn.context = other
      assert.equal(other, conn.context)
    end
    open()
    raised(ssl.ValueError, function() ends.server.context = other end)
    raised(ssl.ValueError, function() ends.client.context = client_ctx end)
    ends:shake_hands()
    assert.equal(other, ends.server.context)
    raised(ssl.ValueError, function() ends.server.context = ctx end)
    assert.equal(other, ends.server.context)
  end)

  it("keeps the last one that was assigned, the first included [D-44, E-01]", function()
    ctx.sni_callback = function(conn)
      conn.context = other
      conn.context = ctx
    end
    open():shake_hands()
    assert.equal("ecdsa_secp256r1_sha256", ends.client:server_sigalg())
  end)

  it("refuses in the callback what is no server's context [D-44, E-01, I-97]", function()
    local errs = {}
    local checking <close> = ssl.SSLContext(ssl.PROTOCOL_TLS)
    checking.verify_mode, checking.check_hostname = ssl.CERT_REQUIRED, true
    local closed = pair.server_context()
    closed:close()
    ctx.sni_callback = function(conn)
      for i, value in ipairs {4, client_ctx, closed, checking, ends.server} do
        errs[i] = select(2, pcall(function() conn.context = value end))
      end
    end
    open():shake_hands()
    assert.matches("bad value for attribute 'context' %(ssl.context expected, got number%)",
      errs[1])
    assert.equal(ssl.SSLError, errs[2].class)
    assert.equal(ssl.ValueError, errs[3].class)
    assert.equal(ssl.ValueError, errs[4].class)
    assert.matches("ssl.context expected, got ssl.object", errs[5])
    assert.equal(ctx, ends.server.context)
    assert.equal("ecdsa_secp256r1_sha256", ends.client:server_sigalg())
  end)

  it("lets an error of a wrong one come out [D-44, I-97]", function()
    ctx.sni_callback = function(conn) conn.context = "b" end
    local client, server = open():hands()
    assert.matches("ssl.context expected, got string", server)
    assert.equal("SSLV3_ALERT_HANDSHAKE_FAILURE", client.reason)
  end)

  it("that is closed before the answer refuses with internal_error [D-44, E-01]", function()
    ctx.sni_callback = function(conn)
      conn.context = other
      other:close()
    end
    local client, server = open():hands()
    assert.equal(ssl.ValueError, server.class)
    assert.equal("TLSV1_ALERT_INTERNAL_ERROR", client.reason)
  end)

  it("changes nothing where the callback refuses or fails [D-44]", function()
    for _, fails in ipairs {true, false} do
      ctx.sni_callback = function(conn)
        conn.context = other
        if fails then error("mine", 0) end
        return 112
      end
      local client, server = open():hands()
      assert.equal(fails and "mine" or "CALLBACK_FAILED", fails and server or server.reason)
      assert.equal(fails and 40 or 112, client.alert)
    end
  end)
end)
