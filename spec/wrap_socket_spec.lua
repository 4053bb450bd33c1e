-- ctx:wrap_socket: what it refuses and in which order, its options, and what a
-- connection says of itself before and after. What it can wrap: adopt_spec.
local native = require "native"
local net = require "support.net"
local pair = require "support.pair"
local ssl = require "pyssl"

local function close_all(...)
  for _, fd in ipairs {...} do native.close(fd) end
end

-- wrap_socket on the given side, where only the first argument matters.
local function wrap(fd, options)
  return net.client_context():wrap_socket(fd, options)
end

describe("ctx:wrap_socket without a socket", function()
  it("gives an unconnected ssl.socket, which knows its context, side and name " ..
     "[D-38, E-01, E-02, E-03]", function()
    local ctx = net.client_context()
    local conn <close> = ctx:wrap_socket(nil, {server_hostname = "localhost"})
    assert.matches("^ssl%.socket: ", tostring(conn))
    assert.equal(ctx, conn.context)
    assert.is_false(conn.server_side)
    assert.equal("localhost", conn.server_hostname)
    assert.is_true(conn.do_handshake_on_connect)
    assert.is_true(conn.suppress_ragged_eofs)
    assert.is_nil(conn.timeout)
    assert.equal(-1, conn:fileno())
    assert.is_nil(conn:version())
  end)

  it("takes its options by position or by name [D-38]", function()
    local ctx = net.server_context()
    local a <close> = ctx:wrap_socket(nil, true, false, false)
    local b <close> = ctx:wrap_socket {
      server_side = true, do_handshake_on_connect = false,
      suppress_ragged_eofs = false,
    }
    for _, conn in ipairs {a, b} do
      assert.is_true(conn.server_side)
      assert.is_false(conn.do_handshake_on_connect)
      assert.is_false(conn.suppress_ragged_eofs)
      assert.is_nil(conn.server_hostname)
    end
    local c <close> = net.client_context():wrap_socket(nil, false, true, true, "x")
    assert.equal("x", c.server_hostname)
  end)

  it("makes no descriptor, so that making many costs none", function()
    local before = native.fd_count()
    for _ = 1, 20 do net.client() end
    assert.equal(before, native.fd_count())
  end)
end)

describe("what a connection says of itself", function()
  it("cannot be assigned: side, name and context stay " ..
     "[E-01, E-02, E-03, I-97]", function()
    local conn <close> = net.client()
    local function assign(name, value)
      return net.failure(function() conn[name] = value end)
    end
    assert.is_true(assign("context", net.client_context()):is(ssl.ValueError))
    for name, value in pairs {server_side = true, server_hostname = "other"} do
      local err = assign(name, value)
      assert.is_true(err:is(ssl.AttributeError))
      assert.matches(name, err.message, 1, true)
    end
    assert.error_matches(function() conn.context = 5 end,
      "bad value for attribute 'context' %(ssl%.context expected, got number%)")
    assert.equal(net.client_context(), conn.context)
    assert.equal("localhost", conn.server_hostname)
    assert.is_false(conn.server_side)
  end)

  it("keeps its context alive [E-01]", function()
    local conn <close> = pair.client_context():wrap_socket(nil,
      {server_hostname = "x"})
    collectgarbage()
    assert.equal(ssl.CERT_REQUIRED, conn.context.verify_mode)
  end)
end)

