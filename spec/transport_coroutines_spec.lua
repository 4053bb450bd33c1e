-- Several coroutines on one connection over a transport, and those that are
-- abandoned.
local carry = require "support.carry"
local certs = require "support.certs"
local core = require "pyssl.core"
local pair = require "support.pair"
local raised = require "support.raised"
local ssl = require "pyssl"

describe("several coroutines on a transport", function()
  -- A connected pair whose objects yield.
  local function yielding(...)
    local client, server, a, b = carry.connected(...)
    a.yields, b.yields = true, true
    return client, server, a, b
  end

  it("may be one that reads and one that writes", function()
    local client, server = yielding()
    local reader = coroutine.wrap(function() return server:recv() end)
    reader()
    assert.equal(4, server:send("text"))
    assert.equal("text", client:recv())
    client:send("answer")
    assert.equal("answer", reader())
  end)

  it("are not two that read, nor two that write", function()
    local client, server, _, b = yielding()
    local reader = coroutine.wrap(function() return server:recv() end)
    reader()
    local err = raised(ssl.ValueError, server.recv, server)
    assert.matches("another coroutine", err.message)
    b.room = 0
    local writer = coroutine.wrap(function() return server:send("one") end)
    writer()
    raised(ssl.ValueError, server.send, server, "two")
    b.room = nil
    assert.equal(3, writer())
    assert.equal(3, server:send("two"))
    assert.equal("one", client:recv())
    assert.equal("two", client:recv())
    client:send("x")
    assert.equal("x", reader())
  end)

  it("send in order: an alert goes out behind what is being sent", function()
    local client, server, _, b = yielding()
    b.room = 0
    local writer = coroutine.create(function() return server:send("data") end)
    assert(coroutine.resume(writer))
    b.inbox = "\23\3\3\0\5wrong"
    raised(ssl.SSLError, server.recv, server) -- at once
    b.room = nil
    assert.is_false(coroutine.resume(writer)) -- the connection has failed
    assert.equal("data", client:recv())
    assert.matches("ALERT", raised(ssl.SSLError, client.recv, client).reason)
  end)

  -- A client whose reader is sending: its certificate, for which it was asked
  -- after the handshake, to an object that takes nothing.
  local function answering_reader()
    local client_ctx = pair.client_context {post_handshake_auth = true}
    client_ctx:load_cert_chain(certs.path "client.pem", certs.path "client.key")
    local server_ctx = pair.server_context()
    server_ctx:load_verify_locations(certs.path "ca.pem")
    server_ctx.verify_mode = ssl.CERT_REQUIRED
    server_ctx.post_handshake_auth = true
    local client, server, a = yielding(client_ctx, server_ctx)
    server:verify_client_post_handshake()
    server:send("first")
    a.room = 0
    local reader = coroutine.wrap(function() return client:recv() end)
    reader()
    assert.is_true(a.calls.send > 0)
    return client, server, a, reader
  end

  it("write while one that reads is sending: it goes out behind", function()
    local client, server, a, reader = answering_reader()
    assert.equal(5, client:send("queue"))
    a.room = nil
    assert.equal("first", reader())
    assert.equal("queue", server:recv())
    assert.is_table(server:getpeercert())
  end)

  it("wait for the one that sends where the queue is full", function()
    local client, server, a, reader = answering_reader()
    local data = ("x"):rep(200000)
    local err = raised(ssl.ValueError, client.send, client, data)
    assert.matches("no waiter", err.message)
    local waiter, calls = carry.waiter()
    client.waiter = waiter
    local writer = coroutine.wrap(function()
      return client:send(data) -- it goes on where it was
    end)
    writer()
    assert.equal("ssl.bell", tostring(calls[1][1]):match("^[%l.]+"))
    a.room = nil
    assert.equal("first", reader())
    assert.is_true(ssl.wait(calls[1][1], "r", 0)) -- it was rung
    assert.equal(#data, writer())
    assert.is_true(data == carry.read(server, #data))
  end)

  -- What leads there otherwise: a key update that finds the queue full.
  it("wait for the one that sends in their own place", function()
    local client, _, a, reader = answering_reader()
    client.waiter = carry.waiter()
    local data = ("x"):rep(200000)
    local writer = coroutine.wrap(function() return client:send(data) end)
    writer()
    local other = coroutine.create(function()
      core.transport_steps.attend(client)
      coroutine.yield()
    end)
    assert(coroutine.resume(other))
    a.room = nil
    assert.equal("first", reader())
    assert.equal(#data, writer())
  end)

  it("may be abandoned while they receive: another goes on", function()
    local client, server = yielding()
    local reader = coroutine.wrap(function() return server:recv() end)
    reader()
    reader = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    client:send("found")
    assert.equal("found", server:recv())
    if not coroutine.close then return end
    local killed = coroutine.create(function() return server:recv() end)
    assert(coroutine.resume(killed))
    coroutine.close(killed)
    client:send("again")
    assert.equal("again", server:recv())
  end)

  it("may be abandoned while they send: nothing more goes out", function()
    for _, abandon in ipairs {function() end, coroutine.close} do
      local client, server, _, b = yielding()
      b.room = 0
      local writer = coroutine.create(function() return server:send("lost?") end)
      assert(coroutine.resume(writer))
      abandon(writer)
      writer = nil -- luacheck: ignore 311
      collectgarbage()
      collectgarbage()
      b.room = nil
      local err = raised(ssl.OSError, server.send, server, "more")
      assert.matches("a coroutine ended while it was sending", err.message)
      raised(ssl.OSError, server.send, server, "more")
      client:send("the other way")
      assert.equal("the other way", server:recv())
      assert.is_true(server:close())
    end
  end)

  it("may be inside an object that is closed below them", function()
    for _, method in ipairs {"send", "receiveany"} do
      local client, server, a, b = carry.connected()
      server:send("data")
      a[method] = function(...)
        client:close()
        return getmetatable(a).__index[method](...)
      end
      local sends = method == "send"
      local err = raised(ssl.OSError, sends and client.sendall or client.recv,
        client, sends and "x" or 10)
      assert.equal("EBADF", err.name)
      assert.is_true(a.closed and b.closed == nil)
    end
  end)

  it("keep an object from being closed that is busy with them", function()
    local _, server, _, b = yielding()
    local closes = 0
    b.close = function()
      closes = closes + 1
      if b.yields then return nil, "socket busy reading" end
      return true
    end
    local reader = coroutine.create(function()
      return select(2, ssl.try(server.recv, server))
    end)
    assert(coroutine.resume(reader))
    server:close()
    assert.equal(1, closes)
    b.yields = false
    assert.equal("EBADF", select(2, coroutine.resume(reader)).name)
    assert.equal(2, closes)
    server:close()
    assert.equal(2, closes)
  end)

  it("wait in the object of another connection, and are woken", function()
    local outer, peer = pair.connected()
    local waiter, calls = carry.waiter()
    local client = pair.client_context():wrap_transport(outer,
      {server_hostname = "localhost", do_handshake_on_connect = false})
    outer.waiter = waiter
    local reader = coroutine.create(function()
      return select(2, ssl.try(client.do_handshake, client))
    end)
    assert(coroutine.resume(reader))
    assert.equal(outer, calls[#calls][1])
    client:close()
    assert.is_true(ssl.wait(calls[#calls][1], "r", pair.LIMIT))
    assert.equal("EBADF", select(2, coroutine.resume(reader)).name)
    assert.equal(-1, outer:fileno())
    peer:close()
  end)

  it("keep the object that they wait on from being given back", function()
    local client, server, _, b = yielding()
    local reader = coroutine.wrap(function() return server:recv() end)
    reader()
    local err = raised(ssl.ValueError, server.detach, server)
    assert.matches("another coroutine", err.message)
    client:send("there")
    assert.equal("there", reader())
    assert.equal(b, (server:detach()))
  end)

  it("may see it closed by another", function()
    local _, server, _, b = yielding()
    local reader = coroutine.create(function()
      return select(2, ssl.try(server.recv, server))
    end)
    assert(coroutine.resume(reader))
    server:close()
    assert.is_true(b.closed)
    b.yields = false -- the object's read comes back
    local _, err = coroutine.resume(reader)
    assert.equal("EBADF", err.name)
  end)
end)
