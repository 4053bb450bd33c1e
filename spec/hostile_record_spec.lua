-- What may be done to the records of an established connection, and what a peer
-- may do there that is within the protocol and not friendly.
local native = require "native"
local pair = require "support.pair"
local peers = require "support.peers"
local relay = require "support.relay"
local scale = require "support.scale"
local ssl = require "pyssl"

local VERSIONS = {"TLSv1_2", "TLSv1_3"}

-- A connection whose records from the client, once `state.armed`, go through
-- change(record, n), n from 1; it gives what goes on instead.
local function connect(version, change, options)
  local state = {count = 0}
  local wire, client, server = relay.connected({filter = function(record, way)
    if not state.armed or way == "down" then return nil end
    state.count = state.count + 1
    return change and change(record, state.count)
  end}, pair.client_context {maximum_version = ssl.TLSVersion[version]},
    pair.server_context(), options)
  state.armed = true
  return wire, client, server, state
end

local function raises(class, reason, _, err)
  assert.is_table(err)
  assert.equal(class, err.class)
  assert.equal(reason, err.reason)
  return err
end

-- A client, non-blocking, and its server over a pair of descriptors.
local function connect_directly(version)
  local a, b = native.socketpair()
  local client = pair.client_context {maximum_version = ssl.TLSVersion[version]}
    :wrap_socket(a, {server_hostname = "localhost",
                     do_handshake_on_connect = false})
  local server = pair.server_context():wrap_socket(b,
    {server_side = true, do_handshake_on_connect = false})
  client:settimeout(0)
  server:settimeout(0)
  pair.drive({client.do_handshake, client}, {server.do_handshake, server})
  ssl.try(client.recv, client) -- the tickets
  return client, server
end

-- A client that has sent as many records as the system takes whole.
local function connect_full(version)
  local record, count = ("x"):rep(100), 0
  local client, server = connect_directly(version)
  while ssl.try(client.send, client, record) do count = count + 1 end
  pair.close(client, server)
  client, server = connect_directly(version)
  for _ = 1, count do client:send(record) end
  return client, server
end

local BAD = "\23\3\3\0\32" .. ("x"):rep(32)

-- The next read meets a bad record, and is the last to say so.
local function find_bad(conn)
  raises(ssl.SSLError, "DECRYPTION_FAILED_OR_BAD_RECORD_MAC",
    ssl.try(conn.recv, conn))
  raises(ssl.SSLEOFError, nil, ssl.try(conn.recv, conn))
end

-- Nothing works any more on a connection that has failed (B.3).
local function check_dead(wire, conn)
  for _, name in ipairs{"recv", "do_handshake", "close_write"} do
    raises(ssl.SSLEOFError, nil, wire:call(conn[name], conn))
  end
  raises(ssl.SSLEOFError, nil, wire:call(conn.send, conn, "x"))
  raises(ssl.SSLError, "SHUTDOWN_WHILE_IN_INIT", wire:call(conn.unwrap, conn))
  assert.is_nil(conn:version())
  assert.is_string((conn:cipher()))
end

local function flip_last_bit(record)
  return record:sub(1, -2) .. string.char(record:byte(-1) ~ 1)
end

