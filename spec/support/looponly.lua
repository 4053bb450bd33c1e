--- What single loops are to do. See support/loopcase.lua.
local case = require "support.loopcase"
local pair = require "support.pair"
local scale = require "support.scale"
local ssl = require "pyssl"

local BULK, equal, is_a, try, read_all =
  case.BULK, case.equal, case.is_a, case.try, case.read_all

local cases = {}

function cases.abandoned(loop)
  local client, server = pair.connected()
  local got
  loop.abandon(function() client:recv() end)
  loop.spawn(function() got = client:recv() end)
  loop.rest(0.01)
  server:sendall("for the second")
  loop.run()
  equal("for the second", got)
  pair.close(client, server)
end

-- The same socket, awaited by the loop itself.
function cases.cqueues_poll(loop)
  local cqueues = require "cqueues"
  local client, server = pair.connected()
  client:settimeout(0)
  local ready, late
  loop.spawn(function()
    is_a(ssl.SSLWantReadError, try(client, "recv"))
    late = cqueues.poll({pollfd = client:pollfd(), events = "r"}, 0.01)
    server:sendall("x")
    equal("r", client:events())
    ready = cqueues.poll(client)
    equal("x", client:recv())
  end)
  loop.run()
  equal(0.01, late)
  equal(client, ready)
  cqueues.cancel(client)
  pair.close(client, server)
end

local function handles()
  local n = 0
  require("luv").walk(function(handle)
    if not handle:is_closing() and handle:is_active() then n = n + 1 end
  end)
  return n
end

function cases.luv_handles(loop)
  local client, server = pair.connected()
  local before, n = handles(), nil
  loop.spawn(function() client:recv() end)
  loop.spawn(function() client:sendall(BULK) end)
  equal(before + 3, handles()) -- one for both, and their time limits
  client:settimeout(nil)
  loop.spawn(function()
    server:recv(100)
    n = handles()
    read_all(server)
  end)
  loop.spawn(function() server:sendall("x") end)
  loop.rest(0.05)
  client:close_write()
  loop.run()
  equal(true, n ~= nil)
  equal(before, handles())
  pair.close(client, server)
end

function cases.luv_abandoned(loop)
  local client, server = pair.connected()
  local before = handles()
  loop.abandon(function() client:recv() end)
  equal(before, handles())
  loop.run() -- nothing keeps it
  pair.close(client, server)
end

-- A coroutine that waits is resumed by somebody else.
function cases.luv_resumed(loop)
  local client, server = pair.connected()
  local before, got, last = handles(), nil, nil
  local co = loop.spawn(function()
    got = client:recv()
    last = coroutine.yield()
  end)
  assert(coroutine.resume(co, "nothing to do with it"))
  server:sendall("x")
  loop.run()
  equal("x", got)
  equal("suspended", coroutine.status(co))
  coroutine.resume(co, "mine")
  equal("mine", last)
  equal(before, handles())
  pair.close(client, server)
end

function cases.luv_raised(loop)
  local client, server = pair.connected()
  local other = false
  loop.spawn(function()
    client:recv()
    error("it was me")
  end)
  loop.spawn(function()
    server:sendall("x")
    other = true
  end)
  loop.run()
  error("it vanished " .. tostring(other))
end

-- LuaSocket's select, which copas is made of.
function cases.select()
  local socket = require "socket"
  local client, server = pair.connected()
  client:settimeout(0)
  is_a(ssl.SSLWantReadError, try(client, "recv")) -- the tickets are taken
  local ready, writable = socket.select({client}, {client}, 0)
  equal(nil, ready[1])
  equal(client, writable[1])
  server:sendall("abc")
  ready = socket.select({client}, nil, scale.tolerance(5))
  equal(client, ready[1])
  equal("a", client:recv(1))
  ready = socket.select({client}, nil, 0) -- decrypted bytes count
  equal(client, ready[1])
  equal("bc", client:recv(2))
  equal(nil, socket.select({client}, nil, 0)[1])
  pair.close(client, server)
end

return cases
