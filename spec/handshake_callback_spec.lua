-- What all callbacks have in common that a handshake asks: client_hello_callback,
-- sni_callback, cert_callback, verify_callback.
local asked = require "support.asked"
local native = require "native"
local pair = require "support.pair"
local raised = require "support.raised"
local scale = require "support.scale"
local verifying = require "support.verifying"
local ssl = require "pyssl"

local ends

after_each(function()
  if ends then ends:close() end
  ends = nil
end)

for _, kind in ipairs(asked.KINDS) do
  for title, version in pairs(verifying.VERSIONS) do
    describe(("%s, %s,"):format(kind.title, title), function()
      local calls

      -- Two ends; the callback calls f(conn).
      local function open(f)
        calls = 0
        ends = asked.open({[kind] = function(conn)
          calls = calls + 1
          assert.equal(ends[kind.side], conn)
          return f(conn)
        end}, version)
        return ends
      end

      local function accept()
        return kind.accept
      end

      it("is asked once, and the handshake goes on", function()
        open(accept):shake_hands()
        asked.talk(ends)
        assert.equal(1, calls)
      end)

      for what, value in pairs {["a string"] = "mine", ["a table"] = {},
          ["an error object"] = ssl.ValueError("mine"), ["nil"] = "NIL"} do
        it(("raises %s, which comes out unchanged"):format(what), function()
          local expected = value
          if value == "NIL" then expected = nil end
          open(function() error(expected, 0) end)
          local mine = {}
          local step = ends[kind.side].do_handshake
          for _ = 1, 4 do
            pcall(ends[asked.other(kind.side)].do_handshake,
                  ends[asked.other(kind.side)])
            ends:move()
            mine = table.pack(pcall(step, ends[kind.side]))
            ends:carry(asked.other(kind.side))
            if calls > 0 then break end
          end
          assert.same({n = 2, false, expected}, mine)
          assert.equal(kind.alert, asked.failure(ends, asked.other(kind.side)).alert)
          raised(ssl.SSLEOFError, step, ends[kind.side])
          raised(ssl.SSLEOFError, step, ends[kind.side])
          assert.equal(1, calls)
        end)
      end

      it("yields, and nothing moves until it has answered", function()
        open(function() return coroutine.yield "waits" end)
        local co = asked.hands(ends)
        assert.equal("waits", asked.resume(co))
        for _ = 1, 2 do
          collectgarbage()
          local conn = ends[kind.side]
          raised(ssl.ValueError, conn.do_handshake, conn)
          raised(ssl.ValueError, conn.read, conn, 1)
          raised(ssl.ValueError, conn.write, conn, "x")
          assert.equal("", ends[kind.side .. "_out"]:read())
        end
        assert.same({}, {asked.resume(co, kind.accept)})
        asked.talk(ends)
        assert.equal(1, calls)
      end)

      it("yields, and then raises", function()
        open(function() error(coroutine.yield(), 0) end)
        local co = asked.hands(ends)
        asked.resume(co)
        local failures = {}
        failures.client, failures.server = asked.resume(co, "mine")
        local other = asked.other(kind.side)
        assert.equal("mine", failures[kind.side])
        local err = failures[other] or asked.failure(ends, other)
        assert.equal(kind.alert, err.alert)
      end)

      it("collects garbage, and shakes hands itself", function()
        local depth = 0
        open(function()
          collectgarbage()
          depth = depth + 1
          if depth == 1 then
            local inner <close> = asked.open({[kind] = accept}, version)
            inner:shake_hands()
            asked.talk(inner)
          end
          return kind.accept
        end):shake_hands()
        asked.talk(ends)
      end)

      it("closes the connection, and the answer is dropped", function()
        for _, fails in ipairs {false, true} do
          open(function(conn)
            conn:close()
            collectgarbage()
            if fails then error("mine", 0) end
            return kind.accept
          end)
          local client, server = ends:hands()
          local err = kind.side == "client" and client or server
          assert.equal(fails and "mine" or ssl.ValueError, fails and err or err.class)
          assert.equal("", ends[kind.side .. "_out"]:read())
          ends:close()
        end
      end)

      it("is suspended while the connection is closed", function()
        open(function() return coroutine.yield() end)
        local co = asked.hands(ends)
        asked.resume(co)
        ends[kind.side]:close()
        assert.equal("", ends[kind.side .. "_out"]:read())
        local client, server = asked.resume(co, kind.accept)
        local err = kind.side == "client" and client or server
        assert.equal(ssl.ValueError, err.class)
        assert.equal("", ends[kind.side .. "_out"]:read())
      end)

      it("is asked again where the coroutine is gone", function()
        for _, finish in ipairs {coroutine.close, function() end} do
          open(function()
            if calls == 1 then coroutine.yield() end
            return kind.accept
          end)
          local co = asked.hands(ends)
          asked.resume(co)
          finish(co)
          co = nil -- luacheck: ignore
          collectgarbage()
          collectgarbage()
          ends:shake_hands()
          asked.talk(ends)
          assert.equal(2, calls)
          ends:close()
        end
      end)

      it("is asked again by unwrap, which then says that it is too early", function()
        open(function() return coroutine.yield() end)
        local co = asked.hands(ends)
        asked.resume(co)
        local conn = ends[kind.side]
        raised(ssl.ValueError, conn.unwrap, conn)
        co = nil -- luacheck: ignore
        collectgarbage()
        collectgarbage()
        local again = coroutine.wrap(function() return select(2, ssl.try(conn.unwrap, conn)) end)
        again()
        assert.equal("SHUTDOWN_WHILE_IN_INIT", again(kind.accept).reason)
        ends:shake_hands()
        assert.equal(2, calls)
      end)

      it("is collected with everything while it is suspended", function()
        local gone = setmetatable({}, {__mode = "k"})
        do
          open(function() return coroutine.yield() end)
          local co = asked.hands(ends)
          asked.resume(co)
          gone[ends.client], gone[ends.server], gone[co] = true, true, true
          ends = nil
        end
        for _ = 1, 3 do collectgarbage() end
        assert.is_nil(next(gone))
      end)

      it("works over sockets", function()
        local ctx = asked.contexts(version)
        calls = 0
        ctx[kind.side][kind.name] = function()
          calls = calls + 1
          return kind.accept
        end
        local client, server = pair.connected(ctx.client, ctx.server)
        client:sendall("x")
        assert.equal("x", server:recv())
        assert.equal(1, calls)
        pair.close(client, server)
      end)

      it("is suspended while its socket is closed", function()
        local ctx = asked.contexts(version)
        ctx[kind.side][kind.name] = function() return coroutine.yield() end
        local client, server = pair.tcp(ctx.client, ctx.server)
        local conn = kind.side == "client" and client or server
        local other = kind.side == "client" and server or client
        local co
        repeat
          pcall(other.do_handshake, other)
          co = coroutine.create(conn.do_handshake)
          coroutine.resume(co, conn)
        until coroutine.status(co) == "suspended"
        conn:close()
        local ok, err = coroutine.resume(co, kind.accept)
        assert.is_false(ok)
        assert.equal("EBADF", err.name)
        assert.equal("dead", coroutine.status(co))
        pair.close(client, server)
      end)

      it("counts for the handshake's time limit", function()
        local ctx = asked.contexts(version)
        ctx[kind.side][kind.name] = function()
          native.poll({}, {}, 0.05)
          return kind.accept
        end
        local client, server = pair.tcp(ctx.client, ctx.server)
        local conn = {client = client, server = server}
        local other = conn[asked.other(kind.side)]
        local failure
        conn[kind.side]:settimeout(0.04)
        for _ = 1, 20 do
          pcall(other.do_handshake, other)
          local ok, err = pcall(conn[kind.side].do_handshake, conn[kind.side])
          if ok then break end
          failure = err
        end
        assert.equal(ssl.TimeoutError, failure and failure.class)
        pair.close(client, server)
      end)
    end)
  end
