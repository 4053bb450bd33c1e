-- Objects given to ctx:wrap_transport that answer what they should not: errors
-- say so, nothing is lost in silence, and the connection stays of a piece.
local carry = require "support.carry"
local memory = require "support.memory"
local pair = require "support.pair"
local raised = require "support.raised"
local ssl = require "pyssl"

-- Let one call of a method of an end answer something else.
local function once(transport, name, f)
  transport[name] = function(...)
    transport[name] = nil
    return f(...)
  end
end

local function answering(...)
  local answers = table.pack(...)
  return function() return table.unpack(answers, 1, answers.n) end
end

describe("wrap_transport", function()
  it("takes nothing that cannot send and receive", function()
    local ctx = pair.client_context()
    local f = function() end
    for _, object in ipairs {
      5, "x", true, f, {}, {send = f}, {receive = f}, {send = f, recv = true},
      io.stdout, ctx, ssl.MemoryBIO(), memory.new().client,
      coroutine.create(f), ssl.buffer(1),
    } do
      raised.text("bad argument #1 to 'wrap_transport' (object with send and "
        .. "receive expected, got " .. type(object), ctx.wrap_transport, ctx,
        object, {server_hostname = "localhost"})
    end
    raised.text("got nil", ctx.wrap_transport, ctx)
  end)

  it("checks its options, and leaves the object alone", function()
    local ctx, server_ctx = pair.client_context(), pair.server_context()
    local a, b = carry.ends()
    local function wrap(class, options, context)
      local c = context or ctx
      raised(class, c.wrap_transport, c, a, options)
    end
    wrap(ssl.ValueError, nil) -- whose name is to be checked?
    wrap(ssl.ValueError, {server_side = true, server_hostname = "localhost"},
         server_ctx)
    wrap(ssl.TypeError, {server_hostname = "localhost", handshake_timeout = 1})
    wrap(ssl.TypeError, {server_name = "localhost"})
    wrap(ssl.SSLError, nil, server_ctx) -- not a client's
    for _, timeout in ipairs {-1, 0 / 0, 0} do -- 0: a handshake cannot wait
      wrap(ssl.ValueError, {server_hostname = "localhost", timeout = timeout})
    end
    for option, value in pairs {timeout = "1", initial = 1, server_side = 1,
                                do_handshake_on_connect = 0, session = {}} do
      raised.text("bad value for option '" .. option .. "'",
        ctx.wrap_transport, ctx, a,
        {server_hostname = "localhost", [option] = value})
    end
    raised.text("bad argument #2 to 'wrap_transport' (table expected, got",
      ctx.wrap_transport, ctx, a, "localhost")
    raised(ssl.TypeError, ctx.wrap_transport, ctx, a, {}, 1)
    assert.is_nil(a.closed)
    assert.equal("", b.inbox)
  end)

  it("is what wrap_socket says for TLS inside TLS, and refuses to be", function()
    local client = carry.connected()
    local ctx = pair.client_context()
    local err = raised(ssl.ValueError, ctx.wrap_socket, ctx, client,
      {server_hostname = "localhost"})
    assert.matches("wrap_transport", err.message)
  end)
end)

