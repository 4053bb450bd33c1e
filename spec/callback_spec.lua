-- Whatever a callback does: it fails, closes what it runs on, starts other
-- connections. Each row of CALLBACKS is walked through all of it:
--
--   name      for the titles
--   side      "client" or "server": whose connection it runs on
--   contexts  a function that makes contexts of a client and a server
--   set       set(ctx, f) makes f the callback of a context of that side
--   answer    what a good one gives, as a list
--   mild      true where the connection goes on after an error in it
--   outside   true where it runs while OpenSSL pauses
--   context_needed  true where the handshake goes on with its context only
local memory = require "support.memory"
local pair = require "support.pair"
local psk = require "support.psk"
local ssl = require "pyssl"

local TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

local function set_message(ctx, f) ctx._msg_callback = f end
local function set_client_key(ctx, f) ctx:set_psk_client_callback(f) end
local function set_server_key(ctx, f) ctx:set_psk_server_callback(f) end

local function set_sni(ctx, f) ctx.sni_callback = f end

local function certificates()
  return pair.client_context(), pair.server_context()
end
local function keys_of(version)
  return function() return psk.contexts(version) end
end

local CALLBACKS = {
  {name = "a client's message callback", side = "client", mild = true,
    contexts = certificates, set = set_message, answer = {}},
  {name = "a server's message callback", side = "server", mild = true,
    contexts = keys_of(TLS12), set = set_message, answer = {}},
  {name = "a client's callback for keys, TLS 1.2,", side = "client",
    contexts = keys_of(TLS12), set = set_client_key, answer = {psk.IDENTITY, psk.KEY}},
  {name = "a client's callback for keys, TLS 1.3,", side = "client",
    contexts = keys_of(TLS13), set = set_client_key, answer = {psk.IDENTITY, psk.KEY}},
  {name = "a server's callback for keys, TLS 1.2,", side = "server",
    contexts = keys_of(TLS12), set = set_server_key, answer = {psk.KEY}},
  {name = "a server's callback for keys, TLS 1.3,", side = "server",
    contexts = keys_of(TLS13), set = set_server_key, answer = {psk.KEY}},
  {name = "an SNI callback", side = "server", outside = true,
    context_needed = true,
    contexts = certificates, set = set_sni, answer = {}},
}

-- Contexts of a client and a server, and that of the row's side, with the
-- callback f, whose results are a good answer where it gives none.
local function contexts(row, f)
  local client_ctx, server_ctx = row.contexts()
  local mine = row.side == "client" and client_ctx or server_ctx
  row.set(mine, function(...)
    local results = table.pack(f(...))
    if results.n > 0 then return table.unpack(results, 1, results.n) end
    return table.unpack(row.answer)
  end)
  return client_ctx, server_ctx, mine
end

-- What do_handshake of each end comes to over memory, as {ok, error} by side.
local function shake(ends)
  local results = {}
  for _ = 1, 20 do
    for _, side in ipairs {"client", "server"} do
      local ok, err = pcall(ends[side].do_handshake, ends[side])
      if results[side] == nil and (ok or not pair.is_want(err)) then
        results[side] = {ok, err}
      end
      ends:move()
    end
  end
  return results
end

-- The same over TCP, until the row's side has ended: {ok, error} of that.
local function shake_tcp(row, client, server)
  local mine = row.side == "client" and client or server
  local other = mine == client and server or client
  for _ = 1, 100000 do
    pcall(other.do_handshake, other)
    local ok, err = pcall(mine.do_handshake, mine)
    if ok or not pair.is_want(err) then return {ok, err} end
  end
  error("the pair is stuck")
end

-- Once only: connections that a callback starts have it, too.
local function once(f)
  local called = false
  return function(...)
    if called then return end
    called = true
    return f(...)
  end
end

local THROWN = {
  string = "just a string", table = {"a table"}, number = 4711, boolean = false,
  ["function"] = print, ["nil"] = nil, object = ssl.ValueError("of ours"),
}

local function is_busy(err)
  return type(err) == "table" and err:is(ssl.ValueError)
    and err.message:find("busy", 1, true) ~= nil
end

