-- Several coroutines on one connection: a reader beside a writer, both in a
-- handshake that neither has begun, a second one of a kind, many idle ones.
local native = require "native"
local net = require "support.net"
local pair = require "support.pair"
local scale = require "support.scale"
local scheduler = require "support.scheduler"
local ssl = require "pyssl"

local LIMIT = 10 * scale.factor
local SIZE = scale.count(4 * 1024 * 1024, 1024 * 1024)

-- Two ends that wait through a loop; no handshake unless `options.shaken`.
local function ends(options)
  options = options or {}
  local make = options.shaken and pair.connected or pair.tcp
  local client, server = make(pair.client_context(options.client),
                              pair.server_context(nil, options.server))
  local loop = scheduler.new()
  for _, conn in ipairs {client, server} do
    conn:settimeout(LIMIT)
    conn.waiter = loop.waiter
  end
  return loop, client, server
end

-- Bytes that tell where in a stream they stand.
local function pattern(name, size)
  local block = {}
  for i = 1, 1024 do block[i] = ("%s%06d,"):format(name, i) end
  block = table.concat(block)
  return block:rep(math.ceil(size / #block)):sub(1, size)
end

local function read_all(conn, size)
  local got, count = {}, 0
  while count < size do
    local data = conn:recv(16384)
    if data == "" then break end
    got[#got + 1], count = data, count + #data
  end
  return table.concat(got)
end

-- Both ends read and write at once; everything must come, and in order.
local function check_both_ways(loop, client, server, size, first)
  local up, down = pattern("u", size), pattern("d", size)
  local jobs = {
    {client.sendall, client, up}, {server.sendall, server, down},
    {read_all, client, size}, {read_all, server, size},
  }
  local tasks = {}
  for i = 0, 3 do
    local n = (first + i) % 4 + 1
    tasks[n] = loop:spawn(table.unpack(jobs[n]))
  end
  loop:run()
  for n = 1, 4 do scheduler.results(tasks[n]) end
  assert.is_true(tasks[3][1] == down)
  assert.is_true(tasks[4][1] == up)
end

describe("a reader and a writer on one connection", function()
  it("move much data both ways at once", function()
    local loop, client, server = ends {shaken = true}
    check_both_ways(loop, client, server, SIZE, 0)
    pair.close(client, server)
  end)

  for _, version in ipairs {"TLSv1_2", "TLSv1_3"} do
    it("begin in the middle of a handshake, with " .. version, function()
      local settings = {maximum_version = ssl.TLSVersion[version]}
      for first = 0, 3 do
        local loop, client, server = ends {client = settings, server = settings}
        local before = native.now()
        check_both_ways(loop, client, server, 100000, first)
        -- Nobody sat out the second after which a bell is not trusted.
        assert.is_true(native.now() - before < scale.tolerance(0.9))
        pair.close(client, server)
      end
    end)
  end

  -- A server that sends no tickets: after its handshake nothing more comes that
  -- would wake whoever missed the end of it.
  for i, side in ipairs {"client", "server"} do
    it("of a " .. side .. ": one never takes what the other waits for", function()
      for _, second in ipairs {"recv", "do_handshake", "sendall"} do
        local loop, client, server = ends {server = {num_tickets = 0}}
        local conn, peer = client, server
        if i == 2 then conn, peer = server, client end
        local first = second == "sendall" and {conn.do_handshake, conn}
          or {conn.sendall, conn, "ping"}
        local one = loop:spawn(table.unpack(first))
        assert.equal("r", one.wait.mode)
        peer:settimeout(0)
        repeat -- until the last that `one` needs is on its way
          local ok = pcall(peer.do_handshake, peer)
          if not ok and i == 2 then loop:settle() end
        until ok or i == 1
        native.poll({conn:fileno()}, {}, LIMIT)
        -- What `one` waits for is there, and it does not know yet.
        local argument = second == "recv" and 10
          or second == "sendall" and "more" or nil
        local two = loop:spawn(conn[second], conn, argument)
        peer:settimeout(LIMIT)
        local three = loop:spawn(function()
          local got = peer:recv(10)
          if second == "recv" then peer:sendall("pong") end
          return got
        end)
        local before = native.now()
        loop:run()
        assert.is_true(native.now() - before < scale.tolerance(0.9))
        scheduler.results(one)
        assert.equal(second == "recv" and "pong" or true,
                     (scheduler.results(two)))
        assert.equal(second == "sendall" and "more" or "ping",
                     (scheduler.results(three)))
        pair.close(client, server)
      end
    end)
  end

  it("and a third one that shakes hands all wait for the same", function()
    local loop, client, server = ends()
    local tasks = {
      loop:spawn(client.do_handshake, client),
      loop:spawn(client.recv, client, 10),
      loop:spawn(client.sendall, client, "ping"),
    }
    assert.equal(client, tasks[1].wait.object)
    assert.not_equal(client, tasks[2].wait.object) -- the bell
    assert.equal(tasks[2].wait.object, tasks[3].wait.object)
    assert.equal(-1, native.poll({tasks[2].wait.fd}, {}, 0) or -1)
    local before = native.now()
    loop:spawn(function()
      assert(server:recv(10) == "ping")
      server:sendall("pong")
    end)
    loop:run()
    assert.is_true(native.now() - before < scale.tolerance(0.9))
    assert.is_true(tasks[1][1] and tasks[3][1])
    assert.equal("pong", tasks[2][1])
    pair.close(client, server)
  end)

  it("in a handshake that fails both learn why, and at once", function()
    local loop, client, server = ends()
    server:close()
    local tasks = {
      loop:spawn(client.recv, client, 10), loop:spawn(client.sendall, client, "x"),
    }
    local before = native.now()
    loop:run()
    assert.is_true(native.now() - before < scale.tolerance(0.9))
    for _, task in ipairs(tasks) do
      assert.is_true(task.err:is(ssl.OSError))
    end
    client:close()
  end)

  it("each have their own deadline", function()
    local loop, client, server = ends()
    client:settimeout(0.05)
    local short = loop:spawn(client.do_handshake, client)
    client:settimeout(LIMIT)
    local long = loop:spawn(client.recv, client, 10)
    loop:run(short)
    assert.is_true(short.err:is(ssl.TimeoutError))
    assert.is_nil(long.done)
    client:settimeout(0.05)
    local late = loop:spawn(client.sendall, client, "x") -- waits for the bell
    loop:run(late)
    assert.is_true(late.err:is(ssl.TimeoutError))
    client:settimeout(LIMIT)
    loop:spawn(function() server:sendall("hello") end)
    loop:run()
    assert.equal("hello", (scheduler.results(long)))
    pair.close(client, server)
  end)
end)

describe("a second coroutine", function()
  local function refused(task, doing)
    assert.is_true(task.done and not task.ok)
    assert.is_true(task.err:is(ssl.ValueError))
    assert.matches("another coroutine is " .. doing, task.err.message, 1, true)
  end

  it("that reads is refused, and the first goes on", function()
    local loop, client, server = ends {shaken = true}
    local first = loop:spawn(client.recv, client, 10)
    local buffer = ssl.buffer(5)
    local file = client:makefile "r"
    for _, each in ipairs {
      {client.recv, client, 10}, {client.recv_into, client, buffer},
      {client.read, client, 10}, {client.unwrap, client}, {file.read, file, 1},
    } do
      refused(loop:spawn(table.unpack(each)), "reading from the connection")
    end
    file:close()
    assert.has_error(function() client:recv(1) end) -- outside of coroutines too
    server:sendall("hello")
    loop:run()
    assert.equal("hello", (scheduler.results(first)))
    local again = loop:spawn(client.recv, client, 10)
    server:sendall("more")
    loop:run()
    assert.equal("more", (scheduler.results(again)))
    pair.close(client, server)
  end)

  it("that writes is refused, and so are unwrap and close_write", function()
    local loop, client, server = ends {shaken = true}
    local big = pattern("w", 8 * 1024 * 1024)
    local first = loop:spawn(client.sendall, client, big)
    assert.equal("w", first.wait.mode)
    for _, each in ipairs {
      {client.send, client, "x"}, {client.sendall, client, "x"},
      {client.write, client, "x"}, {client.close_write, client},
      {client.unwrap, client},
    } do
      refused(loop:spawn(table.unpack(each)), "writing to the connection")
    end
    local reader = loop:spawn(read_all, server, #big)
    loop:run()
    scheduler.results(first)
    assert.is_true(reader[1] == big)
    pair.close(client, server)
  end)

  it("that shakes hands, accepts or connects is refused", function()
    local loop, client, server = ends()
    loop:spawn(client.do_handshake, client)
    refused(loop:spawn(client.do_handshake, client), "at work on the connection")
    local listener <close> = net.listener()
    listener.waiter = loop.waiter
    local first = loop:spawn(listener.accept, listener)
    refused(loop:spawn(listener.accept, listener), "reading from the connection")
    local port, hole = net.blackhole()
    local _ <close> = hole
    local conn <close> = net.client()
    conn.waiter = loop.waiter
    local connecting = loop:spawn(conn.connect, conn, "127.0.0.1", port)
    for _, target in ipairs {port, select(2, listener:getsockname())} do
      local task = loop:spawn(conn.connect, conn, "127.0.0.1", target)
      assert.is_true(task.err:is(ssl.ValueError))
      assert.matches("another coroutine", task.err.message)
    end
    assert.is_nil(connecting.done)
    assert.is_nil(first.done)
    conn:close()
    listener:close()
    client:close()
    loop:run()
    server:close()
  end)

  it("that detaches the descriptor is refused while somebody waits", function()
    local loop, client, server = ends {shaken = true}
    local first = loop:spawn(client.recv, client, 10)
    local ok, err = pcall(client.detach, client)
    assert.is_false(ok)
    assert.is_true(err:is(ssl.ValueError))
    server:sendall("hello")
    loop:run()
    assert.equal("hello", (scheduler.results(first)))
    native.close(client:detach())
    server:close()
  end)

  it("keeps an unwrapped socket from being wrapped again", function()
    local loop, client, server = ends {shaken = true}
    loop:spawn(client.unwrap, client)
    loop:spawn(server.unwrap, server)
    loop:run()
    local first = loop:spawn(client.recv, client, 10)
    local ok, err = pcall(function()
      pair.client_context():wrap_socket(client, {server_hostname = "localhost"})
    end)
    assert.is_false(ok)
    assert.is_true(err:is(ssl.ValueError), tostring(err))
    server:sendall("plain")
    loop:run()
    assert.equal("plain", (scheduler.results(first)))
    pair.close(client, server)
  end)
end)

describe("idle connections", function()
  it("cost no wake-up, however many", function()
    local loop = scheduler.new()
    local client_ctx = pair.client_context()
    local server_ctx = pair.server_context(nil, {num_tickets = 0})
    local open, readers = {}, {}
    for i = 1, scale.count(200, 20) do
      local client, server = pair.connected(client_ctx, server_ctx)
      client:settimeout(nil)
      client.waiter = loop.waiter
      open[2 * i - 1], open[2 * i] = client, server
      readers[i] = loop:spawn(client.recv, client, 10)
    end
    loop.wakes, loop.waits = 0, 0
    for _ = 1, 3 do assert.equal(0, loop:step(0.02)) end
    assert.same({0, 0}, {loop.wakes, loop.waits})
    open[2 * 7]:sendall("hello")
    loop:run(readers[7])
    assert.equal("hello", readers[7][1])
    assert.equal(1, loop.wakes)
    for _, conn in ipairs(open) do conn:close() end
    loop:run()
    for i, reader in ipairs(readers) do
      assert.equal(i == 7, reader.ok)
    end
  end)
end)
