-- Handshakes under a waiter: after accept, within the listener's time; callbacks
-- that take their time; and the handshakes and key updates that come later, in
-- the middle of a reader's and a writer's work.
local native = require "native"
local net = require "support.net"
local pair = require "support.pair"
local peers = require "support.peers"
local scale = require "support.scale"
local scheduler = require "support.scheduler"
local ssl = require "pyssl"

local LIMIT = 10 * scale.factor

local loop
before_each(function() loop = scheduler.new() end)

describe("a connection that was accepted under a waiter", function()
  local listener, client
  before_each(function()
    listener = net.listener()
    listener.waiter = loop.waiter
    client = net.client {do_handshake_on_connect = false}
    client:connect(listener:getsockname())
  end)
  after_each(function() pair.close(client, listener) end)

  -- accept, while the client says nothing.
  local function accept()
    local task = loop:spawn(listener.accept, listener)
    loop:run(task)
    return (scheduler.results(task))
  end

  local function shake(conn)
    client:settimeout(LIMIT)
    client.waiter = loop.waiter
    local one = loop:spawn(conn.do_handshake, conn)
    local two = loop:spawn(client.do_handshake, client)
    loop:run(one, two)
    return scheduler.results(one) and scheduler.results(two)
  end

  it("is there before its handshake, which the first operation performs", function()
    local conn <close> = accept()
    assert.is_nil(conn:version())
    assert.is_nil(conn:gettimeout())
    assert.equal(loop.waiter, conn.waiter)
    client.waiter = loop.waiter
    local reader = loop:spawn(conn.recv, conn, 10)
    loop:spawn(client.sendall, client, "hello")
    loop:run()
    assert.equal("hello", (scheduler.results(reader)))
  end)

  it("is so also where the context or the default has the waiter", function()
    listener.waiter = nil
    for _, set in ipairs {
      function(f) listener.context.waiter = f end, ssl.set_default_waiter,
    } do
      local other <close> = net.client {do_handshake_on_connect = false}
      set(loop.waiter)
      local task = loop:spawn(listener.accept, listener)
      other.waiter = loop.waiter
      local connecting = loop:spawn(function()
        other:connect(listener:getsockname())
      end)
      loop:run(task, connecting)
      set(nil)
      scheduler.results(connecting)
      local conn <close> = scheduler.results(task)
      assert.is_nil(conn.waiter)
      assert.is_nil(conn:version())
    end
  end)

  it("has the listener's handshake_timeout for it, from accept on", function()
    listener.handshake_timeout = 0.05
    local conn <close> = accept()
    local before = native.now()
    native.poll({}, {}, 0.02)
    local reader = loop:spawn(conn.recv, conn, 10)
    local writer = loop:spawn(conn.sendall, conn, "x")
    assert.is_true(reader.wait.timeout < 0.05)
    assert.is_true(writer.wait.timeout < 0.05)
    loop:run()
    assert.is_true(net.is_on_time(native.now() - before, 0.05))
    for _, task in ipairs {reader, writer} do
      assert.is_true(task.err:is(ssl.TimeoutError))
    end
    assert.is_true(net.failure(conn.do_handshake, conn):is(ssl.TimeoutError))
  end)

  it("has its own time-out for what follows", function()
    listener.handshake_timeout = 0.05 * scale.factor
    local conn <close> = accept()
    local reader = loop:spawn(conn.recv, conn, 10)
    client.waiter = loop.waiter
    local other = loop:spawn(client.do_handshake, client)
    loop:run(other)
    loop:settle()
    assert.is_nil(reader.done)
    assert.is_nil(reader.wait.timeout) -- the handshake is over
    loop:step(0.06 * scale.factor)
    client:sendall("late")
    loop:run()
    assert.equal("late", (scheduler.results(reader)))
  end)

  it("has that also where the waiter is taken away before", function()
    listener.handshake_timeout = 0.1 * scale.factor
    local conn <close> = accept()
    conn:settimeout(0.15 * scale.factor)
    local reader = loop:spawn(conn.recv, conn, 10)
    client.waiter = loop.waiter
    loop:run(loop:spawn(client.do_handshake, client))
    local before = native.now()
    conn.waiter = nil -- the rest of the handshake is there; data is not
    loop:run(reader)
    assert.is_true(reader.err:is(ssl.TimeoutError))
    assert.is_string(conn:version())
    assert.is_true(native.now() - before > 0.1 * scale.factor)
  end)

  it("stays open where an operation of less time gave up", function()
    local conn <close> = accept()
    conn:settimeout(0.02)
    local task = loop:spawn(conn.recv, conn, 10)
    loop:run()
    assert.is_true(task.err:is(ssl.TimeoutError))
    conn:settimeout(LIMIT)
    assert.is_true(shake(conn))
  end)

  it("has no limit where the listener has none", function()
    listener.handshake_timeout = nil
    local conn <close> = accept()
    local task = loop:spawn(conn.recv, conn, 10)
    assert.is_nil(task.wait.timeout)
    client:close()
    loop:run()
    assert.is_false(task.ok)
  end)
end)

