-- How connections over transports wait: waiters, deadlines, objects of LuaSocket;
-- TLS inside TLS. Several coroutines on one: transport_coroutines_spec.
local carry = require "support.carry"
local native = require "native"
local net = require "support.net"
local pair = require "support.pair"
local raised = require "support.raised"
local scale = require "support.scale"
local ssl = require "pyssl"

-- Both ends over two objects that wait through `waiter`.
local function wrapped(a, b, waiter, client_ctx, server_ctx)
  client_ctx = client_ctx or pair.client_context()
  server_ctx = server_ctx or pair.server_context()
  client_ctx.waiter, server_ctx.waiter = waiter, waiter
  return client_ctx:wrap_transport(a, {server_hostname = "localhost",
    do_handshake_on_connect = false, timeout = pair.LIMIT}),
    server_ctx:wrap_transport(b, {server_side = true,
      do_handshake_on_connect = false, timeout = pair.LIMIT})
end

local function shake_hands(client, server)
  carry.run(function() client:do_handshake() end,
            function() server:do_handshake() end)
end

local function talk(client, server)
  local data = ("0123456789"):rep(50000)
  for _, way in ipairs {{client, server}, {server, client}} do
    local seen
    carry.run(function() assert.is_true(way[1]:sendall(data)) end,
              function() seen = carry.read(way[2], #data) end)
    assert.is_true(seen == data)
  end
end

describe("an object of LuaSocket", function()
  it("is awaited through the waiter, by its descriptor", function()
    local a, b = net.luasockets()
    local waiter, calls = carry.waiter()
    local client, server = wrapped(a, b, waiter)
    assert.equal(a:getfd(), client:fileno())
    shake_hands(client, server)
    talk(client, server)
    for _, call in ipairs(calls) do
      assert.is_true(call[1] == client or call[1] == server)
      assert.is_true(call[3] > 0 and call[3] <= pair.LIMIT)
      assert.equal("r", call[2])
    end
    assert.is_true(#calls > 0)
    local data = ("x"):rep(16000000) -- more than the system holds
    local writer = coroutine.wrap(function() return client:send(data) end)
    writer()
    assert.same({client, "w"}, {calls[#calls][1], calls[#calls][2]})
    assert.equal("w", client:events())
    local got = 0
    carry.run(function()
      local sent
      repeat
        coroutine.yield()
        sent = writer()
      until sent
      assert.equal(#data, sent)
    end, function()
      while got < #data do got = got + #server:recv(16384) end
    end)
    client:close()
    assert.equal("", server:recv())
    assert.equal("clean", server:eof())
    server:close()
    assert.equal(-1, client:fileno())
    assert.is_nil((a:send("x")))
  end)

  it("is awaited in the system where there is no waiter", function()
    local a, b = net.luasockets()
    local client, server = wrapped(a, b)
    client:settimeout(0)
    server:settimeout(0)
    pair.drive({client.do_handshake, client}, {server.do_handshake, server})
    server:settimeout(scale.tolerance(0.05))
    local before = native.now()
    assert.equal("read", raised(ssl.TimeoutError, server.recv, server).op)
    assert.is_true(native.now() - before >= 0.05)
    client:send("there")
    server:settimeout(pair.LIMIT)
    assert.equal("there", server:recv())
    pair.close(client, server)
  end)

  it("may block for a handshake although it never waits else", function()
    local a, b = net.luasockets()
    local waiter, calls = carry.waiter()
    local client, server = wrapped(a, b, waiter)
    client:settimeout(0)
    carry.run(function() client:do_handshake(true) end,
              function() server:do_handshake() end)
    for _, call in ipairs(calls) do
      assert.equal(call[1] == client, call[3] == nil)
    end
    raised(ssl.SSLWantReadError, client.recv, client)
    pair.close(client, server)
    local never = carry.wrapped(nil, nil, {client = {timeout = 0}})
    raised(ssl.SSLWantReadError, never.do_handshake, never, true)
  end)

  it("costs nothing while it idles", function()
    local a, b = net.luasockets()
    local waiter, calls = carry.waiter()
    local client, server = wrapped(a, b, waiter)
    shake_hands(client, server)
    local woken = #calls
    local reader = coroutine.wrap(function() return server:recv() end)
    reader()
    assert.equal(woken + 1, #calls) -- and there it stays
    client:sendall("up")
    assert.equal("up", reader())
    assert.equal(woken + 1, #calls)
    pair.close(client, server)
  end)

  it("wakes who waits when the connection is closed, then is closed", function()
    local a, b = net.luasockets()
    local waiter = carry.waiter()
    local client, server = wrapped(a, b, waiter)
    shake_hands(client, server)
    local reader = coroutine.create(function()
      return select(2, ssl.try(server.recv, server))
    end)
    assert(coroutine.resume(reader))
    local fd = server:getfd()
    server:close()
    assert.equal(fd, server:getfd()) -- the loop still watches it
    assert.is_true(ssl.wait(fd, "r", pair.LIMIT)) -- and is woken
    local _, err = coroutine.resume(reader)
    assert.equal("EBADF", err.name)
    assert.equal(-1, server:getfd())
    assert.equal(-1, b:getfd())
    client:close()
  end)

  it("is closed also where the last to leave has waited for the other", function()
    local a, b = net.luasockets()
    local client, server = wrapped(a, b, (carry.waiter()))
    local function begin(...)
      local co = coroutine.create(function(...)
        return select(2, ssl.try(...))
      end)
      assert(coroutine.resume(co, ...))
      return co
    end
    local reader = begin(client.recv, client) -- both wait for the handshake
    local writer = begin(client.send, client, "x")
    client:close()
    for _, co in ipairs {reader, writer} do
      assert.equal("EBADF", select(2, coroutine.resume(co)).name)
    end
    assert.equal(-1, a:getfd())
    server:close()
  end)
end)

describe("a transport's waiter", function()
  local a, b, client, server

  before_each(function()
    a, b = net.luasockets()
    client, server = wrapped(a, b)
    client:settimeout(0)
    server:settimeout(0)
    pair.drive({client.do_handshake, client}, {server.do_handshake, server})
    server:settimeout(pair.LIMIT)
  end)
  after_each(function() pair.close(client, server) end)

  it("may raise: that comes out unchanged, and nothing is lost", function()
    server.waiter = function() error("no loop", 0) end
    raised.text("no loop", server.recv, server)
    client:send("kept")
    server.waiter = nil
    assert.equal("kept", server:recv())
  end)

  it("may answer nonsense: that is a ValueError", function()
    for _, answer in ipairs {1, "r", {}} do
      server.waiter = function() return answer end
      raised(ssl.ValueError, server.recv, server)
    end
    server.waiter = function() end
    raised(ssl.ValueError, server.recv, server)
  end)

  it("may see the deadline pass", function()
    server.waiter = function() return false end
    raised(ssl.TimeoutError, server.recv, server)
    server:settimeout(scale.tolerance(0.02))
    local calls = 0
    server.waiter = function(sock, _, timeout)
      calls = calls + 1
      ssl.wait(sock, "r", timeout)
      return true -- it is not
    end
    raised(ssl.TimeoutError, server.recv, server)
    assert.is_true(calls <= 3)
  end)
end)

describe("TLS inside TLS", function()
  for _, version in ipairs {"TLSv1_2", "TLSv1_3"} do
    local function contexts()
      local limits = {maximum_version = ssl.TLSVersion[version]}
      return pair.client_context(limits), pair.server_context(nil, limits)
    end

    it("goes through a socket that does not wait, " .. version, function()
      local outer_client, outer_server = pair.connected(contexts())
      outer_client:settimeout(0)
      outer_server:settimeout(0)
      local waiter = carry.waiter()
      local client, server = wrapped(outer_client, outer_server, waiter,
                                     contexts())
      assert.equal(outer_client:fileno(), client:fileno())
      shake_hands(client, server)
      talk(client, server)
      client:close()
      assert.equal("", server:recv())
      assert.equal("clean", server:eof())
      server:close()
      assert.equal(-1, outer_client:fileno())
    end)

    it("goes through a socket with a waiter, " .. version, function()
      local waiter = carry.waiter()
      local outer_client, outer_server = pair.connected(contexts())
      outer_client.waiter, outer_server.waiter = waiter, waiter
      local client, server = wrapped(outer_client, outer_server, nil,
                                     contexts())
      shake_hands(client, server)
      talk(client, server)
      pair.close(client, server)
    end)

    it("goes through a transport in a transport, " .. version, function()
      local ends = {{carry.ends {yields = true}}}
      for i = 1, 3 do
        local client, server = wrapped(ends[i][1], ends[i][2], nil, contexts())
        shake_hands(client, server)
        ends[i + 1] = {client, server}
      end
      talk(table.unpack(ends[4]))
      pair.close(table.unpack(ends[4]))
      assert.is_true(ends[1][1].closed)
    end)
  end

  it("wakes who waits, however deep the descriptor lies", function()
    local ends = {{pair.connected()}}
    for i = 1, 2 do
      local a, b = ends[i][1], ends[i][2]
      a:settimeout(0)
      b:settimeout(0)
      ends[i + 1] = {wrapped(a, b, (carry.waiter()))}
      shake_hands(ends[i + 1][1], ends[i + 1][2])
    end
    local client, server = ends[3][1], ends[3][2]
    local reader = coroutine.create(function()
      return select(2, ssl.try(server.recv, server))
    end)
    assert(coroutine.resume(reader))
    local fd = server:fileno()
    server:close()
    assert.is_true(ssl.wait(fd, "r", pair.LIMIT))
    assert.equal("EBADF", select(2, coroutine.resume(reader)).name)
    assert.equal(-1, ends[1][2]:fileno())
    client:close()
  end)

  it("says when the outer connection's time is up, or its stream ends", function()
    local outer_client, outer_server = pair.connected()
    outer_client:settimeout(scale.tolerance(0.02))
    local ctx = pair.client_context()
    local client = ctx:wrap_transport(outer_client,
      {server_hostname = "localhost", do_handshake_on_connect = false})
    raised(ssl.TimeoutError, client.do_handshake, client)
    outer_server:close()
    raised(ssl.SSLEOFError, client.do_handshake, client)
    client:close()
  end)
end)