end

describe("callbacks that are taken away when a connection is made", function()
  it("are not missed, one after the other", function()
    local ctx = asked.contexts()
    for _, kind in ipairs(asked.KINDS) do ctx[kind.side][kind.name] = error end
    local both = require("support.memory").new(ctx.client, ctx.server)
    for _, kind in ipairs(asked.KINDS) do ctx[kind.side][kind.name] = nil end
    both:shake_hands()
    asked.talk(both)
    asked.finish(ctx, both)
  end)
end)

describe("a process", function()
  it("has 1,000 handshakes in flight, each suspended in each callback", function()
    local many = scale.count(1000, 100)
    local ctx = asked.contexts()
    for i, kind in ipairs(asked.KINDS) do
      ctx[kind.side][kind.name] = function()
        assert(coroutine.yield(i) == i)
        return kind.accept
      end
    end
    local memory = require "support.memory"
    local each, hands = {}, {}
    for n = 1, many do
      each[n] = memory.new(ctx.client, ctx.server)
      hands[n] = asked.hands(each[n])
    end
    local answer = {}
    for i = 1, #asked.KINDS do
      for n = 1, many do answer[n] = asked.resume(hands[n], answer[n]) end
      for n = 1, many do assert(answer[n] == i) end
    end
    for n = 1, many do
      local client, server = asked.resume(hands[n], answer[n])
      assert(client == nil and server == nil)
      asked.talk(each[n])
      each[n]:close()
    end
  end)
end)
