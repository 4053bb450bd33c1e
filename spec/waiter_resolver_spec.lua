-- Looking names up where a waiter waits; resolvers of the program's own.
-- The former in a process of its own, whose getaddrinfo is the suite's
-- (support/lookup_host.c): "slow.test" is found when lookup.go() is called.
local lookuphost = require "support.lookuphost"
local native = require "native"
local net = require "support.net"
local scheduler = require "support.scheduler"
local ssl = require "pyssl"

local LIMIT = 5 * require("support.scale").factor

local function run(code)
  lookuphost.run("local loop = scheduler.new() " .. code)
end

describe("a look-up under a waiter", function()
  it("is awaited by its descriptor, and costs nothing meanwhile", function()
    run [[
      local port = sockets({host = "127.0.0.1", listen = 5})
      ctx.waiter = loop.waiter
      local task = loop:spawn(connect, "slow.test", port, {timeout = 5})
      local object = task.wait.object
      equal("r", task.wait.mode)
      equal("r", object:events())
      equal(false, object:dirty())
      equal(task.wait.fd, object:fileno())
      equal(task.wait.fd, object:pollfd())
      equal(true, task.wait.timeout <= 5 and task.wait.timeout > 4)
      loop:settle()
      equal(0, loop.wakes)
      lookup.go()
      loop:run()
      equal("127.0.0.1", (scheduler.results(task):getpeername()))
      equal(-1, object:fileno())
      equal(true, loop.wakes <= 2)
    ]]
  end)

  it("ends with the deadline, with what the waiter raises, with close, and "
     .. "leaves nothing", function()
    run [[
      local before = native.fd_count()
      local conn = client()
      conn:settimeout(0.05)
      conn.waiter = loop.waiter
      local late = loop:spawn(conn.connect, conn, "slow.test", 443)
      loop:run()
      equal(true, late.err:is(ssl.TimeoutError))
      equal("resolve", late.err.op)
      local reason = {}
      conn.waiter = function() error(reason, 0) end
      local ok, err = pcall(conn.connect, conn, "slow.test", 443)
      equal(reason, err)
      equal(false, ok)
      equal(before, native.fd_count() - 2) -- the ends of the two threads
      conn.waiter = loop.waiter
      conn:settimeout(nil)
      local closed = loop:spawn(conn.connect, conn, "slow.test", 443)
      equal(nil, closed.wait.timeout)
      conn:close()
      loop:run()
      equal(true, closed.err:is(ssl.OSError))
      equal("EBADF", closed.err.name)
      for _ = 1, 3 do lookup.go() end
      settle(before)
    ]]
  end)

  it("that is abandoned leaves the socket as it was", function()
    run [[
      local port = sockets({host = "127.0.0.1", listen = 5})
      local conn = client()
      conn.waiter = loop.waiter
      local task = loop:spawn(conn.connect, conn, "slow.test", port)
      loop:drop(task)
      lookup.go()
      lookup.go()
      local again = loop:spawn(conn.connect, conn, "slow.test", port)
      loop:run()
      scheduler.results(again)
      equal("127.0.0.1", (conn:getpeername()))
    ]]
  end)

  it("of two coroutines at once connects once", function()
    run [[
      local port = sockets({host = "127.0.0.1", listen = 5})
      local conn = client()
      conn.waiter = loop.waiter
      local one = loop:spawn(conn.connect, conn, "slow.test", port)
      local two = loop:spawn(conn.connect, conn, "slow.test", port)
      lookup.go()
      lookup.go()
      loop:run()
      local good, bad = one.ok and one or two, one.ok and two or one
      scheduler.results(good)
      equal(true, bad.err:is(ssl.ValueError))
      equal("127.0.0.1", (conn:getpeername()))
    ]]
  end)
end)

