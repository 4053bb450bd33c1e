-- What an ssl.socket has of a plain socket: its descriptor, addresses, options.
local native = require "native"
local net = require "support.net"
local pair = require "support.pair"
local ssl = require "pyssl"

local QUIET = {do_handshake_on_connect = false}

local three = {}
three.__close = function(self)
  pair.close(self.listener, self.client, self.server)
end

-- A listener, a client and the connection that the listener took.
local function three_sockets(host, port)
  local listener = net.listener(QUIET, host, port)
  local client = net.client(QUIET)
  client:connect(listener:getsockname())
  return setmetatable({
    listener = listener, client = client, server = listener:accept(),
  }, three)
end

describe("the descriptor of an ssl.socket", function()
  it("is told by fileno: -1 before there is one, and after [E.3 fileno]", function()
    local conn = net.client()
    assert.equal(-1, conn:fileno())
    conn:bind("127.0.0.1", 0)
    local fd = conn:fileno()
    assert.matches("^socket:", native.fds()[fd])
    conn:close()
    assert.equal(-1, conn:fileno())
    assert.is_nil(native.fds()[fd])
  end)

  it("is given away, open, by detach; the object is closed [E.3 detach]", function()
    local listener = net.listener(QUIET)
    local host, port = listener:getsockname()
    local fd = listener:detach()
    assert.equal(-1, listener:fileno())
    assert.equal(-1, listener:detach())
    assert.equal("EBADF", net.failure(listener.accept, listener).name)
    listener:close()
    listener = nil -- luacheck: ignore
    collectgarbage()
    local again <close> = net.server_context():wrap_socket(fd,
      {server_side = true})
    assert.same({host, port}, {again:getsockname()})
  end)

  it("is not touched by detach: no close_notify, no shutdown [E.3 detach]", function()
    local a, b = net.fds()
    local client <close> = net.client_context():wrap_socket(a,
      {server_hostname = "localhost", do_handshake_on_connect = false})
    local server <close> = net.shake(client, b)
    server:settimeout(0)
    local fd = client:detach()
    local err = net.failure(server.recv, server)
    assert.is_true(err:is(ssl.SSLWantReadError))
    for _, method in ipairs {client.recv, client.do_handshake, client.getpeername} do
      assert.equal("EBADF", net.failure(method, client, 1).name)
    end
    native.close(fd)
  end)

  it("has a family, a type and a protocol; nil without one", function()
    local conn <close> = net.client()
    assert.is_nil(conn.family)
    assert.is_nil(conn.type)
    assert.is_nil(conn.proto)
    conn:bind("127.0.0.1", 0)
    assert.same({2, 1, 6}, {conn.family, conn.type, conn.proto})
    assert.equal(1, conn:getsockopt("SOL_SOCKET", "SO_TYPE"))
    local six <close> = net.client()
    six:bind("::1", 0)
    assert.same({10, 1, 6}, {six.family, six.type, six.proto})
    local unix <close> = net.client()
    unix:bind("\0pyssl family " .. native.getpid())
    assert.same({1, 1, 0}, {unix.family, unix.type, unix.proto})
    for _, name in ipairs {"family", "type", "proto", "timeout"} do
      local err = net.failure(function() conn[name] = 1 end)
      assert.is_true(err:is(ssl.AttributeError))
    end
  end)
end)

describe("the addresses of both ends", function()
  it("are host and port over IPv4 [E.3 getsockname, E.3 getpeername]", function()
    local s <close> = three_sockets()
    local host, port, more = s.listener:getsockname()
    assert.equal("127.0.0.1", host)
    assert.equal("integer", math.type(port))
    assert.is_nil(more)
    assert.same({host, port}, {s.client:getpeername()})
    assert.same({s.client:getsockname()}, {s.server:getpeername()})
    assert.same({host, port}, {s.server:getsockname()})
  end)

  it("are host, port, flowinfo and scope over IPv6 " ..
     "[E.3 getsockname, E.3 getpeername]", function()
    local s <close> = three_sockets("::1", 0)
    local _, port = s.listener:getsockname()
    assert.same({"::1", port, 0, 0}, {s.client:getpeername()})
    assert.same({s.client:getsockname()}, {s.server:getpeername()})
  end)

  it("are paths in the Unix domain [E.3 getsockname, E.3 getpeername]", function()
    local names = {net.path(), "\0pyssl names " .. native.getpid()}
    for _, path in ipairs(names) do
      local s <close> = three_sockets(path)
      assert.same({path}, {s.listener:getsockname()})
      assert.same({path}, {s.client:getpeername()})
      assert.same({""}, {s.client:getsockname()})
      assert.same({""}, {s.server:getpeername()})
    end
    os.remove(names[1])
  end)

  it("are asked of a connection only [E.3 getsockname, E.3 getpeername]", function()
    local conn = net.client()
    assert.equal("EBADF", net.failure(conn.getsockname, conn).name)
    assert.equal("ENOTCONN", net.failure(conn.getpeername, conn).name)
    conn:bind("127.0.0.1", 0)
    assert.equal("ENOTCONN", net.failure(conn.getpeername, conn).name)
    conn:close()
    for _, method in ipairs {conn.getsockname, conn.getpeername} do
      local err = net.failure(method, conn)
      assert.is_true(err:is(ssl.OSError))
      assert.equal("EBADF", err.name)
    end
  end)
end)

