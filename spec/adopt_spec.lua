-- What wrap_socket takes over, and how: numbers, objects of LuaSocket, cqueues
-- and luv, plain ssl.sockets. One owner is left; what was read ahead is kept.
local child = require "support.child"
local native = require "native"
local net = require "support.net"
local pair = require "support.pair"
local ssl = require "pyssl"

local socket = require "socket"
local cqueues = require "cqueues.socket"

local QUIET = {server_hostname = "localhost", do_handshake_on_connect = false}

local function wrap(sock, options)
  return net.client_context():wrap_socket(sock, pair.merge(
    {server_hostname = "localhost", do_handshake_on_connect = false}, options))
end

describe("a descriptor number", function()
  it("is taken over, and closed with the connection [D-38]", function()
    local fd, other = net.fds()
    local conn = wrap(fd)
    assert.equal(fd, conn:fileno())
    local server <close> = net.shake(conn, other)
    net.talk(conn, server)
    conn:close()
    assert.is_nil(native.close(fd))
  end)

  it("closes when a program is started, from now on", function()
    local inherited = socket.tcp4() -- LuaSocket does not care
    assert.is_false(native.cloexec(inherited:getfd()))
    local conn <close> = wrap(inherited)
    assert.is_true(native.cloexec(conn:fileno()))
  end)

  for what, fd in pairs {["negative"] = -1, ["closed"] = 4095, ["huge"] = 2 ^ 40} do
    it("that is " .. what .. " is refused [D-38]", function()
      local err = net.failure(wrap, fd)
      assert.is_true(err:is(ssl.OSError))
      assert.equal("EBADF", err.name)
    end)
  end

  it("of what is no socket is refused, and stays open [D-38]", function()
    local reader, writer = native.pipe()
    local file = native.open("/dev/null")
    for _, fd in ipairs {reader, writer, file} do
      assert.equal("ENOTSOCK", net.failure(wrap, fd).name)
      assert.is_true(native.close(fd))
    end
  end)

  it("may be one end of a Unix-domain pair [D-38]", function()
    local a, b = native.socketpair()
    local conn <close> = wrap(a)
    local server <close> = net.shake(conn, b)
    net.talk(conn, server)
    assert.equal("", (conn:getpeername()))
  end)
end)

describe("what is no socket", function()
  local file <close> = io.tmpfile()
  for name, value in pairs {
    string = "5", boolean = true, ["function"] = print, fraction = 1.5,
    ["a file"] = file, coroutine = coroutine.create(print),
    ["not a number"] = 0 / 0,
    ["an object that cannot be closed"] = {fileno = function() return 0 end},
  } do
    it("is refused by type: " .. name .. " [D-38]", function()
      assert.error_matches(function() wrap(value) end,
        "bad argument #1 to 'wrap_socket' %(socket or descriptor expected, got")
    end)
  end

  it("is an object whose descriptor is no number, too [D-38]", function()
    for _, value in ipairs {"x", false, {}, 1.5} do
      assert.error_matches(function()
        wrap({getfd = function() return value end, close = print})
      end, "socket or descriptor expected")
    end
  end)
end)

