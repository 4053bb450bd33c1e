-- The examples that the documentation of Python's ssl shows, in Lua's form.
local certs = require "support.certs"
local child = require "support.child"
local hostname = require "pyssl.hostname"
local native = require "native"
local net = require "support.net"
local process = require "support.process"
local scale = require "support.scale"
local socket = require "socket"
local ssl = require "pyssl"

-- A socket of LuaSocket that is connected to `server`.
local function dial(server)
  return assert(socket.connect(server.host, server.port))
end

-- A server in a child that is made of LuaSocket and serve(accepted).
local function luasocket_server(serve)
  local listener = assert(socket.bind("127.0.0.1", 0))
  local host, port = listener:getsockname()
  local server = child.run(function()
    local conn = listener:accept()
    listener:close()
    return serve(conn)
  end)
  listener:close()
  server.host, server.port = host, math.tointeger(tonumber(port))
  return server
end

describe("the presence test", function()
  local TEST = [[
    local ok, ssl = pcall(require, "pyssl")
    if ok then print("have", ssl._VERSION) else print("skip") end
  ]]

  it("is an attempt to load the module [H-20]", function()
    local out = process.check({process.lua, "-e", TEST}, {sanitizers = true})
    assert.matches("^have\tpyssl ", out)
    out = process.check({process.lua, "-e", "package.path, package.cpath = '', ''",
      "-e", TEST}, {sanitizers = true})
    assert.equal("skip\n", out)
  end)
end)

describe("a client", function()
  it("of create_default_context verifies and checks the name [H-20]", function()
    local server <close> = net.serve()
    local context = ssl.create_default_context {cafile = certs.path "ca.pem"}
    local conn <close> = context:wrap_socket(dial(server),
      {server_hostname = "localhost"})
    assert.same({{{"commonName", "localhost"}}}, conn:getpeercert().subject)
    conn:sendall("HEAD / HTTP/1.0\r\n\r\n")
    assert.equal("HEAD / HTTP/1.0\r\n\r\n", conn:recv(1024))
    conn:close()
    server:join()
  end)

  it("of PROTOCOL_TLS_CLIENT trusts what it is told to [H-20]", function()
    local server <close> = net.serve {times = 2}
    local context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context:load_verify_locations(certs.path "ca.pem")
    local conn <close> = context:wrap_socket(dial(server),
      {server_hostname = "localhost"})
    assert.matches("^TLSv1", conn:version())
    conn:close()
    local stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    stranger:load_verify_locations(certs.path "other-ca.pem")
    local err = net.failure(stranger.wrap_socket, stranger, dial(server),
      {server_hostname = "localhost"})
    assert.is_true(err:is(ssl.SSLCertVerificationError))
    server:join()
  end)

  it("may check the name in a way of its own [H-20]", function()
    local server <close> = net.serve()
    local context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = false
    context.verify_mode = ssl.CERT_REQUIRED
    context:load_verify_locations(certs.path "ca.pem")
    local conn <close> = context:wrap_socket(dial(server))
    local cert = conn:getpeercert()
    hostname.match_hostname(cert, "localhost")
    local err = net.failure(function()
      hostname.match_hostname(cert, "example.org")
    end)
    assert.is_true(err:is(ssl.CertificateError))
    conn:close()
    server:join()
  end)
end)

describe("a server", function()
  local function context()
    local ctx = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ctx:load_cert_chain {
      certfile = certs.path "server.pem", keyfile = certs.path "server.key",
    }
    return ctx
  end

  local function hello(server)
    local conn <close> = net.client_context():connect(server.host, server.port)
    conn:sendall("hello")
    return conn:recv(100)
  end

  it("wraps its listener, and accepts TLS connections [H-20]", function()
    local plain = socket.bind("127.0.0.1", 0)
    local listener <close> = context():wrap_socket(plain, {server_side = true})
    local host, port = listener:getsockname()
    local peer <close> = child.run(function()
      local conn, from = listener:accept()
      conn:sendall(conn:recv(100):upper() .. " " .. from[1])
      conn:close()
    end)
    assert.equal("HELLO 127.0.0.1", hello {host = host, port = port})
    peer:join()
  end)

  it("wraps each socket that it has accepted [H-20]", function()
    local ctx = context()
    local server <close> = luasocket_server(function(accepted)
      local conn <close> = ctx:wrap_socket(accepted, {server_side = true})
      conn:sendall(conn:recv(100):upper())
      conn:shutdown(ssl.SHUT_RDWR)
    end)
    assert.equal("HELLO", hello(server))
    server:join()
  end)
end)

