-- ctx.release_buffers: whether idle connections give OpenSSL's buffers back.
local native = require "native"
local memory = require "support.memory"
local pair = require "support.pair"
local raised = require "support.raised"
local wire = require "support.wire"
local ssl = require "pyssl"

local MANY = 8
local BUFFER = 16 * 1024 -- OpenSSL has two of these, or a little more

local function settled_heap()
  collectgarbage()
  collectgarbage()
  return native.heap()
end

-- AddressSanitizer's own malloc does not tell.
local measures = native.heap() > 0

-- A pair's ends over sockets, idle behind an exchange.
local function over_sockets(client_ctx, server_ctx, prepare)
  local w = wire.new {client = client_ctx, server = server_ctx}
  prepare(w.client)
  prepare(w.server)
  for _ = 1, 2 do
    w.client:sendall("ping")
    w:move()
    assert.equal("ping", w.server:recv())
    w.server:sendall("pong")
    w:move()
    assert.equal("pong", w.client:recv())
  end
  return w
end

local function over_memory(client_ctx, server_ctx)
  local ends = memory.connected(client_ctx, server_ctx)
  ends.client:write("ping")
  ends:move()
  assert.equal("ping", ends.server:read())
  ends.server:write("pong")
  ends:move()
  assert.equal("pong", ends.client:read())
  return ends
end

-- How many of the buffers that an end may have it keeps.
local function buffers_kept(make, prepare, setting)
  local function build(value)
    local client_ctx = pair.client_context()
    local server_ctx = pair.server_context()
    client_ctx.release_buffers = value
    server_ctx.release_buffers = value
    local first = make(client_ctx, server_ctx, prepare) -- what is made once
    local before, list = settled_heap(), {}
    for i = 1, MANY do list[i] = make(client_ctx, server_ctx, prepare) end
    local bytes = settled_heap() - before
    for _, each in ipairs(list) do each:close() end
    first:close()
    return bytes / MANY / 2 / BUFFER
  end
  -- Over what is left where everything is given back.
  return math.floor(build(setting) - build(true) + 0.5)
end

local PLACES = {
  {"a connection that blocks", over_sockets, function() end, kept = 2},
  {"one that never waits", over_sockets,
   function(conn) conn:settimeout(0) end, kept = 0},
  {"one with a waiter", over_sockets,
   function(conn) conn.waiter = ssl.wait end, kept = 0},
  {"an object over memory", over_memory, nil, kept = 0},
}

describe("The attribute release_buffers", function()
  it("is nil, true or false", function()
    local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert.is_nil(ctx.release_buffers)
    for _, value in ipairs {true, false} do
      ctx.release_buffers = value
      assert.equal(value, ctx.release_buffers)
    end
    raised.text("bad value for attribute 'release_buffers' "
                  .. "(boolean expected, got number)",
                raised.set, ctx, "release_buffers", 1)
    assert.is_false(ctx.release_buffers)
    ctx.release_buffers = nil
    assert.is_nil(ctx.release_buffers)
  end)

  if not measures then return end

  for _, place in ipairs(PLACES) do
    local what, make, prepare = table.unpack(place)

    it(("left at nil lets %s keep %d of its buffers"):format(what, place.kept),
       function()
      assert.equal(place.kept, buffers_kept(make, prepare, nil))
    end)

    it("lets " .. what .. " keep both where it is false", function()
      assert.equal(2, buffers_kept(make, prepare, false))
    end)
  end

  it("does not change connections that are there", function()
    local ctx = pair.server_context()
    local w <close> = wire.new {server = ctx}
    local function speak()
      w.client:sendall("ping")
      w:move()
      assert.equal("ping", w.server:recv())
      return settled_heap()
    end
    speak()
    local before = speak()
    ctx.release_buffers = true
    assert.is_true(math.abs(speak() - before) < BUFFER / 4)
  end)

  it("follows the context that a server switches to", function()
    local other = pair.server_context("server", {release_buffers = true})
    local function build(switch)
      local ctx = pair.server_context()
      if switch then
        ctx.sni_callback = function(conn) conn.context = other end
      end
      local w <close> = over_sockets(pair.client_context(), ctx, function() end)
      assert.equal(switch and other or ctx, w.server.context)
      return settled_heap()
    end
    build(true)
    build(false)
    local kept = (build(false) - build(true)) / BUFFER
    assert.is_true(kept > 1.5, "it keeps " .. kept)
  end)
end)
