--- What event loops are to do for servers and for who connects to them.
-- See support/loopcase.lua.
local case = require "support.loopcase"
local native = require "native"
local pair = require "support.pair"
local scale = require "support.scale"
local ssl = require "pyssl"

local equal, is_a, try, echo, on_time =
  case.equal, case.is_a, case.try, case.echo, case.on_time

local cases = {}

function cases.reuse(loop)
  local numbers, rounds = {}, 0
  loop.spawn(function()
    for _ = 1, 20 do
      local client, server = pair.connected()
      numbers[client:fileno()] = true
      loop.spawn(function() server:sendall(server:recv(1)) end)
      client:sendall("x")
      equal("x", client:recv(1))
      pair.close(client, server)
      rounds = rounds + 1
    end
  end)
  loop.run()
  equal(20, rounds)
  local _, another = next(numbers, (next(numbers)))
  equal(nil, another) -- it was one number
end

-- A listener that accepts connections and gives each to `serve`, until it is
-- closed. Its port.
local function listen(loop, serve, options)
  local listener = pair.server_context():wrap_socket(nil,
    pair.merge({server_side = true}, options))
  listener:bind("127.0.0.1", 0)
  listener:listen()
  loop.spawn(function()
    while true do
      local conn, err = ssl.try(listener.accept, listener)
      if not conn then return equal("EBADF", err.name) end
      loop.spawn(function() serve(conn) end)
    end
  end)
  return listener, select(2, listener:getsockname())
end

local function serve_echo(conn)
  echo(conn)
  conn:close()
end

function cases.failed_connect(loop)
  local listener, port = listen(loop, serve_echo)
  ssl.set_resolver(function() return {"127.0.0.2", "127.0.0.3", "127.0.0.1"} end)
  local got
  loop.spawn(function()
    local conn = pair.client_context():connect("localhost", port)
    conn:sendall("at the third")
    got = conn:recv()
    conn:close()
    listener:close()
  end)
  loop.run()
  equal("at the third", got)
end

function cases.lookup(loop)
  local lookup = require "lookup"
  local listener, port = listen(loop, serve_echo)
  local found, rounds = false, 0
  loop.spawn(function()
    local conn = pair.client_context():connect("slow.test", port,
      {server_hostname = "localhost", timeout = scale.tolerance(20)})
    found = true
    conn:close()
    listener:close()
  end)
  loop.spawn(function()
    local conn = pair.client_context():connect("127.0.0.1", port)
    for _ = 1, 10 do
      conn:sendall("meanwhile")
      equal("meanwhile", conn:recv())
      rounds = rounds + 1
    end
    equal(false, found)
    lookup.go()
    conn:close()
  end)
  loop.run()
  equal(10, rounds)
  equal(true, found)
end

function cases.resolver(loop)
  local listener, port = listen(loop, serve_echo)
  local here, there = native.socketpair()
  local asked, peer
  ssl.set_resolver(function(host, family)
    asked = host .. " " .. family
    equal(true, loop.wait(here, "r"))
    return {native.read(here, 100)}
  end)
  loop.spawn(function()
    local conn = pair.client_context():connect("localhost", port)
    peer = conn:getpeername()
    conn:close()
    listener:close()
  end)
  loop.rest(0.01)
  equal("localhost any", asked)
  equal(nil, peer)
  native.write(there, "127.0.0.1")
  loop.run()
  equal("127.0.0.1", peer)
  native.close(here)
  native.close(there)
end

local function connect_silently(port)
  local silent = pair.client_context():wrap_socket(nil,
    {server_hostname = "localhost", do_handshake_on_connect = false})
  silent:connect("127.0.0.1", port)
  return silent
end

function cases.accept(loop)
  local served, accepted = nil, 0
  local listener, port = listen(loop, function(conn)
    accepted = accepted + 1
    ssl.try(serve_echo, conn)
  end)
  local silent = {}
  for i = 1, 5 do silent[i] = connect_silently(port) end
  loop.spawn(function()
    local conn = pair.client_context():connect("127.0.0.1", port)
    conn:sendall("in spite of them")
    served = conn:recv()
    pair.close(conn, listener, table.unpack(silent))
  end)
  loop.run()
  equal(6, accepted)
  equal("in spite of them", served)
end

function cases.handshake(loop)
  local err, took
  local listener, port
  listener, port = listen(loop, function(conn)
    local before = native.now()
    err = try(conn, "recv")
    took = native.now() - before
    conn:close()
    listener:close()
  end)
  listener.handshake_timeout = 0.05
  local silent = connect_silently(port)
  loop.run()
  is_a(ssl.TimeoutError, err)
  on_time(took, 0.04, 0.2)
  silent:close()
end

function cases.many(loop)
  local N, done = scale.count(100, 20), 0
  local listener, port = listen(loop, serve_echo)
  local ctx = pair.client_context()
  for i = 1, N do
    loop.spawn(function()
      local conn = ctx:connect("127.0.0.1", port)
      conn:sendall("number " .. i)
      equal("number " .. i, conn:recv())
      conn:close()
      done = done + 1
      if done == N then listener:close() end
    end)
  end
  loop.run()
  equal(N, done)
end

return cases
