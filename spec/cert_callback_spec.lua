-- cert_callback: when an end is asked for its certificate, and what it may do.
-- What it shares with the other callbacks: handshake_callback_spec.lua.
local asked = require "support.asked"
local certs = require "support.certs"
local memory = require "support.memory"
local pair = require "support.pair"
local peers = require "support.peers"
local raised = require "support.raised"
local verifying = require "support.verifying"
local ssl = require "pyssl"

local ctx, ends, calls

before_each(function()
  ctx = asked.contexts()
  calls = 0
end)
after_each(function() ends = asked.finish(ctx, ends) end)

local function open(options)
  ends = memory.new(ctx.client, ctx.server, options)
  return ends
end

local function count()
  calls = calls + 1
end

-- A callback that shows the certificate `name`.
local function showing(name)
  return function(conn)
    calls = calls + 1
    conn:load_cert_chain(certs.path(name .. ".pem"), certs.path(name .. ".key"))
  end
end

local function common_name(conn)
  return conn:getpeercert().subject[1][1][2]
end

describe("cert_callback", function()
  it("is nil, takes what can be called, and nil again", function()
    for _, each in pairs(ctx) do
      assert.is_nil(each.cert_callback)
      each.cert_callback = print
      assert.equal(print, each.cert_callback)
      raised.text("bad value for attribute 'cert_callback' (function expected, got "
        .. "number)", raised.set, each, "cert_callback", 4)
      assert.equal(print, each.cert_callback)
      each.cert_callback = nil
      assert.is_nil(each.cert_callback)
    end
  end)

  it("has to be set when the connection is made, and may be taken away", function()
    open()
    ctx.server.cert_callback = count
    ends:shake_hands()
    ends:close()
    open()
    ctx.server.cert_callback = nil
    ends:shake_hands()
    assert.equal(0, calls)
  end)
end)