for _, version in ipairs(VERSIONS) do
  describe("over " .. version, function()
    it("one changed bit is found, told to the peer, and the end [B.3]", function()
      local wire <close>, client, server = connect(version, function(record, n)
        return n == 2 and flip_last_bit(record) or nil
      end)
      client:send "good"
      client:send "bad"
      assert.equal("good", wire:call(server.recv, server))
      local err = raises(ssl.SSLError, "DECRYPTION_FAILED_OR_BAD_RECORD_MAC",
        wire:call(server.recv, server))
      assert.same({20, "read", "SSL"}, {err.alert, err.op, err.library})
      check_dead(wire, server)
      err = raises(ssl.SSLError, "SSLV3_ALERT_BAD_RECORD_MAC",
        wire:call(client.recv, client))
      assert.equal(20, err.alert)
      check_dead(wire, client)
      assert.is_true(server:close())
    end)

    it("a bit changed anywhere in a record is found", function()
      for _, at in ipairs{6, 7, 13, 14, 20} do
        local wire <close>, client, server = connect(version, function(record)
          return record:sub(1, at - 1) .. string.char(record:byte(at) ~ 0x80)
            .. record:sub(at + 1)
        end)
        client:send "hello, world"
        raises(ssl.SSLError, "DECRYPTION_FAILED_OR_BAD_RECORD_MAC",
          wire:call(server.recv, server))
      end
    end)

    it("a bad record is found, whether or not an alert about it gets out [B.3]", function()
      local client, server = connect_full(version)
      local fd = server:detach()
      native.write(fd, BAD)
      find_bad(client)
      native.close(fd)
      client:close()
      client, server = connect_directly(version)
      client:send "not read"
      fd = server:detach()
      native.write(fd, BAD)
      native.close(fd)
      find_bad(client)
      client:close()
    end)

    local TAMPERED = {
      {"sent again", function(record) return record .. record end, "one"},
      {"lost", function(_, n) return n == 1 and "" or nil end},
      {"out of order", (function()
        local first
        return function(record, n)
          if n == 1 then first = record return "" end
          return record .. first
        end
      end)()},
    }

    for _, case in ipairs(TAMPERED) do
      it("a record that is " .. case[1] .. " is found", function()
        local wire <close>, client, server = connect(version, case[2])
        client:send "one"
        client:send "two"
        if case[3] then
          assert.equal(case[3], wire:call(server.recv, server))
        end
        raises(ssl.SSLError, "DECRYPTION_FAILED_OR_BAD_RECORD_MAC",
          wire:call(server.recv, server))
      end)
    end

    it("a record of the other side is found", function()
      local wire <close>, client, server = connect(version)
      server:send "mine"
      local sent
      wire.options.filter = function(record, way)
        if way == "down" then sent = record return "" end
      end
      repeat wire:pump() until sent
      wire:inject("up", sent)
      raises(ssl.SSLError, "DECRYPTION_FAILED_OR_BAD_RECORD_MAC",
        wire:call(server.recv, server))
      client:close()
    end)

    it("a record beyond all size is refused", function()
      local wire <close>, client, server = connect(version)
      wire:inject("up", "\x17\x03\x03" .. string.pack(">s2", ("x"):rep(18433)))
      local err = select(2, wire:call(server.recv, server))
      assert.is_true(err:is(ssl.SSLError))
      assert.matches("LENGTH_TOO_LONG$", err.reason)
      assert.equal(22, err.alert)
      check_dead(wire, server)
      raises(ssl.SSLError, "TLSV1_ALERT_RECORD_OVERFLOW",
        wire:call(client.recv, client))
    end)

    it("plain text in the middle is refused", function()
      local wire <close>, client, server = connect(version)
      client:send "secret"
      wire:pump()
      wire:inject("up", "GET / HTTP/1.0\r\n\r\n")
      assert.equal("secret", wire:call(server.recv, server))
      local err = select(2, wire:call(server.recv, server))
      assert.equal(ssl.SSLError, err.class)
      check_dead(wire, server)
    end)

    it("half a record is a truncated stream, and what came before is not lost [H-03]",
       function()
      for _, suppress in ipairs{true, false} do
        local wire
        wire = connect(version, function(record, n)
          if n < 3 then return nil end
          wire:cut("up")
          return record:sub(1, #record // 2)
        end, {server = {suppress_ragged_eofs = suppress}})
        local _ <close> = wire
        local client, server = table.unpack(wire.socks)
        client:sendall "first"
        client:sendall "second"
        client:sendall "third"
        assert.equal("first", wire:call(server.recv, server))
        assert.equal("second", wire:call(server.recv, server))
        local data, err = wire:call(server.recv, server)
        if suppress then
          assert.equal("", data)
        else
          raises(ssl.SSLEOFError, "UNEXPECTED_EOF_WHILE_READING", data, err)
        end
        assert.equal("ragged", server:eof())
      end
    end)

    it("an end at a record's edge is ragged, after close_notify clean [H-03]", function()
      for _, case in ipairs{
        {"ragged", function(wire) wire:cut("up") end},
        {"clean", function(_, client) client:close_write() end},
      } do
        local wire <close>, client, server = connect(version)
        client:sendall "all"
        wire:pump()
        case[2](wire, client)
        assert.equal("all", wire:call(server.recv, server))
        assert.is_nil(server:eof())
        assert.equal("", wire:call(server.recv, server))
        assert.equal(case[1], server:eof())
      end
    end)

    it("a flood of tiny records is read in order, and holds no memory", function()
      local n = scale.count(20000, 500)
      local client, server = pair.connected(
        pair.client_context {maximum_version = ssl.TLSVersion[version]})
      local expected, got = {}, {}
      local heap
      for i = 1, n do
        local byte = string.char(i % 251)
        client:send(byte)
        expected[i] = byte
        if i % 100 == 0 then
          for _ = 1, 100 do got[#got + 1] = server:recv(16384) end
          heap = heap or native.heap()
        end
      end
      pair.close(client, server)
      assert.equal(n - n % 100, #got)
      assert.equal(table.concat(expected, "", 1, #got), table.concat(got))
      -- the tables above are all that may have grown
      assert.is_true(native.heap() - heap < 64 * n + 1024 * 1024)
    end)
  end)
end

-- Read on until the peer has said something: it gets its answers meanwhile,
-- and sends no data. Leaves the connection blocking.
local function read_until(conn, peer, pattern)
  local fds = {conn:fileno(), peer.fds.stdout}
  conn:settimeout(0)
  repeat
    local line
    if not peer.unread.stdout:find "\n" then
      assert(native.poll(fds, {}, pair.LIMIT), "neither says anything")
      assert.is_true(pair.is_want(select(2, ssl.try(conn.recv, conn))))
    end
    if peer.unread.stdout:find "\n" or native.poll({fds[2]}, {}, 0) then
      line = peer:read_line()
    end
  until line and line:find(pattern)
  conn:settimeout(pair.LIMIT)
end

describe("renegotiation over TLS 1.2", function()
  it("is refused to a client, after what it sent before", function()
    local listener <close>, port = peers.listen(pair.server_context())
    local peer <close> = peers.s_client(port, {"-tls1_2"})
    local conn <close> = listener:accept()
    conn:settimeout(pair.LIMIT)
    peer:write "before\n"
    assert.equal("before\n", peers.read(conn, 7))
    peer:write "R\n"
    peer:expect "^RENEGOTIATING"
    -- it gives up, and says so
    raises(ssl.SSLError, "SSLV3_ALERT_HANDSHAKE_FAILURE", ssl.try(conn.recv, conn))
    peer:expect "no renegotiation"
    assert.same({"exited", 1}, {peer:wait()})
  end)

  it("by a server goes unnoticed", function()
    local peer <close> = peers.s_server("server", {"-tls1_2"})
    local ctx = pair.client_context()
    local conn <close> = ctx:connect("127.0.0.1", peer.port,
      {server_hostname = "localhost", timeout = pair.LIMIT})
    peer:expect "^Secure Renegotiation"
    for round = 1, 3 do
      peer:write "r\n"
      assert.equal(conn:fileno(), native.poll({conn:fileno()}, {}, pair.LIMIT))
      local text = round .. " after\n"
      peer:write(text)
      assert.equal(text, peers.read(conn, #text))
      conn:sendall(text)
      peer:expect("^" .. round .. " after")
    end
    conn:close()
    assert.is_true(tonumber(peer:expect "(%d+) server renegotiates") >= 3)
  end)

  it("by a server is refused with OP_NO_RENEGOTIATION", function()
    local peer <close> = peers.s_server("server", {"-tls1_2"})
    local ctx = pair.client_context()
    ctx.options = ctx.options | ssl.OP_NO_RENEGOTIATION
    local conn <close> = ctx:connect("127.0.0.1", peer.port,
      {server_hostname = "localhost", timeout = pair.LIMIT})
    peer:expect "^Secure Renegotiation"
    peer:write "r\n"
    local data, err = ssl.try(conn.recv, conn)
    assert.is_true(data == "" or err ~= nil)
    peer:expect "[Nn]o renegotiation"
  end)
end)

describe("a flood of key updates over TLS 1.3", function()
  it("goes unnoticed, both ways", function()
    local listener <close>, port = peers.listen(pair.server_context())
    local peer <close> = peers.s_client(port, {"-tls1_3"})
    local conn <close> = listener:accept()
    conn:settimeout(pair.LIMIT)
    peer:expect "Verify return code: 0"
    for _ = 1, 50 do
      peer:write "K\n" -- asks for one in return
      read_until(conn, peer, "KEYUPDATE")
    end
    peer:write "after\n"
    assert.equal("after\n", peers.read(conn, 6))
    conn:sendall "answer\n"
    peer:expect "^answer"
  end)
end)