describe("a LuaSocket client", function()
  it("becomes a shell, and its descriptor is closed once [D-38]", function()
    local client, server = net.luasockets()
    local fd = client:getfd()
    local conn = wrap(client)
    assert.equal(fd, conn:fileno())
    assert.equal(-1, client:getfd())
    local other = server:getfd()
    server:setfd(-1)
    local peer <close> = net.shake(conn, other)
    net.talk(conn, peer)
    conn:close()
    local again = native.open("/dev/null") -- the same number, most likely
    client:close()
    client = nil -- luacheck: ignore
    collectgarbage()
    assert.is_true(native.close(again))
  end)

  it("hands its timeout on [D-38]", function()
    for _, case in ipairs {{5, nil, 5}, {nil, nil, nil}, {7, "t", 7}} do
      local client, server = net.luasockets()
      client:settimeout(case[1], case[2])
      local conn <close> = wrap(client)
      assert.equal(case[3], conn.timeout)
      server:close()
    end
  end)

  it("that does not block is wrapped, but not to shake hands [I-75]", function()
    local client, server = net.luasockets()
    client:settimeout(0)
    local conn <close> = wrap(client)
    assert.equal(0, conn.timeout)
    server:close()
    local second, other = net.luasockets()
    second:settimeout(0)
    local err = net.failure(wrap, second, {do_handshake_on_connect = true})
    assert.is_true(err:is(ssl.ValueError))
    assert.equal(-1, second:getfd())
    other:close()
  end)

  it("hands on what it had read ahead [D-38, H-20]", function()
    local client, server = net.luasockets()
    local conn <close> = wrap(client)
    conn:settimeout(0)
    assert.is_true(pair.is_want(net.failure(conn.do_handshake, conn)))
    native.poll({server:getfd()}, {}, 5)
    local hello = {server:receive(10)} -- the rest is in LuaSocket's buffer
    assert.is_true(server:dirty())
    local peer <close> = net.server_context():wrap_socket(server, {
      server_side = true, do_handshake_on_connect = false, initial = hello[1],
    })
    assert.equal(-1, server:getfd())
    peer:settimeout(0)
    for _, result in ipairs(pair.drive({conn.do_handshake, conn},
                                       {peer.do_handshake, peer})) do
      assert.is_true(result[1], tostring(result[2]))
    end
    conn:settimeout(5)
    peer:settimeout(5)
    net.talk(conn, peer)
  end)

  it("stays as it was after an error before it is taken [D-38]", function()
    local client, server = net.luasockets()
    server:send("line\nmore")
    assert.equal("line", client:receive("*l"))
    local ctx = net.client_context()
    assert.is_true(net.failure(ctx.wrap_socket, ctx, client):is(ssl.ValueError))
    for _, options in ipairs {
      {server_side = 1}, {misspelt = true}, {server_hostname = "a..b"},
      {initial = 5},
    } do
      assert.is_false((pcall(wrap, client, options)))
    end
    assert.equal("more", client:receive(4))
    assert.equal(1, client:send("x"))
    client:close()
    server:close()
  end)

  it("that is closed is refused [D-38]", function()
    local client, server = net.luasockets()
    client:close()
    assert.equal("EBADF", net.failure(wrap, client).name)
    server:close()
  end)

  it("may be unconnected, and is connected by us then [D-38]", function()
    local server <close> = net.serve()
    local conn <close> = wrap(socket.tcp4())
    local fd = conn:fileno()
    conn:connect(server.host, server.port)
    assert.equal(fd, conn:fileno())
    conn:sendall("x")
    assert.equal("x", conn:recv(10))
    conn:close()
    server:join()
  end)
end)

describe("a LuaSocket listener", function()
  it("is wrapped as a listener [D-38, H-20]", function()
    local plain = socket.bind("127.0.0.1", 0)
    local listener <close> = net.server_context():wrap_socket(plain,
      {server_side = true, do_handshake_on_connect = false})
    assert.equal(-1, plain:getfd())
    local client <close> = net.client(QUIET)
    client:connect(listener:getsockname())
    local conn <close> = listener:accept()
    assert.is_true(conn.server_side)
  end)
end)

describe("a listener that would block", function()
  it("does not, when it is adopted with a time limit [E.3 accept]", function()
    local plain = net.listener()
    local fd = plain:detach()
    native.nonblocking(fd, false)
    local listener <close> = net.server_context():wrap_socket(fd,
      {server_side = true})
    listener:settimeout(0)
    assert.is_true(net.failure(listener.accept, listener)
      :is(ssl.SSLWantReadError))
    listener:settimeout(0.02)
    assert.is_true(net.failure(listener.accept, listener):is(ssl.TimeoutError))
  end)
end)