describe("a handshake that does not block", function()
  it("is a loop around select [H-20]", function()
    local server <close> = net.serve()
    local plain = dial(server)
    plain:settimeout(0)
    local conn <close> = net.client_context():wrap_socket(plain,
      {server_hostname = "localhost", do_handshake_on_connect = false})
    assert.equal(0, conn:gettimeout())
    while true do
      local ok, err = ssl.try(conn.do_handshake, conn)
      if ok then break end
      if err:is(ssl.SSLWantReadError) then
        assert(native.poll({conn:fileno()}, {}, scale.tolerance(5)))
      elseif err:is(ssl.SSLWantWriteError) then
        assert(native.poll({}, {conn:fileno()}, scale.tolerance(5)))
      else
        error(err, 0)
      end
    end
    assert.matches("^TLSv1", conn:version())
    conn:close()
    server:join()
  end)
end)

describe("STARTTLS", function()
  -- A server that says its greeting and the next bytes in one piece: TLS on its
  -- side begins behind the line that it has read.
  local function mail_server(conn, ctx)
    conn:send("220 mail.example.test\r\n")
    assert(conn:receive("*l") == "STARTTLS")
    conn:send("220 go ahead\r\n")
    local tls <close> = ctx:wrap_socket(conn, {server_side = true})
    tls:sendall("250 " .. tls:recv(100))
    tls:unwrap()
    return tls:recv(100)
  end

  it("wraps a connection in use, on both sides, and ends again [H-20]", function()
    local ctx = net.server_context()
    local server <close> = luasocket_server(function(conn)
      return mail_server(conn, ctx)
    end)
    local plain = dial(server)
    assert.equal("220 mail.example.test", plain:receive("*l"))
    plain:send("STARTTLS\r\n")
    assert.equal("220 go ahead", plain:receive("*l"))
    local conn <close> = net.client_context():wrap_socket(plain,
      {server_hostname = "localhost"})
    conn:sendall("EHLO")
    assert.equal("250 EHLO", conn:recv(100))
    assert.equal(conn, conn:unwrap())
    conn:sendall("plain again")
    assert.equal("plain again", server:join())
  end)

  it("loses nothing where the client does not wait for the answer [H-20]",
    function()
      local ctx = net.server_context()
      local server <close> = luasocket_server(function(conn)
        return mail_server(conn, ctx)
      end)
      local near, far = native.socketpair()
      local conn <close> = net.client_context():wrap_socket(near,
        {server_hostname = "localhost", do_handshake_on_connect = false})
      conn:settimeout(0)
      net.failure(conn.do_handshake, conn)
      local hello = native.read(far, 65536)
      local plain = dial(server)
      plain:send("STARTTLS\r\n" .. hello) -- LuaSocket reads both at once
      plain:receive("*l")
      plain:receive("*l")
      local bytes = plain:receive(5)
      assert.matches("^\22\3\3", bytes) -- a record of the server's handshake
      native.close(far)
      plain:close()
      assert.error_matches(function() server:join() end, ".")
    end)

  it("takes the bytes that were read too far, as `initial` [H-20]", function()
    local a, b = net.fds()
    local client <close> = net.client_context():wrap_socket(a,
      {server_hostname = "localhost", do_handshake_on_connect = false})
    client:settimeout(0)
    net.failure(client.do_handshake, client)
    native.poll({b}, {}, 5)
    local read = native.read(b, 65536) -- the whole hello
    local server <close> = net.shake(client, b, {initial = read})
    client:settimeout(5)
    net.talk(client, server)
  end)
end)
