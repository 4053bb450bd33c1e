-- Options of a connection that are refused: before anything is done to the
-- socket, and by whatever makes connections.
local certs = require "support.certs"
local net = require "support.net"
local pair = require "support.pair"
local raised = require "support.raised"
local socket = require "socket"
local ssl = require "pyssl"

local PEM, KEY = certs.read "server.pem", certs.read "server.key"

local function closed(object)
  object:close()
  return object
end

-- Option by option: what is wrong; the options; the class, and what the error
-- says; or Lua's own error.
local CASES = {
  {"a number as certificate", {certificate = 5, private_key = KEY},
    "bad value for option 'certificate' (string, buffer or ssl.certificate "
    .. "expected, got number)"},
  {"a boolean as certificate", {certificate = true, private_key = KEY},
    "bad value for option 'certificate' (string, buffer or ssl.certificate "
    .. "expected, got boolean)"},
  {"a list of texts as certificate", {certificate = {PEM}, private_key = KEY},
    "ssl.certificate expected, got string at [1]"},
  {"an empty list of certificates", {certificate = {}, private_key = KEY},
    "ValueError", "Empty certificate data"},
  {"an empty text as certificate", {certificate = "", private_key = KEY},
    "SSLError", "PEM lib"},
  {"garbage as certificate", {certificate = "garbage", private_key = KEY},
    "SSLError", "PEM lib"},
  {"a broken certificate",
    {certificate = certs.read "broken.pem", private_key = KEY}, "SSLError",
    "PEM lib"},
  {"a closed certificate",
    {certificate = closed(ssl.certificate(PEM)), private_key = KEY},
    "ValueError", "closed certificate"},
  {"a certificate without a key", {certificate = PEM}, "SSLError", "PEM lib"},
  {"a certificate object without a key", {certificate = ssl.certificate(PEM)},
    "TypeError", "private_key is missing"},
  {"a key without a certificate", {private_key = KEY}, "TypeError",
    "certificate is missing"},
  {"a number as key", {certificate = PEM, private_key = 5},
    "bad value for option 'private_key' (string, buffer or ssl.privatekey "
    .. "expected, got number)"},
  {"a certificate as key", {certificate = PEM, private_key = PEM}, "SSLError",
    "PEM lib"},
  {"a certificate object as key",
    {certificate = PEM, private_key = ssl.certificate(PEM)},
    "string, buffer or ssl.privatekey expected, got ssl.certificate"},
  {"an encrypted key",
    {certificate = PEM, private_key = certs.read "encrypted.key"}, "SSLError",
    "a password is needed"},
  {"a closed key",
    {certificate = PEM, private_key = closed(ssl.private_key(KEY))},
    "ValueError", "closed private key"},
  {"a key that does not match",
    {certificate = PEM, private_key = certs.read "client.key"}, "SSLError",
    "KEY_VALUES_MISMATCH"},
  {"a key of another kind",
    {certificate = PEM, private_key = certs.read "server-rsa.key"}, "SSLError",
    "KEY_TYPE_MISMATCH"},
  {"a boolean as trust", {trust = true}, "bad value for option 'trust' "
    .. "(ssl.context, string, buffer or ssl.certificate expected, got boolean)"},
  {"a key as trust", {trust = ssl.private_key(KEY)},
    "ssl.certificate expected, got ssl.privatekey"},
  {"garbage as trust", {trust = "garbage"}, "SSLError", "ASN1"},
  {"a key's text as trust", {trust = KEY}, "SSLError", "NO_START_LINE"},
  {"a broken text as trust", {trust = certs.read "broken.pem"}, "SSLError"},
  {"an empty text as trust", {trust = ""}, "ValueError",
    "Empty certificate data"},
  {"an empty list as trust", {trust = {}}, "ValueError",
    "Empty certificate data"},
  {"a list of texts as trust", {trust = {PEM}},
    "ssl.certificate expected, got string at [1]"},
  {"a closed context as trust", {trust = closed(ssl.SSLContext(16))},
    "ValueError", "closed context"},
  {"a text as verify_mode", {verify_mode = "2"},
    "bad value for option 'verify_mode' (integer expected, got string)"},
  {"a fraction as verify_mode", {verify_mode = 1.5}, "integer expected"},
  {"verify_mode 3", {verify_mode = 3}, "ValueError", "verify_mode"},
  {"verify_mode -1", {verify_mode = -1}, "ValueError", "verify_mode"},
  {"a text as alpn_protocols", {alpn_protocols = "h2"},
    "bad value for option 'alpn_protocols' (table expected, got string)"},
  {"a number among alpn_protocols", {alpn_protocols = {"h2", 2}},
    "string expected at [2], got number"},
  {"names as keys of alpn_protocols", {alpn_protocols = {h2 = true}},
    "array of strings expected"},
  {"an empty name among alpn_protocols", {alpn_protocols = {""}}, "SSLError",
    "1 to 255"},
  {"a name in alpn_protocols that is too long", {alpn_protocols =
    {("x"):rep(256)}}, "SSLError", "1 to 255"},
  {"a name in alpn_protocols that is not ASCII", {alpn_protocols = {"\xff"}},
    "ValueError", "not ASCII"},
}

