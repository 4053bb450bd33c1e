-- Closing a connection that others wait on, and coroutines that never come back
-- from a wait: nobody is left waiting, and no connection is left stuck.
local carry = require "support.carry"
local native = require "native"
local net = require "support.net"
local pair = require "support.pair"
local raised = require "support.raised"
local scale = require "support.scale"
local scheduler = require "support.scheduler"
local ssl = require "pyssl"
local vm = require "support.vm"

local LIMIT = 10 * scale.factor
local BIG = ("0123456789abcdef"):rep(512 * 1024)

local function is_ebadf(task)
  return task.done and not task.ok and task.err:is(ssl.OSError)
    and task.err.name == "EBADF"
end

local loop
before_each(function() loop = scheduler.new() end)

-- A pair that waits through the loop.
local function ends(make)
  local client, server = (make or pair.connected)(net.client_context(),
                                                  net.server_context())
  for _, conn in ipairs {client, server} do
    conn:settimeout(LIMIT)
    conn.waiter = loop.waiter
  end
  return client, server
end

describe("close", function()
  -- Closes what the tasks wait on: all are woken, and the descriptor, which the
  -- loop watches until then, is closed with the last of them.
  local function check_close(conn, tasks)
    local fd = conn:fileno()
    local link = native.fds()[fd]
    for _, task in ipairs(tasks) do assert.is_nil(task.done) end
    conn:close()
    assert.equal(-1, conn:fileno())
    for i, task in ipairs(tasks) do
      assert.equal(fd, conn:getfd())
      assert.is_true(conn:dirty())
      assert.equal(link, native.fds()[fd]) -- nobody else gets its number
      local other <close> = net.client {do_handshake_on_connect = false}
      other:bind("127.0.0.1", 0)
      assert.not_equal(fd, other:fileno())
      local ready = native.poll({task.wait.fd}, {}, LIMIT)
      assert.is_truthy(ready, "task " .. i .. " is not woken")
      loop:resume(task, true)
      assert.is_true(is_ebadf(task))
    end
    assert.equal(-1, conn:getfd())
    assert.not_equal(link, native.fds()[fd])
    assert.is_true(conn:close())
  end

  it("wakes a reader and a writer", function()
    local client, server = ends()
    check_close(client, {
      loop:spawn(client.recv, client, 10), loop:spawn(client.sendall, client, BIG),
    })
    server:close()
  end)

  it("wakes all who wait in a handshake", function()
    local client, server = ends(pair.tcp)
    check_close(client, {
      loop:spawn(client.do_handshake, client), loop:spawn(client.recv, client, 10),
      loop:spawn(client.sendall, client, "x"),
    })
    server:close()
  end)

  it("wakes who accepts", function()
    local listener = net.listener()
    listener.waiter = loop.waiter
    check_close(listener, {loop:spawn(listener.accept, listener)})
    local path = net.path()
    listener = net.listener(nil, path)
    listener.waiter = loop.waiter
    check_close(listener, {loop:spawn(listener.accept, listener)})
    os.remove(path)
  end)

  it("wakes who connects", function()
    local port, hole = net.blackhole()
    local _ <close> = hole
    local conn = net.client()
    conn.waiter = loop.waiter
    check_close(conn, {loop:spawn(conn.connect, conn, "127.0.0.1", port)})
  end)

  it("wakes who unwraps, and who reads without TLS", function()
    local client, server = ends()
    local task = loop:spawn(client.unwrap, client)
    client:close()
    loop:run()
    assert.is_true(task.err:is(ssl.ValueError)) -- as unwrap says of a closed one
    server:close()
    client, server = ends()
    loop:spawn(client.unwrap, client)
    loop:spawn(server.unwrap, server)
    loop:run()
    check_close(client, {loop:spawn(client.recv, client, 10)})
    server:close()
  end)

  it("waits for an open file, whose reader goes on", function()
    local client, server = ends()
    local file = client:makefile "r"
    local task = loop:spawn(file.read, file, 5)
    client:close()
    assert.is_nil(task.done)
    server:sendall("hello")
    loop:run()
    assert.equal("hello", task[1])
    task = loop:spawn(file.read, file, 5)
    local fd = client:fileno()
    assert.is_true(fd >= 0)
    file:close()
    loop:run()
    assert.is_true(task.done and not task.ok)
    assert.equal(-1, client:getfd())
    server:close()
  end)

  it("closes at once where who waited has died since", function()
    local client, server = ends()
    local task = loop:spawn(client.recv, client, 10)
    loop:drop(task)
    local fd = client:fileno()
    local link = native.fds()[fd]
    client:close()
    assert.equal(link, native.fds()[fd]) -- it lives, as far as we can see
    task.co = nil
    collectgarbage()
    collectgarbage()
    client:close()
    assert.not_equal(link, native.fds()[fd])
    server:close()
  end)
end)