for title, version in pairs(verifying.VERSIONS) do
  describe("cert_callback, " .. title .. ",", function()
    before_each(function() ctx.server.maximum_version = version end)

    it("chooses a server's certificate, for that connection alone", function()
      for _, name in ipairs {"server-rsa", false, "server"} do
        ctx.server.cert_callback = name and showing(name) or count
        open():shake_hands()
        local kind = name == "server-rsa" and "^rsa" or "^ecdsa"
        assert.matches(kind, ends.client:server_sigalg())
        asked.talk(ends)
        ends:close()
      end
      assert.equal(3, calls)
    end)

    it("is all that a server needs to have a certificate", function()
      ctx.server:close()
      ctx.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
      ctx.server.maximum_version = version
      ctx.server.cert_callback = showing "server"
      open():shake_hands()
      assert.equal(version, ssl.TLSVersion[ends.client:version():gsub("%.", "_")])
      ctx.server.cert_callback = count -- and then there is none
      ends:close()
      local client = open():hands()
      assert.equal(40, client.alert)
    end)

    it("chooses a client's certificate, which the server sees", function()
      local other <close> = pair.client_context()
      for _, own in ipairs {true, false} do
        ctx.client.cert_callback = showing "client"
        local from = own and ctx.client or other
        from.cert_callback = showing "server"
        ends = memory.new(from, ctx.server)
        ends:shake_hands()
        assert.equal("localhost", common_name(ends.server))
        ends:close()
      end
      assert.equal(2, calls)
    end)

    it("that shows nothing leaves a client with what its context has", function()
      ctx.client.cert_callback = count
      open():shake_hands()
      assert.equal("client", common_name(ends.server))
      assert.equal(1, calls)
    end)

    it("is not asked on a client whose server wants none", function()
      ctx.server.verify_mode = ssl.CERT_NONE
      ctx.client.cert_callback = count
      open():shake_hands()
      assert.equal(0, calls)
    end)

    it("is not asked where a session is resumed", function()
      ctx.server.cert_callback, ctx.client.cert_callback = count, count
      open():shake_hands()
      asked.talk(ends)
      local session = ends.client.session
      ends:close()
      open({client = {session = session}}):shake_hands()
      assert.is_true(ends.client.session_reused)
      assert.equal(2, calls)
    end)

    it("knows the client and the name, and the server's certificate", function()
      local names = {}
      ctx.server.sni_callback = function(conn, name) names[conn] = name end
      ctx.server.cert_callback = function(conn) calls = names[conn] end
      ctx.client.cert_callback = function(conn) assert.equal(ends.client, conn) end
      open():shake_hands()
      assert.equal("localhost", calls)
    end)

    for _, side in ipairs {"client", "server"} do
      it(("refuses where a %s's returns anything"):format(side), function()
        for _, value in ipairs {true, false, 1, "x", {}} do
          ctx[side].cert_callback = function() return value end
          local failures = {}
          failures.client, failures.server = open():hands()
          assert.equal(ssl.TypeError, failures[side].class)
          assert.matches("bad result #1 of cert_callback %(nothing expected, got "
            .. type(value), failures[side].message)
          local other = asked.other(side)
          local err = failures[other] or asked.failure(ends, other)
          assert.equal(80, err.alert)
          ends:close()
        end
      end)

      it(("raises what a %s's failed load raises"):format(side), function()
        ctx[side].cert_callback = function(conn) conn:load_cert_chain "/nonexistent" end
        local failures = {}
        failures.client, failures.server = open():hands()
        assert.equal("ENOENT", failures[side].name)
      end)

      it(("lets openssl's tool see what a %s's has chosen"):format(side), function()
        if side == "server" then
          ctx.server.cert_callback = showing "server-rsa"
          ctx.server.verify_mode = ssl.CERT_NONE
          local listener <close>, port = peers.listen(ctx.server)
          local peer <close> = peers.s_client(port, {"-ign_eof"})
          local conn <close> = listener:accept()
          assert.matches("^RSA", peer:expect "^Peer signature type: (.*)")
          conn:settimeout(pair.LIMIT)
          conn:sendall "bye\n"
          peer:expect "bye"
        else
          ctx.client.cert_callback = showing "leaf"
          local peer <close> = peers.s_server("server", {"-Verify", "3",
            version == ssl.TLSVersion.TLSv1_2 and "-tls1_2" or "-tls1_3"})
          local conn <close> = ctx.client:connect("localhost", peer.port)
          peer:expect "^depth=0 CN = localhost"
          conn:settimeout(pair.LIMIT)
        end
        assert.equal(1, calls)
      end)
    end
  end)
end

describe("cert_callback", function()
  it("is asked once for all of a handshake with a HelloRetryRequest", function()
    ctx.server:set_groups "secp384r1"
    ctx.server.cert_callback, ctx.client.cert_callback = count, count
    open():shake_hands()
    asked.talk(ends)
    assert.equal(2, calls)
  end)

  it("pauses the read of a client that is asked after the handshake", function()
    ctx.server.post_handshake_auth, ctx.client.post_handshake_auth = true, true
    local answer = {client = false, server = false}
    ctx.client.cert_callback = function(conn)
      calls = calls + 1
      answer.client = coroutine.yield()
      if answer.client then
        conn:load_cert_chain(certs.path "server.pem", certs.path "server.key")
      end
    end
    for round, shows in ipairs {true, false} do
      open():shake_hands()
      assert.equal(round - 1, calls)
      ends.server:verify_client_post_handshake()
      ends.server:write "who?"
      ends:move()
      local co = coroutine.create(function() return ends.client:read() end)
      asked.resume(co)
      raised(ssl.ValueError, ends.client.write, ends.client, "x")
      assert.equal("", ends.client_out:read())
      assert.equal("who?", asked.resume(co, shows))
      ends.client:write "me"
      ends:move()
      assert.equal("me", ends.server:read())
      assert.equal(shows and "localhost" or "client", common_name(ends.server))
      assert.equal(round, calls)
      ends.server:verify_client_post_handshake()
      ends.server:write "again?"
      ends:move()
      co = coroutine.create(function() return ends.client:read() end)
      asked.resume(co)
      assert.equal("again?", asked.resume(co, false))
      calls = round
      ends:close()
    end
  end)
end)
