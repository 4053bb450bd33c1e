-- Much data in both directions at once, and what TLS 1.3 does to the keys in
-- the middle of it.
local certs = require "support.certs"
local native = require "native"
local pair = require "support.pair"
local process = require "support.process"
local raised = require "support.raised"
local scale = require "support.scale"
local wire = require "support.wire"
local ssl = require "pyssl"

local SIZE = scale.count(500000, 150000)

-- The same numbers in each run.
local function generator(seed)
  return function(most)
    seed = (seed * 1103515245 + 12345) % 2147483648
    return (seed >> 8) % most + 1
  end
end

local function payload(seed)
  local random, block = generator(seed), {}
  for i = 1, 5003 do block[i] = string.char(random(256) - 1) end
  local text = table.concat(block)
  return text:rep(SIZE // #text + 1):sub(1, SIZE)
end

-- A piece of the data in one of the forms that writes take.
local function form_of(piece, kind)
  if kind == 1 then return ssl.buffer(piece) end
  if kind > 2 then return piece end
  local middle = #piece // 2
  return {piece:sub(1, middle), ssl.buffer(piece:sub(middle + 1))}
end

-- One end: sends `out` in pieces of random sizes, and receives as much.
local function new_end(conn, out, seed)
  local random = generator(seed)
  local self = {sent = 0, received = 0, parts = {}, calls = 0}

  function self.send()
    if self.sent == #out then return end
    if not self.piece then
      local size = random(4) == 1 and random(70000) or random(3000)
      self.length = math.min(size, #out - self.sent)
      self.piece = form_of(out:sub(self.sent + 1, self.sent + self.length), random(8))
    end
    local ok, result = pcall(conn.send, conn, self.piece)
    if ok then
      assert(result == self.length)
      self.sent, self.piece = self.sent + self.length, nil
    elseif not pair.is_want(result) then
      error(result, 0)
    end
  end

  local buffer = ssl.buffer(5000)
  local SIZES = {0, 1, 16384, 1 << 40}

  local function receive()
    local kind = random(6)
    if kind > 4 then
      local n = conn:recv_into(buffer, random(5000))
      return buffer:sub(1, n)
    end
    return conn:recv(SIZES[kind])
  end

  function self.receive()
    local ok, result = pcall(receive)
    if ok then
      self.parts[#self.parts + 1] = result
      self.received = self.received + #result
    elseif not pair.is_want(result) then
      error(result, 0)
    end
  end

  return self
end

for _, version in ipairs {ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3} do
  for _, size in ipairs {"small", "usual"} do
    it(("Both ends send and receive at once, %s, %s buffers [H-01, E.3 send, E.3 recv]")
         :format(ssl.TLSVersion[version], size), function()
      local settings = {minimum_version = version, maximum_version = version}
      local client, server = pair.connected(pair.client_context(settings),
        pair.server_context("server-rsa", settings))
      for _, s in ipairs {client, server} do
        if size == "small" then
          s:setsockopt("SOL_SOCKET", "SO_SNDBUF", 20000)
          s:setsockopt("SOL_SOCKET", "SO_RCVBUF", 20000)
        end
        s:settimeout(0)
      end
      local up, down = payload(1), payload(2)
      local a, b = new_end(client, up, 3), new_end(server, down, 4)
      local deadline = native.now() + pair.LIMIT
      repeat
        assert(native.now() < deadline, "the transfer is stuck")
        for _, each in ipairs {a, b} do
          each.send()
          each.receive()
        end
      until a.received >= SIZE and b.received >= SIZE
      assert.is_true(table.concat(a.parts) == down)
      assert.is_true(table.concat(b.parts) == up)
      pair.close(client, server)
    end)
  end
end

describe("A key update", function()
  local w, peer

  -- A server of ours with openssl as its client, and the wire between them.
  before_each(function()
    w = wire.new {handshake = false}
    w.client:close()
    native.close(w.fds.client)
    local listener <close> = pair.server_context():wrap_socket(nil,
      {server_side = true, do_handshake_on_connect = false})
    listener:bind("127.0.0.1", 0)
    listener:listen(1)
    listener:settimeout(pair.LIMIT)
    local _, port = listener:getsockname()
    peer = process.spawn({"openssl", "s_client", "-tls1_3",
      "-CAfile", certs.path "ca.pem", "-connect", "127.0.0.1:" .. port},
      {stdin = "pipe"})
    w.fds.client = listener:accept():detach()
    native.nonblocking(w.fds.client, true)
  end)

  after_each(function()
    peer:close()
    w:close()
  end)

  local function carry_out(f, ...)
    local deadline = native.now() + pair.LIMIT
    while true do
      local out = table.pack(pcall(f, ...))
      w:move()
      if out[1] then return table.unpack(out, 2, out.n) end
      if not pair.is_want(out[2]) then error(out[2], 0) end
      assert(native.now() < deadline, "stuck")
      native.poll({w.fds.client, w.fds.server}, {}, 0.1)
    end
  end

  -- The peer's request arrives, and is read: an answer is due.
  local function request_update()
    peer:write("K\n")
    native.poll({w.fds.client}, {}, pair.LIMIT)
    w:put("client", w:take("client"))
    raised(ssl.SSLWantReadError, w.server.recv, w.server)
  end

  local function lines(first, last)
    local list = {}
    for i = first, last do list[#list + 1] = ("line %d\n"):format(i) end
    return table.concat(list)
  end

  local function assert_peer_reads(first, last)
    for i = first, last do
      local line
      repeat -- it says other things, too
        line = assert(peer:read_line(), "the peer has ended")
      until line:find("^line ")
      assert.equal("line " .. i, line)
    end
  end

  local function greet()
    peer:write("hello\n")
    assert.equal("hello\n", carry_out(w.server.recv, w.server))
  end

  it("between two writes goes unnoticed [H-01]", function()
    greet()
    for round = 0, 2 do
      request_update()
      carry_out(w.server.send, w.server, lines(round * 10 + 1, round * 10 + 10))
      assert_peer_reads(round * 10 + 1, round * 10 + 10)
      peer:write("again\n")
      assert.equal("again\n", carry_out(w.server.recv, w.server))
    end
  end)

  it("while a record is half out neither breaks nor doubles it [H-01]", function()
    greet()
    w.server:setsockopt("SOL_SOCKET", "SO_SNDBUF", 4608)
    local text = lines(1, 5000)
    raised(ssl.SSLWantWriteError, w.server.send, w.server, text)
    request_update()
    carry_out(w.server.send, w.server, text)
    carry_out(w.server.send, w.server, lines(5001, 5001))
    assert_peer_reads(1, 5001)
  end)

  for _, length in ipairs {1, 100, 3000} do
    it(("whose answer blocks a write, and %d other lines follow [H-01]"):format(length),
      function()
        greet()
        request_update()
        -- Fill the way out: the answer cannot even begin. What is filled in is
        -- taken off the wire again.
        local fd, filled = w.server:fileno(), 0
        native.nonblocking(fd, true)
        while true do
          local n = native.write(fd, ("junk"):rep(1000))
          if not n then break end
          filled = filled + n
        end
        raised(ssl.SSLWantWriteError, w.server.send, w.server, lines(1, 100))
        local junk = w:take("server")
        assert.equal(filled, #junk)
        carry_out(w.server.send, w.server, lines(101, 100 + length))
        assert_peer_reads(1, 100 + length)
      end)
  end
end)
