-- How long contexts live: closing, collection, connections that outlive the
-- variable, and the memory of many.
local certs = require "support.certs"
local pair = require "support.pair"
local process = require "support.process"
local raised = require "support.raised"
local scale = require "support.scale"
local ssl = require "pyssl"
local vm = require "support.vm"

local function echo(client, server)
  client:send("there")
  assert.equal("there", server:recv(100))
  server:send("and back")
  assert.equal("and back", client:recv(100))
end

describe("a closed context", function()
  it("is closed once, twice, and by <close> [D.1]", function()
    local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    assert.is_true(ctx:close())
    assert.is_true(ctx:close())
    do
      local closing <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
      ctx = closing
    end
    raised(ssl.ValueError, ctx.get_ciphers, ctx)
    assert.is_true(ctx:close())
    assert.matches("^ssl%.context", tostring(ctx))
  end)

  it("refuses every use [D.1]", function()
    local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx:close()
    for _, call in ipairs {
      {"load_cert_chain", certs.path "server.pem", certs.path "server.key"},
      {"load_verify_locations", certs.path "ca.pem"}, {"load_default_certs"},
      {"set_default_verify_paths"}, {"cert_store_stats"}, {"get_ca_certs"},
      {"get_ciphers"}, {"set_ciphers", "ALL"}, {"set_ecdh_curve", "prime256v1"},
      {"load_dh_params", certs.path "dh.pem"}, {"wrap_socket", nil, true},
    } do
      local err = raised(ssl.ValueError, ctx[call[1]], ctx,
        table.unpack(call, 2, 3))
      assert.matches("closed", err.message)
    end
    for _, name in ipairs {"verify_mode", "check_hostname", "verify_flags",
                           "options", "minimum_version", "maximum_version",
                           "hostname_checks_common_name", "protocol",
                           "security_level"} do
      raised(ssl.ValueError, function() return ctx[name] end)
      pcall(raised.set, ctx, name, 1)
      pcall(raised.set, ctx, name, true)
    end
  end)

  it("leaves its connections at work [H-21]", function()
    local client_ctx = pair.client_context()
    local server_ctx = pair.server_context()
    local client, server = pair.connected(client_ctx, server_ctx)
    client_ctx:close()
    server_ctx:close()
    collectgarbage()
    echo(client, server)
    assert.equal("localhost", client:getpeercert().subject[1][1][2])
    assert.equal(client_ctx, client.context)
    pair.close(client, server)
  end)

  it("leaves a handshake that has begun to be done or refused [H-21]", function()
    for _, name in ipairs {"server", "stranger"} do
      local client_ctx = pair.client_context()
      local server_ctx = pair.server_context(name)
      local client, server = pair.tcp(client_ctx, server_ctx)
      client_ctx:close()
      server_ctx:close()
      collectgarbage()
      local results = pair.drive({client.do_handshake, client},
                                 {server.do_handshake, server})
      assert.equal(name == "server", results[1][1])
      if not results[1][1] then assert.equal(20, results[1][2].verify_code) end
      pair.close(client, server)
    end
  end)

  it("makes no more connections [H-21]", function()
    local server_ctx = pair.server_context()
    local client_ctx <close> = pair.client_context()
    local listener <close> = server_ctx:wrap_socket(nil, {server_side = true})
    listener:bind("127.0.0.1", 0)
    listener:listen(1)
    local client <close> = client_ctx:wrap_socket(nil,
      {server_hostname = "localhost", do_handshake_on_connect = false})
    client:connect(listener:getsockname())
    server_ctx:close()
    raised(ssl.ValueError, listener.accept, listener)
  end)
end)

describe("a context", function()
  local function counted(count)
    local live = setmetatable({}, {__mode = "k"})
    local client, server
    do
      local client_ctx, server_ctx = pair.client_context(), pair.server_context()
      client, server = pair.connected(client_ctx, server_ctx)
      live[client_ctx], live[server_ctx] = true, true
    end
    collectgarbage()
    collectgarbage()
    for _ in pairs(live) do count = count + 1 end
    return count, client, server, live
  end

  it("lives as long as a connection that it made [H-21]", function()
    local count, client, server = counted(0)
    assert.equal(2, count)
    echo(client, server)
    assert.equal(ssl.PROTOCOL_TLS_SERVER, server.context.protocol)
    pair.close(client, server)
  end)

  it("is collected with its last connection [H-21]", function()
    local _, client, server, live = counted(0)
    pair.close(client, server)
    client, server = nil, nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(live))
  end)

  -- The first thing that such a call makes in Lua has the collector run.
  vm.it_needs("generations",
    "may be closed by a finaliser in the middle of a call [H-21]", function()
    collectgarbage("generational")
    finally(function()
      collectgarbage("restart")
      collectgarbage("incremental")
    end)
    for _, call in ipairs {
      {"get_ciphers"}, {"get_ca_certs"}, {"cert_store_stats"},
      {"load_cert_chain", certs.path "server.pem", certs.path "server.key"},
      {"load_dh_params", certs.path "dh.pem"},
      {"load_verify_locations", certs.path "other-ca.pem"},
      {"wrap_socket", {server_side = true}},
    } do
      local ctx = pair.server_context()
      local closed = false
      local method = ctx[call[1]]
      collectgarbage("stop")
      setmetatable({}, {__gc = function() closed = ctx:close() end})
      collectgarbage("restart")
      pcall(method, ctx, table.unpack(call, 2))
      collectgarbage()
      assert.is_true(closed)
      ctx:close()
    end
  end)
end)

-- In a process of its own: how much larger it is after the second time COUNT.
local SCRIPT = [[
local native, ssl = require "native", require "pyssl"
local file, count, directory = arg[1], tonumber(arg[2]), arg[3]
local pem = io.open(directory .. "/ca.pem"):read("a")
local make = {
  file = function()
    ssl.create_default_context {cafile = directory .. "/ca.pem"}
  end,
  data = function(i)
    ssl.create_default_context {cadata = ("number %d\n%s"):format(i, pem)}
  end,
  certificate = function()
    local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx:load_cert_chain(directory .. "/server.pem", directory .. "/server.key")
  end,
}
for i = 1, count do make[file](i) end
local before = native.rss()
for i = count + 1, 2 * count do make[file](i) end
print(native.rss() - before)
]]

describe("many contexts that nobody closes", function()
  -- The address sanitizer keeps back what is freed, to catch late uses.
  local options = os.getenv("ASAN_OPTIONS")
  options = options and options
    .. ":quarantine_size_mb=0:thread_local_quarantine_size_kb=0"

  for from, most in pairs {file = 1000, data = 1000, certificate = 300} do
    it(("keep within 1 MiB after the first %d, made from a %s [D-22]")
      :format(most, from), function()
        local name = certs.dir .. "/many.lua"
        local file <close> = assert(io.open(name, "w"))
        file:write(SCRIPT)
        file:flush()
        local count = tostring(scale.count(most))
        local out = process.check({process.lua, name, from, count, certs.dir},
          {sanitizers = true, env = {ASAN_OPTIONS = options}})
        assert.is_true(tonumber(out) <= scale.tolerance(1024), out .. " KiB")
      end)
  end
end)
