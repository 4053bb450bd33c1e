-- Waiters: which one is asked, by which operations, for what and for how long.
local native = require "native"
local net = require "support.net"
local pair = require "support.pair"
local raised = require "support.raised"
local ssl = require "pyssl"

local LIMIT = 5 * require("support.scale").factor
local BIG = ("x"):rep(2 * 1024 * 1024)

-- A waiter that notes what it is called with, lets the peer act, and waits in
-- the system; and its notes.
local function recorder(act)
  local calls = {}
  return function(...)
    local object, mode, timeout = ...
    calls[#calls + 1] = {
      object = object, mode = mode, timeout = timeout, count = select("#", ...),
    }
    if act then act(object) end
    return ssl.wait(object, mode, timeout)
  end, calls
end

-- f(...) raises a string in which the pattern is.
local function refused(pattern, f, ...)
  local ok, message = pcall(f, ...)
  assert.is_false(ok)
  assert.matches(pattern, message)
end

-- A pair whose kernel holds but little, so that writers of BIG wait.
local function narrow_pair()
  local client, server = pair.connected()
  client:setsockopt("SOL_SOCKET", "SO_SNDBUF", 65536)
  server:setsockopt("SOL_SOCKET", "SO_RCVBUF", 262144)
  server:settimeout(0)
  client:settimeout(LIMIT)
  return client, server
end

-- Read what there is without waiting.
local function drain(conn)
  local ok, data
  repeat
    ok, data = pcall(conn.recv, conn, 16384)
  until not ok or data == ""
end

local function try(conn, name, ...)
  return pcall(conn[name], conn, ...)
end

-- Fill a connection until it takes no more.
local function fill(conn)
  conn:settimeout(0)
  while try(conn, "send", ("y"):rep(16384)) do end
end

-- Each: what is awaited, and f(client, server) with `server` non-blocking, which
-- gives the operation of the client, and what the server does meanwhile.
local function sender(name, ...)
  local arguments = {...}
  return function(client, server)
    return function() return client[name](client, table.unpack(arguments)) end,
      function() drain(server) end
  end
end

local function reader(name, argument)
  return function(client, server)
    return function() return client[name](client, argument and argument()) end,
      function() try(server, "send", "hello\n") end
  end
end

