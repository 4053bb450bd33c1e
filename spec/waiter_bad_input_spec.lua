-- Waiters that raise, lie, answer nonsense, or touch the socket that waits: a
-- clear error, and a connection that goes on as if nothing had been.
local native = require "native"
local net = require "support.net"
local pair = require "support.pair"
local raised = require "support.raised"
local scheduler = require "support.scheduler"
local vm = require "support.vm"
local ssl = require "pyssl"

local LIMIT = 5 * require("support.scale").factor
local BIG = ("0123456789abcdef"):rep(512 * 1024)

describe("a waiter", function()
  local client, server
  before_each(function()
    client, server = pair.connected()
    client:settimeout(LIMIT)
  end)
  after_each(function() pair.close(client, server) end)

  -- Both ways still carry what they are given, in order.
  local function check_usable()
    client.waiter = nil
    client:settimeout(LIMIT)
    net.talk(client, server)
  end

  -- An operation that waits, in each direction; what it had sent, then.
  local function receive() return client:recv(10) end
  local function send() return client:sendall(BIG) end

  it("that raises ends the operation, and its error comes out unchanged", function()
    for _, reason in ipairs {"text", {}, false, print} do
      client.waiter = function() error(reason, 0) end
      local ok, err = pcall(receive)
      assert.is_false(ok)
      assert.equal(reason, err)
    end
    client.waiter = function() error() end
    assert.same({false, nil}, {pcall(receive)})
    check_usable()
  end)

  it("that raises in the middle of a write loses no byte of what was taken", function()
    client.waiter = function() error("no more", 0) end
    raised.text("no more", send)
    client.waiter = nil
    server:settimeout(0)
    local loop = scheduler.new()
    client.waiter, server.waiter = loop.waiter, loop.waiter
    server:settimeout(LIMIT)
    local all = net.finish(loop, client, server, "the end")
    assert.equal("the end", all:sub(-7))
    assert.is_true(all:sub(1, -8) == BIG:sub(1, #all - 7))
    assert.is_true(#all > 7)
  end)

  it("that answers neither true nor false is told so", function()
    for _, answer in ipairs {1, "x", "true", {}, print} do
      client.waiter = function() return answer end
      local err = raised.object(ssl.ValueError, receive)
      assert.matches("a waiter returns true or false, not a value of type "
                     .. type(answer), err.message, 1, true)
    end
    client.waiter = function() end
    raised.object(ssl.ValueError, receive)
    client.waiter = function() return nil, "x" end
    raised.object(ssl.ValueError, send)
    client:settimeout(0)
    pcall(server.settimeout, server, 0)
    -- What was begun goes out before anything else.
    server:settimeout(LIMIT)
    local data = server:recv(16)
    assert.equal(BIG:sub(1, 16), data)
  end)

  it("that tells of a time-out where there is no limit is told so", function()
    client:settimeout(nil)
    client.waiter = function() return false end
    local err = raised.object(ssl.ValueError, receive)
    assert.matches("no time limit", err.message)
    check_usable()
  end)

  it("that gives up early ends the operation as the deadline does", function()
    client.waiter = function() return false end
    local seconds, err = net.timed_failure(receive)
    assert.is_true(err:is(ssl.TimeoutError))
    assert.equal("read", err.op)
    assert.is_true(seconds < LIMIT / 2)
    check_usable()
  end)

  it("that says ready though nothing came is asked again, until the deadline", function()
    client:settimeout(0.02)
    local count = 0
    client.waiter = function()
      count = count + 1
      return true
    end
    local seconds, err = net.timed_failure(receive)
    assert.is_true(err:is(ssl.TimeoutError))
    assert.is_true(net.is_on_time(seconds, 0.02))
    assert.is_true(count > 1)
    check_usable()
  end)

  it("that comes back after the deadline finds what came in time, or is too late", function()
    client:settimeout(0.02)
    client.waiter = function(_, _, timeout)
      native.poll({}, {}, timeout + 0.02)
      return true
    end
    raised.object(ssl.TimeoutError, receive)
    client.waiter = function(_, _, timeout)
      native.poll({}, {}, timeout + 0.02)
      server:sendall("late")
      ssl.wait(client, "r", LIMIT)
      return true
    end
    assert.equal("late", receive())
    check_usable()
  end)

  it("may close the connection", function()
    for _, name in ipairs {"recv", "do_handshake", "sendall"} do
      local a, b = pair.tcp(net.client_context(), net.server_context())
      local fd = a:fileno()
      local link = native.fds()[fd]
      a:settimeout(LIMIT)
      a.waiter = function(object)
        object:close()
        return true
      end
      local argument = name == "recv" and 10 or name == "sendall" and "x" or nil
      local err = net.failure(a[name], a, argument)
      assert.is_true(err:is(ssl.OSError))
      assert.equal("EBADF", err.name)
      assert.not_equal(link, native.fds()[fd])
      b:close()
    end
  end)

  -- On 5.1 a waiter runs in a coroutine of its own: there it is another reader.
  vm.it_needs("yield", "may use the same connection meanwhile", function()
    local inner = {}
    client.waiter = function()
      client.waiter = nil
      client:sendall("from within")
      server:sendall("abcdef")
      inner[1] = client:recv(3)
      return true
    end
    local task = scheduler.new():spawn(receive)
    assert.is_true(task.ok)
    assert.equal("abc", inner[1])
    assert.equal("def", task[1])
    assert.equal("from within", server:recv(20))
    check_usable()
  end)

  it("that waits by the same operation for ever gets Lua's own error", function()
    client.waiter = function() return client:recv(10) and true end
    local ok, err = pcall(receive)
    assert.is_false(ok)
    assert.matches("overflow", tostring(err))
    check_usable()
  end)

  it("that yields where nothing can gets Lua's own error, and nothing is lost", function()
    client.waiter = coroutine.yield
    local ok, err = pcall(receive) -- busted runs specs outside of coroutines
    assert.is_false(ok)
    assert.matches("yield", tostring(err))
    local co = coroutine.create(function()
      return pcall(string.gsub, "x", "x", function() receive() end)
    end)
    local _, passed, message = coroutine.resume(co)
    assert.is_false(passed)
    assert.matches("yield across", tostring(message))
    assert.equal("dead", coroutine.status(co))
    check_usable()
  end)

  it("may fail in a handshake, which goes on later", function()
    local a, b = pair.tcp(net.client_context(), net.server_context())
    a:settimeout(LIMIT)
    a.waiter = function() error("not now", 0) end
    raised.text("not now", a.do_handshake, a)
    a.waiter = function() return 5 end
    raised.object(ssl.ValueError, a.sendall, a, "x")
    a.waiter = nil
    a:settimeout(0)
    local results = pair.drive({a.do_handshake, a}, {b.do_handshake, b})
    assert.is_true(results[1][1] and results[2][1])
    a:settimeout(LIMIT)
    b:settimeout(LIMIT)
    net.talk(a, b)
    pair.close(a, b)
  end)

  it("may fail in accept and in connect, which can be called again", function()
    local listener <close> = net.listener {do_handshake_on_connect = false}
    listener.waiter = function() error("not now", 0) end
    raised.text("not now", listener.accept, listener)
    local port, hole = net.blackhole()
    local _ <close> = hole
    local conn <close> = net.client {do_handshake_on_connect = false}
    conn.waiter = listener.waiter
    raised.text("not now", conn.connect, conn, "127.0.0.1", port)
    -- Another host now: the attempt that was left is no obstacle.
    conn.waiter, listener.waiter = nil, nil
    conn:settimeout(LIMIT)
    conn:connect(listener:getsockname())
    local peer <close> = listener:accept()
    assert.same({conn:getsockname()}, {peer:getpeername()})
  end)
end)

describe("ssl.try", function()
  it("lets a waiter yield through it, and gives the error of a wait", function()
    local client, server = pair.connected()
    local loop = scheduler.new()
    client.waiter = loop.waiter
    local good = loop:spawn(ssl.try, client.recv, client, 10)
    assert.equal("r", good.wait.mode)
    server:sendall("hello")
    loop:run()
    assert.equal("hello", good[1])
    client:settimeout(0.01)
    local bad = loop:spawn(ssl.try, client.recv, client, 10)
    loop:run()
    assert.is_nil(bad[1])
    assert.is_true(bad[2]:is(ssl.TimeoutError))
    client.waiter = function() error("other", 0) end
    local ok, err = pcall(ssl.try, client.recv, client, 10)
    assert.same({false, "other"}, {ok, err})
    pair.close(client, server)
  end)
end)
