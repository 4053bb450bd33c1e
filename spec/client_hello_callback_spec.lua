-- client_hello_callback: what a server is told of a hello, and what it may make
-- of that. What it shares with the other callbacks: handshake_callback_spec.lua.
local asked = require "support.asked"
local hello = require "support.hello"
local memory = require "support.memory"
local pair = require "support.pair"
local peers = require "support.peers"
local raised = require "support.raised"
local verifying = require "support.verifying"
local ssl = require "pyssl"

local ctx, other, client_ctx, ends, seen

before_each(function()
  ctx, other = pair.server_context(), pair.server_context("server-rsa")
  client_ctx = pair.client_context()
  seen = nil
  ctx.client_hello_callback = function(_, offer) seen = offer end
end)
after_each(function() ends = asked.finish({ctx, other, client_ctx}, ends) end)

local function open(options)
  ends = memory.new(client_ctx, ctx, options)
  return ends
end

-- What the server makes of bytes: its error, and what it has sent.
local function answer(bytes)
  open()
  ends.server_in:write(bytes)
  local ok, err = pcall(ends.server.do_handshake, ends.server)
  assert.is_false(ok)
  return err, ends.server_out:read()
end

local function hello_of(extensions, more)
  return hello.record(hello.message(pair.merge({extensions = extensions}, more)))
end

local function has(list, value)
  for _, each in ipairs(list) do
    if each == value then return true end
  end
  return false
end

describe("client_hello_callback", function()
  it("is nil, takes what can be called, and nil again", function()
    local callable = setmetatable({}, {__call = function() end})
    for _, value in ipairs {print, callable} do
      ctx.client_hello_callback = value
      assert.equal(value, ctx.client_hello_callback)
      ctx.client_hello_callback = nil
      assert.is_nil(ctx.client_hello_callback)
    end
    for _, value in ipairs {4, "f", {}, true} do
      ctx.client_hello_callback = print
      raised.text("bad value for attribute 'client_hello_callback' (function "
        .. "expected, got " .. type(value) .. ")", raised.set, ctx,
        "client_hello_callback", value)
      assert.equal(print, ctx.client_hello_callback)
    end
  end)

  it("is for servers, and for contexts that are open", function()
    raised(ssl.ValueError, raised.set, client_ctx, "client_hello_callback", print)
    raised(ssl.ValueError, raised.set, client_ctx, "client_hello_callback", nil)
    other:close()
    raised(ssl.ValueError, raised.set, other, "client_hello_callback", print)
  end)

  it("may be taken away again", function()
    open()
    ctx.client_hello_callback = nil
    ends:shake_hands()
    assert.is_nil(seen)
  end)
end)

describe("a hello", function()
  it("is told of as its bytes have it, unknown values and types included", function()
    local err = answer(hello_of({
      {0x0A0A, ""}, {0, "\0\14\0\0\11example.org"},
      {10, hello.list {0x1A1A, 29, 4588}}, {13, hello.list {0x0403, 0xFAFA}},
      {16, hello.names("\x2A\x2A", "h2", "http/1.1")},
      {43, hello.list({0x3A3A, 772, 771}, 1)}, {0xFE0D, "ech"}, {35, ""},
      {0xFAFA, "\0"},
    }, {suites = {0x4A4A, 4865, 0xC02B, 255}}))
    assert.is_truthy(pair.is_want(err) or err:is(ssl.SSLError))
    assert.same({
      server_name = "example.org",
      versions = {0x3A3A, 772, 771},
      cipher_suites = {0x4A4A, 4865, 0xC02B, 255},
      groups = {0x1A1A, 29, 4588},
      signature_algorithms = {0x0403, 0xFAFA},
      alpn_protocols = {"\x2A\x2A", "h2", "http/1.1"},
      extensions = {
        [0x0A0A] = "", [0] = "\0\14\0\0\11example.org",
        [10] = hello.list {0x1A1A, 29, 4588}, [13] = hello.list {0x0403, 0xFAFA},
        [16] = hello.names("\x2A\x2A", "h2", "http/1.1"),
        [43] = hello.list({0x3A3A, 772, 771}, 1), [0xFE0D] = "ech", [35] = "",
        [0xFAFA] = "\0",
      },
    }, seen)
  end)

  it("with nothing in it has empty lists, and its one version", function()
    for _, extensions in ipairs {false, {}} do
      seen = nil
      answer(hello_of(extensions or nil))
      assert.same({versions = {771}, cipher_suites = {0xC02B, 0xC02F}, groups = {},
        signature_algorithms = {}, alpn_protocols = {}, extensions = {}}, seen)
    end
  end)

  it("is put together from its records", function()
    local message = hello.message {extensions = {
      {16, hello.names("h2")}, {51966, ("x"):rep(40000)}}}
    for _, size in ipairs {1000, 16384} do
      answer(hello.record(message, size))
      assert.same({"h2"}, seen.alpn_protocols)
      assert.equal(("x"):rep(40000), seen.extensions[51966])
    end
  end)

  for title, case in pairs {
    ["groups: no list"] = {10, ""}, ["groups: an empty list"] = {10, "\0\0"},
    ["groups: odd"] = {10, "\0\3\0\29\0"}, ["groups: too long"] = {10, "\0\4\0\29"},
    ["groups: bytes behind"] = {10, "\0\2\0\29\0"},
    ["algorithms: empty"] = {13, "\0\0"}, ["algorithms: cut"] = {13, "\0\2\4"},
    ["ALPN: no list"] = {16, "\0"}, ["ALPN: an empty list"] = {16, "\0\0"},
    ["ALPN: an empty name"] = {16, "\0\1\0"}, ["ALPN: too long"] = {16, "\0\3\5h2"},
    ["ALPN: bytes behind"] = {16, "\0\3\2h2x"},
    ["versions: empty"] = {43, "\0"}, ["versions: odd"] = {43, "\3\3\4\3"},
    ["versions: cut"] = {43, "\4\3\4"}, ["the name: cut"] = {0, "\0\5\0\0\3ab"},
  } do
    it(("that is malformed is refused with decode_error (%s)"):format(title), function()
      local err, sent = answer(hello_of {{65281, "\0"}, case})
      assert.equal(ssl.SSLError, err.class)
      assert.equal("\2\50", sent:sub(-2))
      assert.is_nil(seen)
    end)
  end

  it("with an extension twice is refused, known or not", function()
    for _, kind in ipairs {0x0A0A, 16} do
      local _, sent = answer(hello_of {{kind, hello.names "a"}, {kind, hello.names "a"}})
      assert.equal("\2\47", sent:sub(-2))
      assert.is_nil(seen)
    end
  end)

  it("may have thousands of extensions", function()
    local extensions = {}
    for i = 1, 16000 do extensions[i] = {20000 + i, ""} end
    answer(hello_of(extensions))
    assert.equal("", seen.extensions[36000])
  end)

  it("is told of as openssl s_client makes it", function()
    local listener <close>, port = peers.listen(ctx)
    local peer <close> = peers.s_client(port, {"-servername", "b.example.test",
      "-tls1_3", "-groups", "P-384:X25519", "-alpn", "h2,http/1.1", "-sigalgs",
      "ECDSA+SHA256:RSA-PSS+SHA384", "-ciphersuites", "TLS_AES_128_GCM_SHA256",
      "-ign_eof"})
    local conn <close> = listener:accept()
    assert.equal("b.example.test", seen.server_name)
    assert.same({772}, seen.versions)
    assert.same({24, 29}, seen.groups)
    assert.same({0x0403, 0x0805}, seen.signature_algorithms)
    assert.same({"h2", "http/1.1"}, seen.alpn_protocols)
    assert.is_true(has(seen.cipher_suites, 0x1301))
    assert.is_false(has(seen.cipher_suites, 0x1302))
    conn:settimeout(pair.LIMIT)
    conn:sendall "bye\n"
    peer:expect "bye"
  end)
end)

