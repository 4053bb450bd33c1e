-- verify_callback: what it is asked, and what its answers come to. What it shares
-- with the other callbacks: handshake_callback_spec.lua; sessions, and where it
-- cannot yield: verify_session_spec.lua.
local asked = require "support.asked"
local certs = require "support.certs"
local memory = require "support.memory"
local pair = require "support.pair"
local peers = require "support.peers"
local raised = require "support.raised"
local verifying = require "support.verifying"
local ssl = require "pyssl"

local ctx, ends, seen

-- A callback that notes what it is asked, and gives these results.
local function giving(...)
  local results = table.pack(...)
  return function(conn, ok, info)
    seen[#seen + 1] = {conn = conn, ok = ok, info = info}
    return table.unpack(results, 1, results.n)
  end
end

before_each(function()
  ctx = asked.contexts()
  seen = {}
end)
after_each(function() ends = asked.finish(ctx, ends) end)

local function open(options)
  ends = memory.new(ctx.client, ctx.server, options)
  return ends
end

-- The failures of a handshake, also what comes later than it.
local function failures()
  local both = {}
  both.client, both.server = ends:hands()
  local side = both.client and "server" or "client"
  both[side] = both[side] or asked.failure(ends, side)
  return both
end

local function load(side, name)
  ctx[side]:load_cert_chain(certs.path(name .. ".pem"), certs.path(name .. ".key"))
end

local function names(chain)
  local list = {}
  for i, each in ipairs(chain) do
    list[i] = tostring(each):match "^ssl.certificate: /CN=(.*)"
  end
  return list
end

describe("verify_callback", function()
  it("is nil, takes what can be called, and nil again", function()
    for _, each in pairs(ctx) do
      assert.is_nil(each.verify_callback)
      each.verify_callback = print
      raised.text("bad value for attribute 'verify_callback' (function expected, got "
        .. "boolean)", raised.set, each, "verify_callback", true)
      assert.equal(print, each.verify_callback)
      each.verify_callback = nil
      assert.is_nil(each.verify_callback)
    end
  end)
end)

for title, version in pairs(verifying.VERSIONS) do
  for _, side in ipairs {"client", "server"} do
    describe(("verify_callback of a %s, %s,"):format(side, title), function()
      local other = asked.other(side)
      before_each(function() ctx.server.maximum_version = version end)

      it("is told that all is well, with the whole chain", function()
        ctx[other]:load_cert_chain(certs.path "chain.pem", certs.path "leaf.key")
        ctx[side].verify_callback = giving(true)
        open():shake_hands()
        assert.equal(1, #seen)
        assert.equal(ends[side], seen[1].conn)
        assert.is_true(seen[1].ok)
        local info = seen[1].info
        assert.same({"localhost", "Test Intermediate", "Test Root"}, names(info.chain))
        assert.same({verify_code = 0, verify_message = "ok", depth = 0, resumed = false,
          chain = info.chain}, info)
        assert.equal("Test Root", names(ends[side]:get_verified_chain(true))[3])
        asked.talk(ends)
      end)

      it("is told what is wrong, and may accept all the same", function()
        load(other, "stranger")
        ctx[side].check_hostname = false
        ctx[side].verify_callback = giving(true, "not", 7)
        open():shake_hands()
        assert.is_false(seen[1].ok)
        assert.equal(20, seen[1].info.verify_code)
        assert.equal("unable to get local issuer certificate", seen[1].info.verify_message)
        assert.equal(0, seen[1].info.depth)
        assert.equal("stranger", names(seen[1].info.chain)[1])
        assert.same({}, ends[side]:get_verified_chain())
        asked.talk(ends)
      end)

      for what, results in pairs {["false"] = {false}, ["nil"] = {nil}, ["nothing"] = {}} do
        it(("refuses by %s"):format(what), function()
          ctx[side].verify_callback = giving(table.unpack(results))
          open()
          local both = failures()
          local err = both[side]
          assert.equal(ssl.SSLCertVerificationError, err.class)
          assert.equal(50, err.verify_code)
          assert.equal("application verification failure", err.verify_message)
          assert.equal("CERTIFICATE_VERIFY_FAILED", err.reason)
          assert.equal(0, err.depth)
          assert.equal(40, both[other].alert)
          assert.equal(1, #seen)
        end)
      end

      it("refuses with a reason, and with a code", function()
        for _, case in ipairs {{"not today", nil, 50, 40}, {"revoked", 23, 23, 44},
                               {nil, 10, 10, 45}} do
          local reason, code, expected, alert = table.unpack(case, 1, 4)
          ctx[side].verify_callback = giving(false, reason, code)
          open()
          local both = failures()
          assert.equal(expected, both[side].verify_code)
          assert.equal(reason or "certificate has expired", both[side].verify_message)
          assert.matches(reason or "expired", tostring(both[side]))
          assert.equal(alert, both[other].alert)
          ends:close()
        end
      end)

      it("refuses with OpenSSL's code where that had said no", function()
        load(other, "expired")
        ctx[side].verify_callback = giving(false)
        open()
        local err = failures()[side]
        assert.equal(10, err.verify_code)
        assert.equal("certificate has expired", err.verify_message)
        assert.equal("localhost", err.subject[1][1][2])
        ends:close()
        ctx[side].verify_callback = giving(nil, "mine")
        open()
        err = failures()[side]
        assert.same({10, "mine"}, {err.verify_code, err.verify_message})
      end)

      for what, results in pairs {
        ["1"] = {1}, ["a string"] = {"yes"}, ["a table"] = {{}},
        ["a reason that is none"] = {false, 4}, ["a code that is none"] = {false, "x", "7"},
        ["a fraction"] = {false, nil, 1.5},
      } do
        it(("refuses %s, and raises"):format(what), function()
          ctx[side].verify_callback = giving(table.unpack(results, 1, 3))
          open()
          local both = failures()
          assert.equal(ssl.TypeError, both[side].class)
          assert.matches("^bad result #%d of verify_callback", both[side].message)
          assert.equal(42, both[other].alert)
        end)
      end

      it("refuses a code that says all is well, and raises", function()
        for _, code in ipairs {0, -1, 1 << 40} do
          ctx[side].verify_callback = giving(false, nil, code)
          open()
          assert.equal(ssl.ValueError, failures()[side].class)
          ends:close()
        end
      end)

      it("that is gone leaves the verdict to OpenSSL", function()
        ctx[side].verify_callback = giving(true)
        open()
        ctx[side].verify_callback = nil
        ends:shake_hands()
        ends:close()
        load(other, "expired")
        ctx[side].verify_callback = giving(true)
        open()
        ctx[side].verify_callback = nil
        assert.equal(10, failures()[side].verify_code)
        assert.same({}, seen)
      end)

      it("tells two connections apart by their identity", function()
        open()
        local before = ends[side]:identity()
        ends:close()
        ctx[side].verify_callback = print
        open()
        assert.not_equal(before, ends[side]:identity())
      end)

      it("is asked once with a HelloRetryRequest", function()
        if version == ssl.TLSVersion.TLSv1_2 then return end -- which has none
        ctx.server:set_groups "secp384r1"
        ctx[side].verify_callback = giving(true)
        open():shake_hands()
        assert.equal(1, #seen)
      end)

      it("pauses with callbacks around it that OpenSSL cannot pause", function()
        local messages = 0
        local function recurse(n) return n == 0 and 0 or 1 + recurse(n - 1) end
        ctx[side]._msg_callback = function()
          messages = messages + recurse(1000) // 1000
          string.rep("x", 10000):gsub("x", function() end)
        end
        ctx[side].verify_callback = function()
          coroutine.yield()
          return true
        end
        open()
        local co = asked.hands(ends)
        asked.resume(co)
        local before = messages
        assert.same({}, {asked.resume(co)})
        assert.is_true(before > 0 and messages > before)
        asked.talk(ends)
      end)

      it("is asked by openssl's tool as a peer, too", function()
        local way = version == ssl.TLSVersion.TLSv1_2 and "-tls1_2" or "-tls1_3"
        for _, accepts in ipairs {true, false} do
          ctx[side].verify_callback = giving(accepts, "not you")
          if side == "server" then
            local listener <close>, port = peers.listen(ctx.server)
            local peer <close> = peers.s_client(port, {way, "-ign_eof", "-cert",
              certs.path "client.pem", "-key", certs.path "client.key"})
            local ok, conn = pcall(listener.accept, listener)
            assert.equal(accepts, ok)
            if ok then
              conn:settimeout(pair.LIMIT)
              conn:sendall "bye\n"
              peer:expect "bye"
              conn:close()
            else
              assert.equal("not you", conn.verify_message)
              peer:expect "alert handshake failure"
            end
          else
            local peer <close> = peers.s_server("server", {way})
            local ok, conn = pcall(ctx.client.connect, ctx.client, "localhost", peer.port)
            assert.equal(accepts, ok)
            if ok then conn:close() else peer:expect "alert handshake failure" end
          end
        end
        assert.equal(2, #seen)
      end)
    end)
  end
end

describe("verify_callback", function()
  it("is told of a name that does not match", function()
    load("server", "wrong-host")
    for _, accepts in ipairs {true, false} do
      ctx.client.verify_callback = giving(accepts)
      local client = open():hands()
      local info = seen[#seen].info
      assert.is_false(seen[#seen].ok)
      assert.equal(62, info.verify_code)
      assert.matches("^Hostname mismatch, certificate is not valid for 'localhost'",
                     info.verify_message)
      assert.equal(not accepts and 62 or nil, client and client.verify_code)
      ends:close()
    end
  end)

  it("decides on a client with CERT_NONE, and is not asked on such a server", function()
    ctx.client.check_hostname = false
    ctx.client.verify_mode, ctx.server.verify_mode = ssl.CERT_NONE, ssl.CERT_NONE
    load("server", "stranger")
    ctx.server.verify_callback = giving(false)
    for _, accepts in ipairs {true, false} do
      seen = {}
      ctx.client.verify_callback = giving(accepts)
      local client = open():hands()
      assert.equal(1, #seen)
      assert.equal(20, seen[1].info.verify_code)
      assert.equal(not accepts and 20 or nil, client and client.verify_code)
      ends:close()
    end
  end)

  it("is not asked about a client that has no certificate to show", function()
    ctx.server.verify_mode = ssl.CERT_OPTIONAL
    ctx.server.verify_callback = giving(false)
    local bare <close> = pair.client_context()
    ends = memory.connected(bare, ctx.server)
    assert.same({}, seen)
  end)

  it("of a context that is switched to is the one that is asked", function()
    local first <close> = pair.server_context()
    first.verify_callback = giving(false)
    first.sni_callback = function(conn) conn.context = ctx.server end
    ctx.server.verify_callback = function(...)
      coroutine.yield()
      return giving(true)(...)
    end
    ends = memory.new(ctx.client, first)
    local co = asked.hands(ends)
    asked.resume(co)
    assert.same({}, {asked.resume(co)})
    assert.equal(1, #seen)
    assert.equal(ends.server, seen[1].conn)
  end)

  it("waits on a server beside a callback that knows pre-shared keys", function()
    for _, version in pairs(verifying.VERSIONS) do
      local identities = {}
      local function recurse(n) return n == 0 and 0 or 1 + recurse(n - 1) end
      ctx.server.maximum_version = version
      ctx.server:set_psk_server_callback(function(identity)
        identities[#identities + 1] = identity
        recurse(5000)
        return nil
      end, "hint")
      ctx.client:set_psk_client_callback(function() return "me", "secret" end)
      ctx.server.verify_callback = function(...)
        coroutine.yield()
        return giving(true)(...)
      end
      open()
      local co = asked.hands(ends)
      asked.resume(co)
      assert.same({}, {asked.resume(co)})
      asked.talk(ends)
      assert.same(version == ssl.TLSVersion.TLSv1_3 and {"me"} or {}, identities)
      ends:close()
    end
    assert.equal(2, #seen)
  end)

  it("may take a server through long RSA chains", function()
    certs.issue {name = "long-1", authority = true, key = "rsa"}
    certs.issue {name = "long-2", ca = "long-1", authority = true, key = "rsa"}
    certs.issue {name = "long-3", ca = "long-2", authority = true, key = "rsa"}
    certs.issue {name = "long", ca = "long-3", key = "rsa"}
    ctx.client:close()
    ctx.client = pair.client_context()
    ctx.client:load_cert_chain {certdata = certs.read "long.pem"
      .. certs.read "long-3.pem" .. certs.read "long-2.pem" .. certs.read "long-1.pem",
      keydata = certs.read "long.key"}
    ctx.server:load_cert_chain(certs.path "server-rsa.pem", certs.path "server-rsa.key")
    ctx.server.verify_callback = giving(true)
    open():shake_hands()
    assert.equal(5, #seen[1].info.chain)
  end)
end)