describe("socket options", function()
  local conn

  before_each(function()
    conn = net.client()
    conn:bind("127.0.0.1", 0)
  end)
  after_each(function() conn:close() end)

  it("are set and read by number or by their C names " ..
     "[E.3 setsockopt, E.3 getsockopt]", function()
    assert.equal(0, conn:getsockopt("SOL_SOCKET", "SO_KEEPALIVE"))
    assert.is_true(conn:setsockopt("SOL_SOCKET", "SO_KEEPALIVE", 1))
    assert.equal(1, conn:getsockopt(1, 9)) -- Linux's numbers of these
    assert.is_true(conn:setsockopt(1, 9, false))
    assert.equal(0, conn:getsockopt("SOL_SOCKET", "SO_KEEPALIVE"))
    assert.is_true(conn:setsockopt("IPPROTO_TCP", "TCP_KEEPIDLE", 77))
    assert.equal(77, conn:getsockopt("IPPROTO_TCP", "TCP_KEEPIDLE"))
  end)

  it("are read and set as bytes where they are structures " ..
     "[E.3 setsockopt, E.3 getsockopt]", function()
    local linger = string.pack("i4i4", 1, 5)
    assert.is_true(conn:setsockopt("SOL_SOCKET", "SO_LINGER", linger))
    assert.equal(linger, conn:getsockopt("SOL_SOCKET", "SO_LINGER", 8))
    assert.equal(linger, conn:getsockopt("SOL_SOCKET", "SO_LINGER", 1024))
    assert.equal(linger:sub(1, 4), conn:getsockopt("SOL_SOCKET", "SO_LINGER", 4))
    conn:setsockopt("SOL_SOCKET", "SO_LINGER", string.pack("i4i4", 0, 0))
  end)

  it("that nobody knows are refused [E.3 setsockopt, E.3 getsockopt]", function()
    for _, call in ipairs {
      {conn.setsockopt, "SOL_SOCKET", "SO_NONSENSE", 1},
      {conn.getsockopt, "SO_SOCKET", "SO_TYPE"},
      {conn.getsockopt, "SOL_SOCKET", "SO_TYPE", -1},
      {conn.getsockopt, "SOL_SOCKET", "SO_TYPE", 1025},
    } do
      local err = net.failure(call[1], conn, call[2], call[3], call[4])
      assert.is_true(err:is(ssl.ValueError))
    end
    local err = net.failure(conn.getsockopt, conn, "IPPROTO_TCP", 9999)
    assert.is_true(err:is(ssl.OSError))
    assert.equal("ENOPROTOOPT", err.name)
    assert.equal("getsockopt", err.op)
  end)

  it("of the wrong type or size are refused [E.3 setsockopt, E.3 getsockopt]",
    function()
      assert.error_matches(function()
        conn:setsockopt("SOL_SOCKET", "SO_KEEPALIVE", {})
      end, "bad argument #3 to 'setsockopt'")
      assert.error_matches(function() conn:getsockopt(nil, "SO_TYPE") end,
        "bad argument #1 to 'getsockopt'")
      assert.error_matches(function() conn:getsockopt(1.5, 2) end,
        "no integer representation")
      for _, call in ipairs {
        {conn.setsockopt, 1, 9, 2 ^ 40}, {conn.setsockopt, 2 ^ 40, 9, 1},
        {conn.getsockopt, 1, -2 ^ 40},
      } do
        local err = net.failure(call[1], conn, call[2], call[3], call[4])
        assert.is_true(err:is(ssl.OverflowError))
      end
    end)

  it("need a descriptor [E.3 setsockopt, E.3 getsockopt]", function()
    local fresh = net.client()
    for _ = 1, 2 do
      assert.equal("EBADF",
        net.failure(fresh.setsockopt, fresh, "SOL_SOCKET", "SO_KEEPALIVE", 1).name)
      assert.equal("EBADF",
        net.failure(fresh.getsockopt, fresh, "SOL_SOCKET", "SO_KEEPALIVE").name)
      fresh:close()
    end
  end)
end)