for title, version in pairs(verifying.VERSIONS) do
  describe("client_hello_callback, " .. title .. ",", function()
    before_each(function() client_ctx.maximum_version = version end)

    for what, choose in pairs {
      returns = function() return other end,
      assigns = function(conn) conn.context = other end,
      ["assigns and returns"] = function(conn)
        conn.context = ctx
        return other
      end,
    } do
      it(what .. " the context that is in force then", function()
        ctx.client_hello_callback = choose
        open():shake_hands()
        assert.equal(other, ends.server.context)
        assert.matches("^rsa", ends.client:server_sigalg())
        asked.talk(ends)
      end)
    end

    it("is followed by the sni_callback of the context in force", function()
      local order = {}
      ctx.client_hello_callback = function() order[#order + 1] = "hello"; return other end
      ctx.sni_callback = function() order[#order + 1] = "wrong" end
      other.client_hello_callback = function() order[#order + 1] = "again" end
      other.sni_callback = function(conn, name, where)
        order[#order + 1] = name
        assert.equal(other, where)
        conn.context = ctx
      end
      open():shake_hands()
      assert.same({"hello", "localhost"}, order)
      assert.equal(ctx, ends.server.context)
      assert.matches("^ecdsa", ends.client:server_sigalg())
    end)

    for what, result in pairs {["a number"] = 40, ["a string"] = "x", ["true"] = true,
                               ["false"] = false, ["a table"] = {}} do
      it(("refuses where it returns %s"):format(what), function()
        ctx.client_hello_callback = function() return result end
        local client, server = open():hands()
        assert.equal(ssl.TypeError, server.class)
        assert.matches("bad result #1 of client_hello_callback %(ssl.context or nothing "
          .. "expected, got " .. type(result) .. "%)", server.message)
        assert.equal(80, client.alert)
      end)
    end

    it("refuses where it returns what is no server's context", function()
      local closed = pair.server_context()
      closed:close()
      for _, bad in ipairs {client_ctx, closed} do
        ctx.client_hello_callback = function() return bad end
        local client, server = open():hands()
        assert.equal(bad == closed and ssl.ValueError or ssl.SSLError, server.class)
        assert.equal(80, client.alert)
        ends:close()
      end
    end)
  end)
end

describe("a HelloRetryRequest", function()
  it("does not make it ask again", function()
    local calls = 0
    ctx:set_groups "secp384r1"
    other:set_groups "secp384r1"
    for _, to in ipairs {false, other} do
      ctx.client_hello_callback = function()
        calls = calls + 1
        return to or nil
      end
      open():shake_hands()
      asked.talk(ends)
      ends:close()
    end
    assert.equal(2, calls)
  end)
end)
