-- _msg_callback on contexts that the SNI callback switches: each message is told
-- of once, to the function of the context that it ends with.
local memory = require "support.memory"
local pair = require "support.pair"
local ssl = require "pyssl"

local HANDSHAKE, HEADER, ALERT = 22, 0x100, 21
local CLIENT_HELLO = 1
local THROWN = {"thrown"}

local a, b, client_ctx, seen

before_each(function()
  a, b = pair.server_context(), pair.server_context("server-rsa")
  client_ctx = pair.client_context()
  seen = {a = {}, b = {}, client = {}}
end)
after_each(function()
  for _, ctx in ipairs {a, b, client_ctx} do ctx:close() end
end)

-- What is told to the context's function goes to seen[name], as "direction
-- content kind" with the bytes behind.
local function watch(ctx, name)
  function ctx._msg_callback(conn, direction, _, content, kind, data)
    assert.is_userdata(conn)
    table.insert(seen[name], ("%s %d %d "):format(direction, content, kind)
      .. data)
  end
end

-- How many messages of this kind are in the list, and the place of the first.
local function count(list, direction, content, kind, data)
  local start = ("%s %d %d "):format(direction, content, kind) .. (data or "")
  local n, first = 0, nil
  for i, message in ipairs(list) do
    if message:sub(1, #start) == start then n, first = n + 1, first or i end
  end
  return n, first
end

local function hellos(name)
  return (count(seen[name], "read", HANDSHAKE, CLIENT_HELLO))
end

-- The sni_callback of a: `answer` is called, with the connection.
local function answering(answer)
  function a.sni_callback(conn) return answer(conn) end
end

local function switch(conn) conn.context = b end
local function stay() end

-- A handshake over memory, the hello in pieces of n bytes; the server's error.
local function hands(n)
  local ends <close> = memory.new(client_ctx, a)
  return select(2, ends:hands(n))
end

local SIDES = {{"a"}, {"b"}, {"a", "b"}}

for _, version in ipairs {ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3} do
  describe("_msg_callback and sni_callback, " .. ssl.TLSVersion[version], function()
    before_each(function() client_ctx.maximum_version = version end)

    for _, names in ipairs(SIDES) do
      for final, answer in pairs {a = stay, b = switch} do
        it(("on %s: a connection that ends with %s tells its function of all, once "
            .. "[D-16, D-44]"):format(table.concat(names, " and "), final), function()
          local contexts = {a = a, b = b}
          for _, name in ipairs(names) do watch(contexts[name], name) end
          watch(client_ctx, "client")
          answering(answer)
          for _, size in ipairs {math.huge, 1} do
            seen = {a = {}, b = {}, client = {}}
            assert.is_nil(hands(size < math.huge and size or nil))
            local other = final == "a" and "b" or "a"
            assert.same({}, seen[other])
            if contexts[final]._msg_callback == nil then
              assert.same({}, seen[final])
            else
              local _, at = count(seen.client, "write", HANDSHAKE, CLIENT_HELLO)
              assert.equal(1, hellos(final))
              assert.equal((seen.client[at]:gsub("^write", "read")),
                           seen[final][2])
              local header = seen[final][1]
              assert.equal(1, (count(seen[final], "read", HEADER, HANDSHAKE,
                                     header:sub(-5))))
            end
          end
        end)
      end
    end
  end)
end

describe("_msg_callback with sni_callback", function()
  it("is told of the hello before what answers it [D-16, D-44]", function()
    watch(a, "a")
    answering(stay)
    hands()
    local _, hello = count(seen.a, "read", HANDSHAKE, CLIENT_HELLO)
    local _, answer = count(seen.a, "write", HANDSHAKE, 2)
    assert.is_true(hello < answer)
  end)

  it("is told of a hello that is refused, and of the alert [D-16, D-44]", function()
    watch(a, "a")
    answering(function() return 112 end)
    assert.equal("CALLBACK_FAILED", hands().reason)
    assert.equal(1, hellos "a")
    assert.equal(1, (count(seen.a, "write", ALERT, 112)))
  end)

  it("is told of a hello at which sni_callback raises [D-16, D-44]", function()
    watch(a, "a")
    answering(function() error(THROWN, 0) end)
    assert.is_true(rawequal(THROWN, hands()))
    assert.equal(1, hellos "a")
  end)

  it("is told of what is no hello, and of the alert [D-16, D-44]", function()
    watch(a, "a")
    answering(stay)
    local ends <close> = memory.new(client_ctx, a)
    ends.server_in:write("\22\3\1\0\4\2\0\0\0")
    assert.is_false((memory.try(ends.server.do_handshake, ends.server)))
    assert.equal("read 256 22 \22\3\1\0\4", seen.a[1])
    assert.equal(1, (count(seen.a, "write", ALERT, 10)))
  end)

  it("may raise at the hello, which comes out of the handshake [D-16, D-44]",
     function()
    for _, answer in ipairs {stay, switch} do
      for _, ctx in ipairs {a, b} do
        function ctx._msg_callback(_, _, _, _, kind)
          if kind == CLIENT_HELLO then error(THROWN, 0) end
        end
      end
      answering(answer)
      assert.is_true(rawequal(THROWN, hands()))
    end
  end)

  it("may close the connection at the hello [D-16, D-44]", function()
    for _, answer in ipairs {stay, switch} do
      for _, ctx in ipairs {a, b} do
        watch(ctx, "a")
        local watching = ctx._msg_callback
        function ctx._msg_callback(conn, ...)
          watching(conn, ...)
          conn:close()
        end
      end
      answering(answer)
      seen.a = {}
      local ends <close> = memory.new(client_ctx, a)
      memory.try(ends.client.do_handshake, ends.client)
      ends:move()
      assert.is_false((memory.try(ends.server.do_handshake, ends.server)))
      assert.equal(1, #seen.a)
      assert.error_matches(function() ends.server:do_handshake() end, "closed")
    end
  end)

  it("is told nothing of the hello once it is taken away [D-16]", function()
    watch(a, "a")
    answering(function() a._msg_callback = nil end)
    assert.is_nil(hands())
    assert.same({}, seen.a)
  end)
end)
