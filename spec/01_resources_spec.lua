-- What connections take is given back, also where nobody collects. The counts
-- are the issue's: so many connections, then as many again. The file runs first
-- (its name says so): what other specs leave in the heap would blur the figures.
local certs = require "support.certs"
local child = require "support.child"
local native = require "native"
local pair = require "support.pair"
local scale = require "support.scale"
local ssl = require "pyssl"

local COUNT = scale.count(1000, 20)
local FEWER = scale.count(200, 10) -- for what differs in the end only
-- KiB that memory may have grown by. AddressSanitizer keeps what is freed for a
-- while, and LeakSanitizer looks itself.
local MORE = os.getenv "ASAN_OPTIONS" and math.huge or scale.tolerance(1024)

-- A client's and a server's context without more work than is needed.
local function contexts()
  return pair.client_context(), pair.server_context()
end

-- A connection over a pair of descriptors, its handshake done.
local function connect(client_ctx, server_ctx)
  local a, b = native.socketpair()
  local client = client_ctx:wrap_socket(a,
    {server_hostname = "localhost", do_handshake_on_connect = false})
  local server = server_ctx:wrap_socket(b,
    {server_side = true, do_handshake_on_connect = false})
  client:settimeout(0)
  server:settimeout(0)
  local results = pair.drive({client.do_handshake, client},
    {server.do_handshake, server})
  assert(results[1][1] and results[2][1])
  client:send "ping"
  assert(server:recv() == "ping")
  return client, server
end

-- Resident memory in KiB and open descriptors, without what awaits collection.
local function usage()
  for _ = 1, 2 do collectgarbage() end
  return native.rss(), native.fd_count()
end

-- After body() `count` times as much is in use as after as many times more.
local function grows_not(count, body)
  for _ = 1, count do body() end
  local memory, fds = usage()
  for _ = 1, count do body() end
  local memory_then, fds_then = usage()
  assert.is_true(memory_then - memory <= MORE,
    ("%d KiB more"):format(memory_then - memory))
  assert.equal(fds, fds_then)
end

describe(("opening %d connections, and %d more"):format(COUNT, COUNT), function()
  it("leaves memory and descriptors as they were when they are closed", function()
    local client_ctx, server_ctx = contexts()
    grows_not(COUNT, function()
      local client, server = connect(client_ctx, server_ctx)
      client:close()
      server:close()
    end)
  end)

  it("leaves them where the closing is left to the collector", function()
    local client_ctx, server_ctx = contexts()
    local _, before = usage()
    local most = 0
    grows_not(COUNT // 2, function()
      connect(client_ctx, server_ctx)
      most = math.max(most, native.fd_count() - before)
    end)
    -- Far fewer are open at any time than the 2,000 that were abandoned; slow
    -- runs abandon no more than the collector may leave alone.
    assert.is_true(most < 500, most .. " descriptors open")
  end)

  it("leaves them where every handshake fails", function()
    local client_ctx, server_ctx = pair.client_context(),
      pair.server_context "stranger"
    grows_not(FEWER, function()
      assert(not pcall(connect, client_ctx, server_ctx))
    end)
  end)

  it("leaves them on both ends of a listener, over TCP", function()
    local client_ctx, server_ctx = contexts()
    local listener <close> = server_ctx:wrap_socket(nil,
      {server_side = true, do_handshake_on_connect = false})
    listener:bind("127.0.0.1", 0)
    listener:listen()
    local host, port = listener:getsockname()
    grows_not(FEWER, function()
      local client = client_ctx:wrap_socket(nil,
        {server_hostname = "localhost", do_handshake_on_connect = false})
      client:connect(host, port)
      local server = listener:accept()
      client:settimeout(0)
      server:settimeout(0)
      pair.drive({client.do_handshake, client}, {server.do_handshake, server})
      pair.close(client, server)
    end)
  end)
end)

describe("contexts that were made before a fork", function()
  -- A server in the child, its client in the parent, by these contexts.
  local function talk(client_ctx, server_ctx)
    local a, b = native.socketpair()
    local peer <close> = child.run(function()
      native.close(a)
      local server = server_ctx():wrap_socket(b, {server_side = true})
      server:settimeout(pair.LIMIT)
      local text = server:recv()
      server:sendall(text:upper())
      server:close()
    end)
    native.close(b)
    local client <close> = client_ctx:wrap_socket(a,
      {server_hostname = "localhost"})
    client:settimeout(pair.LIMIT)
    client:send "hello"
    assert.equal("HELLO", client:recv())
    peer:join()
  end

  it("work in the child and in the parent, again and again", function()
    local client_ctx, server_ctx = contexts()
    for _ = 1, 3 do
      talk(client_ctx, function() return server_ctx end)
    end
  end)

  it("share their trust with those made after it, on both sides", function()
    local before = pair.client_context()
    talk(before, function()
      local ctx = pair.server_context()
      ctx.verify_mode = ssl.CERT_OPTIONAL
      ctx:load_verify_locations(certs.path "ca.pem")
      ctx:load_verify_locations(certs.path "other-ca.pem")
      return ctx
    end)
    local stats = pair.client_context():cert_store_stats()
    assert.same(before:cert_store_stats(), stats)
  end)

  it("verify in the child as in the parent", function()
    local ctx = pair.client_context()
    local strange = pair.server_context "stranger"
    local peer <close> = child.run(function()
      return pair.refused(ctx, strange).verify_code
    end)
    assert.equal(20, pair.refused(ctx, strange).verify_code)
    assert.equal("20", peer:join())
  end)

  it("draw other random numbers in the child", function()
    local peer <close> = child.run(function() return ssl.RAND_bytes(16) end)
    assert.not_equal(ssl.RAND_bytes(16), peer:join())
  end)
end)
