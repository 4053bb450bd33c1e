-- sock:connect and sock:connect_ex: forms of addresses, the families, waiting,
-- not waiting, and going on. ctx:connect has its own file.
local core = require "pyssl.core"
local child = require "support.child"
local native = require "native"
local net = require "support.net"
local pair = require "support.pair"
local scale = require "support.scale"
local ssl = require "pyssl"

-- Wait until a connect that was begun has come to its end.
local function wait_writable(conn)
  assert(native.poll({}, {conn:fileno()}, scale.tolerance(5)))
end

-- Shake hands with a loop around select, as the documentation shows it.
local function shake_in_loop(conn)
  while true do
    local ok, err = ssl.try(conn.do_handshake, conn)
    if ok then return end
    if err:is(ssl.SSLWantReadError) then
      assert(native.poll({conn:fileno()}, {}, scale.tolerance(5)))
    elseif err:is(ssl.SSLWantWriteError) then
      wait_writable(conn)
    else
      error(err, 0)
    end
  end
end

local function exchange(conn)
  conn:settimeout(pair.LIMIT)
  conn:sendall("hello")
  assert.equal("hello", conn:recv(10))
  conn:close()
end

describe("sock:connect", function()
  it("connects and shakes hands, and gives true [E.3 connect, H-05]", function()
    local server <close> = net.serve()
    local conn <close> = net.client()
    assert.is_true(conn:connect(server.host, server.port))
    assert.matches("^TLSv1", conn:version())
    exchange(conn)
    assert.equal("done", server:join())
  end)

  it("leaves the handshake to the first operation where told [H-05]", function()
    local server <close> = net.serve()
    local conn <close> = net.client {do_handshake_on_connect = false}
    assert.is_true(conn:connect(server.host, server.port))
    assert.is_nil(conn:version())
    assert.equal(server.port, select(2, conn:getpeername()))
    exchange(conn)
    server:join()
  end)

  for name, form in pairs {
    ["host, port"] = function(s) return s.host, s.port end,
    ["{host, port}"] = function(s) return {s.host, s.port} end,
    ["a port in digits"] = function(s) return s.host, tostring(s.port) end,
    ["a name"] = function(s) return "localhost", s.port end,
  } do
    it("takes " .. name .. " [E.3 connect]", function()
      local server <close> = net.serve()
      local conn <close> = net.client()
      conn:connect(form(server))
      exchange(conn)
      server:join()
    end)
  end

  it("speaks IPv6, and takes what getsockname and accept give [E.3 connect]", function()
    local listener <close> = net.listener({do_handshake_on_connect = false},
      "::1", 0)
    local conn <close> = net.client {do_handshake_on_connect = false}
    conn:connect({listener:getsockname()})
    local _, peer = listener:accept()
    assert.same({conn:getsockname()}, peer)
    assert.same({"::1", 0, 0}, {peer[1], peer[3], peer[4]})
    assert.equal(10, conn.family)
  end)

  for name, path in pairs {
    ["a path"] = net.path(),
    ["a name in the abstract space"] = "\0pyssl " .. native.getpid(),
  } do
    it("speaks to Unix-domain sockets by " .. name .. " [E.3 connect]", function()
      local server <close> = net.serve {path = path}
      local conn <close> = net.client()
      conn:connect(path)
      assert.equal(path, (conn:getpeername()))
      exchange(conn)
      server:join()
      os.remove(path)
    end)
  end

  it("names the type of what is no address [E.3 connect]", function()
    local conn <close> = net.client()
    for _, value in ipairs {5, true, print} do
      for _, name in ipairs {"connect", "connect_ex", "bind"} do
        assert.error_matches(function() conn[name](conn, value, 443) end,
          "bad argument #1 to '" .. name .. "' %(string expected, got")
      end
    end
  end)

  it("refuses impossible addresses [E.3 connect]", function()
    local conn <close> = net.client()
    for _, address in ipairs {
      {"host"}, {"host", -1}, {"host", 65536}, {"host", 1.5}, {"host", "http"},
      {"ho\0st", 1}, {{}}, {{5, 5}}, {"/" .. ("x"):rep(200)}, {"/a\0b"},
    } do
      local err = net.failure(conn.connect, conn, address[1], address[2])
      assert.is_true(err:is(ssl.ValueError), tostring(err))
    end
    assert.equal(-1, conn:fileno())
  end)

  it("is not for the server side [I-95]", function()
    local server <close> = net.server_context():wrap_socket(nil,
      {server_side = true})
    for _, method in ipairs {server.connect, server.connect_ex} do
      local err = net.failure(method, server, "127.0.0.1", 1)
      assert.is_true(err:is(ssl.ValueError))
      assert.matches("server%-side", err.message)
    end
  end)

  it("connects once [I-96]", function()
    local listener <close> = net.listener {do_handshake_on_connect = false}
    local conn <close> = net.client {do_handshake_on_connect = false}
    conn:connect(listener:getsockname())
    for _, method in ipairs {conn.connect, conn.connect_ex} do
      local err = net.failure(method, conn, listener:getsockname())
      assert.is_true(err:is(ssl.ValueError))
      assert.matches("already connected", err.message, 1, true)
    end
  end)

  it("says who refused, and can be called again [E.3 connect]", function()
    local holder <close>, port = net.refusing()
    local conn <close> = net.client()
    local err = net.failure(conn.connect, conn, "127.0.0.1", port)
    assert.is_true(err:is(ssl.OSError))
    assert.equal("ECONNREFUSED", err.name)
    assert.equal("connect", err.op)
    assert.matches("127.0.0.1:" .. port, err.message, 1, true)
    assert.equal(-1, conn:fileno())
    holder:close()
    local server <close> = net.serve()
    conn:connect(server.host, server.port)
    exchange(conn)
    server:join()
  end)

  it("keeps the descriptor, and its options, that it had before", function()
    local holder <close>, port = net.refusing()
    local conn <close> = net.client()
    conn:bind("127.0.0.2", 0)
    conn:setsockopt("SOL_SOCKET", "SO_KEEPALIVE", true)
    local fd = conn:fileno()
    assert.equal("ECONNREFUSED", net.failure(conn.connect, conn, "localhost", port).name)
    holder:close()
    local server <close> = net.serve()
    conn:connect("localhost", server.port)
    assert.equal(fd, conn:fileno())
    assert.equal("127.0.0.2", (conn:getsockname()))
    assert.equal(1, conn:getsockopt("SOL_SOCKET", "SO_KEEPALIVE"))
    exchange(conn)
    server:join()
  end)

  it("stays open and connected when the handshake fails [E.3 connect]", function()
    local listener <close> = net.listener {do_handshake_on_connect = false}
    local conn <close> = net.client()
    conn:settimeout(0.02)
    local err = net.failure(conn.connect, conn, listener:getsockname())
    assert.is_true(err:is(ssl.TimeoutError))
    assert.equal("handshake", err.op)
    assert.is_true(conn:fileno() >= 0)
    assert.is_true(net.failure(conn.connect, conn, listener:getsockname())
      :is(ssl.ValueError))
  end)

  it("fails on a closed socket [E.3 connect]", function()
    local conn = net.client()
    conn:close()
    for _, method in ipairs {conn.connect, conn.connect_ex, conn.bind} do
      assert.equal("EBADF", net.failure(method, conn, "127.0.0.1", 1).name)
    end
  end)
end)

