-- server_hostname: which names are names, what of them a server sees (SNI), and
-- what is checked. How names match certificates is name_check_spec's.
local certs = require "support.certs"
local native = require "native"
local net = require "support.net"
local pair = require "support.pair"
local process = require "support.process"
local ssl = require "pyssl"

-- A server that is not ours: says which name each client asked for, a line each.
local SERVER = [[
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
names = []
context.sni_callback = lambda connection, name, context: names.append(name)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
for _ in range(int(sys.argv[3])):
    try:
        context.wrap_socket(listener.accept()[0], server_side=True).close()
    except ssl.SSLError:
        pass
    print(names.pop(), flush=True)
]]

-- Connect to that server under each name of the list; what it saw of them.
local function seen_names(ctx, names)
  local server <close> = process.spawn({"python3", "-c", SERVER,
    certs.path("server.pem"), certs.path("server.key"), tostring(#names)})
  local port = tonumber(server:read_line())
  local seen = {}
  for i, name in ipairs(names) do
    local conn = ctx:connect("127.0.0.1", port,
      {server_hostname = name, timeout = pair.LIMIT})
    seen[i] = server:read_line()
    conn:close()
  end
  return seen
end

local function without_check()
  return pair.client_context {check_hostname = false}
end

describe("the name that a server is sent", function()
  it("is the host name, as it was written, without its trailing dot [H-11]",
    function()
      assert.same({"localhost", "LocalHost", "localhost", "www.example.test"},
        seen_names(net.client_context(),
          {"localhost", "LocalHost", "localhost.", "www.example.test"}))
    end)

  it("is none for an IP address, which is checked as one [H-11]", function()
    assert.same({"None", "None", "None", "None"},
      seen_names(net.client_context(),
        {"127.0.0.1", "::1", "0:0::0:1", "::1%lo"}))
  end)

  it("may have underscores and blanks, or look like half an address [H-11]",
    function()
      local names = {"_dmarc.example.org", "a b", "1.2.3", "[::1]", "a"}
      assert.same(names, seen_names(without_check(), names))
    end)

  it("is none where none was given [H-11]", function()
    local listener <close> = net.listener {do_handshake_on_connect = false}
    local conn <close> = without_check():wrap_socket(nil,
      {do_handshake_on_connect = false})
    conn:connect(listener:getsockname())
    local server <close> = net.shake(conn, listener:accept():detach())
    assert.is_nil(conn.server_hostname)
    net.talk(conn, server)
  end)
end)

describe("an IP address as the name", function()
  it("is looked for among the certificate's addresses only [H-11]", function()
    local server <close> = net.serve {times = 4}
    for _, name in ipairs {"127.0.0.2", "::2"} do
      local err = net.failure(net.client_context().connect,
        net.client_context(), server.host, server.port, {server_hostname = name})
      assert.is_true(err:is(ssl.SSLCertVerificationError))
      assert.equal(64, err.verify_code)
      assert.matches("IP address mismatch", err.verify_message, 1, true)
      assert.equal(name, err.hostname)
    end
    for _, name in ipairs {"127.0.0.1", "::1"} do
      local conn <close> = net.client_context():connect(server.host,
        server.port, {server_hostname = name})
      conn:sendall("x")
      assert.equal("x", conn:recv(1))
    end
    server:join()
  end)
end)

describe("conn.server_hostname", function()
  for given, shown in pairs {
    ["localhost"] = "localhost", ["LocalHost"] = "LocalHost",
    ["localhost."] = "localhost", ["127.0.0.1"] = "127.0.0.1",
    ["::1"] = "::1", ["::1%lo"] = "::1",
  } do
    it("tells the name that is used for " .. given .. " [E-03]", function()
      local conn <close> = net.client {server_hostname = given}
      assert.equal(shown, conn.server_hostname)
    end)
  end

  it("is nil on the server side [E-03]", function()
    local a, b = net.fds()
    local conn <close> = net.client_context():wrap_socket(a,
      {server_hostname = "localhost", do_handshake_on_connect = false})
    local server <close> = net.shake(conn, b)
    assert.is_nil(server.server_hostname)
    assert.equal("localhost", conn.server_hostname)
  end)
end)

describe("a socket that is made before its context checks names", function()
  -- The error of its connecting after that.
  local function failure(options)
    local listener <close> = net.listener {do_handshake_on_connect = false}
    local ctx = without_check()
    local conn <close> = ctx:wrap_socket(nil,
      pair.merge({do_handshake_on_connect = false}, options))
    ctx.check_hostname = true
    return net.failure(conn.connect, conn, listener:getsockname())
  end

  it("does not connect without a name", function()
    local err = failure()
    assert.equal(ssl.ValueError, err.class)
    assert.equal("check_hostname requires server_hostname", err.message)
  end)

  it("does not connect with CERT_NONE of its own", function()
    local err = failure {server_hostname = "localhost",
                         verify_mode = ssl.CERT_NONE}
    assert.equal(ssl.ValueError, err.class)
    assert.matches("cannot be CERT_NONE", err.message, 1, true)
  end)
end)

describe("a server_hostname that is none", function()
  local LABEL = ("a"):rep(63)

  -- Refused in the same way with the check of names and without, with the
  -- socket untouched.
  local function refuse(name, class, text, reason)
    local fd, other = net.fds()
    for _, ctx in ipairs {net.client_context(), without_check()} do
      local err = net.failure(ctx.wrap_socket, ctx, fd,
        {server_hostname = name, do_handshake_on_connect = false})
      assert.is_true(err:is(class), tostring(err))
      assert.matches(text, err.message, 1, true)
      assert.equal(reason, err.reason)
    end
    assert.is_true(native.close(fd))
    native.close(other)
  end

  it("is refused: empty, also where names are not checked [I-67]", function()
    refuse("", ssl.ValueError, "must not be empty")
  end)

  it("is refused: with a leading dot [I-67, I-68]", function()
    refuse(".example.org", ssl.ValueError, "must not begin with a dot")
    refuse(".", ssl.ValueError, "must not begin with a dot")
  end)

  it("is refused: with a NUL inside [I-69]", function()
    for _, name in ipairs {"localhost\0.example.org", "\0", "127.0.0.1\0"} do
      refuse(name, ssl.TypeError, "NUL")
    end
  end)

  it("is refused: with an empty label, or one that is too long [I-70]", function()
    refuse("a..b", ssl.ValueError, "empty label")
    refuse("a..", ssl.ValueError, "empty label")
    refuse(LABEL .. "a.example.org", ssl.ValueError, "63 bytes")
  end)

  it("is refused: longer than 255 bytes [I-71]", function()
    refuse((LABEL .. "."):rep(4) .. "a", ssl.SSLError, "servername",
      "SSL3_EXT_INVALID_SERVERNAME")
  end)

  it("is refused by its type: not even a number is a name [I-72]", function()
    for _, value in ipairs {5, true, {}} do
      assert.error_matches(function() net.client {server_hostname = value} end,
        "bad value for option 'server_hostname' %(string expected, got")
    end
  end)
end)