describe("what an object gives that is received from", function()
  local client, server, a, b

  before_each(function()
    client, server, a, b = carry.connected()
    client:send("hello")
  end)

  for name, answer in pairs {
    ["more than was asked for"] = {("x"):rep(16646)},
    ["a number"] = {7},
    ["a boolean"] = {true},
    ["a table"] = {{}},
    ["nil without a reason"] = {nil},
    ["nil and a boolean"] = {nil, false},
    ["nil and a number that is no errno value"] = {nil, 1e300},
    ["false"] = {false, "timeout"},
    ["a part that is a number"] = {nil, "timeout", 5},
    ["a part that is too long"] = {nil, "timeout", ("x"):rep(16646)},
  } do
    it("is a ValueError: " .. name, function()
      local n = name:find("without") and 1 or 3
      once(b, "receiveany", function() return table.unpack(answer, 1, n) end)
      local err = raised(ssl.ValueError, server.recv, server)
      assert.matches("^the transport's 'receiveany' gave ", err.message)
      -- What follows cannot be trusted to be what the peer sent.
      assert.equal(err, raised(ssl.ValueError, server.recv, server))
      server:send("the other way") -- is not concerned
      assert.equal("the other way", client:recv())
    end)
  end

  it("is raised unchanged where it raises, and asked again later", function()
    for _, value in ipairs {"a text", {}, 5} do
      once(b, "receiveany", function() error(value, 0) end)
      local ok, err = pcall(server.recv, server)
      assert.is_false(ok)
      assert.equal(value, err)
    end
    assert.equal("hello", server:recv())
  end)

  it("is an OSError where it fails, with the part before it read", function()
    local all = b:receiveany(10000)
    once(b, "receiveany", answering(nil, "connection reset", all))
    assert.equal("hello", server:recv())
    local err = raised(ssl.OSError, server.recv, server)
    assert.equal("connection reset", err.message)
    b.inbox = "an end does not follow"
    assert.equal(err, raised(ssl.OSError, server.recv, server))
    once(a, "receiveany", answering(nil, 104))
    assert.equal("ECONNRESET", raised(ssl.OSError, client.recv, client).name)
  end)

  it("may be a part beside any reason", function()
    for _, reason in ipairs {"timeout", "wantread", "closed"} do
      local all = b:receiveany(10000)
      once(b, "receiveany", answering(nil, reason, all))
      assert.equal("hello", server:recv())
      client:send("hello")
    end
    assert.equal("", server:recv())
    assert.equal("ragged", server:eof())
  end)

  it("is a want or a time-out where it waits for what never comes", function()
    b:receiveany(10000)
    for _, case in ipairs {
      {"wantread", nil, ssl.SSLWantReadError},
      {"wantread", 0, ssl.SSLWantReadError},
      {"wantwrite", nil, ssl.SSLWantWriteError},
      {"timeout", nil, ssl.TimeoutError}, {"timeout", 5, ssl.TimeoutError},
      {"timeout", 0, ssl.SSLWantReadError},
    } do
      server:settimeout(case[2])
      b.calls.receive = 0
      once(b, "receiveany", answering(nil, case[1], ""))
      assert.equal("read", raised(case[3], server.recv, server).op)
      assert.equal(0, b.calls.receive) -- it was asked once, no more
    end
  end)

  it("ends in time, however little it gives", function()
    server:settimeout(0.02)
    b.receiveany = function() return "\23\3\3" end -- of a record, for ever
    local ok, err = pcall(server.recv, server)
    assert.is_false(ok)
    assert.is_true(err.class == ssl.SSLError or err.class == ssl.TimeoutError)
    client:settimeout(0.02)
    a.inbox, a.most = "\23\3\3\64\0" .. ("x"):rep(16000), 1
    a.receiveany = function(self, n)
      if #self.inbox < 10 then self.inbox = ("x"):rep(10) end
      return getmetatable(self).__index.receiveany(self, n)
    end
    local late, why = pcall(client.recv, client)
    assert.is_false(late)
    assert.is_true(why.class == ssl.SSLError or why.class == ssl.TimeoutError)
  end)
end)

