-- Switching contexts in the SNI callback is a replay of the ClientHello: what
-- neither the peer, nor a session, nor a second hello can tell apart.
local certs = require "support.certs"
local memory = require "support.memory"
local pair = require "support.pair"
local raised = require "support.raised"
local wire = require "support.wire"
local ssl = require "pyssl"

local VERSIONS = {ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3}

local a, b, client_ctx, asked

before_each(function()
  a, b = pair.server_context(), pair.server_context("server-rsa")
  client_ctx = pair.client_context()
  asked = {}
  a.sni_callback = function(conn, name)
    asked[#asked + 1] = name
    if name == "b.example.test" then conn.context = b end
  end
end)
after_each(function()
  for _, ctx in ipairs {a, b, client_ctx} do ctx:close() end
end)

-- Two ends over memory, the client asking for `name`.
local function open(name, session)
  return memory.new(client_ctx, a,
    {client = {server_hostname = name, session = session}})
end

-- Their handshake, and the tickets of TLS 1.3 with the client.
local function shake_hands(ends, ...)
  ends:shake_hands(...)
  ends:move()
  pcall(ends.client.read, ends.client)
end

-- Both ends send and read.
local function talk(ends)
  for _, way in ipairs {{"client", "server"}, {"server", "client"}} do
    ends[way[1]]:write("from the " .. way[1])
    ends:move()
    assert.equal("from the " .. way[1], ends[way[2]]:read())
  end
end

local function verify_clients(ctx)
  ctx:load_verify_locations(certs.path "ca.pem")
  ctx.verify_mode = ssl.CERT_REQUIRED
end

for _, version in ipairs(VERSIONS) do
  local name = ssl.TLSVersion[version]

  local function limit()
    for _, ctx in ipairs {a, b} do
      ctx.minimum_version, ctx.maximum_version = version, version
    end
  end

  describe("a switched connection over " .. name, function()
    before_each(limit)

    it("works like any other, over memory and over sockets [D-44, E-01]", function()
      local ends <close> = open "b.example.test"
      shake_hands(ends)
      talk(ends)
      assert.equal("rsa_pss_rsae_sha256", ends.client:server_sigalg())
      local client, server = pair.connected(client_ctx, a,
        {client = {server_hostname = "b.example.test"}})
      assert.equal(b, server.context)
      client:sendall(("x"):rep(100000))
      local got = 0
      while got < 100000 do got = got + #server:recv(20000) end
      server:settimeout(0)
      raised(ssl.SSLWantReadError, server.recv, server)
      assert.same({"b.example.test", "b.example.test"}, asked)
      pair.close(client, server)
    end)

    it("is the same whatever pieces the hello comes in [D-44]", function()
      a.sni_callback = function(conn) conn.context = b end
      for _, pieces in ipairs {1, 3, 5, 6, 100} do
        local ends <close> = open "b.example.test"
        shake_hands(ends, pieces)
        talk(ends)
        assert.equal(b, ends.server.context)
        local w <close> = wire.new {client = client_ctx, server = a,
          handshake = false}
        pcall(w.client.do_handshake, w.client)
        local hello = w:take "client"
        for i = 1, #hello, pieces do
          w:put("client", hello:sub(i, i + pieces - 1))
          pcall(w.server.do_handshake, w.server)
        end
        w:handshake()
        assert.equal(b, w.server.context)
      end
    end)

    it("leaves what stands in the memory BIO alone until it is read [D-44]", function()
      local ends <close> = open "b.example.test"
      local pending
      a.sni_callback = function(conn)
        pending = ends.server_in.pending
        conn.context = b
      end
      pcall(ends.client.do_handshake, ends.client)
      ends:move()
      local ok, err = pcall(ends.server.do_handshake, ends.server)
      assert.is_true(not ok and pair.is_want(err))
      assert.same({0, 0}, {pending, ends.server_in.pending})
      shake_hands(ends)
    end)

    it("takes a hello of many records [D-44]", function()
      local list = {}
      for i = 1, 250 do list[i] = ("%03d"):format(i):rep(85) end
      client_ctx:set_alpn_protocols(list)
      b:set_alpn_protocols {list[250]}
      local ends <close> = open "b.example.test"
      shake_hands(ends)
      assert.equal(list[250], ends.server:selected_alpn_protocol())
      assert.is_true(ends.sent.client > 3 * 16384)
      talk(ends)
    end)

    it("is not asked again by the new context [D-44]", function()
      local again = 0
      b.sni_callback = function() again = again + 1 end
      local ends <close> = open "b.example.test"
      shake_hands(ends)
      assert.equal(0, again)
    end)

    it("sends what a connection to the new context sends [D-44]", function()
      local function flights(ctx)
        local ends <close> = memory.new(client_ctx, ctx,
          {client = {server_hostname = "b.example.test"}})
        shake_hands(ends)
        return ends.sent.server
      end
      b.sni_callback = function() end -- which is acknowledged
      assert.is_true(math.abs(flights(b) - flights(a)) <= 4) -- a signature varies
    end)

    it("has the identity of the new context's connections [D-44]", function()
      verify_clients(b)
      client_ctx:load_cert_chain(certs.path "client.pem", certs.path "client.key")
      local ends <close> = open "b.example.test"
      shake_hands(ends)
      local direct <close> = memory.connected(client_ctx, b,
        {client = {server_hostname = "b.example.test"}})
      local stays <close> = open "a.example.test"
      shake_hands(stays)
      assert.equal(direct.server:identity(), ends.server:identity())
      assert.not_equal(stays.server:identity(), ends.server:identity())
    end)

    it("outlives both contexts [D-44]", function()
      local ends <close> = open "b.example.test"
      shake_hands(ends)
      a:close()
      b:close()
      collectgarbage()
      talk(ends)
    end)
  end)

  describe("a session over " .. name, function()
    before_each(limit)

    it("is resumed where the name leads to the same context [D-44]", function()
      for _, host in ipairs {"a.example.test", "b.example.test"} do
        local first <close> = open(host)
        shake_hands(first)
        local session = first.client.session
        local second <close> = open(host, session)
        shake_hands(second)
        assert.is_true(second.client.session_reused, host)
        assert.equal(host == "b.example.test" and b or a, second.server.context)
        talk(second)
      end
    end)

    it("of the first context cannot skip the other's client certificate [D-44]", function()
      verify_clients(b)
      local first <close> = open "a.example.test"
      shake_hands(first)
      a.sni_callback = function(conn) conn.context = b end
      local second <close> = open("a.example.test", first.client.session)
      local _, server = second:hands()
      assert.equal("PEER_DID_NOT_RETURN_A_CERTIFICATE", server.reason)
    end)

    it("of the other context is no session of the first one's [D-44]", function()
      verify_clients(b)
      client_ctx:load_cert_chain(certs.path "client.pem", certs.path "client.key")
      a.sni_callback = function(conn) conn.context = b end
      local first <close> = open "a.example.test"
      shake_hands(first)
      assert.equal("client", first.server:getpeercert().subject[1][1][2])
      a.sni_callback = function() end
      local second <close> = open("a.example.test", first.client.session)
      shake_hands(second)
      assert.is_false(second.client.session_reused)
      assert.is_nil(second.server:getpeercert())
    end)
  end)
end

describe("a second hello, after a HelloRetryRequest", function()
  for _, switch in ipairs {true, false} do
    local title = switch and " after a switch" or ""
    local host = switch and "b.example.test" or "a.example.test"

    before_each(function()
      a:set_groups("secp384r1")
      b:set_groups("secp384r1")
    end)

    it("asks nobody" .. title .. " [D-44]", function()
      for _, pieces in ipairs {false, 1} do
        local ends <close> = open(host)
        shake_hands(ends, pieces or nil)
        assert.equal("secp384r1", ends.client:group())
        talk(ends)
      end
      assert.same({host, host}, asked)
    end)

    -- The second hello with its name changed by `change`: the server's error.
    local function second_hello(change)
      local ends <close> = open(host)
      pcall(ends.client.do_handshake, ends.client)
      ends:move()
      pcall(ends.server.do_handshake, ends.server)
      ends:move()
      pcall(ends.client.do_handshake, ends.client)
      local hello, count = change(ends.client_out:read())
      assert.equal(1, count)
      ends.server_in:write(hello)
      return raised(ssl.SSLError, ends.server.do_handshake, ends.server)
    end

    it("that names another host is refused" .. title .. " [D-44]", function()
      for _, other in ipairs {"c.example.test", "B.example.test"} do
        local err = second_hello(function(hello)
          return hello:gsub(host:gsub("%.", "%%."), other)
        end)
        assert.equal("CALLBACK_FAILED", err.reason)
        assert.equal(47, err.alert)
      end
      assert.same({host, host}, asked)
    end)

    it("that names none any more is refused" .. title .. " [D-44]", function()
      local err = second_hello(function(hello)
        local extension = "\0\0" .. (">s2"):pack((">s2"):pack("\0"
          .. (">s2"):pack(host)))
        local at = hello:find(extension, 1, true)
        return hello:sub(1, at - 1) .. "\250\250" .. hello:sub(at + 2), 1
      end)
      assert.equal(47, err.alert)
    end)
  end
end)

describe("a connection that nobody asks about", function()
  it("may name another host in its second hello: that is OpenSSL's business [D-44]", function()
    a.sni_callback = nil
    a:set_groups("secp384r1")
    local ends <close> = open "a.example.test"
    shake_hands(ends)
    talk(ends)
    assert.same({}, asked)
  end)
end)
