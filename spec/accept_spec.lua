-- Listeners: bind, listen, accept, and closing.
local core = require "pyssl.core"
local native = require "native"
local net = require "support.net"
local pair = require "support.pair"
local ssl = require "pyssl"

local QUIET = {do_handshake_on_connect = false}

-- A connection to `listener` that shakes no hands by itself.
local function visit(listener)
  local conn = net.client(QUIET)
  conn:connect(listener:getsockname())
  return conn
end

describe("listener:accept", function()
  it("gives a connection whose handshake is done, and the peer's address " ..
     "[E.3 accept]", function()
    local server <close> = net.serve {talk = function(conn, peer)
      conn:sendall(("%s %s:%d %s"):format(conn:version(), peer[1], peer[2],
        tostring(conn.server_side)))
    end}
    local conn <close> = net.client_context():connect(server.host, server.port,
      {server_hostname = "localhost", bind = {"127.0.0.2", 0}})
    local version, host, port, side = conn:recv(100):match("(%S+) (.-):(%d+) (%S+)")
    assert.equal(conn:version(), version)
    assert.same({"127.0.0.2", tostring(select(2, conn:getsockname())), "true"},
      {host, port, side})
    server:join()
  end)

  it("hands its context and its options to the connection [E.3 accept, E-01]",
    function()
      local listener <close> = net.listener {
        do_handshake_on_connect = false, suppress_ragged_eofs = false,
      }
      listener:settimeout(7)
      local client <close> = visit(listener)
      local conn <close>, peer = listener:accept()
      assert.equal(net.server_context(), conn.context)
      assert.is_true(conn.server_side)
      assert.is_false(conn.do_handshake_on_connect)
      assert.is_false(conn.suppress_ragged_eofs)
      assert.is_nil(conn.timeout) -- as in Python: a listener's limit is its own
      assert.is_nil(conn.server_hostname)
      assert.same({client:getsockname()}, peer)
      local other <close> = visit(listener)
      local second <close> = listener:accept()
      assert.is_true(second:fileno() ~= conn:fileno())
      assert.is_truthy(other)
    end)

  it("raises what a handshake raises, closes that connection, and goes on " ..
     "[E.3 accept]", function()
    local listener <close> = net.listener()
    local before
    for _, text in ipairs {"GET / HTTP/1.0\r\n\r\n", ("x"):rep(300), "\22\3\1"} do
      local client = visit(listener):detach()
      native.write(client, text)
      if #text == 3 then native.close(client) end
      before = native.fd_count()
      local err = net.failure(listener.accept, listener)
      assert.is_true(err:is(ssl.SSLError), tostring(err))
      assert.equal(before, native.fd_count())
      if #text ~= 3 then native.close(client) end
    end
    listener.do_handshake_on_connect = false
    local client <close> = visit(listener)
    local server <close> = net.shake(client, listener:accept():detach())
    net.talk(client, server)
  end)

  it("waits no longer than the listener's time limit [E.3 accept]", function()
    local listener <close> = net.listener()
    listener:settimeout(0.05)
    local seconds, err = net.timed_failure(listener.accept, listener)
    assert.is_true(err:is(ssl.TimeoutError))
    assert.equal("accept", err.op)
    assert.is_true(net.is_on_time(seconds, 0.05), seconds)
  end)

  it("waits for no silent client longer than handshake_timeout [E.3 accept]",
    function()
      local listener <close> = net.listener {handshake_timeout = 0.2}
      assert.equal(0.2, listener.handshake_timeout)
      local silent <close> = visit(listener)
      local before = native.fd_count()
      local seconds, err = net.timed_failure(listener.accept, listener)
      assert.is_true(err:is(ssl.TimeoutError))
      assert.equal("handshake", err.op)
      assert.is_true(net.is_on_time(seconds, 0.2), seconds)
      assert.equal(before, native.fd_count())
      -- Whoever comes next is served.
      listener.do_handshake_on_connect = false
      local client <close> = visit(listener)
      local server <close> = net.shake(client, listener:accept():detach())
      net.talk(client, server)
      assert.is_truthy(silent)
    end)

  it("bounds the handshake also where the listener has a limit [E.3 accept]",
    function()
      local listener <close> = net.listener {handshake_timeout = 0.05}
      listener:settimeout(10)
      local silent <close> = visit(listener)
      local seconds, err = net.timed_failure(listener.accept, listener)
      assert.equal("handshake", err.op)
      assert.is_true(net.is_on_time(seconds, 0.05), seconds)
      assert.is_truthy(silent)
    end)

  it("does not wait where the listener does not, and neither does the connection " ..
     "[E.3 accept, H-05]", function()
    local listener <close> = net.listener()
    listener:settimeout(0)
    assert.is_true(net.failure(listener.accept, listener):is(ssl.SSLWantReadError))
    local client <close> = visit(listener)
    assert(native.poll({listener:fileno()}, {}, 5))
    local conn <close>, peer = listener:accept()
    assert.equal("127.0.0.1", peer[1])
    assert.equal(0, conn.timeout)
    assert.is_nil(conn:version())
    client:settimeout(0)
    local results = pair.drive({client.sendall, client, "first"},
                               {conn.recv, conn, 10})
    assert.same({true, "first"}, {results[2][1], results[2][2]})
    assert.matches("^TLSv1", conn:version())
  end)

  it("needs a server's side, and a descriptor that listens [E.3 accept]", function()
    local client <close> = net.client()
    client:bind("127.0.0.1", 0)
    client:listen()
    assert.is_true(net.failure(client.accept, client):is(ssl.ValueError))
    local fresh <close> = net.server_context():wrap_socket(nil,
      {server_side = true})
    assert.equal("EBADF", net.failure(fresh.accept, fresh).name)
    fresh:bind("127.0.0.1", 0)
    assert.equal("EINVAL", net.failure(fresh.accept, fresh).name)
  end)

  it("takes Unix-domain connections [E.3 accept, E.3 bind]", function()
    local path = net.path()
    local listener <close> = net.listener(QUIET, path)
    assert.equal(path, (listener:getsockname()))
    local client <close> = visit(listener)
    local conn <close>, peer = listener:accept()
    assert.same({""}, peer)
    assert.equal(path, (conn:getsockname()))
    local server <close> = net.shake(client, conn:detach())
    net.talk(client, server)
    os.remove(path)
  end)
end)