-- Ways in which a coroutine ends in the middle of a wait.
local ENDINGS = {
  {"was collected", function(task)
    loop:drop(task)
    task.co, task.wait = nil, nil
    collectgarbage()
    collectgarbage()
  end},
  {"has died", function(task)
    loop:drop(task)
    -- Its waiter's loop resumes it into an error that nobody catches.
    debug.sethook(task.co, function() error("dead", 0) end, "l")
    coroutine.resume(task.co)
    assert.equal("dead", coroutine.status(task.co))
  end, "hooks"},
}
if coroutine.close then
  ENDINGS[#ENDINGS + 1] = {"was closed", function(task)
    loop:drop(task)
    coroutine.close(task.co)
  end}
end

for _, ending in ipairs(ENDINGS) do
  local how, finish, needs = ending[1], ending[2], ending[3]
  local group = needs and function(...) vm.describe_needs(needs, ...) end
    or describe
  group("a coroutine that " .. how, function()
    it("in recv loses no byte", function()
      local client, server = ends()
      finish(loop:spawn(client.recv, client, 10))
      server:sendall("abc")
      local task = loop:spawn(client.recv, client, 10)
      loop:run()
      assert.equal("abc", (scheduler.results(task)))
      pair.close(client, server)
    end)

    it("in sendall leaves the bytes in order", function()
      local client, server = ends()
      finish(loop:spawn(client.sendall, client, BIG))
      local all = net.finish(loop, client, server, "the end")
      assert.equal("the end", all:sub(-7))
      assert.is_true(#all > 7 and all:sub(1, -8) == BIG:sub(1, #all - 7))
      pair.close(client, server)
    end)

    it("in a handshake leaves it to the next operation", function()
      local client, server = ends(pair.tcp)
      finish(loop:spawn(client.do_handshake, client))
      finish(loop:spawn(server.recv, server, 10))
      local reader = loop:spawn(server.recv, server, 10)
      local writer = loop:spawn(client.sendall, client, "hello")
      loop:run()
      scheduler.results(writer)
      assert.equal("hello", (scheduler.results(reader)))
      pair.close(client, server)
    end)

    it("in a handshake is missed by those who wait for it", function()
      local client, server = ends(pair.tcp)
      local first = loop:spawn(client.do_handshake, client)
      local second = loop:spawn(client.sendall, client, "hello")
      finish(first)
      local reader = loop:spawn(server.recv, server, 10)
      loop:run()
      scheduler.results(second)
      assert.equal("hello", (scheduler.results(reader)))
      pair.close(client, server)
    end)

    it("in accept leaves the listener", function()
      local listener <close> = net.listener()
      listener.waiter = loop.waiter
      finish(loop:spawn(listener.accept, listener))
      local client <close> = net.client {do_handshake_on_connect = false}
      client:connect(listener:getsockname())
      local task = loop:spawn(listener.accept, listener)
      loop:run()
      scheduler.results(task):close()
    end)

    it("in connect leaves the socket", function()
      local port, hole = net.blackhole()
      local _ <close> = hole
      local listener <close> = net.listener {do_handshake_on_connect = false}
      local conn <close> = net.client {do_handshake_on_connect = false}
      conn.waiter = loop.waiter
      finish(loop:spawn(conn.connect, conn, "127.0.0.1", port))
      local _, other = listener:getsockname()
      conn:settimeout(0.02)
      local task = loop:spawn(conn.connect, conn, "127.0.0.1", port)
      loop:run()
      assert.is_true(task.err:is(ssl.TimeoutError)) -- it went on with the same
      conn:settimeout(LIMIT)
      task = loop:spawn(conn.connect, conn, "127.0.0.1", other)
      loop:run()
      scheduler.results(task)
      assert.equal(other, (select(2, conn:getpeername())))
    end)

    it("lets the descriptor be detached", function()
      local client, server = ends()
      finish(loop:spawn(client.recv, client, 10))
      native.close(client:detach())
      server:close()
    end)
  end)
end

describe("a coroutine that nobody resumes, but that could be,", function()
  it("keeps its turn until it is collected", function()
    local client, server = ends()
    local task = loop:spawn(client.recv, client, 10)
    loop:drop(task)
    client.waiter = nil
    raised.object(ssl.ValueError, client.recv, client, 10)
    task.co, task.wait = nil, nil
    collectgarbage()
    collectgarbage()
    server:sendall("abc")
    assert.equal("abc", client:recv(10))
    pair.close(client, server)
  end)
end)

describe("an interrupt", function()
  -- Call f in a coroutine that an error from a hook ends at its n-th instruction.
  -- The coroutine, which lives on, and whether the error came.
  local function interrupt(n, f, ...)
    local fired = false
    local co = coroutine.create(function(...)
      local function hook()
        fired = true
        debug.sethook()
        error("interrupt", 0)
      end
      debug.sethook(hook, "", n)
      pcall(f, ...)
      debug.sethook()
      coroutine.yield()
    end)
    coroutine.resume(co, ...)
    return co, fired
  end

  vm.it_needs("interrupts", "anywhere in a wait leaves the connection to others", function()
    local client, server = ends()
    client.waiter = function()
      server:sendall("x")
      return true
    end
    local n, co, fired = 0
    repeat
      n = n + 1
      co, fired = interrupt(n, client.recv, client, 1)
      assert.equal("x", client:recv(1))
      client:settimeout(0) -- there may be another one
      while pcall(client.recv, client, 1) do end -- luacheck: ignore
      client:settimeout(LIMIT)
    until not fired
    assert.is_true(n > 20)
    assert.equal("suspended", coroutine.status(co))
    pair.close(client, server)
  end)

  vm.it_needs("interrupts", "anywhere in connect leaves the socket to others", function()
    local port, hole = net.blackhole()
    local _ <close> = hole
    local conn <close> = net.client {do_handshake_on_connect = false}
    conn:settimeout(LIMIT)
    conn.waiter = function() return false end
    local n, co, fired = 0
    repeat
      n = n + 1
      co, fired = interrupt(n, conn.connect, conn, "127.0.0.1", port)
      raised.object(ssl.TimeoutError, conn.connect, conn, "127.0.0.1", port)
    until not fired
    assert.is_true(n > 20)
    assert.equal("suspended", coroutine.status(co))
  end)

  vm.it_needs("interrupts", "anywhere leaves a transport to others", function()
    local client, server = carry.connected()
    local n, co, fired = 0
    repeat
      n = n + 1
      co, fired = interrupt(n, client.recv, client, 1)
      raised.object(ssl.SSLWantReadError, client.recv, client, 1)
    until not fired
    assert.is_true(n > 100)
    assert.equal("suspended", coroutine.status(co))
    pair.close(client, server)
  end)
end)