for _, row in ipairs(CALLBACKS) do
  describe(row.name, function()
    it("may raise any value, which comes out unchanged", function()
      for _, kind in ipairs {"string", "table", "number", "boolean", "function",
                             "nil", "object"} do
        local ends <close> = memory.new(contexts(row, function()
          error(THROWN[kind], 0)
        end))
        local result = shake(ends)[row.side]
        assert.is_false(result[1], kind)
        assert.is_true(rawequal(THROWN[kind], result[2]), kind)
      end
    end)

    it("may raise on a socket", function()
      local client_ctx, server_ctx = contexts(row, function()
        error(THROWN.table, 0)
      end)
      local client, server = pair.tcp(client_ctx, server_ctx)
      local result = shake_tcp(row, client, server)
      pair.close(client, server)
      assert.is_false(result[1])
      assert.is_true(rawequal(THROWN.table, result[2]))
    end)

    it("is told of what it raised once, and no more of it", function()
      local ends <close> = memory.new(contexts(row, once(function()
        error "first"
      end)))
      local mine = ends[row.side]
      local result = shake(ends)[row.side]
      assert.is_false(result[1])
      local ok, err = pcall(mine.do_handshake, mine)
      assert.equal(row.mild or false, ok)
      if not ok then assert.is_true(err:is(ssl.SSLError)) end
    end)

    it("cannot yield where OpenSSL cannot pause", function()
      if row.outside then return end
      local ends <close> = memory.new(contexts(row, function()
        coroutine.yield()
      end))
      local result
      local co = coroutine.wrap(function() result = shake(ends)[row.side] end)
      co()
      assert.is_false(result[1])
      assert.is_truthy(tostring(result[2]):find("yield", 1, true))
    end)

    it("may collect garbage", function()
      local ends <close> = memory.new(contexts(row, function()
        collectgarbage()
        collectgarbage()
      end))
      local results = shake(ends)
      assert.same({true, true}, {results.client[1], results.server[1]})
    end)

    it("may have been made by a coroutine that is gone", function()
      local ends
      do
        local co = coroutine.create(function()
          ends = memory.new(contexts(row, function() collectgarbage() end))
          error "dead"
        end)
        assert.is_false(coroutine.resume(co))
      end
      collectgarbage()
      local co = coroutine.create(function() -- and a step that ran in another
        pcall(ends[row.side].do_handshake, ends[row.side])
      end)
      assert.is_true(coroutine.resume(co))
      co = nil -- luacheck: ignore
      collectgarbage()
      local results = shake(ends)
      ends:close()
      assert.same({true, true}, {results.client[1], results.server[1]})
    end)

    it("may be the last that knows its connection and its context", function()
      local ran = false
      local ends = memory.new(contexts(row, once(function()
        collectgarbage()
        ran = true
      end)))
      local other = row.side == "client" and "server" or "client"
      for _ = 1, 5 do
        pcall(ends[other].do_handshake, ends[other])
        ends:move()
        if not ran then
          -- the stack of this call has the last reference
          pcall((function()
            local mine = ends[row.side]
            return mine.do_handshake, mine
          end)())
          ends:move()
        end
      end
      ends:close()
      assert.is_true(ran)
    end)

    it("may close its connection", function()
      for _, how in ipairs {"close", "__gc", "__close"} do
        local ends
        ends = memory.new(contexts(row, once(function()
          local mine = ends[row.side]
          local f = how == "close" and mine.close or getmetatable(mine)[how]
          f(mine)
          f(mine)
          collectgarbage()
        end)))
        local mine = ends[row.side]
        local result = shake(ends)[row.side]
        assert.is_false(result[1], how)
        assert.is_true(result[2]:is(ssl.OSError) or result[2]:is(ssl.ValueError))
        local ok, err = pcall(mine.read, mine)
        assert.is_false(ok)
        assert.is_true(err:is(ssl.ValueError))
        ends:close()
      end
    end)

    it("may close its socket", function()
      local client, server, mine
      client, server = pair.tcp(contexts(row, once(function()
        mine = row.side == "client" and client or server
        mine:close()
        mine:close()
      end)))
      local result = shake_tcp(row, client, server)
      assert.is_false(result[1])
      assert.equal("EBADF", result[2].name)
      assert.equal(-1, mine:fileno())
      assert.is_nil(mine:version())
      pair.close(client, server)
    end)

    it("may take its socket's descriptor away, or shut it", function()
      for _, method in ipairs {"detach", "shutdown"} do
        local client, server, fd
        client, server = pair.tcp(contexts(row, once(function()
          local mine = row.side == "client" and client or server
          fd = mine[method](mine, ssl.SHUT_RDWR)
        end)))
        local result = shake_tcp(row, client, server)
        assert.is_false(result[1], method)
        if method == "detach" then require("native").close(fd) end
        pair.close(client, server)
      end
    end)

    it("may raise when it has closed its connection", function()
      local ends
      ends = memory.new(contexts(row, once(function()
        ends[row.side]:close()
        error(THROWN.table, 0)
      end)))
      local result = shake(ends)[row.side]
      ends:close()
      assert.is_true(rawequal(THROWN.table, result[2]))
    end)

    it("may close its context", function()
      local mine
      local client_ctx, server_ctx, ctx = contexts(row, function()
        mine:close()
        collectgarbage()
      end)
      mine = ctx
      local ends <close> = memory.new(client_ctx, server_ctx)
      local results = shake(ends)
      local good = not row.context_needed
      assert.same({good, good}, {results.client[1], results.server[1]})
      if not good then assert.is_true(results[row.side][2]:is(ssl.ValueError)) end
    end)

    it("may take itself away", function()
      local mine
      local client_ctx, server_ctx, ctx = contexts(row, once(function()
        row.set(mine, nil)
        collectgarbage()
      end))
      mine = ctx
      local ends <close> = memory.new(client_ctx, server_ctx)
      local results = shake(ends)
      assert.same({true, true}, {results.client[1], results.server[1]})
    end)

    it("may start other connections, good and bad", function()
      local again
      local client_ctx, server_ctx = contexts(row, once(function()
        again()
      end))
      local inner
      function again()
        local ends <close> = memory.new(client_ctx, server_ctx)
        inner = shake(ends)
        local client, server = pair.connected()
        client:sendall("inside")
        assert(server:recv() == "inside")
        pair.close(client, server)
        assert(pair.refused(pair.client_context(), pair.server_context("expired")))
      end
      local ends <close> = memory.new(client_ctx, server_ctx)
      local results = shake(ends)
      assert.same({true, true}, {inner.client[1], inner.server[1]})
      assert.same({true, true}, {results.client[1], results.server[1]})
    end)

    it("may not operate its own connection", function()
      if row.outside then return end
      local ends, seen = nil, {}
      ends = memory.new(contexts(row, once(function()
        local mine = ends[row.side]
        for _, call in ipairs {{"do_handshake"}, {"read"}, {"write", "x"}, {"unwrap"},
                               {"verify_client_post_handshake"}} do
          local ok, err = pcall(mine[call[1]], mine, call[2])
          seen[call[1]] = not ok and is_busy(err)
        end
        assert(mine:pending() == 0)
        mine:version()
      end)))
      local results = shake(ends)
      ends:close()
      assert.same({do_handshake = true, read = true, write = true, unwrap = true,
                   verify_client_post_handshake = true}, seen)
      assert.same({true, true}, {results.client[1], results.server[1]})
    end)

    it("may not operate its own socket", function()
      if row.outside then return end
      local client, server
      local seen = {}
      client, server = pair.tcp(contexts(row, once(function()
        local mine = row.side == "client" and client or server
        for _, call in ipairs {{"do_handshake"}, {"recv"}, {"send", "x"}, {"unwrap"},
                               {"close_write"}, {"verify_client_post_handshake"}} do
          local ok, err = pcall(mine[call[1]], mine, call[2])
          seen[#seen + 1] = not ok and is_busy(err)
        end
        mine:settimeout(0)
      end)))
      local results = pair.drive({client.do_handshake, client},
                                 {server.do_handshake, server})
      pair.close(client, server)
      assert.same({true, true, true, true, true, true}, seen)
      assert.same({true, true}, {results[1][1], results[2][1]})
    end)
  end)
end

describe("two callbacks that raise in one step", function()
  it("are told of by the first error", function()
    local client_ctx, server_ctx = psk.contexts(TLS12)
    local asked = false
    server_ctx._msg_callback = function() error("first", 0) end
    server_ctx:set_psk_server_callback(function()
      asked = true
      error("second", 0)
    end)
    local ends <close> = memory.new(client_ctx, server_ctx)
    for _ = 1, 20 do
      pcall(ends.client.do_handshake, ends.client)
      ends:move()
      local _, err = pcall(ends.server.do_handshake, ends.server)
      assert.not_equal("second", err)
      ends:move()
    end
    assert.is_true(asked)
  end)
end)