describe("one deadline", function()
  it("is for connect and handshake together", function()
    local listener <close> = net.listener {do_handshake_on_connect = false}
    local ctx = pair.client_context {waiter = loop.waiter}
    local host, port = listener:getsockname()
    local before = native.now()
    local task = loop:spawn(ctx.connect, ctx, host, port,
      {timeout = 0.05, server_hostname = "localhost"}) -- nobody answers
    assert.is_true(task.wait.timeout <= 0.05)
    loop:run()
    assert.is_true(task.err:is(ssl.TimeoutError))
    assert.equal("handshake", task.err.op)
    assert.is_true(net.is_on_time(native.now() - before, 0.05))
  end)

  it("counts the time that a callback takes", function()
    local ctx = pair.server_context()
    local asked = 0
    ctx.sni_callback = function()
      asked = asked + 1
      scheduler.pause()
    end
    local client, server = pair.tcp(net.client_context(), ctx)
    client.waiter, server.waiter = loop.waiter, loop.waiter
    client:settimeout(LIMIT)
    server:settimeout(0.05)
    local hello = loop:spawn(client.do_handshake, client)
    local task = loop:spawn(server.do_handshake, server)
    loop:settle()
    assert.equal(1, asked)
    native.poll({}, {}, 0.06)
    loop:resume(task)
    assert.is_true(task.err:is(ssl.TimeoutError))
    assert.equal("handshake", task.err.op)
    server:settimeout(LIMIT) -- its answer is kept
    task = loop:spawn(server.do_handshake, server)
    loop:run(task, hello)
    assert.is_true(scheduler.results(task))
    assert.equal(1, asked)
    pair.close(client, server)
  end)

  it("tells a writer, whose callback took it up, that nothing went out", function()
    local ctx = pair.server_context()
    ctx.sni_callback = scheduler.pause
    local client, server = pair.tcp(net.client_context(), ctx)
    client.waiter, server.waiter = loop.waiter, loop.waiter
    server:settimeout(0.02)
    client:settimeout(LIMIT)
    local hello = loop:spawn(client.do_handshake, client)
    local task = loop:spawn(server.sendall, server, "text")
    loop:settle()
    native.poll({}, {}, 0.03)
    loop:resume(task)
    assert.is_true(task.err:is(ssl.TimeoutError))
    assert.equal(0, task.err.sent)
    pair.close(server)
    loop:run(hello)
    pair.close(client)
  end)

  it("is not shared with those who wait for the callback's answer", function()
    local ctx = pair.server_context()
    ctx.sni_callback = scheduler.pause
    local client, server = pair.tcp(net.client_context(), ctx)
    client.waiter, server.waiter = loop.waiter, loop.waiter
    client:settimeout(LIMIT)
    server:settimeout(LIMIT)
    loop:spawn(client.sendall, client, "hello")
    local first = loop:spawn(server.do_handshake, server)
    loop:settle()
    assert.is_nil(first.wait.object)
    server:settimeout(0.02)
    local short = loop:spawn(server.sendall, server, "x")
    server:settimeout(LIMIT)
    local long = loop:spawn(server.recv, server, 10)
    assert.equal(short.wait.object, long.wait.object) -- the bell
    loop:run(short)
    assert.is_true(short.err:is(ssl.TimeoutError))
    local before = native.now()
    loop:resume(first)
    loop:run()
    assert.is_true(native.now() - before < scale.tolerance(0.9))
    assert.equal("hello", (scheduler.results(long)))
    pair.close(client, server)
  end)
end)

describe("beside a reader a writer goes on", function()
  -- A connection to openssl s_server, with reader and writer, while the server
  -- does what `command` asks it for.
  local function check(version, command, before_writing)
    local peer <close> = peers.s_server("server", {version})
    local client <close> = net.client()
    client:settimeout(LIMIT)
    client:connect("127.0.0.1", peer.port)
    client.waiter = loop.waiter
    local got, sent = {}, {}
    local function read()
      repeat
        local data = client:recv(100)
        got[#got + 1] = data
      until data == "" or table.concat(got):find("done", 1, true)
    end
    local function write()
      for i = 1, 50 do
        sent[i] = ("line %d\n"):format(i)
        client:sendall(sent[i])
      end
    end
    local writer, reader
    if before_writing then
      peer:write(command .. "\n")
      native.poll({client:fileno()}, {}, LIMIT)
      before_writing(client)
      writer, reader = loop:spawn(write), loop:spawn(read)
    else
      reader = loop:spawn(read)
      peer:write(command .. "\n")
      native.poll({client:fileno()}, {}, LIMIT)
      loop:step(0)
      writer = loop:spawn(write)
    end
    loop:run(writer)
    scheduler.results(writer)
    peer:expect "^line 50"
    peer:write("done\n")
    loop:run(reader)
    scheduler.results(reader)
    assert.matches("done", table.concat(got), 1, true)
    return client
  end

  it("while the peer asks for a key update", function()
    check("-tls1_3", "K")
  end)

  it("while the peer renegotiates", function()
    check("-tls1_2", "r")
  end)

  it("that waits for a renegotiation itself", function()
    check("-tls1_2", "r", function(client)
      client:settimeout(0)
      assert.is_false((pcall(client.recv, client, 100)))
      client:settimeout(LIMIT)
    end)
  end)
end)
