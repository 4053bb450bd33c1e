-- ctx:wrap_transport: TLS over an object that sends and receives. What such an
-- object answers wrongly: transport_bad_input_spec; loops: transport_loop_spec.
local carry = require "support.carry"
local certs = require "support.certs"
local pair = require "support.pair"
local raised = require "support.raised"
local ssl = require "pyssl"

local VERSIONS = {"TLSv1_2", "TLSv1_3"}

-- Contexts for one version of TLS.
local function contexts(version)
  local limits = {minimum_version = ssl.TLSVersion[version],
                  maximum_version = ssl.TLSVersion[version]}
  return pair.client_context(limits), pair.server_context(nil, limits)
end

-- Send `data` from one end and read it at the other, in coroutines.
local function transfer(from, to, data)
  local seen
  carry.run(function() assert.equal(#data, from:send(data)) end,
            function() seen = carry.read(to, #data) end)
  assert.is_true(data == seen)
end

describe("a connection over a transport", function()
  for _, version in ipairs(VERSIONS) do
    it("speaks " .. version .. " both ways", function()
      local client, server = carry.connected(contexts(version))
      assert.matches("^ssl.transport: ", tostring(client))
      assert.equal((version:gsub("_", ".")), client:version())
      assert.equal("localhost", client.server_hostname)
      assert.equal("CN", client:getpeercert().subject[1][1][1]:gsub(
        "commonName", "CN"))
      assert.equal(6, client:send("there!"))
      assert.equal("there!", server:recv(100))
      assert.is_true(server:sendall {"and ", "back"})
      assert.equal("and back", client:recv())
      assert.is_true(client:dirty() == false)
    end)

    it("goes through a byte at a time over " .. version, function()
      local client_ctx, server_ctx = contexts(version)
      local ends = {most = 1, takes = 1, yields = true}
      local client, server =
        carry.wrapped(client_ctx, server_ctx, {ends = ends})
      carry.run(function() client:do_handshake() end,
                function() server:do_handshake() end)
      transfer(client, server, ("in"):rep(1000))
      transfer(server, client, ("out"):rep(1000))
    end)

    it("waits inside the object's methods over " .. version, function()
      local client_ctx, server_ctx = contexts(version)
      local a, b = carry.ends {yields = true}
      local client, server
      carry.run(function()
        client = client_ctx:wrap_transport(a, {server_hostname = "localhost"})
      end, function()
        server = server_ctx:wrap_transport(b, {server_side = true})
      end)
      transfer(client, server, ("x"):rep(300000))
      pair.close(client, server)
      assert.is_true(a.closed and b.closed)
    end)
  end

  it("queues no more than 64 KiB of what the object does not take", function()
    local client, server, a = carry.connected()
    a.room = 0
    client:settimeout(0)
    local data = ("x"):rep(1000000)
    raised(ssl.SSLWantWriteError, client.send, client, data)
    a.room = nil
    local sent = pcall(client.send, client, data)
    assert.is_true(sent)
    assert.is_true(data == carry.read(server, #data))
    a.room = 0
    for _ = 1, 10 do -- however often it is tried
      raised(ssl.SSLWantWriteError, client.send, client, data)
    end
    a.room = 200000
    local before = #a.other.inbox
    raised(ssl.SSLWantWriteError, client.send, client, data)
    assert.equal(200000, #a.other.inbox - before)
    a.room = nil
    client:send(data)
    assert.is_true(data == carry.read(server, #data))
    a.room, a.other.inbox = 0, ""
    raised(ssl.SSLWantWriteError, client.send, client, data)
    a.room = nil
    client:close() -- what is queued goes out, and nothing else
    assert.is_true(#a.other.inbox > 0 and #a.other.inbox <= 65536)
  end)

  it("offers an object that takes nothing the very same bytes again", function()
    local client, server, a = carry.connected(nil, nil, {client = {timeout = 0}})
    local offered = {}
    function a.send(_, data)
      offered[#offered + 1] = data
      return nil, "timeout"
    end
    raised(ssl.SSLWantWriteError, client.send, client, "one")
    raised(ssl.SSLWantWriteError, client.send, client, "two") -- is queued
    assert.equal(2, #offered)
    assert.equal(offered[1], offered[2])
    a.send = nil
    client:send("two")
    assert.equal("one", server:recv())
    assert.equal("two", server:recv())
  end)

  it("goes on with a send that was interrupted, with the same data", function()
    local client, server, a = carry.connected(nil, nil,
      {client = {timeout = 0}, server = {timeout = 0}})
    local data, tries = ("0123456789"):rep(20000), 0
    a.takes = 7000
    repeat
      a.room = 9001
      tries = tries + 1
      local sent, err = ssl.try(client.send, client, data)
      assert(sent or pair.is_want(err), err)
    until sent == #data
    assert.is_true(tries > 20)
    assert.is_true(data == carry.read(server, #data))
    a.room = nil
    client:send("behind")
    assert.equal("behind", server:recv())
  end)

  it("has the methods of a socket", function()
    local client, server = carry.connected()
    local buffer = ssl.buffer(10)
    client:write("abc")
    assert.equal(3, server:recv_into(buffer))
    assert.equal("abc", buffer:sub(1, 3))
    client:write("def")
    assert.equal("d", server:read(1))
    assert.equal(2, server:pending())
    assert.is_true(server:dirty())
    assert.equal("ef", server:read())
    assert.equal("tls", client:get_channel_binding() and "tls")
    assert.same({nil, nil}, {client:gettimeout()})
    client:setblocking(false)
    assert.equal(0, client.timeout)
    assert.is_false(client:getblocking())
    raised(ssl.SSLWantReadError, client.recv, client)
    for name in pairs {do_handshake_on_connect = 1, suppress_ragged_eofs = 1,
                       server_side = 1, session_reused = 1} do
      assert.is_boolean(client[name])
    end
  end)

  it("sends a file", function()
    local client, server = carry.connected()
    local file <close> = assert(io.open("spec/transport_spec.lua"))
    local size = file:seek("end")
    assert.equal(size, client:sendfile(file))
    file:seek("set")
    assert.equal(file:read("a"), carry.read(server, size))
  end)

  it("can be a file, which keeps it open", function()
    local client, server, a = carry.connected()
    local writer, reader = client:makefile("w"), server:makefile("r")
    writer:write("one\n", "two\n", 3)
    client:close()
    assert.is_nil(a.closed)
    writer:close()
    assert.is_true(a.closed)
    assert.same({"one", "two", 3}, {reader:read("l", "l", "n")})
    assert.is_nil(reader:read("l"))
    reader:close()
    assert.equal("clean", server:eof())
  end)

  it("asks for a client's certificate and gets it", function()
    for _, version in ipairs(VERSIONS) do
      local client_ctx, server_ctx = contexts(version)
      client_ctx:load_cert_chain(certs.path "client.pem",
                                 certs.path "client.key")
      server_ctx.verify_mode = ssl.CERT_REQUIRED
      server_ctx:load_verify_locations(certs.path "ca.pem")
      local client, server =
        carry.connected(client_ctx, server_ctx)
      assert.is_table(server:getpeercert().subject)
      client:send("x")
      assert.equal("x", server:recv())
    end
  end)

  it("resumes a session", function()
    local client_ctx, server_ctx = contexts("TLSv1_3")
    local first, server = carry.connected(client_ctx, server_ctx)
    server:send("ticket before")
    first:recv()
    local again, other = carry.connected(client_ctx, server_ctx,
      {client = {session = first.session}})
    assert.is_true(again.session_reused)
    assert.is_true(other.session_reused)
  end)

  it("chooses the context by name, and by a callback that yields", function()
    local server_ctx, other = pair.server_context(), pair.server_context()
    server_ctx.sni_callback = function(conn)
      coroutine.yield()
      conn.context = other
    end
    local client, server =
      carry.wrapped(nil, server_ctx, {ends = {yields = true}})
    carry.run(function() client:do_handshake() end,
              function() server:do_handshake() end)
    assert.equal(other, server.context)
  end)

  it("takes bytes that were received before", function()
    local a, b = carry.ends()
    local client <close> = pair.client_context():wrap_transport(a,
      {server_hostname = "localhost", do_handshake_on_connect = false})
    pcall(client.do_handshake, client)
    local ahead = b:receiveany(100)
    local server <close> = pair.server_context():wrap_transport(b,
      {server_side = true, do_handshake_on_connect = false, initial = ahead})
    pair.drive({client.do_handshake, client}, {server.do_handshake, server})
    client:send("x")
    assert.equal("x", server:recv())
  end)
end)

describe("the end of a connection over a transport", function()
  for _, version in ipairs(VERSIONS) do
    it("is clean with close_notify, over " .. version, function()
      local client, server, a =
        carry.connected(contexts(version))
      client:send("last")
      assert.is_true(client:close())
      assert.is_true(a.closed)
      assert.is_true(client:close())
      assert.equal("last", server:recv())
      assert.equal("", server:recv())
      assert.equal("clean", server:eof())
      raised(ssl.OSError, client.recv, client)
    end)

    it("is ragged without, over " .. version, function()
      local client, server, a =
        carry.connected(contexts(version))
      client:send("last")
      a:close()
      assert.equal("last", server:recv())
      assert.equal("", server:recv())
      assert.equal("ragged", server:eof())
      server.suppress_ragged_eofs = false
      raised(ssl.SSLEOFError, server.recv, server)
    end)
  end

  it("is an error in the middle of a handshake, and of a record", function()
    local client, server, a, b = carry.wrapped()
    pcall(client.do_handshake, client)
    b:close()
    raised(ssl.SSLEOFError, client.do_handshake, client)
    assert.is_true(a.inbox == "" and server ~= nil)
    local second, peer, c = carry.connected(nil, nil,
      {server = {suppress_ragged_eofs = false}})
    second:send("broken off")
    peer:settimeout(0)
    c.other.inbox = c.other.inbox:sub(1, -2)
    c:close()
    raised(ssl.SSLEOFError, peer.recv, peer)
    assert.equal("ragged", peer:eof())
  end)

  it("comes in halves", function()
    local client, server = carry.connected()
    assert.is_true(client:close_write())
    assert.equal("", server:recv())
    server:send("still")
    assert.equal("still", client:recv())
    raised(ssl.SSLError, client.send, client, "x")
  end)

  it("leaves plaintext behind unwrap, and TLS can begin again", function()
    for _, version in ipairs(VERSIONS) do
      local client_ctx, server_ctx = contexts(version)
      local client, server, a, b = carry.connected(client_ctx, server_ctx)
      local results = pair.drive({client.unwrap, client},
                                 {server.unwrap, server})
      assert.equal(client, results[1][2])
      assert.equal(4, client:send("bare"))
      assert.equal("bare", b.inbox)
      assert.equal("ba", server:recv(2))
      assert.equal(2, server:pending())
      assert.equal("re", server:recv())
      a.room = 3
      client:settimeout(0)
      raised(ssl.SSLWantWriteError, client.send, client, "halting")
      a.room = nil
      assert.equal(7, client:send("halting"))
      assert.equal("halting", server:recv())
      raised(ssl.ValueError, client.write, client, "x")
      local inner = client_ctx:wrap_transport(client,
        {server_hostname = "localhost", do_handshake_on_connect = false})
      local outer = server_ctx:wrap_transport(server,
        {server_side = true, do_handshake_on_connect = false})
      pair.drive({inner.do_handshake, inner}, {outer.do_handshake, outer})
      inner:send("TLS again")
      assert.equal("TLS again", outer:recv())
      pair.close(inner, outer)
      assert.is_true(a.closed and b.closed)
    end
  end)

  it("gives the object back, with what was not read", function()
    local client, server, a, b = carry.connected()
    client:send("unread")
    assert.is_true(server:recv(1) == "u")
    b.inbox = "more"
    server.suppress_ragged_eofs = true
    local object, left = server:detach()
    assert.equal(b, object)
    assert.equal("", left)
    assert.is_nil(b.closed)
    assert.is_nil((server:detach()))
    raised(ssl.OSError, server.recv, server)
    client:close()
    assert.is_true(a.closed)
  end)

  it("comes with a scope, and not with the collector", function()
    local client, server, a, b = carry.connected()
    do
      local scoped <close> = client
      assert.equal(client, scoped)
    end
    assert.is_true(a.closed)
    local calls, left = b.calls.send, setmetatable({server}, {__mode = "v"})
    server = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    assert.is_nil(left[1])
    assert.is_nil(b.closed)
    assert.equal(calls, b.calls.send)
  end)

  it("sends the alert when a step fails, and the peer sees it", function()
    for _, version in ipairs(VERSIONS) do
      local client_ctx, _ = contexts(version)
      local client, server, _, b =
        carry.wrapped(client_ctx, pair.server_context("stranger"))
      local results = pair.drive({client.do_handshake, client},
                                 {server.do_handshake, server})
      assert.is_false(results[1][1])
      assert.equal(ssl.SSLCertVerificationError, results[1][2].class)
      assert.is_false(results[2][1])
      assert.matches("ALERT_UNKNOWN_CA", results[2][2].reason)
      assert.equal("", b.inbox)
    end
  end)

  it("closes the object where the first handshake fails", function()
    local a, b = carry.ends()
    a.inbox = "\22\3\3\0\5\2\0\0\1x" -- a hello of one byte
    local ctx = pair.client_context()
    raised(ssl.SSLError, ctx.wrap_transport, ctx, a,
      {server_hostname = "localhost"})
    assert.is_true(a.closed)
    assert.matches("^\22", b.inbox) -- a hello
    assert.matches("\21\3.\0\2\2.$", b.inbox) -- and an alert
  end)
end)