describe("a resolver of the program's own", function()
  local listener, port
  before_each(function()
    listener = net.listener {do_handshake_on_connect = false}
    port = select(2, listener:getsockname())
  end)
  after_each(function()
    ssl.set_resolver(nil)
    listener:close()
  end)

  local function connect(host, timeout)
    return net.client_context():connect(host, port,
      {do_handshake_on_connect = false, timeout = timeout or LIMIT})
  end

  it("is asked for names, with family and time; numbers need none", function()
    local asked
    assert.is_true(ssl.set_resolver(function(...)
      asked = {count = select("#", ...), ...}
      return {"127.0.0.1"}
    end))
    connect("some.test"):close()
    assert.equal(3, asked.count)
    assert.equal("some.test", asked[1])
    assert.equal("any", asked[2])
    assert.is_true(asked[3] > 0 and asked[3] <= LIMIT)
    asked = nil
    connect("127.0.0.1"):close()
    assert.is_nil(asked)
    local conn <close> = net.client()
    assert.has_error(function() conn:bind("some.test", port) end)
    assert.is_nil(asked[3])
    net.client_context():connect("b\195\188cher.test", port, {
      do_handshake_on_connect = false, family = "inet",
    }):close()
    assert.same({"xn--bcher-kva.test", "inet", count = 3}, asked)
  end)

  it("may give several addresses, tried in order", function()
    ssl.set_resolver(function() return {"::1", "127.0.0.1"} end)
    local conn <close> = connect("some.test")
    assert.equal("127.0.0.1", (conn:getpeername()))
  end)

  it("may yield", function()
    ssl.set_resolver(function()
      scheduler.pause()
      return {"127.0.0.1"}
    end)
    local loop = scheduler.new()
    local task = loop:spawn(connect, "some.test")
    assert.is_nil(task.done)
    loop:resume(task)
    scheduler.results(task):close()
  end)

  it("raises what it raises, unchanged", function()
    for _, reason in ipairs {"text", {}, false} do
      ssl.set_resolver(function() error(reason, 0) end)
      local ok, err = pcall(connect, "some.test")
      assert.is_false(ok)
      assert.equal(reason, err)
    end
    ssl.set_resolver(function() error() end)
    local ok, err = pcall(connect, "some.test")
    assert.same({false, nil}, {ok, err})
  end)

  it("says with nil and a message that there is no such host", function()
    for _, case in ipairs {
      {{nil, "not today"}, "not today"},
      {{}, "the resolver found no address of some.test"},
      {{nil, {}}, "the resolver found no address of some.test"},
      {{{}}, "the resolver found no address of some.test"},
      {{{"::1"}}, "the resolver found no address of some.test", "inet"},
      {{{"127.0.0.1"}}, "the resolver found no address of some.test", "inet6"},
    } do
      ssl.set_resolver(function() return case[1][1], case[1][2] end)
      local ctx = net.client_context()
      local err = net.failure(ctx.connect, ctx, "some.test", port,
                              {family = case[3]})
      assert.is_true(err:is(ssl.OSError))
      assert.equal("DNS", err.library)
      assert.equal("resolve", err.op)
      assert.equal(case[2], err.message)
    end
  end)

  it("is refused what is no list of numeric addresses", function()
    for _, answer in ipairs {
      1, true, print, "some.test", {"some.test"}, {"127.0.0.1", 5}, {{}},
      {"127.0.0.1:80"}, {""}, {"1.2.3.4\0"},
    } do
      ssl.set_resolver(function() return answer end)
      local err = net.failure(connect, "some.test")
      assert.is_true(err:is(ssl.ValueError))
      assert.matches("^a resolver returns", err.message)
    end
    ssl.set_resolver(function() return false end)
    assert.is_true(net.failure(connect, "some.test"):is(ssl.ValueError))
  end)

  it("that takes longer than the deadline is too late", function()
    ssl.set_resolver(function(_, _, timeout)
      native.poll({}, {}, timeout + 0.01)
      return {"127.0.0.1"}
    end)
    local err = net.failure(connect, "some.test", 0.02)
    assert.is_true(err:is(ssl.TimeoutError))
    assert.equal("resolve", err.op)
  end)

  it("whose connection is closed meanwhile connects nothing", function()
    local conn = net.client()
    ssl.set_resolver(function()
      conn:close()
      return {"127.0.0.1"}
    end)
    local err = net.failure(conn.connect, conn, "some.test", port)
    assert.is_true(err:is(ssl.OSError))
    assert.equal("EBADF", err.name)
  end)

  it("is a function, or nil", function()
    for _, wrong in ipairs {1, "x", {}, true} do
      assert.has_error(function() ssl.set_resolver(wrong) end)
    end
    assert.is_true(ssl.set_resolver())
  end)
end)
