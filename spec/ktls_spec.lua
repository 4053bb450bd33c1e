-- Kernel TLS: OP_ENABLE_KTLS, conn:ktls(), and sendfile through the kernel. What
-- needs a kernel that has it runs there only (`modprobe tls`).
local certs = require "support.certs"
local memory = require "support.memory"
local native = require "native"
local pair = require "support.pair"
local peers = require "support.peers"
local raised = require "support.raised"
local wire = require "support.wire"
local ssl = require "pyssl"

local function enable(ctx, version)
  ctx.options = ctx.options | ssl.OP_ENABLE_KTLS
  if version then
    ctx.minimum_version, ctx.maximum_version = version, version
  end
  return ctx
end

local function contexts(version)
  return enable(pair.client_context(), version),
         enable(pair.server_context(), version)
end

-- Does the kernel have it? It loads its module when first asked.
local function kernel_has_it()
  pair.close(pair.connected(contexts()))
  local file = io.open("/proc/sys/net/ipv4/tcp_available_ulp")
  local list = file and file:read("a") or ""
  if file then file:close() end
  return list:find("%f[%w]tls%f[%W]") ~= nil
end

local function with_file(text, body)
  local file <close> = assert(io.tmpfile())
  file:write(text)
  return body(file)
end

describe("Where the kernel cannot do TLS, OP_ENABLE_KTLS", function()
  for _, version in ipairs(wire.VERSIONS) do
    it("changes nothing over " .. ssl.TLSVersion[version], function()
      local client_ctx, server_ctx = contexts(version)
      client_ctx.read_ahead = true
      local w <close> = wire.new {client = client_ctx, server = server_ctx}
      assert.same({false, false}, {w.client:ktls()})
      assert.same({false, false}, {w.server:ktls()})
      local text = ("0123456789"):rep(2000)
      w.client:sendall(text)
      w:move()
      assert.equal(text, peers.read(w.server, #text))
      with_file(text, function(file)
        assert.equal(#text, w.server:sendfile(file))
      end)
      w:move()
      assert.equal(text, peers.read(w.client, #text))
      w:unwrap()
      w.client:sendall("plain")
      w:move()
      assert.equal("plain", w.server:recv())
    end)
  end

  it("changes nothing for objects over memory", function()
    local ends <close> = memory.connected(contexts())
    assert.same({false, false}, {ends.client:ktls()})
    ends.client:write("data")
    ends:move()
    assert.equal("data", ends.server:read())
  end)
end)

it("conn:ktls() is false twice where it is not enabled", function()
  local client, server = pair.connected()
  assert.same({false, false}, {client:ktls()})
  pair.close(client, server)
  assert.same({false, false}, {client:ktls()})
end)

local have_it = kernel_has_it()

-- A spec that is pending, by its name, where the kernel cannot do TLS.
local function kernel_it(name, body)
  if have_it then return it(name, body) end
  pending(name .. " (this kernel has no TLS)")
end

local MODES = {
  {"that blocks", function(conn) conn:settimeout(nil) end},
  {"with a time limit", function(conn) conn:settimeout(pair.LIMIT) end},
  {"with a waiter", function(conn) conn.waiter = ssl.wait end},
}

-- What the kernel is left to receive depends on OpenSSL's version.
local function check_ktls(conn)
  local sends, receives = conn:ktls()
  assert.is_true(sends)
  if conn:version() == "TLSv1.2" then assert.is_true(receives) end
end

describe("Through the kernel", function()
  for _, version in ipairs(wire.VERSIONS) do
    local name = ssl.TLSVersion[version]:gsub("_", ".")
    for _, mode in ipairs(MODES) do
      kernel_it(("a server's connection %s moves data both ways, over %s")
                :format(mode[1], name), function()
        local _, ctx = contexts(version)
        local listener <close>, port = peers.listen(ctx)
        local peer <close> = peers.python("client", {port = port,
          ca = certs.path "ca.pem", send = peers.SIZE, receive = peers.SIZE})
        local conn <close> = listener:accept()
        mode[2](conn)
        check_ktls(conn)
        peers.report(peer, "handshake")
        peers.collect(peer, conn)
        peers.deliver(peer, conn)
        assert.equal("", conn:recv(1))
        assert.equal("clean", conn:eof())
        conn:close()
        assert.equal("unwrap", peers.report(peer, "end"))
      end)

      kernel_it(("a client's connection %s sends a file, over %s")
                :format(mode[1], name), function()
        local peer <close> = peers.python("server", {
          cert = certs.path "server.pem", key = certs.path "server.key",
          receive = peers.SIZE, send = peers.SIZE})
        local conn <close> = (contexts(version)):connect("127.0.0.1", peer.port,
          {server_hostname = "localhost"})
        mode[2](conn)
        check_ktls(conn)
        peers.report(peer, "handshake")
        local text = peers.payload(2)
        with_file("head" .. text .. "tail", function(file)
          assert.equal(10, conn:sendfile(file, 4, 10))
          assert.equal(14, file:seek())
          conn:sendall(text:sub(11, 20))
          assert.equal(#text - 20, conn:sendfile(file, 24, #text - 20))
        end)
        assert.equal(peers.digest(text), peers.report(peer, "received").sha256)
        local data = peers.read(conn, peers.SIZE)
        assert.equal(peers.report(peer, "sent").sha256, peers.digest(data))
      end)
    end

    kernel_it("openssl s_client hears us, and we it, over " .. name, function()
      local _, ctx = contexts(version)
      local listener <close>, port = peers.listen(ctx)
      local peer <close> = peers.s_client(port,
        {name == "TLSv1.2" and "-tls1_2" or "-tls1_3", "-quiet"})
      local conn <close> = listener:accept()
      check_ktls(conn)
      peer:write("from the peer\n")
      assert.equal("from the peer\n", conn:recv())
      conn:sendall("to the peer\n")
      peer:expect "^to the peer$"
      peer:close_input()
      conn:close()
    end)

    kernel_it("who does not wait is told so, and goes on, over " .. name,
              function()
      local client, server = pair.connected(contexts(version))
      check_ktls(client)
      client:settimeout(0)
      server:settimeout(0)
      raised(ssl.SSLWantReadError, server.recv, server)
      local text = peers.payload(3) .. peers.payload(4)
      local parts, taken, sent = {}, 0, nil
      while taken < #text do
        local ok, err = true, nil
        if not sent then ok, err = pcall(client.sendall, client, text) end
        sent = sent or ok
        assert(ok or pair.is_want(err), err)
        collectgarbage()
        local data = ssl.try(server.recv, server, 16384)
        if data then
          parts[#parts + 1], taken = data, taken + #data
        end
      end
      assert.is_true(sent)
      assert.is_true(text == table.concat(parts))
      pair.close(client, server)
    end)

    kernel_it("a read has its time limit in the middle of a record, over "
              .. name, function()
      local client, server = pair.connected(contexts(version))
      server:settimeout(0.05)
      raised(ssl.TimeoutError, server.recv, server)
      client:send("late")
      assert.equal("late", server:recv())
      pair.close(client, server)
    end)

    kernel_it("unwrap is refused, and nothing is lost by that, over " .. name,
              function()
      local client, server = pair.connected(contexts(version))
      local err = raised(ssl.ValueError, client.unwrap, client)
      assert.truthy(err.message:find("kernel", 1, true))
      client:send("still here")
      assert.equal("still here", server:recv())
      client:close_write()
      assert.equal("", server:recv())
      assert.equal("clean", server:eof())
      raised(ssl.SSLError, client.send, client, "x")
      with_file("x", function(file)
        raised(ssl.SSLError, client.sendfile, client, file)
      end)
      pair.close(client, server)
    end)

    kernel_it("a peer that is gone is an error, and no signal, over " .. name,
              function()
      local client, server = pair.connected(contexts(version))
      server:send("unread, so that closing resets")
      native.close(client:detach())
      with_file(peers.payload(5), function(file)
        local err
        for _ = 1, 3 do
          err = select(2, ssl.try(server.sendfile, server, file)) or err
        end
        assert.is_true(err:is(ssl.OSError))
      end)
      pair.close(client, server)
    end)
  end
end)