describe("the options of wrap_socket", function()
  it("must be known: a misspelt one is named [D-38]", function()
    for _, key in ipairs {"server_host_name", "check_hostname", "timeout", 7} do
      assert.error_matches(function()
        net.client_context():wrap_socket(nil, {server_hostname = "x", [key] = true})
      end, "unknown option '" .. key .. "'")
    end
  end)

  it("must not be given twice [D-38]", function()
    assert.error_matches(function()
      net.server_context():wrap_socket(nil, true, {server_side = true})
    end, "'server_side' is given twice")
  end)

  for _, name in ipairs {
    "server_side", "do_handshake_on_connect", "suppress_ragged_eofs",
  } do
    it("takes true or false for " .. name .. " and nothing else [D-38]", function()
      for _, value in ipairs {1, 0, "true", {}} do
        assert.error_matches(function()
          net.client_context():wrap_socket(nil,
            {server_hostname = "x", [name] = value})
        end, "bad value for option '" .. name .. "' %(boolean expected, got")
      end
    end)
  end

  it("are refused where they have the wrong type [D-38]", function()
    local fd, other = net.fds()
    for name, value in pairs {initial = {}, handshake_timeout = "1"} do
      assert.error_matches(function()
        wrap(fd, {server_hostname = "x", [name] = value})
      end, "bad value for option '" .. name .. "'")
    end
    local err = net.failure(wrap, fd,
      {server_hostname = "x", handshake_timeout = -1})
    assert.is_true(err:is(ssl.ValueError))
    err = net.failure(wrap, nil, {server_hostname = "x", initial = "x"})
    assert.is_true(err:is(ssl.ValueError))
    assert.is_false(native.nonblocking(fd), "it is still open, and ours")
    close_all(fd, other)
  end)

  it("know session, an ssl.session [D-38]", function()
    local ok, err = pcall(wrap, nil, {server_hostname = "x", session = {}})
    assert.is_false(ok)
    assert.matches("'session' (ssl.session expected, got table)", err, 1, true)
  end)
end)

describe("wrap_socket refuses", function()
  local function refuse(ctx, class, text, options)
    local fd, other = net.fds()
    local err = net.failure(ctx.wrap_socket, ctx, fd, options)
    assert.is_true(err:is(class), tostring(err))
    assert.matches(text, err.message, 1, true)
    close_all(fd, other) -- an error here: it was taken over
  end

  it("a server name on the server side [I-64]", function()
    refuse(net.server_context(), ssl.ValueError, "client mode",
      {server_side = true, server_hostname = "localhost"})
  end)

  it("a client without the name that it is to check [I-66]", function()
    refuse(net.client_context(), ssl.ValueError,
      "check_hostname requires server_hostname")
    refuse(net.client_context(), ssl.ValueError, "empty", {server_hostname = ""})
  end)

  it("a context that is closed", function()
    local ctx = pair.client_context()
    ctx:close()
    refuse(ctx, ssl.ValueError, "closed", {server_hostname = "x"})
  end)

  it("a datagram socket, which stays usable [I-63]", function()
    local socket = require "socket"
    local udp = socket.udp4()
    udp:setsockname("127.0.0.1", 0)
    local host, port = udp:getsockname()
    local err = net.failure(wrap, udp, {server_hostname = "localhost"})
    assert.is_true(err:is(ssl.NotImplementedError))
    assert.matches("stream", err.message)
    assert.equal(1, udp:sendto("x", host, port))
    udp:close()
    local a, b = native.socketpair("seqpacket")
    err = net.failure(wrap, a, {server_hostname = "localhost"})
    assert.is_true(err:is(ssl.NotImplementedError))
    close_all(a, b)
  end)

  it("in the documented order: type of socket, side, name [D-38]", function()
    local a, b = native.socketpair("seqpacket")
    local wrong = {server_side = true, server_hostname = "x"}
    local err = net.failure(wrap, a, wrong)
    assert.is_true(err:is(ssl.NotImplementedError))
    close_all(a, b)
    local ctx = pair.client_context()
    refuse(ctx, ssl.ValueError, "client mode", wrong)
    refuse(ctx, ssl.ValueError, "requires server_hostname", {server_side = true})
  end)
end)

