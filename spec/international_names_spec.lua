-- Host names beyond ASCII: sent, checked and looked up as A-labels (IDNA2008
-- with the non-transitional mapping of UTS #46).
local certs = require "support.certs"
local native = require "native"
local net = require "support.net"
local pair = require "support.pair"
local process = require "support.process"
local ssl = require "pyssl"

local NAME, ASCII = "bücher.example", "xn--bcher-kva.example"

-- How the module was built: make IDN=0 leaves libidn2 out.
local HAS_IDN = os.getenv "PYSSL_IDN" ~= "0"

local function unchecked()
  return pair.client_context {check_hostname = false}
end

-- The name that a socket takes for what it was given.
local function taken(name)
  local conn <close> = unchecked():wrap_socket(nil, {server_hostname = name})
  return conn.server_hostname
end

-- A server's context whose certificate has this subjectAltName.
local function server_context(san)
  local pem, key = certs.issue {san = san}
  local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  ctx:load_cert_chain(pem, key)
  return ctx
end

-- Refused in the same way with the check of names and without, with the socket
-- untouched.
local function refuse(name, text, class, reason)
  local fd, other = net.fds()
  for _, ctx in ipairs {net.client_context(), unchecked()} do
    local err = net.failure(ctx.wrap_socket, ctx, fd,
      {server_hostname = name, do_handshake_on_connect = false})
    assert.equal(class or ssl.ValueError, err.class, tostring(err))
    assert.matches(text, err.message, 1, true)
    assert.equal(reason, err.reason)
  end
  assert.is_true(native.close(fd))
  native.close(other)
end

if not HAS_IDN then
  describe("a name beyond ASCII, in a build without libidn2", function()
    it("is refused, saying so, and ASCII is not [H-11]", function()
      refuse(NAME, "built without libidn2")
      refuse("bücher..example", "built without libidn2")
      assert.equal(ASCII, taken(ASCII))
      local conn <close> = net.client()
      local err = net.failure(conn.connect, conn, NAME, 443)
      assert.is_true(err:is(ssl.ValueError))
      assert.matches("host name is not ASCII", err.message, 1, true)
    end)
  end)
  return
end

describe("a server_hostname beyond ASCII", function()
  for _, case in ipairs {
    {NAME, ASCII, "its A-label"},
    {"BÜCHER.Example", ASCII, "the same in lower case"},
    {"bu\204\136cher.example", ASCII, "the same, composed"},
    {NAME .. ".", ASCII, "the same without its trailing dot"},
    {"bücher。example", ASCII, "the same with another full stop"},
    {"bücher．example｡", ASCII, "the same with others, one trailing"},
    {"xn--bcher-kva.bücher.example", "xn--bcher-kva." .. ASCII,
      "mixed with A-labels that are there already"},
    {"_dmarc." .. NAME, "_dmarc." .. ASCII, "with an underscore in another label"},
    {"straße.example", "xn--strae-oqa.example", "with its sharp s"},
    {"βόλος.com", "xn--nxasmm1c.com", "with its final sigma"},
    {"例え.テスト", "xn--r8jz45g.xn--zckzah", "in other scripts"},
    {"ｌｏｃａｌｈｏｓｔ", "localhost", "as plain letters for wide ones"},
  } do
    it(("is taken as %s: %s [H-11, E-03]"):format(case[3], case[1]), function()
      assert.equal(case[2], taken(case[1]))
    end)
  end

  it("may be as long as DNS has it, and no longer [H-11, I-70, I-71]", function()
    local most = ("ü"):rep(57) -- "xn--tda", and a letter for each one more
    assert.equal(63, #taken(most))
    refuse(most .. "ü", "a label longer than 63 bytes")
    local name = (("a"):rep(60) .. "."):rep(3) .. "ü." .. ("b"):rep(60)
    assert.equal(251, #taken(name))
    name = name .. "cc"
    assert.equal(253, #taken(name))
    assert.equal(253, #taken(name .. "."))
    for _, long in ipairs {name .. "c", "a." .. name, ("ü."):rep(500)} do
      refuse(long, "servername", ssl.SSLError, "SSL3_EXT_INVALID_SERVERNAME")
    end
    refuse(("ü"):rep(100000), "servername", ssl.SSLError,
      "SSL3_EXT_INVALID_SERVERNAME")
  end)

  it("is refused where it is no UTF-8 [H-11]", function()
    for _, name in ipairs {
      "b\252cher.example", "b\195", "\195.example", "\192\175.example",
      "\237\160\128.example", "\244\144\128\128.example", "\255\254",
    } do
      refuse(name, "is not valid UTF-8")
    end
  end)

  it("is refused with a leading dot or an empty label [I-68, I-70]", function()
    refuse(".bücher", "must not begin with a dot")
    refuse("。bücher", "must not begin with a dot")
    refuse("\194\173.bücher", "must not begin with a dot") -- a soft hyphen
    refuse("a..bücher", "has an empty label")
    refuse("bücher..", "has an empty label")
    refuse("bücher。.", "has an empty label")
    refuse("\194\173", "must not be empty")
  end)

  it("is refused with a NUL inside [I-69]", function()
    refuse("bücher\0.example", "NUL", ssl.TypeError)
    refuse("\0ü", "NUL", ssl.TypeError)
  end)

  it("is refused where IDNA2008 has no such name [H-11]", function()
    for name, text in pairs {
      ["☕.example"] = "a character that no",
      ["ü☃.example"] = "a character that no",
      ["\205\184ü.example"] = "a character that no", -- U+0378, unassigned
      ["א1a.example"] = "mixes directions",
      ["-ü.example"] = "not a valid",
      ["ü-.example"] = "not a valid",
      ["ab--ü.example"] = "not a valid",
      ["\204\136u.example"] = "not a valid", -- a mark that has no letter
      ["u\226\128\141ü.example"] = "not a valid", -- a joiner out of place
      ["xn--bad-.bücher"] = "not a valid",
    } do
      refuse(name, text)
    end
  end)

  it("never becomes an address, or text that is more than a name [H-11]", function()
    refuse("１２７.0.0.1", "is an IP address")
    refuse("127。0。0。1", "is an IP address")
    refuse("①.1.1.1", "is an IP address")
    for _, name in ipairs {
      "c℀.example", "example．com／x", "example．com：80", "user＠example",
      "ａ％２５", "a b。example", "*。example",
    } do
      refuse(name, " character that no")
    end
  end)
end)

-- Connect to a Python server with a certificate for `san`, by each name of the
-- list; the names that it saw.
local SERVER = [[
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
names = []
context.sni_callback = lambda connection, name, context: names.append(name)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
for _ in range(int(sys.argv[3])):
    context.wrap_socket(listener.accept()[0], server_side=True).close()
    print(names.pop(), flush=True)
]]

local function seen_names(san, names)
  local pem, key = certs.issue {san = san}
  local server <close> = process.spawn(
    {"/usr/bin/python3", "-c", SERVER, pem, key, tostring(#names)})
  local port, seen = tonumber(server:read_line()), {}
  for i, name in ipairs(names) do
    local conn <close> = net.client_context():connect("127.0.0.1", port,
      {server_hostname = name, timeout = pair.LIMIT})
    assert.equal(ASCII, conn.server_hostname)
    seen[i] = server:read_line()
  end
  return seen
end

describe("a handshake with a name beyond ASCII", function()
  it("sends the A-label and finds it in the certificate [H-11, E-03]", function()
    local names = {NAME, "BÜCHER.example.", ASCII}
    assert.same({ASCII, ASCII, ASCII}, seen_names("DNS:" .. ASCII, names))
    local client, server = pair.connected(pair.client_context(),
      server_context("DNS:*." .. ASCII), {client = {server_hostname = "öl." .. NAME}})
    assert.equal("xn--l-0ga." .. ASCII, client.server_hostname)
    pair.close(client, server)
  end)

  it("fails for a certificate of another name, and tells the A-label [H-11]",
    function()
      for _, san in ipairs {"DNS:bucher.example", "DNS:" .. ASCII .. ".com"} do
        local err = pair.refused(pair.client_context(), server_context(san),
          {client = {server_hostname = NAME}})
        assert.is_true(err:is(ssl.SSLCertVerificationError))
        assert.equal(62, err.verify_code)
        assert.equal(ASCII, err.hostname)
      end
      local err = pair.refused(pair.client_context(),
        server_context("DNS:strasse.example"),
        {client = {server_hostname = "straße.example"}})
      assert.equal(62, err.verify_code)
    end)

  it("is one that curl makes as well [H-11]", function()
    local server <close> = net.serve {
      ctx = server_context "DNS:xn--strae-oqa.example",
      talk = function(conn)
        local file <close> = conn:makefile "rw"
        for line in file:lines() do if line:find "^\r?$" then break end end
        file:write("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi"):flush()
      end,
    }
    assert.equal("hi", process.check({"curl", "-sS", "--cacert",
      certs.path "ca.pem", "--resolve",
      "xn--strae-oqa.example:" .. server.port .. ":127.0.0.1",
      "https://straße.example:" .. server.port .. "/"},
      {env = {LC_ALL = "C.UTF-8"}}))
    server:join()
  end)
end)

describe("looking up a name beyond ASCII", function()
  local HOST = require("support.lookuphost").PROGRAM

  -- In a process that knows the A-label and no other name (lookup_host.c).
  local CODE = [[
    local ssl, NAME, port, limit = require "pyssl", arg[1], tonumber(arg[2]), tonumber(arg[4])
    local ctx = ssl.create_default_context {cafile = arg[3]}
    local conn = ctx:connect(NAME, port, {timeout = limit})
    assert(conn.server_hostname == "xn--bcher-kva.example")
    conn:sendall("ping")
    assert(conn:recv(4) == "ping")
    conn:close()
    conn = ctx:wrap_socket(nil, {server_hostname = NAME})
    conn:settimeout(limit)
    conn:connect("BÜCHER。example", port)
    conn:sendall("pong")
    assert(conn:recv(4) == "pong")
    conn:close()
  ]]

  it("asks for its A-label, in ctx:connect and conn:connect [H-11]", function()
    local server <close> = net.serve {ctx = server_context("DNS:" .. ASCII), times = 2}
    process.check({HOST, CODE, NAME, tostring(server.port), certs.path "ca.pem",
      tostring(pair.LIMIT)}, {sanitizers = true})
    server:join()
  end)

  it("does not begin with one that is none, or too long [H-11]", function()
    for name, text in pairs {
      ["b\252cher"] = "host name is not valid UTF-8",
      ["１２７.0.0.1"] = "host name is an IP address",
      [("ü."):rep(500)] = "host name is too long",
      ["☕.example"] = "host name has a character",
    } do
      local conn <close> = net.client()
      local err = net.failure(conn.connect, conn, name, 443)
      assert.is_true(err:is(ssl.ValueError))
      assert.matches(text, err.message, 1, true)
      assert.equal(-1, conn:fileno())
    end
  end)
end)