local OPERATIONS = {
  {"recv", "r", reader "recv"},
  {"recv_into", "r", reader("recv_into", function() return ssl.buffer(10) end)},
  {"read", "r", reader "read"},
  {"a file's read", "r", function(client, server)
    local file = client:makefile "r"
    return function() file:read "l" file:close() end,
      function() try(server, "send", "hello\n") end
  end},
  {"send", "w", sender("send", BIG)},
  {"sendall", "w", sender("sendall", BIG)},
  {"write", "w", sender("write", BIG)},
  {"sendall of an array", "w", sender("sendall", {BIG, BIG})},
  {"sendfile", "w", function(client, server)
    return function()
      local file = assert(io.tmpfile())
      file:write(BIG)
      client:sendfile(file)
      file:close()
    end, function() drain(server) end
  end},
  {"a file's write", "w", function(client, server)
    local file = client:makefile "w"
    return function() file:write(BIG) file:close() end,
      function() drain(server) end
  end},
  {"a file's flush", "w", function(client, server)
    local file = client:makefile("w", #BIG + 1)
    file:write(BIG)
    return function() file:flush() file:close() end,
      function() drain(server) end
  end},
  {"close_write", "w", function(client, server)
    fill(client)
    client:settimeout(LIMIT)
    return function() return client:close_write() end,
      function() drain(server) end
  end},
  {"unwrap", "r", function(client, server)
    return function() return client:unwrap() end,
      function() try(server, "unwrap") end
  end},
}

local function check_timeouts(calls, limit)
  local last = limit
  for _, call in ipairs(calls) do
    assert.equal("number", type(call.timeout))
    assert.is_true(call.timeout >= 0 and call.timeout <= last)
    last = call.timeout
  end
end

local function modes(calls)
  local seen = {}
  for _, call in ipairs(calls) do seen[call.mode] = true end
  return seen
end

describe("through the waiter goes", function()
  for _, case in ipairs(OPERATIONS) do
    local name, mode, prepare = table.unpack(case)
    it(name .. ", with the time that is left", function()
      local client <close>, server = narrow_pair()
      local _ <close> = server
      local run, act = prepare(client, server)
      local calls
      client.waiter, calls = recorder(act)
      run()
      assert.is_true(#calls > 0)
      assert.same({[mode] = true}, modes(calls))
      assert.equal(client, calls[1].object)
      check_timeouts(calls, LIMIT)
    end)
  end

  it("do_handshake, on either side", function()
    for _, i in ipairs {1, 2} do
      local ends = {pair.tcp(net.client_context(), net.server_context())}
      local conn, peer = ends[i], ends[3 - i]
      conn:settimeout(LIMIT)
      local waiter, calls = recorder(function() try(peer, "do_handshake") end)
      conn.waiter = waiter
      conn:do_handshake()
      assert.is_true(#calls > 0)
      assert.same({r = true}, modes(calls))
      check_timeouts(calls, LIMIT)
      pair.close(conn, peer)
    end
  end)

  it("accept, which gives the listener's waiter to what it takes", function()
    local listener <close> = net.listener()
    local client <close> = net.client()
    local waiter, calls = recorder(function()
      client:settimeout(0)
      client:connect_ex(listener:getsockname())
    end)
    listener.waiter = waiter
    listener:settimeout(LIMIT)
    local conn <close> = listener:accept()
    assert.equal(1, #calls)
    assert.equal(listener, calls[1].object)
    assert.equal("r", calls[1].mode)
    check_timeouts(calls, LIMIT)
    assert.equal(waiter, conn.waiter)
  end)

  it("connect", function()
    local port, hole = net.blackhole()
    local _ <close> = hole
    local client <close> = net.client()
    client:settimeout(0.02)
    local waiter, calls = recorder()
    client.waiter = waiter
    local err = net.failure(client.connect, client, "127.0.0.1", port)
    assert.is_true(err:is(ssl.TimeoutError))
    assert.equal("connect", err.op)
    assert.equal("w", calls[1].mode)
    assert.equal(client, calls[1].object)
    check_timeouts(calls, 0.02)
  end)

  it("context:connect, by the context's waiter", function()
    local ctx = pair.client_context()
    local listener <close> = net.listener {do_handshake_on_connect = false}
    listener:settimeout(0)
    local server
    local waiter, calls = recorder(function()
      local ok, conn = pcall(listener.accept, listener)
      server = server or ok and conn
      if server then try(server, "do_handshake") end
    end)
    ctx.waiter = waiter
    local _, port = listener:getsockname()
    local client <close> = ctx:connect("127.0.0.1", port,
      {timeout = LIMIT, server_hostname = "localhost"})
    server:close()
    assert.equal("r", calls[#calls].mode)
    assert.equal(client, calls[#calls].object)
    check_timeouts(calls, LIMIT)
  end)
end)

describe("a waiter", function()
  local client, server
  before_each(function()
    client, server = narrow_pair()
  end)
  after_each(function()
    ssl.set_default_waiter(nil)
    net.client_context().waiter = nil
    pair.close(client, server)
  end)

  -- Which of several waiters a recv asks.
  local function asked(waiters)
    local name
    for each, set in pairs(waiters) do
      set((recorder(function()
        name = each
        server:send("x")
      end)))
    end
    client:recv(1)
    return name
  end

  it("of the socket comes before its context's, and that before the default", function()
    local ctx = client.context
    local function of_socket(f) client.waiter = f end
    local function of_context(f) ctx.waiter = f end
    local default = ssl.set_default_waiter
    assert.equal("default", asked {default = default})
    assert.equal("context", asked {default = default, context = of_context})
    assert.equal("socket", asked {
      default = default, context = of_context, socket = of_socket,
    })
    client.waiter = nil
    assert.equal("context", asked {default = default, context = of_context})
    ctx.waiter = nil
    assert.equal("default", asked {default = default})
  end)

  it("is looked up at each wait", function()
    local second, calls = recorder(function() server:send("x") end)
    client.waiter = function()
      client.waiter = second
      return true
    end
    assert.equal("x", client:recv(10))
    assert.equal(1, #calls)
    client.waiter = function()
      client.waiter = nil -- in the middle of an operation: pyssl waits itself
      server:send("y")
      return true
    end
    assert.equal("y", client:recv(10))
  end)

  it("can be any value that can be called, and nothing else", function()
    local called
    local callable = setmetatable({}, {__call = function(_, object, mode, ...)
      called = mode
      server:send("x")
      return ssl.wait(object, mode, ...)
    end})
    client.waiter = callable
    assert.equal(callable, client.waiter)
    assert.equal("x", client:recv(10))
    assert.equal("r", called)
    for _, wrong in ipairs {1, "f", {}, true} do
      refused("function expected", function() client.waiter = wrong end)
      refused("function expected", function()
        client.context.waiter = wrong
      end)
      refused("function expected", ssl.set_default_waiter, wrong)
    end
    refused("value expected", ssl.set_default_waiter)
    assert.equal(callable, client.waiter)
    assert.is_nil(client.context.waiter)
    assert.is_true(ssl.set_default_waiter(nil))
  end)

  it("gets no time limit where there is none", function()
    client:settimeout(nil)
    for _, set in ipairs {
      function(f) client.waiter = f end,
      function(f) client.context.waiter = f end,
      ssl.set_default_waiter,
    } do
      local waiter, calls = recorder(function() server:send("x") end)
      server:send("plainly")
      client:recv()
      set(waiter)
      client:recv(1)
      set(nil)
      assert.equal(3, calls[1].count)
      assert.is_nil(calls[1].timeout)
    end
  end)

  it("is not called where the socket never waits", function()
    client.waiter = function() error("called") end
    client:settimeout(0)
    raised.object(ssl.SSLWantReadError, client.recv, client, 1)
    raised.object(ssl.SSLWantWriteError, client.sendall, client, BIG)
    local other <close> = net.client()
    other.waiter = client.waiter
    other:settimeout(0)
    local holder, port = net.refusing()
    local _ <close> = holder
    assert.not_equal(0, other:connect_ex("127.0.0.1", port))
  end)

  it("is not called for what is there already", function()
    client.waiter = function() error("called") end
    server:send("xy")
    native.poll({client:fileno()}, {}, LIMIT)
    assert.equal("x", client:recv(1))
    assert.is_true(client:dirty())
    assert.equal("y", client:recv(1))
    assert.is_false(client:dirty())
    client:sendall("ping")
  end)

  it("shares one deadline with the whole operation, however often it waits", function()
    client:settimeout(0.1)
    local waits = 0
    client.waiter = function(object, mode, timeout)
      waits = waits + 1
      ssl.wait(object, mode, math.min(timeout, 0.02))
      return true -- though nothing came
    end
    local seconds, err = net.timed_failure(client.recv, client, 1)
    assert.is_true(err:is(ssl.TimeoutError))
    assert.is_true(net.is_on_time(seconds, 0.1))
    assert.is_true(waits > 2 and waits < 20)
    -- A peer that gives a little now and then extends nothing.
    client.waiter = function(object, mode, timeout)
      for _ = 1, 4 do try(server, "recv", 16384) end
      ssl.wait(object, mode, math.min(timeout, 0.02))
      return true
    end
    seconds, err = net.timed_failure(client.sendall, client, BIG:rep(20))
    assert.is_true(err:is(ssl.TimeoutError))
    assert.is_true(err.sent > 0)
    assert.is_true(net.is_on_time(seconds, 0.1))
  end)

  it("waits for what the socket answers to event loops", function()
    assert.equal(client:fileno(), client:getfd())
    assert.equal(client:fileno(), client:pollfd())
    local fd = client:fileno()
    client.waiter = function(object, mode)
      assert.equal(mode, object:events())
      assert.equal(fd, object:getfd())
      return false
    end
    raised.object(ssl.TimeoutError, client.recv, client, 1)
    assert.equal("r", client:events())
    raised.object(ssl.TimeoutError, client.sendall, client, BIG)
    assert.equal("w", client:events())
    client:close()
    assert.equal(-1, client:getfd())
  end)
end)
