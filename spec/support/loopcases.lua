--- What event loops are to do with connections, as programs: loopcases() runs one
-- and raises where the loop fails it. See support/loopcase.lua.
local case = require "support.loopcase"
local drivers = require "support.loopdrivers"
local native = require "native"
local pair = require "support.pair"
local ssl = require "pyssl"

local BULK, waits, equal, is_a, try, count, echo, read_all, on_time =
  case.BULK, case.waits, case.equal, case.is_a, case.try, case.count,
  case.echo, case.read_all, case.on_time

local cases = {}

function cases.timeout(loop)
  local client, server = pair.connected()
  local err, took, ready, writable
  loop.spawn(function()
    client:settimeout(0.05)
    local before = native.now()
    err = try(client, "recv")
    took = native.now() - before
    ready = loop.wait(client, "r", 0.02)
    writable = loop.wait(client, "w", 10)
  end)
  loop.run()
  is_a(ssl.TimeoutError, err)
  equal("read", err.op)
  on_time(took, 0.05, 0.2)
  equal(false, ready)
  equal(true, writable)
  pair.close(client, server)
end

function cases.fallback(loop)
  local client, server = pair.connected()
  client:settimeout(0.02)
  is_a(ssl.TimeoutError, try(client, "recv"))
  equal(false, loop.wait(client, "r", 0.01))
  equal(true, loop.wait(client:fileno(), "w"))
  server:sendall("x")
  equal("x", client:recv())
  pair.close(client, server)
  local err = select(2, ssl.try(loop.wait, client, "r"))
  is_a(ssl.OSError, err)
  equal("EBADF", err.name)
  is_a(ssl.ValueError, select(2, ssl.try(loop.wait, server, "x")))
end

function cases.echo(loop)
  local client, server = pair.connected()
  local received
  loop.spawn(function() echo(server) end)
  loop.spawn(function()
    received = client:makefile("r"):read(#BULK) -- nobody else has the file
    client:close_write()
  end)
  loop.spawn(function() client:sendall(BULK) end)
  loop.run()
  equal(true, received == BULK)
  equal(true, waits.r > 0 and waits.w > 0)
  pair.close(client, server)
end

function cases.second_reader(loop)
  local client, server = pair.connected()
  local err, got
  loop.spawn(function() got = client:recv() end)
  loop.rest(0.01)
  loop.spawn(function()
    err = try(client, "recv")
    server:sendall("for the first")
  end)
  loop.run()
  is_a(ssl.ValueError, err)
  equal("another coroutine is reading from the connection", err.message)
  equal("for the first", got)
  pair.close(client, server)
end

function cases.close(loop)
  local client, server = pair.connected()
  local err
  loop.spawn(function() err = try(client, "recv") end)
  loop.rest(0.01)
  loop.spawn(function() client:close() end)
  loop.run()
  is_a(ssl.OSError, err)
  equal("EBADF", err.name)
  equal("", server:recv())
  server:close()
end

function cases.idle(loop)
  local N, ends, woken = 20, {}, 0
  for _ = 1, N do
    local client, server = pair.connected()
    client:settimeout(nil)
    ends[#ends + 1] = {client, server}
    loop.spawn(function()
      try(client, "recv")
      woken = woken + 1
    end)
  end
  loop.rest(0.01)
  equal(N, waits.r)
  local turns = loop.rest(0.1)
  if turns > 5 then error(("the loop turned %d times"):format(turns)) end
  equal(N, waits.r)
  ends[1][2]:sendall("x")
  loop.rest(0.05)
  equal(1, woken)
  equal(N, waits.r)
  for _, both in ipairs(ends) do pair.close(both[2], both[1]) end
  loop.run()
  equal(N, woken)
end

-- The receiver begins when the sender cannot go on.
local function transfer(loop, send)
  local client, server = pair.connected()
  local received, sent
  loop.spawn(function()
    send(server)
    server:close_write()
    sent = true
  end)
  loop.rest(0.02)
  equal(nil, sent)
  equal(true, waits.w > 0 and waits.w < 10)
  loop.spawn(function() received = read_all(client) end)
  loop.run()
  equal(true, sent)
  equal(true, received == BULK)
  pair.close(client, server)
end

function cases.sendall(loop)
  transfer(loop, function(conn) conn:sendall(BULK) end)
end

function cases.sendfile(loop)
  local file = assert(io.tmpfile())
  file:write(BULK)
  file:seek("set")
  transfer(loop, function(conn) equal(#BULK, conn:sendfile(file)) end)
  file:close()
end

function cases.makefile(loop)
  local client, server = pair.connected()
  local lines = {}
  loop.spawn(function()
    local file = server:makefile("rw")
    for _ = 1, 3 do
      file:write("re: ", file:read("l"), "\n")
      file:flush()
    end
    file:close()
    server:close()
  end)
  loop.spawn(function()
    local file = client:makefile("rw")
    for i = 1, 3 do
      file:write("line ", i, "\n")
      file:flush()
      lines[i] = file:read("l")
    end
    equal("", file:read("a"))
    file:close()
  end)
  loop.run()
  equal("re: line 1,re: line 2,re: line 3", table.concat(lines, ","))
  client:close()
end

function cases.context(loop)
  ssl.set_default_waiter(nil)
  local used = 0
  local ctx = pair.client_context()
  ctx.waiter = function(...)
    used = used + 1
    return loop.wait(...)
  end
  local client, server = pair.connected(ctx)
  local got
  loop.spawn(function() got = client:recv() end)
  loop.rest(0.01)
  loop.spawn(function()
    server:settimeout(0.01) -- it has none: the program waits
    is_a(ssl.TimeoutError, try(server, "recv"))
    equal(nil, got)
    server:sendall("x")
  end)
  loop.run()
  equal("x", got)
  equal(1, used)
  pair.close(client, server)
end

return function()
  local loop = drivers.load(arg[1])
  for _, name in ipairs {"loopservers", "looponly", "loopclosing"} do
    for key, body in pairs(require("support." .. name)) do cases[key] = body end
  end
  loop.install()
  count(loop)
  cases[arg[2]](loop)
end