describe("a time limit on connect", function()
  it("bounds the connection, and leaves no descriptor behind", function()
    local port, hole <close> = net.blackhole() -- luacheck: ignore hole
    local conn <close> = net.client()
    conn:settimeout(0.1)
    local before = native.fd_count()
    local seconds, err = net.timed_failure(conn.connect, conn, "127.0.0.1", port)
    assert.is_true(err:is(ssl.TimeoutError))
    assert.equal("connect", err.op)
    assert.matches("127.0.0.1:" .. port, err.message, 1, true)
    assert.is_true(net.is_on_time(seconds, 0.1), seconds)
    assert.equal(before, native.fd_count())
    local number = conn:connect_ex("127.0.0.1", port)
    assert.equal("ETIMEDOUT", core.system_error(number).name)
  end)

  it("bounds the connection and the handshake together", function()
    local listener <close> = net.listener {do_handshake_on_connect = false}
    local conn <close> = net.client()
    conn:settimeout(0.1)
    local seconds, err =
      net.timed_failure(conn.connect, conn, listener:getsockname())
    assert.is_true(err:is(ssl.TimeoutError))
    assert.is_true(net.is_on_time(seconds, 0.1), seconds)
  end)

  it("is not moved by signals, which do not end the wait either", function()
    local port, hole <close> = net.blackhole() -- luacheck: ignore hole
    native.signal("SIGUSR1", "catch")
    local parent = native.getpid()
    local disturber <close> = child.run(function(channel)
      channel:send("go")
      for _ = 1, 20 do
        native.kill(parent, "SIGUSR1")
        native.poll({}, {}, 0.01)
      end
    end)
    disturber:receive()
    local conn <close> = net.client()
    conn:settimeout(0.15)
    local seconds, err = net.timed_failure(conn.connect, conn, "127.0.0.1", port)
    disturber:close()
    native.signal("SIGUSR1", "default")
    assert.is_true(err:is(ssl.TimeoutError), tostring(err))
    assert.is_true(net.is_on_time(seconds, 0.15), seconds)
  end)
end)