describe("what an object gives that is sent to", function()
  local client, server, a

  before_each(function()
    client, server, a = carry.connected()
  end)

  for name, answer in pairs {
    ["a negative count"] = {-1},
    ["a fraction"] = {1.5},
    ["NaN"] = {0 / 0},
    ["infinity"] = {math.huge},
    ["more than it was given"] = {100000},
    ["a text"] = {"5"},
    ["a boolean"] = {true},
    ["a table"] = {{}},
    ["nil without a reason"] = {nil},
    ["a negative count beside a reason"] = {nil, "timeout", -1},
    ["NaN beside a reason"] = {nil, "timeout", 0 / 0},
    ["a text beside a reason"] = {nil, "timeout", "1"},
  } do
    it("is a ValueError: " .. name, function()
      local n = name:find("without") and 1 or 3
      once(a, "send", function() return table.unpack(answer, 1, n) end)
      local err = raised(ssl.ValueError, client.send, client, "data")
      assert.matches("^the transport's 'send' gave ", err.message)
      -- Nobody knows what has gone out: nothing more does.
      local calls = a.calls.send
      raised(ssl.OSError, client.send, client, "more")
      assert.equal(calls, a.calls.send)
      server:send("the other way")
      assert.equal("the other way", client:recv())
      client:close()
      assert.equal("", server:recv())
      assert.equal("ragged", server:eof())
    end)
  end

  it("is raised unchanged where it raises, and nothing more goes out", function()
    for _, value in ipairs {"a text", {}, 5} do
      client, server, a = carry.connected()
      once(a, "send", function() error(value, 0) end)
      local ok, err = pcall(client.send, client, "data")
      assert.is_false(ok)
      assert.equal(value, err)
      assert.equal("EPIPE", raised(ssl.OSError, client.send, client, "x").name)
      server:send("still")
      assert.equal("still", client:recv())
    end
  end)

  it("is an OSError where it is closed, or fails", function()
    once(a, "send", answering(nil, "closed", 0))
    assert.equal("the transport is closed",
      raised(ssl.OSError, client.send, client, "data").message)
    local second, _, c = carry.connected()
    once(c, "send", answering(nil, "reset by a comet"))
    assert.equal("reset by a comet",
      raised(ssl.OSError, second.send, second, "data").message)
  end)

  it("is a want or a time-out where it takes nothing", function()
    for _, case in ipairs {
      {{0}, nil, ssl.SSLWantWriteError}, {{0}, 0, ssl.SSLWantWriteError},
      {{nil, "wantread", 0}, nil, ssl.SSLWantReadError},
      {{nil, "wantwrite"}, 0, ssl.SSLWantWriteError},
      {{nil, "timeout", 0}, 0, ssl.SSLWantWriteError},
    } do
      client:settimeout(case[2])
      once(a, "send", function() return table.unpack(case[1], 1, 3) end)
      raised(case[3], client.send, client, "data")
      assert.equal(4, client:send("data")) -- the same again: it goes on
      assert.equal("data", server:recv())
    end
  end)

  it("counts what was accepted when time is up", function()
    local data = ("x"):rep(100000)
    a.room = 5
    local err = raised(ssl.TimeoutError, client.send, client, data)
    assert.equal("write", err.op)
    assert.is_true(err.sent > 0 and err.sent < #data)
    a.room = nil
    assert.equal(#data - err.sent, client:send(data:sub(err.sent + 1)))
    local seen = 0
    while seen < #data do seen = seen + #server:recv(16384) end
    assert.equal(#data, seen)
    a.room = 0 -- all is accepted, and the same sent once more is new data
    err = raised(ssl.TimeoutError, client.send, client, "ping")
    assert.equal(4, err.sent)
    a.room = nil
    assert.equal(4, client:send("ping"))
    assert.equal("ping", server:recv())
    assert.equal("ping", server:recv())
  end)

  it("keeps what was counted beside a time-out", function()
    client:settimeout(0)
    once(a, "send", function(_, data)
      a.other.inbox = a.other.inbox .. data:sub(1, 10)
      return nil, "timeout", 10
    end)
    raised(ssl.SSLWantWriteError, client.send, client, "data")
    assert.equal(4, client:send("data"))
    assert.equal("data", server:recv())
  end)

  it("hides no failure of the step by one of its own", function()
    for _, answer in ipairs {function() error("no way", 0) end,
                             answering(nil, "closed"), answering("?")} do
      local refusing, stranger, c = carry.wrapped(nil,
        pair.server_context("stranger"))
      pcall(refusing.do_handshake, refusing)
      pcall(stranger.do_handshake, stranger)
      c.send = answer
      raised(ssl.SSLCertVerificationError, refusing.do_handshake, refusing)
    end
  end)

  it("loses nothing that was received", function()
    server:send("data")
    a.send = function() error("no way", 0) end
    pcall(client.send, client, "x")
    assert.equal("data", client:recv())
  end)
end)

describe("what an object has", function()
  it("may be no close, and close may raise", function()
    local client, server, a, b = carry.connected()
    a.close, b.close = false, function() error("stuck", 0) end
    assert.is_true(client:close())
    raised.text("stuck", server.close, server)
    assert.is_true(server:close())
  end)

  it("is not asked for ever by close", function()
    local client, _, a = carry.connected()
    local calls = 0
    a.send = function() calls = calls + 1 return 0 end
    assert.is_true(client:close())
    assert.equal(1, calls)
    assert.is_true(a.closed)
  end)

  it("answers where it is, or nobody does", function()
    local client, server, a = carry.connected()
    a.getpeername = function(self)
      assert.equal(a, self)
      return "10.0.0.1", 443
    end
    assert.same({"10.0.0.1", 443}, {client:getpeername()})
    raised(ssl.NotImplementedError, server.getpeername, server)
    raised(ssl.NotImplementedError, client.getsockname, client)
    assert.equal(-1, client:fileno())
    assert.equal("r", client:events())
    assert.is_false(client:dirty())
    a.dirty = function() return true end -- it has read ahead
    assert.is_true(client:dirty())
    for _, name in ipairs {
      "connect", "connect_ex", "bind", "listen", "accept", "shutdown", "dup",
      "setsockopt", "getsockopt", "recvfrom", "sendto",
    } do
      raised(ssl.NotImplementedError, client[name], client, 1, 2)
    end
  end)

  it("is checked by every method", function()
    local client = carry.connected()
    local socket <close> = pair.client_context():wrap_socket(nil,
      {server_hostname = "localhost"})
    for _, name in ipairs {
      "recv", "send", "close", "detach", "do_handshake", "unwrap", "makefile",
      "fileno", "events", "getpeername", "pending", "settimeout",
    } do
      for _, receiver in ipairs {socket, 5, {}, io.stdout} do
        raised.text("ssl.transport expected", client[name], receiver)
      end
      raised.text("ssl.transport expected", client[name])
    end
  end)
end)