describe("the listener's handshake_timeout", function()
  it("is 30 seconds unless set; nil is none [E.3 accept]", function()
    local listener <close> = net.listener()
    assert.equal(30, listener.handshake_timeout)
    listener.handshake_timeout = 2
    assert.equal(2, listener.handshake_timeout)
    listener.handshake_timeout = nil
    assert.is_nil(listener.handshake_timeout)
    local err = net.failure(function() listener.handshake_timeout = -1 end)
    assert.is_true(err:is(ssl.ValueError))
    assert.error_matches(function() listener.handshake_timeout = "1" end,
      "bad value for attribute 'handshake_timeout'")
  end)
end)

describe("sock:bind", function()
  for name, case in pairs {
    ["a numeric address"] = {"127.0.0.1", "127.0.0.1"},
    ["an IPv6 address"] = {"::1", "::1"},
    ["a name"] = {"localhost"},
    ["every interface"] = {"", "0.0.0.0"},
  } do
    it("takes " .. name .. " [E.3 bind]", function()
      local conn <close> = net.client()
      assert.is_true(conn:bind(case[1], 0))
      local host, port = conn:getsockname()
      if case[2] then assert.equal(case[2], host) end
      assert.is_true(port > 0)
      assert.is_true(conn:listen())
    end)
  end

  it("takes {host, port}, and every interface of the socket's family [E.3 bind]",
    function()
      local conn <close> = net.client()
      assert.is_true(conn:bind({"127.0.0.1", 0}))
      local six = net.client()
      six:bind("::1", 0)
      local fd = six:fileno()
      assert.equal("EINVAL", net.failure(six.bind, six, "", 0).name) -- bound now
      assert.equal(fd, six:fileno())
      six:close()
    end)

  it("sets SO_REUSEADDR, so that a server can start again [E.3 bind]", function()
    local conn <close> = net.client()
    conn:bind("127.0.0.1", 0)
    assert.is_true(conn:getsockopt("SOL_SOCKET", "SO_REUSEADDR") ~= 0)
  end)

  it("raises OSError where it cannot be [E.3 bind]", function()
    local listener <close> = net.listener()
    local _, port = listener:getsockname()
    local conn <close> = net.client()
    local err = net.failure(conn.bind, conn, "127.0.0.1", port)
    assert.is_true(err:is(ssl.OSError))
    assert.equal("EADDRINUSE", err.name)
    local other <close> = net.client()
    assert.equal("EADDRNOTAVAIL", net.failure(other.bind, other, "192.0.2.1", 0).name)
    assert.equal("EINVAL", net.failure(listener.bind, listener, "127.0.0.1", 0).name)
    local taken = net.path()
    local unix <close> = net.listener(nil, taken)
    local third <close> = net.client()
    assert.equal("EADDRINUSE", net.failure(third.bind, third, taken).name)
    assert.is_truthy(unix)
    os.remove(taken)
  end)
end)

describe("sock:listen", function()
  it("takes a backlog, and needs a socket that is bound [E.3 listen]", function()
    local conn <close> = net.server_context():wrap_socket(nil,
      {server_side = true})
    assert.equal("EBADF", net.failure(conn.listen, conn).name)
    for _, backlog in ipairs {1, 0, -1, 2 ^ 40} do
      local other <close> = net.client()
      other:bind("127.0.0.1", 0)
      assert.is_true(other:listen(backlog))
      assert.equal(1, other:getsockopt("SOL_SOCKET", "SO_ACCEPTCONN"))
    end
    assert.error_matches(function() conn:listen("many") end, "number expected")
  end)
end)

describe("every descriptor of ours", function()
  it("closes when a program is started, and sends at once [E.3 accept]", function()
    local listener <close> = net.listener(QUIET)
    local client <close> = visit(listener)
    local conn <close> = listener:accept()
    for _, each in ipairs {listener, client, conn} do
      assert.is_true(native.cloexec(each:fileno()))
      assert.equal(1, each:getsockopt("IPPROTO_TCP", "TCP_NODELAY"))
    end
  end)
end)

describe("closing a listener", function()
  it("frees its address, refuses who comes, and is done once", function()
    local listener = net.listener()
    local host, port = listener:getsockname()
    listener:close()
    assert.equal(-1, listener:fileno())
    assert.is_true(listener:close())
    local conn <close> = net.client()
    assert.equal("ECONNREFUSED",
      core.system_error(conn:connect_ex(host, port)).name)
    for _, method in ipairs {listener.accept, listener.listen} do
      assert.equal("EBADF", net.failure(method, listener).name)
    end
  end)

  it("leaves its connections open", function()
    local listener = net.listener(QUIET)
    local client <close> = visit(listener)
    local conn = listener:accept()
    listener:close()
    local server <close> = net.shake(client, conn:detach())
    net.talk(client, server)
  end)
end)