describe("a socket that does not block", function()
  it("connects with connect_ex, a wait and do_handshake [E.3 connect_ex]", function()
    local server <close> = net.serve()
    local conn <close> = net.client()
    conn:settimeout(0)
    local number = conn:connect_ex(server.host, server.port)
    local name = number ~= 0 and core.system_error(number).name
    assert.is_true(number == 0 or name == "EINPROGRESS", name)
    wait_writable(conn)
    shake_in_loop(conn)
    exchange(conn)
    server:join()
  end)

  it("raises EINPROGRESS from connect, and goes on when called again " ..
     "[E.3 connect]", function()
    local port, hole <close> = net.blackhole() -- luacheck: ignore hole
    local conn <close> = net.client()
    conn:settimeout(0)
    local near
    for _ = 1, 3 do
      local err = net.failure(conn.connect, conn, "127.0.0.1", port)
      assert.equal("EINPROGRESS", err.name)
      assert.equal("w", conn:events())
      near = near or {conn:getsockname()}
      assert.same(near, {conn:getsockname()})
    end
    conn:settimeout(0.05) -- and now it waits for what it began
    assert.is_true(net.failure(conn.connect, conn, "127.0.0.1", port)
      :is(ssl.TimeoutError))
  end)

  it("is connected by the call after the wait [E.3 connect]", function()
    local server <close> = net.serve()
    local conn <close> = net.client()
    conn:settimeout(0)
    local ok, err = ssl.try(conn.connect, conn, server.host, server.port)
    if not ok then
      assert.equal("EINPROGRESS", err.name)
      wait_writable(conn)
      assert.is_true(conn:connect(server.host, server.port))
    end
    shake_in_loop(conn)
    exchange(conn)
    server:join()
  end)

  it("may be connected before it is wrapped [E.3 connect]", function()
    local server <close> = net.serve()
    local plain = require "socket".tcp4()
    plain:settimeout(0)
    plain:connect(server.host, server.port)
    native.poll({}, {plain:getfd()}, 5)
    local conn <close> = net.client_context():wrap_socket(plain,
      {server_hostname = "localhost", do_handshake_on_connect = false})
    shake_in_loop(conn)
    exchange(conn)
    server:join()
  end)

  it("finds a refused connection in one of its calls [E.3 connect_ex]", function()
    local holder <close>, port = net.refusing() -- luacheck: ignore holder
    local conn <close> = net.client()
    conn:settimeout(0)
    local number = conn:connect_ex("127.0.0.1", port)
    local name = core.system_error(number).name
    if name == "EINPROGRESS" then
      wait_writable(conn)
      name = net.failure(conn.do_handshake, conn).name
    end
    assert.equal("ECONNREFUSED", name)
  end)
end)

describe("sock:connect_ex", function()
  it("connects and shakes hands, and gives 0 [E.3 connect_ex]", function()
    local server <close> = net.serve()
    local conn <close> = net.client()
    assert.equal(0, conn:connect_ex(server.host, server.port))
    assert.matches("^TLSv1", conn:version())
    exchange(conn)
    server:join()
  end)

  it("gives the number of a failure to connect, and raises others " ..
     "[E.3 connect_ex]", function()
    local holder <close>, port = net.refusing() -- luacheck: ignore holder
    local conn <close> = net.client()
    local number = conn:connect_ex("127.0.0.1", port)
    assert.equal("ECONNREFUSED", core.system_error(number).name)
    number = conn:connect_ex(net.path())
    assert.equal("ENOENT", core.system_error(number).name)
    local listener <close> = net.listener {do_handshake_on_connect = false}
    conn:settimeout(0.02)
    local err = net.failure(conn.connect_ex, conn, listener:getsockname())
    assert.is_true(err:is(ssl.TimeoutError))
  end)
end)
