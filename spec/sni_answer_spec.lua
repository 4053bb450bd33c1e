-- The SNI callback's answers, its errors, and what it may do while it runs.
local memory = require "support.memory"
local native = require "native"
local pair = require "support.pair"
local raised = require "support.raised"
local sni = require "support.sni"
local wire = require "support.wire"
local ssl = require "pyssl"
local protect = require "pyssl.protect"
local vm = require "support.vm"

local ctx, client_ctx, ends

before_each(function() ctx, client_ctx = sni.begin() end)
after_each(sni.finish)

-- Two ends over memory.
local function open()
  ends = sni.open()
  return ends
end

describe("an answer", function()
  local CASES = {
    {"112", 112, "unrecognized_name", "TLSV1_UNRECOGNIZED_NAME"},
    {"49", 49, "access_denied", "TLSV1_ALERT_ACCESS_DENIED"},
    {"49.0", 49.0, "access_denied", "TLSV1_ALERT_ACCESS_DENIED"},
    {"0", 0, "close_notify, though fatal"},
    {"a text", "x", "internal_error", "TLSV1_ALERT_INTERNAL_ERROR"},
    {"digits", "112", "internal_error", "TLSV1_ALERT_INTERNAL_ERROR"},
    {"a table", {}, "internal_error", "TLSV1_ALERT_INTERNAL_ERROR"},
    {"112.5", 112.5, "internal_error", "TLSV1_ALERT_INTERNAL_ERROR"},
    {"-1", -1, "internal_error", "TLSV1_ALERT_INTERNAL_ERROR"},
    {"256", 256, "internal_error", "TLSV1_ALERT_INTERNAL_ERROR"},
    {"2^40", 1 << 40, "internal_error", "TLSV1_ALERT_INTERNAL_ERROR"},
  }
  for _, case in ipairs(CASES) do
    local what, result, alert, reason = table.unpack(case)
    it(("of %s refuses with the alert %s [D-44, I-109]"):format(what, alert), function()
      ctx.sni_callback = function() return result end
      local client, server = open():hands()
      assert.equal(ssl.SSLError, server.class)
      assert.equal("CALLBACK_FAILED", server.reason)
      assert.equal("SSL", server.library)
      assert.equal("handshake", server.op)
      if reason then assert.equal(reason, client.reason) end
      local again = raised(ssl.SSLEOFError, ends.server.do_handshake, ends.server)
      assert.is_nil(again.reason)
    end)
  end

  for value, number in pairs {[true] = 1, [false] = 0} do
    it(("of %s is the alert %d, as in Python [D-44]"):format(value, number), function()
      ctx.sni_callback = function() return value end
      local _, server = open():hands()
      assert.equal("CALLBACK_FAILED", server.reason)
    end)
  end

  it("of nothing goes on, and further results mean nothing [D-44]", function()
    ctx.sni_callback = function() return nil, 112 end
    open():shake_hands()
  end)

  it("is the alert that the error tells [D-44]", function()
    ctx.sni_callback = function() return 112 end
    local client, server = open():hands()
    assert.equal(112, client.alert)
    assert.equal(112, server.alert)
  end)
end)

describe("an error in the callback", function()
  for what, value in pairs {
    ["a string"] = "no such host", ["a table"] = {}, ["false"] = false,
    ["an error object"] = ssl.ValueError("mine"), ["a number"] = 112,
  } do
    it(("comes out unchanged, %s, and the peer gets handshake_failure [D-44, I-109]")
       :format(what), function()
      ctx.sni_callback = function() error(value, 0) end
      local client, server = open():hands()
      assert.equal(value, server)
      assert.equal("SSLV3_ALERT_HANDSHAKE_FAILURE", client.reason)
    end)
  end

  it("comes out unchanged, nil [D-44]", function()
    ctx.sni_callback = function() error(nil, 0) end
    open()
    pcall(ends.client.do_handshake, ends.client)
    ends:move()
    assert.same({n = 2, false}, table.pack(pcall(ends.server.do_handshake, ends.server)))
    ends:move()
    local err = raised(ssl.SSLError, ends.client.do_handshake, ends.client)
    assert.equal("SSLV3_ALERT_HANDSHAKE_FAILURE", err.reason)
    raised(ssl.SSLEOFError, ends.server.do_handshake, ends.server)
  end)

  it("comes out of accept, with the connection closed and the listener usable [D-44]", function()
    local listener <close> = ctx:wrap_socket(nil, {server_side = true})
    listener:bind("127.0.0.1", 0)
    listener:listen(2)
    listener:settimeout(pair.LIMIT)
    for _, fails in ipairs {true, false} do
      ctx.sni_callback = function() if fails then error("mine", 0) end end
      local client <close> = client_ctx:wrap_socket(nil,
        {server_hostname = "localhost", do_handshake_on_connect = false})
      client:connect(listener:getsockname())
      client:settimeout(0)
      pcall(client.do_handshake, client)
      if fails then
        raised.text("mine", listener.accept, listener)
        client:settimeout(pair.LIMIT)
        local err = raised(ssl.SSLError, client.do_handshake, client)
        assert.equal("SSLV3_ALERT_HANDSHAKE_FAILURE", err.reason)
      else
        listener:settimeout(0)
        local conn <close> = listener:accept()
        for _, result in ipairs(pair.drive({client.do_handshake, client},
                                           {conn.do_handshake, conn})) do
          assert.is_true(result[1], result[2])
        end
      end
    end
  end)
end)

