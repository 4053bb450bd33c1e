-- _msg_callback: a look at every message of a connection.
local memory = require "support.memory"
local pair = require "support.pair"
local ssl = require "pyssl"

local TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
local CCS, ALERT, HANDSHAKE, HEADER, INNER = 20, 21, 22, 0x100, 0x101

-- A client's context whose messages are put into the list that is the second
-- result.
local function watched(version)
  local ctx = pair.client_context {maximum_version = version}
  local seen = {}
  function ctx._msg_callback(conn, direction, number, content, kind, data)
    seen[#seen + 1] = {conn = conn, direction = direction, version = number,
      content = content, kind = kind, data = data}
  end
  return ctx, seen
end

local function find(seen, direction, content, kind)
  for _, message in ipairs(seen) do
    if message.direction == direction and message.content == content
      and message.kind == kind then return message end
  end
end

-- Ends of a connection, and a table whose field `raise` makes the client's
-- callback raise that, once.
local function failing()
  local ctx, plan = pair.client_context {maximum_version = TLS12}, {}
  function ctx._msg_callback()
    local value = plan.raise
    plan.raise = nil
    if value ~= nil then error(value, 0) end
  end
  return ctx, plan
end

describe("_msg_callback", function()
  it("sees the handshake, in both directions [D-16]", function()
    local ctx, seen = watched(TLS13)
    local ends <close> = memory.connected(ctx)
    local hello = assert(find(seen, "write", HANDSHAKE, 1))
    assert.equal(ends.client, hello.conn)
    assert.equal(1, hello.data:byte())
    assert.equal(#hello.data, string.unpack(">I3", hello.data, 2) + 4)
    assert.is_truthy(hello.data:find("localhost", 1, true))
    assert.is_table(find(seen, "read", HANDSHAKE, 2)) -- server hello
    assert.is_table(find(seen, "read", HANDSHAKE, 11)) -- certificate
    assert.equal(TLS13, find(seen, "read", HANDSHAKE, 20).version) -- finished
    assert.is_table(find(seen, "write", HANDSHAKE, 20))
    assert.is_table(find(seen, "write", CCS, 0x101))
    assert.equal(HANDSHAKE, find(seen, "write", INNER, HANDSHAKE).data:byte())
  end)

  it("sees the headers of records, with their own version [D-16]", function()
    local ctx, seen = watched(TLS12)
    local ends <close> = memory.connected(ctx)
    local header = find(seen, "write", HEADER, HANDSHAKE)
    assert.equal(5, #header.data)
    assert.equal(ssl.TLSVersion.TLSv1, header.version) -- of the first record
    ends.client:write("x")
    assert.equal(TLS12, find(seen, "write", HEADER, 23).version)
  end)

  it("sees alerts with their number [D-16]", function()
    local ctx, seen = watched(TLS12)
    local ends <close> = memory.connected(ctx)
    pcall(ends.client.unwrap, ends.client)
    assert.equal("\1\0", find(seen, "write", ALERT, 0).data)
    ctx, seen = watched(TLS12)
    local bad <close> = memory.new(ctx, pair.server_context("expired"))
    bad:hands()
    assert.equal("\2\45", find(seen, "write", ALERT, 45).data)
  end)

  it("has its results ignored, and ends with nil [D-16]", function()
    local count = 0
    local ctx = pair.client_context()
    assert.is_nil(ctx._msg_callback)
    local function f() count = count + 1 return false, "ignored" end
    ctx._msg_callback = f
    assert.equal(f, ctx._msg_callback)
    local ends <close> = memory.connected(ctx)
    assert.is_true(count > 0)
    ctx._msg_callback = nil
    assert.is_nil(ctx._msg_callback)
    count = 0
    ends.client:write("x")
    memory.connected(ctx):close()
    assert.equal(0, count)
  end)

  it("is a function or what can be called [I-22]", function()
    local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx._msg_callback = setmetatable({}, {__call = function() end})
    for _, bad in ipairs {5, "f", true, {}} do
      local ok, err = pcall(function() ctx._msg_callback = bad end)
      assert.is_false(ok)
      assert.is_truthy(err:find("bad value for attribute '_msg_callback' "
                                .. "(function expected", 1, true), err)
    end
  end)
end)

describe("an error in _msg_callback", function()
  local THROWN = {"thrown"}

  it("comes out of the handshake, which has happened [D-16]", function()
    local ctx, plan = failing()
    plan.raise = THROWN
    local client, server = pair.tcp(ctx, pair.server_context())
    local err
    local results = pair.drive({function()
      local ok, result = pcall(client.do_handshake, client)
      if ok then return true end
      if not pair.is_want(result) then err = result end
      error(pair.is_want(result) and result or ssl.SSLWantReadError(""), 0)
    end}, {server.do_handshake, server})
    assert.is_true(rawequal(THROWN, err))
    assert.same({true, true}, {results[1][1], results[2][1]})
    pair.close(client, server)
  end)

  it("loses nothing that a read has read [D-16]", function()
    local ctx, plan = failing()
    local client, server = pair.connected(ctx)
    server:sendall("the data")
    plan.raise = THROWN
    local ok, err = pcall(client.recv, client)
    assert.is_false(ok)
    assert.is_true(rawequal(THROWN, err))
    assert.equal(8, client:pending())
    assert.equal("the ", client:recv(4))
    assert.equal(4, client:pending())
    server:sendall(", and more")
    assert.equal("data", client:recv())
    assert.equal(", and more", client:recv())
    pair.close(client, server)
  end)

  it("loses and doubles nothing that is written [D-16]", function()
    local ctx, plan = failing()
    local client, server = pair.connected(ctx)
    plan.raise = THROWN
    local ok, err = pcall(client.sendall, client, "once")
    assert.is_false(ok)
    assert.is_true(rawequal(THROWN, err))
    client:sendall("twice")
    client:close()
    assert.equal("once", server:recv(4))
    assert.equal("twice", server:recv())
    pair.close(server)
  end)

  it("waits while a write is to be tried again, which is sent once [D-16]", function()
    local ctx, always = pair.client_context {maximum_version = TLS12}, false
    function ctx._msg_callback() if always then error(THROWN, 0) end end
    local client, server = pair.connected(ctx)
    client:settimeout(0)
    always = true
    local sent, received, wants, size = {}, {}, 0, 0
    local function read()
      received[#received + 1] = server:recv(16384)
      size = size + #received[#received]
    end
    for i = 1, 10000 do
      local record = string.pack(">I4", i):rep(4096)
      sent[i] = record
      local ok, err = pcall(client.send, client, record)
      while not ok and pair.is_want(err) do
        wants = wants + 1
        read()
        ok, err = pcall(client.send, client, record)
      end
      assert.is_true(not ok and rawequal(THROWN, err))
      if wants > 0 then break end
    end
    local all = table.concat(sent)
    while size < #all do read() end
    assert.is_true(wants > 0)
    assert.is_true(all == table.concat(received))
    pair.close(client, server)
  end)

  it("comes out of memory, too, and then the rest [D-16]", function()
    local ctx, plan = failing()
    local ends <close> = memory.connected(ctx)
    ends.server:write("the data")
    ends:move()
    plan.raise = "a string"
    local ok, err = pcall(ends.client.read, ends.client)
    assert.same({false, "a string"}, {ok, err})
    assert.equal(8, ends.client:pending())
    assert.equal("the data", ends.client:read())
  end)
end)
