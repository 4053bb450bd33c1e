-- sslsocket_class and sslobject_class: what a context makes of connections.
local carry = require "support.carry"
local child = require "support.child"
local native = require "native"
local pair = require "support.pair"
local raised = require "support.raised"
local ssl = require "pyssl"

local DEFERRED = {server_hostname = "localhost", do_handshake_on_connect = false}

-- A class in Lua, the way a user would write one: it passes all on.
local function wrapper(conn)
  return setmetatable({conn = conn}, {__index = function(self, name)
    local method = self.conn[name]
    if type(method) ~= "function" then return method end
    return function(_, ...) return method(self.conn, ...) end
  end})
end

local NAMES = {"sslsocket_class", "sslobject_class"}

describe("a context's class attributes", function()
  it("are nil, a function, or nil again [D-14, D-15]", function()
    local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for i, name in ipairs(NAMES) do
      assert.is_nil(ctx[name])
      ctx[name] = wrapper
      assert.equal(wrapper, ctx[name])
      if i == 1 then assert.is_nil(ctx[NAMES[2]]) end
      for _, other in ipairs {5, "x", {}, true, ctx} do
        raised.text(("bad value for attribute '%s' (function expected, got ")
                      :format(name), function() ctx[name] = other end)
        assert.equal(wrapper, ctx[name])
      end
    end
    for _, name in ipairs(NAMES) do
      ctx[name] = nil
      assert.is_nil(ctx[name])
    end
  end)

  it("belong to one context, and die with it [D-14, D-15]", function()
    local known = setmetatable({}, {__mode = "v"})
    do
      local ctx = ssl.SSLContext()
      known[1] = function(conn) return {conn, ctx} end -- a cycle
      ctx.sslsocket_class, ctx.sslobject_class = known[1], known[1]
      assert.is_nil(ssl.SSLContext().sslsocket_class)
    end
    collectgarbage()
    collectgarbage()
    assert.is_nil(known[1])
  end)
end)

describe("sslobject_class", function()
  local function wrap(ctx)
    return ctx:wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(),
      {server_hostname = "localhost"})
  end

  it("decides what wrap_bio returns [D-15, D-39]", function()
    local ctx = pair.client_context {sslobject_class = wrapper}
    local mine = wrap(ctx)
    assert.matches("^ssl.object: ", tostring(mine.conn))
    assert.equal("localhost", mine.server_hostname)
    raised(ssl.SSLWantReadError, mine.do_handshake, mine)
    mine:close()
    for _, value in ipairs {"text", 5, false} do
      ctx.sslobject_class = function() return value, "not this" end
      assert.same({value}, {wrap(ctx)})
    end
    ctx.sslobject_class = nil
    assert.matches("^ssl.object: ", tostring(wrap(ctx)))
  end)

  it("raises what it likes, and the connection is closed [D-15]", function()
    local seen
    for _, problem in ipairs {"text", {}, 5} do
      local ctx = pair.client_context {sslobject_class = function(conn)
        seen = conn
        error(problem, 0)
      end}
      local ok, err = pcall(wrap, ctx)
      assert.is_false(ok)
      assert.equal(problem, err)
      raised(ssl.ValueError, seen.do_handshake, seen)
    end
  end)

  it("is not asked where there is no connection [D-15]", function()
    local ctx = pair.client_context {sslobject_class = error}
    raised(ssl.ValueError, ctx.wrap_bio, ctx, ssl.MemoryBIO(), ssl.MemoryBIO())
  end)
end)

describe("sslsocket_class", function()
  it("decides what wrap_socket returns, and is no business of wrap_bio's [D-14, D-38]", function()
    local ctx = pair.client_context {sslsocket_class = wrapper}
    local mine = ctx:wrap_socket(nil, DEFERRED)
    assert.matches("^ssl.socket: ", tostring(mine.conn))
    mine:close()
    assert.matches("^ssl.object: ", tostring(ctx:wrap_bio(ssl.MemoryBIO(),
      ssl.MemoryBIO(), {server_hostname = "localhost"})))
  end)

  it("gets a connection whose handshake is done, of both sides [D-14]", function()
    local versions = {}
    local function noted(conn)
      versions[#versions + 1] = conn:version()
      return wrapper(conn)
    end
    local client_ctx = pair.client_context {sslsocket_class = noted}
    local listener = pair.server_context():wrap_socket(nil, {server_side = true})
    listener:bind("127.0.0.1", 0)
    listener:listen(2)
    local peer <close> = child.run(function()
      listener.context.sslsocket_class = noted
      local out = {}
      for _ = 1, 2 do
        local conn, address = listener:accept()
        conn:sendall("from " .. tostring(getmetatable(conn.conn).__name))
        conn:recv(1)
        out[#out + 1] = address[1]
        conn:close()
      end
      return table.concat(out, ",") .. " " .. table.concat(versions, ",")
    end)
    local host, port = listener:getsockname()
    listener:close()
    for _, connect in ipairs {
      function() return client_ctx:connect(host, port, {server_hostname = "localhost"}) end,
      function()
        local raw = pair.client_context():wrap_socket(nil, DEFERRED)
        raw:connect(host, port)
        return client_ctx:wrap_socket(raw:detach(), {server_hostname = "localhost"})
      end,
    } do
      local conn = connect()
      assert.equal("from ssl.socket", conn:recv(100))
      conn:sendall("x")
      conn.conn:close()
    end
    assert.equal("127.0.0.1,127.0.0.1 TLSv1.3,TLSv1.3", peer:join())
    assert.same({"TLSv1.3", "TLSv1.3"}, versions)
  end)

  it("raises what it likes, and the socket is closed [D-14]", function()
    local ours, theirs = native.socketpair()
    local problem, seen = {}, nil
    local ctx = pair.client_context {sslsocket_class = function(conn)
      seen = conn
      error(problem, 0)
    end}
    local ok, err = pcall(ctx.wrap_socket, ctx, ours, DEFERRED)
    assert.is_false(ok)
    assert.equal(problem, err)
    assert.equal(-1, seen:fileno())
    assert.equal("", native.read(theirs, 1))
    native.close(theirs)
  end)

  it("raises what it likes though the transport's close fails", function()
    local object, closed = carry.ends(), false
    function object.close()
      closed = true
      error("not this", 0)
    end
    local ctx = pair.client_context {
      sslsocket_class = function() error("mine", 0) end,
    }
    local _, err = pcall(ctx.wrap_transport, ctx, object, DEFERRED)
    assert.equal("mine", err)
    assert.is_true(closed)
  end)
end)
