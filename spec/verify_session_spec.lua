-- verify_callback where OpenSSL does not verify, because a session is resumed,
-- and where it cannot be made to wait.
local asked = require "support.asked"
local certs = require "support.certs"
local memory = require "support.memory"
local pair = require "support.pair"
local peers = require "support.peers"
local raised = require "support.raised"
local verifying = require "support.verifying"
local ssl = require "pyssl"

local ctx, ends, seen, answer

-- A callback that notes what it is asked, waits, and gives `answer`.
local function waiting(conn, ok, info)
  seen[#seen + 1] = {conn = conn, ok = ok, info = info}
  coroutine.yield()
  return table.unpack(answer, 1, 3)
end

before_each(function()
  ctx = asked.contexts()
  seen, answer = {}, {true}
end)
after_each(function() ends = asked.finish(ctx, ends) end)

local function open(session)
  if ends then ends:close() end
  ends = memory.new(ctx.client, ctx.server, {client = {session = session}})
  return ends
end

-- Shake hands, however often it waits.
local function shake_hands()
  local co = asked.hands(ends)
  local client, server
  repeat
    client, server = asked.resume(co)
  until coroutine.status(co) == "dead"
  return {client = client, server = server}
end

-- A session, made with the callback on `side`.
local function make_session()
  open()
  assert.same({}, shake_hands())
  asked.talk(ends)
  return ends.client.session
end

for title, version in pairs(verifying.VERSIONS) do
  for _, side in ipairs {"client", "server"} do
    local other = asked.other(side)
    describe(("a session resumed on a %s, %s,"):format(side, title), function()
      before_each(function()
        ctx.server.maximum_version = version
        ctx[side].verify_callback = waiting
      end)

      it("is asked about once more, before anything moves", function()
        local session = make_session()
        open(session)
        local co = asked.hands(ends)
        asked.resume(co)
        local conn = ends[side]
        assert.equal(2, #seen)
        assert.equal(conn, seen[2].conn)
        assert.is_true(seen[2].ok)
        assert.is_true(seen[2].info.resumed)
        assert.same({0, "ok", 0}, {seen[2].info.verify_code, seen[2].info.verify_message,
                                   seen[2].info.depth})
        assert.matches(side == "client" and "localhost" or "client",
                       tostring(seen[2].info.chain[1]))
        if side == "server" then assert.equal("", ends.server_out:read()) end
        raised(ssl.ValueError, conn.read, conn, 1)
        raised(ssl.ValueError, conn.write, conn, "x")
        assert.same({}, {asked.resume(co)})
        assert.is_true(ends.client.session_reused)
        assert.equal(2, #seen)
        asked.talk(ends)
      end)

      it("cannot be unwrapped before it has agreed", function()
        local session = make_session()
        answer = {false, "gone"}
        open(session)
        local co = asked.hands(ends)
        asked.resume(co)
        raised(ssl.ValueError, ends[side].unwrap, ends[side])
        co = nil -- luacheck: ignore
        collectgarbage()
        collectgarbage()
        local again = coroutine.wrap(function()
          return select(2, memory.try(ends[side].unwrap, ends[side]))
        end)
        again()
        assert.equal(3, #seen)
        assert.equal(side == "client" and "CERTIFICATE_VERIFY_FAILED"
                     or "SHUTDOWN_WHILE_IN_INIT", again().reason)
        assert.is_false((pcall(ends[side].unwrap, ends[side])))
      end)

      it("may be refused", function()
        for i, case in ipairs {{{false}, 50, 40}, {{nil, "gone", 23}, 23, 42}} do
          local results, code, alert = table.unpack(case)
          answer = {true}
          local session = make_session()
          answer = results
          open(session)
          local failures = shake_hands()
          local err = failures[side]
          assert.equal(ssl.SSLCertVerificationError, err.class)
          assert.equal("CERTIFICATE_VERIFY_FAILED", err.reason)
          assert.equal(code, err.verify_code)
          assert.equal(results[2] or "application verification failure", err.verify_message)
          assert.equal(0, err.depth)
          local conn = ends[side]
          raised(ssl.SSLEOFError, conn.read, conn, 1)
          raised(ssl.SSLEOFError, conn.write, conn, "x")
          if side == "server" then
            assert.equal(alert, (failures[other] or asked.failure(ends, other)).alert)
          else -- which has no alert to send any more, but says goodbye
            ends:move()
            local ok, got = pcall(ends.server.read, ends.server, 1)
            assert.is_true(ok and got == ""
              or not ok and got.class == ssl.SSLZeroReturnError, tostring(got))
          end
          assert.equal(2 * i, #seen)
          assert.is_true(seen[2 * i].info.resumed)
        end
      end)

      it("is refused with what the callback raises", function()
        for _, returns in ipairs {false, true} do
          ctx[side].verify_callback = waiting
          local session = make_session()
          ctx[side].verify_callback = function(_, _, info)
            assert.is_true(info.resumed)
            if not returns then error("mine", 0) end
            return 1
          end
          open(session)
          local err = shake_hands()[side]
          assert.equal(returns and ssl.TypeError or "mine", returns and err.class or err)
        end
      end)

      it("is told of with what OpenSSL had said of it", function()
        ctx[other]:load_cert_chain(certs.path "stranger.pem", certs.path "stranger.key")
        ctx[side].check_hostname = false
        local session = make_session()
        open(session)
        assert.same({}, shake_hands())
        assert.is_true(ends.client.session_reused)
        assert.equal(2, #seen)
        assert.is_false(seen[2].ok)
        assert.equal(seen[1].info.verify_code, seen[2].info.verify_code)
        open(session) -- and without a callback, that counts
        ctx[side].verify_callback = nil
        local err = shake_hands()[side]
        assert.equal(seen[1].info.verify_code, err.verify_code)
      end)

      it("is dropped with its connection while it waits", function()
        local session = make_session()
        for _, way in ipairs {"close", "collect"} do
          open(session)
          local co = asked.hands(ends)
          asked.resume(co)
          if way == "close" then
            ends[side]:close()
            assert.equal(ssl.ValueError, select(side == "client" and 1 or 2,
              asked.resume(co)).class)
          end
          seen, ends, co = {}, nil, nil -- luacheck: ignore
          collectgarbage()
          collectgarbage()
        end
      end)

      it("was made under the same callback, or is none of its", function()
        local session = make_session()
        ctx[side].verify_callback = nil
        if side == "client" then
          open()
          local err = raised(ssl.ValueError, raised.set, ends.client, "session", session)
          assert.matches("verify_callback", err.message)
        else
          open(session)
          assert.same({}, shake_hands())
          assert.is_false(ends.client.session_reused)
        end
        assert.equal(1, #seen)
      end)
    end)
  end
end

describe("a session resumed", function()
  it("behind a HelloRetryRequest is asked about once", function()
    ctx.server.verify_callback = waiting
    local session = make_session()
    ctx.server:set_groups "secp384r1"
    open(session)
    assert.same({}, shake_hands())
    assert.is_true(ends.client.session_reused)
    assert.equal(2, #seen)
    asked.talk(ends)
  end)

  it("by the context itself is asked about too", function()
    ctx.client.auto_resume = true
    ctx.client.verify_callback = waiting
    make_session()
    open()
    assert.same({}, shake_hands())
    assert.is_true(ends.client.session_reused)
    assert.is_true(seen[2].info.resumed)
    answer = {false}
    open()
    assert.equal(50, shake_hands().client.verify_code)
  end)

  it("by openssl's tool may be refused", function()
    ctx.server.verify_callback = function(_, _, info)
      return not info.resumed, "once is enough"
    end
    local file = certs.path "verify.sess"
    for _, way in ipairs {"-sess_out", "-sess_in"} do
      local listener <close>, port = peers.listen(ctx.server)
      local peer <close> = peers.s_client(port, {"-tls1_2", "-ign_eof", way, file,
        "-cert", certs.path "client.pem", "-key", certs.path "client.key"})
      local ok, conn = pcall(listener.accept, listener)
      assert.equal(way == "-sess_out", ok)
      if ok then
        conn:settimeout(pair.LIMIT)
        conn:sendall "bye\n"
        peer:expect "bye"
        conn:close()
        peer:drain()
      else
        assert.equal("once is enough", conn.verify_message)
        peer:expect "alert handshake failure"
      end
    end
  end)
end)

describe("after the handshake", function()
  local function ask_later(f)
    ctx.server.post_handshake_auth, ctx.client.post_handshake_auth = true, true
    ctx.server.verify_callback = f
    open()
    assert.same({}, shake_hands())
    ends.server:verify_client_post_handshake()
    ends.server:write "who?"
    ends:move()
    assert.equal("who?", ends.client:read())
    ends.client:write "me"
    ends:move()
  end

  it("a server's verify_callback is asked at once", function()
    ask_later(function(conn, ok, info)
      seen[#seen + 1] = info
      raised(ssl.ValueError, conn.read, conn)
      return ok
    end)
    assert.equal("me", ends.server:read())
    assert.equal(1, #seen)
    assert.is_false(seen[1].resumed)
    assert.matches("CN=client", tostring(seen[1].chain[1]))
    assert.is_table(ends.server:getpeercert())
  end)

  it("and refuses, raises, or closes as in it", function()
    for what, f in pairs {
      refused = function() return false, "no" end,
      raised = function() error("mine", 0) end,
      wrong = function() return 1 end,
      closed = function(conn) conn:close(); return true end,
    } do
      ask_later(f)
      local ok, err = pcall(ends.server.read, ends.server)
      assert.is_false(ok)
      if what == "refused" then
        assert.equal("no", err.verify_message)
        assert.equal(40, asked.failure(ends, "client").alert)
      elseif what == "raised" then
        assert.equal("mine", err)
        assert.equal(42, asked.failure(ends, "client").alert)
      elseif what == "wrong" then
        assert.equal(ssl.TypeError, err.class)
      else
        assert.equal("EBADF", err.name)
      end
    end
  end)

  it("but it may not yield", function()
    ask_later(waiting)
    local co = coroutine.create(function() return pcall(ends.server.read, ends.server) end)
    local ok, err = asked.resume(co)
    assert.is_false(ok)
    assert.matches("attempt to yield across", err)
    assert.equal(42, asked.failure(ends, "client").alert)
  end)
end)