-- The error for f(...): of that class, or of Lua's own.
local function check(case, f, ...)
  local _, _, class, text = table.unpack(case, 1, 4)
  if not ssl[class] then return raised.text(class, f, ...) end
  local err = raised.object(ssl[class], f, ...)
  assert.truthy(tostring(err):find(text or "", 1, true), tostring(err))
end

-- Two ends of a TCP connection, objects of LuaSocket.
local function plain_pair()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local host, port = listener:getsockname()
  local near = assert(socket.connect(host, port))
  local far = assert(listener:accept())
  listener:close()
  return near, far
end

-- Is the first of them as it was, and in use?
local function check_untouched(near, far)
  assert.is_true(near:getfd() >= 0)
  assert(near:send "plain")
  assert.equal("plain", far:receive(5))
  near:close()
  far:close()
end

-- A transport that nothing may be done with.
local UNTOUCHED = {send = function() error "sent" end,
                   receive = function() error "received" end}

describe("an option of a connection", function()
  local ctx, server_ctx = net.client_context(), net.server_context()

  for _, case in ipairs(CASES) do
    local name, options = case[1], case[2]
    it("cannot be " .. name .. "; the socket is left alone", function()
      local plain, other = plain_pair()
      check(case, ctx.wrap_socket, ctx, plain,
            pair.merge({server_hostname = "localhost"}, options))
      check(case, server_ctx.wrap_socket, server_ctx, plain,
            pair.merge({server_side = true}, options))
      check_untouched(plain, other)
      check(case, ctx.wrap_bio, ctx, ssl.MemoryBIO(), ssl.MemoryBIO(),
            pair.merge({server_hostname = "localhost"}, options))
      check(case, ctx.wrap_transport, ctx, UNTOUCHED,
            pair.merge({server_hostname = "localhost"}, options))
      check(case, ctx.connect, ctx, "127.0.0.1", 1, options)
    end)
  end

  it("is not CERT_NONE while the name is checked", function()
    local none = {server_hostname = "localhost", verify_mode = ssl.CERT_NONE}
    local err = raised(ssl.ValueError, ctx.wrap_socket, ctx, nil, none)
    assert.truthy(err.message:find("check_hostname", 1, true))
    local unchecked <close> = pair.client_context {check_hostname = false}
    unchecked:wrap_socket(nil, none):close()
  end)

  it("is not a certificate too weak for the context", function()
    local strict <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    strict:set_ciphers "@SECLEVEL=3:ECDHE"
    local plain, other = plain_pair()
    local err = raised(ssl.SSLError, strict.wrap_socket, strict, plain,
      {server_side = true, certificate = certs.read "server-rsa.pem",
       private_key = certs.read "server-rsa.key"})
    assert.equal("EE_KEY_TOO_SMALL", err.reason)
    check_untouched(plain, other)
  end)

  it("is known by its name", function()
    local err = raised(ssl.TypeError, ctx.wrap_socket, ctx, nil,
      {server_hostname = "localhost", certificates = PEM})
    assert.truthy(err.message:find("unknown option 'certificates'", 1, true))
  end)
end)