describe("wrap_socket closes the socket, which is its own then,", function()
  -- Wrapping one end of a connection fails: its descriptor is closed at once.
  local function fail(class, text, ctx, options, prepare)
    local fd, other = net.fds()
    if prepare then prepare(fd, other) end
    local before = native.fd_count()
    local err = net.failure(ctx.wrap_socket, ctx, fd, options)
    assert.is_true(err:is(class), tostring(err))
    assert.matches(text, err.message, 1, true)
    assert.equal(before - 1, native.fd_count())
    native.close(other)
  end

  it("when the context is a client's and the side the server's [I-73]", function()
    local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname = false
    fail(ssl.SSLError, "cannot create a server socket", ctx, {server_side = true})
  end)

  it("when the context is a server's and the side the client's [I-74]", function()
    fail(ssl.SSLError, "cannot create a client socket", net.server_context(), {})
  end)

  it("when the handshake fails", function()
    fail(ssl.SSLError, "", net.client_context(), {server_hostname = "localhost"},
      function(_, other) native.write(other, "this is no TLS at all") end)
  end)

  it("when the peer is gone in the handshake", function()
    local fd, other = net.fds()
    native.close(other)
    local before = native.fd_count()
    local err = net.failure(wrap, fd, {server_hostname = "localhost"})
    assert.is_true(err:is(ssl.SSLEOFError) or err.name == "ECONNRESET",
      tostring(err))
    assert.equal(before - 1, native.fd_count())
  end)

  it("when plaintext waits on a connection that is gone [I-76]", function()
    local fd, other = net.fds()
    native.write(other, "DELETE / HTTP/1.0\r\n\r\n")
    net.reset(other)
    assert(native.poll({fd}, {}, 5))
    local before = native.fd_count()
    local ctx = net.server_context()
    local err = net.failure(ctx.wrap_socket, ctx, fd, {server_side = true})
    assert.is_true(err:is(ssl.SSLError))
    assert.matches("before TLS handshake", err.message, 1, true)
    assert.equal(before - 1, native.fd_count())
  end)

  it("when it is not to block but to shake hands [I-75]", function()
    local plain = net.client {do_handshake_on_connect = false}
    local listener <close> = net.listener {do_handshake_on_connect = false}
    plain:connect(listener:getsockname())
    local server = listener:accept()
    plain:shutdown(ssl.SHUT_RD)
    plain:settimeout(0)
    local before = native.fd_count()
    local err = net.failure(wrap, plain, {server_hostname = "localhost"})
    assert.is_true(err:is(ssl.ValueError))
    assert.matches("do_handshake_on_connect", err.message, 1, true)
    assert.equal(before - 1, native.fd_count())
    server:close()
  end)
end)

describe("a connected socket", function()
  it("shakes hands when it is wrapped [D-38, H-05]", function()
    local server <close> = net.serve()
    local plain = net.client {do_handshake_on_connect = false}
    plain:connect(server.host, server.port)
    local conn <close> = wrap(plain:detach(), {server_hostname = "localhost"})
    assert.matches("^TLSv1", conn:version())
    conn:sendall("x")
    assert.equal("x", conn:recv(10))
    conn:close()
    assert.equal("done", server:join())
  end)

  it("shakes hands at its first operation where told not to before [H-05]", function()
    local server <close> = net.serve()
    local plain = net.client {do_handshake_on_connect = false}
    plain:connect(server.host, server.port)
    local conn <close> = wrap(plain:detach(),
      {server_hostname = "localhost", do_handshake_on_connect = false})
    assert.is_false(conn.do_handshake_on_connect)
    assert.is_nil(conn:version())
    assert.is_true(net.failure(conn.getpeercert, conn):is(ssl.ValueError))
    conn:send("x")
    assert.matches("^TLSv1", conn:version())
    assert.is_table(conn:getpeercert().subject)
    assert.equal("x", conn:recv(10))
    conn:close()
    assert.equal("done", server:join())
  end)

  it("shakes hands in a read as well [H-05]", function()
    local server <close> = net.serve {talk = function(conn)
      conn:sendall("welcome")
      return conn:recv(1)
    end}
    local conn <close> = net.client {do_handshake_on_connect = false}
    conn:connect(server.host, server.port)
    assert.is_nil(conn:version())
    assert.equal("welcome", conn:recv(10))
    conn:close()
    server:join()
  end)
end)

describe("an unconnected socket of another context's side", function()
  it("is found out when it connects, and is closed [I-74]", function()
    local listener <close> = net.listener {do_handshake_on_connect = false}
    local conn <close> = net.server_context():wrap_socket(nil)
    local before = native.fd_count()
    local err = net.failure(conn.connect, conn, listener:getsockname())
    assert.is_true(err:is(ssl.SSLError))
    assert.matches("client socket", err.message, 1, true)
    assert.equal(before, native.fd_count())
  end)

  it("is found out when it accepts; the listener stays [I-73]", function()
    local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname = false
    local listener <close> = ctx:wrap_socket(nil, {server_side = true})
    listener:bind("127.0.0.1", 0)
    listener:listen()
    for _ = 1, 2 do
      local conn <close> = net.client {do_handshake_on_connect = false}
      conn:connect(listener:getsockname())
      local before = native.fd_count()
      local err = net.failure(listener.accept, listener)
      assert.is_true(err:is(ssl.SSLError))
      assert.matches("server socket", err.message, 1, true)
      assert.equal(before, native.fd_count())
    end
  end)
end)