describe("the callback", function()
  it("may yield, for as long as it takes [D-44]", function()
    ctx.sni_callback = function(_, name)
      return coroutine.yield(name)
    end
    for _, answer in ipairs {false, 112} do
      open()
      pcall(ends.client.do_handshake, ends.client)
      ends:move()
      local server = coroutine.wrap(function()
        return protect.call(ends.server.do_handshake, ends.server)
      end)
      assert.equal("localhost", server())
      collectgarbage()
      raised(ssl.ValueError, ends.server.do_handshake, ends.server) -- it waits
      raised(ssl.ValueError, ends.server.read, ends.server, 1)
      assert.equal("", ends.server_out:read())
      local ok, err = server(answer or nil)
      assert.is_false(ok)
      if answer then
        assert.equal("CALLBACK_FAILED", err.reason)
      else
        assert.equal(ssl.SSLWantReadError, err.class)
        ends:shake_hands()
      end
    end
  end)

  it("is asked anew where the coroutine that asked is gone [D-44]", function()
    local ways = {collectgarbage}
    if vm.has.close then ways[2] = coroutine.close end
    for _, finish in ipairs(ways) do
      local calls = 0
      ctx.sni_callback = function()
        calls = calls + 1
        if calls == 1 then coroutine.yield() end
      end
      open()
      pcall(ends.client.do_handshake, ends.client)
      ends:move()
      local server = coroutine.create(ends.server.do_handshake)
      coroutine.resume(server, ends.server)
      assert.equal(1, calls)
      local ended = server
      server = nil -- luacheck: ignore
      if finish ~= collectgarbage then finish(ended) end
      ended = nil -- luacheck: ignore
      collectgarbage()
      ends:shake_hands()
      assert.equal(2, calls)
    end
  end)

  it("may not operate on the connection that waits for it [D-44]", function()
    local errs = {}
    ctx.sni_callback = function(conn)
      for _, name in ipairs {"do_handshake", "read", "write"} do
        errs[name] = select(2, pcall(conn[name], conn, name == "write" and "x" or nil))
      end
    end
    open():shake_hands()
    for name, err in pairs(errs) do
      assert.equal(ssl.ValueError, err.class, name)
    end
  end)

  it("may close the connection, and its answer is dropped [D-44]", function()
    for _, answer in ipairs {false, 112, "error"} do
      ctx.sni_callback = function(conn)
        conn:close()
        collectgarbage()
        if answer == "error" then error("mine", 0) end
        return answer or nil
      end
      open()
      pcall(ends.client.do_handshake, ends.client)
      ends:move()
      if answer == "error" then
        raised.text("mine", ends.server.do_handshake, ends.server)
      else
        raised(ssl.ValueError, ends.server.do_handshake, ends.server)
      end
      assert.equal("", ends.server_out:read())
      local w <close> = wire.new {client = client_ctx, server = ctx,
        handshake = false}
      pcall(w.client.do_handshake, w.client)
      w:move()
      if answer == "error" then
        raised.text("mine", w.server.do_handshake, w.server)
      else
        local err = raised(ssl.OSError, w.server.do_handshake, w.server)
        assert.equal("EBADF", err.name)
      end
    end
  end)

  it("may collect garbage, and have a handshake of its own [D-44]", function()
    local depth = 0
    ctx.sni_callback = function()
      collectgarbage()
      if depth > 1 then return end
      depth = depth + 1
      local inner <close> = memory.connected(client_ctx, ctx)
      assert.equal("TLSv1.3", inner.server:version())
    end
    open():shake_hands()
    assert.equal(2, depth)
  end)

  it("is collected with its context, cycles and all [D-10]", function()
    local gone = setmetatable({}, {__mode = "k"})
    do
      local own = pair.server_context()
      own.sni_callback = function() return own end
      gone[own] = true
    end
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(gone))
  end)

  it("counts for the time limit of the operation [D-44]", function()
    local client, server = pair.tcp(client_ctx, ctx)
    pcall(client.do_handshake, client)
    ctx.sni_callback = function() native.poll({}, {}, 0.05) end
    server:settimeout(0.04) -- the hello is there, the client's answer is not
    raised(ssl.TimeoutError, server.do_handshake, server)
    pair.close(client, server)
  end)
end)