describe("an object of cqueues", function()
  -- Both ends of a TCP connection; the client is an object of cqueues.
  local function connection()
    local listener <close> = net.listener {do_handshake_on_connect = false}
    local host, port = listener:getsockname()
    local client = cqueues.connect {host = host, port = port, nodelay = true}
    assert(client:connect(5))
    return client, listener:accept():detach()
  end

  it("is copied and closed, so that nothing is closed twice [D-38]", function()
    local client, other = connection()
    local before = native.fd_count()
    local conn <close> = wrap(client)
    assert.equal(before, native.fd_count())
    assert.is_true(native.cloexec(conn:fileno()))
    local server <close> = net.shake(conn, other)
    net.talk(conn, server)
    client = nil -- luacheck: ignore
    collectgarbage()
    net.talk(conn, server)
  end)

  it("may be an end of socket.pair [D-38]", function()
    local a, b = cqueues.pair()
    local conn <close> = wrap(a)
    local server <close> = net.shake(conn, b)
    net.talk(conn, server)
  end)

  it("hands its timeout on [D-38]", function()
    local a, b = cqueues.pair()
    a:settimeout(3)
    local conn <close> = wrap(a)
    assert.equal(3, conn.timeout)
    b:close()
  end)

  it("hands on what it had read ahead, unchanged [D-38]", function()
    local a, b = cqueues.pair()
    local conn <close> = wrap(a)
    conn:settimeout(0)
    assert.is_true(pair.is_want(net.failure(conn.do_handshake, conn)))
    local first = b:read(10)
    assert.is_true(b:pending() > 0)
    local peer <close> = net.server_context():wrap_socket(b, {
      server_side = true, do_handshake_on_connect = false, initial = first,
    })
    peer:settimeout(0)
    for _, result in ipairs(pair.drive({conn.do_handshake, conn},
                                       {peer.do_handshake, peer})) do
      assert.is_true(result[1], tostring(result[2]))
    end
  end)

  it("sends first what it had not sent yet [D-38]", function()
    local a, b = cqueues.pair()
    a:setmode("bf", "bf")
    a:write("220 ready\r\n")
    local _, output = a:pending()
    assert.is_true(output > 0)
    local conn <close> = wrap(a)
    assert.equal("220 ready", b:read("*l"):gsub("\r", ""), 1)
    b:close()
    conn:close()
  end)

  it("stays as it was after an error before it is taken [D-38]", function()
    local a, b = cqueues.pair()
    b:xwrite("line\nmore", "n")
    assert.equal("line", a:read("*l"))
    local ctx = net.client_context()
    assert.is_true(net.failure(ctx.wrap_socket, ctx, a):is(ssl.ValueError))
    assert.is_false((pcall(wrap, a, {misspelt = true})))
    assert.equal("more", a:read(4))
    a:close()
    b:close()
  end)

  it("that is not connected yet is refused, and stays usable [D-38]", function()
    local listener <close> = net.listener {do_handshake_on_connect = false}
    local host, port = listener:getsockname()
    local client = cqueues.connect {host = host, port = port}
    if not pcall(wrap, client) then assert(client:connect(5)) end
    client:close()
  end)
end)

describe("a luv handle", function()
  local has_luv = package.searchpath("luv", package.cpath) ~= nil

  local function wrap_handle()
    local luv = require "luv"
    local fd, other = net.fds()
    local handle = luv.new_tcp()
    assert(handle:open(fd))
    local before = native.fd_count()
    local conn = wrap(handle)
    luv.run("nowait")
    assert.is_true(handle:is_closing())
    assert.equal(before, native.fd_count())
    local server = net.shake(conn, other)
    net.talk(conn, server)
    return "done"
  end

  (has_luv and it or pending)("is copied and closed [D-38]", function()
    local peer <close> = child.run(wrap_handle) -- its loop has descriptors
    assert.equal("done", peer:join())
  end)
end)

describe("an ssl.socket", function()
  it("without a connection is wrapped, and is closed then [D-38]", function()
    local plain = net.client(QUIET)
    plain:settimeout(4)
    local conn <close> = wrap(plain)
    assert.equal(4, conn.timeout)
    assert.equal(-1, conn:fileno())
    assert.equal("EBADF", net.failure(plain.connect, plain, "127.0.0.1", 1).name)
    local bound = net.client(QUIET)
    bound:bind("127.0.0.1", 0)
    local fd = bound:fileno()
    local second <close> = wrap(bound)
    assert.equal(fd, second:fileno())
    assert.equal(-1, bound:fileno())
  end)

  it("that was unwrapped is wrapped again, also where the next hello has come " ..
     "[D-38, H-20]", function()
    local client, server = pair.connected()
    server:close_write()
    client:unwrap()
    client:settimeout(0)
    server:settimeout(0)
    local again <close> = wrap(client)
    assert.equal(-1, client:fileno())
    assert.equal(0, again.timeout)
    assert.is_true(pair.is_want(net.failure(again.do_handshake, again)))
    native.poll({server:fileno()}, {}, 5)
    for _ = 1, 2 do -- the hello stands behind the end of TLS, and stays there
      local ok, data = pcall(server.recv, server, 10)
      assert.is_true(data == "" or not ok and data:is(ssl.SSLZeroReturnError))
    end
    server:unwrap()
    local peer <close> = net.server_context():wrap_socket(server,
      {server_side = true, do_handshake_on_connect = false})
    for _, result in ipairs(pair.drive({again.do_handshake, again},
                                       {peer.do_handshake, peer})) do
      assert.is_true(result[1], tostring(result[2]))
    end
  end)

  it("with TLS is refused, naming wrap_transport, and goes on [D-38]", function()
    local client, server = pair.connected()
    for _, conn in ipairs {client, server} do
      local err = net.failure(wrap, conn)
      assert.is_true(err:is(ssl.ValueError))
      assert.matches("wrap_transport", err.message, 1, true)
    end
    net.talk(client, server)
    pair.close(client, server)
  end)

  it("that is closed is refused [D-38]", function()
    local conn = net.client()
    conn:close()
    assert.equal("EBADF", net.failure(wrap, conn).name)
  end)
end)
