-- One context behind many connections, changed while they live; contexts of
-- several Lua states.
local certs = require "support.certs"
local pair = require "support.pair"
local process = require "support.process"
local raised = require "support.raised"
local ssl = require "pyssl"

local function echo(client, server)
  client:sendall("there")
  assert.equal("there", server:recv(100))
  server:sendall("and back")
  assert.equal("and back", client:recv(100))
end

-- A client's context that trusts nobody but the suite's root.
local function client_of_one_root()
  local ctx = ssl.create_default_context {cafile = certs.path "ca.pem"}
  ctx.check_hostname = false
  return ctx
end

-- The ways in which an authority is added.
local ADDING = {
  cafile = function(ctx)
    ctx:load_verify_locations(certs.path "other-ca.pem")
  end,
  cadata = function(ctx)
    ctx:load_verify_locations {cadata = certs.read "other-ca.pem"}
  end,
}

describe("a context", function()
  it("serves many connections at once, each with a name of its own [H-07]",
    function()
      local client_ctx <close> = pair.client_context()
      local server_ctx <close> = pair.server_context()
      local open = {}
      for i = 1, 10 do
        local name = ("host%d.example.test"):format(i)
        local client, server = pair.connected(client_ctx, server_ctx,
          {client = {server_hostname = name}})
        open[i] = {client, server, name}
      end
      for i = #open, 1, -1 do
        local client, server, name = table.unpack(open[i])
        assert.equal(name, client.server_hostname)
        assert.equal(client_ctx, client.context)
        echo(client, server)
        pair.close(client, server)
      end
    end)

  for what, add in pairs(ADDING) do
    it(("takes an authority later, by %s: new connections trust it, and those "
      .. "that are open go on [H-07]"):format(what), function()
      local ctx <close> = client_of_one_root()
      local same <close> = client_of_one_root()
      local ours <close> = pair.server_context()
      local others <close> = pair.server_context "stranger"
      local client, server = pair.connected(ctx, ours)
      local before = {client:cipher(), client:getpeercert(true),
        client:get_verified_chain()}
      assert.equal(20, pair.refused(ctx, others).verify_code)
      add(ctx)
      assert.same({}, {pair.refused(ctx, others)})
      assert.same({}, {pair.refused(ctx, ours)})
      assert.same(before, {client:cipher(), client:getpeercert(true),
        client:get_verified_chain()})
      echo(client, server)
      pair.close(client, server)
      -- Contexts made from the same file share a store, but not additions.
      assert.equal(20, pair.refused(same, others).verify_code)
    end)
  end

  it("of a server takes an authority for clients later [H-07]", function()
    local client_ctx <close> = pair.client_context()
    client_ctx:load_cert_chain(certs.path "stranger.pem",
      certs.path "stranger.key")
    local server_ctx <close> = pair.server_context()
    server_ctx:load_verify_locations(certs.path "ca.pem")
    server_ctx.verify_mode = ssl.CERT_REQUIRED
    local _, err = pair.refused(client_ctx, server_ctx)
    assert.equal(20, err.verify_code)
    server_ctx:load_verify_locations(certs.path "other-ca.pem")
    assert.same({}, {pair.refused(client_ctx, server_ctx)})
  end)

  it("takes an authority while a handshake is under way, which is not "
    .. "disturbed [H-07]", function()
    local ctx <close> = client_of_one_root()
    local server_ctx <close> = pair.server_context()
    local client, server = pair.tcp(ctx, server_ctx)
    raised(ssl.SSLWantReadError, client.do_handshake, client)
    ADDING.cafile(ctx)
    for _, result in ipairs(pair.drive({client.do_handshake, client},
                                       {server.do_handshake, server})) do
      assert.is_true(result[1])
    end
    pair.close(client, server)
  end)

  it("writes whole lines into a key log that two of them share [H-07]",
    function()
      local path = certs.dir .. "/shared-keys.log"
      local client_ctx <close> = pair.client_context {keylog_filename = path}
      local server_ctx <close> = pair.server_context("server",
        {keylog_filename = path})
      local calls, open = {}, {}
      for _ = 1, 8 do -- all handshakes at the same time
        local client, server = pair.tcp(client_ctx, server_ctx)
        for _, conn in ipairs {client, server} do
          calls[#calls + 1] = {conn.do_handshake, conn}
          open[#open + 1] = conn
        end
      end
      for _, result in ipairs(pair.drive(table.unpack(calls))) do
        assert.is_true(result[1])
      end
      pair.close(table.unpack(open))
      local count = {}
      for line in io.lines(path) do
        assert.truthy(line:find("^#")
          or line:find("^%u[%u%d_]+ " .. ("%x"):rep(64) .. " %x+$"), line)
        count[line] = (count[line] or 0) + 1
      end
      local secrets = 0
      for line, times in pairs(count) do
        if line:find("^CLIENT_TRAFFIC_SECRET_0 ") then
          secrets = secrets + 1
          assert.equal(2, times) -- each end writes the same
        end
      end
      assert.equal(8, secrets)
      os.remove(path)
    end)
end)

-- Run by two states in turn: the first one adds an authority to its context and
-- leaves it open; the second's, of the same file, is to know nothing of it.
local STATES = ([[
  local ssl = require "pyssl"
  assert(kept == nil or kept:cert_store_stats().x509 == 2)
  local ctx = ssl.create_default_context {cafile = "%s"}
  assert(ctx:cert_store_stats().x509 == 1)
  -- The number of a context of another state is no context.
  local address = tonumber(tostring(ctx):match("0x(%%x+)"), 16)
  assert(not pcall(ctx.cert_store_stats, address))
  ctx:load_verify_locations("%s")
  assert(ctx:cert_store_stats().x509 == 2)
  kept = ctx
]]):format(certs.path "ca.pem", certs.path "other-ca.pem")

describe("contexts of several Lua states", function()
  it("share nothing that one could change for another [H-07]", function()
    local out = process.check(
      {os.getenv("PYSSL_BUILD") .. "/spec/states_host", STATES},
      {sanitizers = true})
    assert.equal("ok\n", out)
  end)

  it("are each in one state only, and the reference says so [H-07]", function()
    local file <close> = assert(io.open("doc/context.md"))
    local text = file:read("a"):gsub("%s+", " ")
    assert.matches("belongs to one Lua state", text, 1, true)
  end)
end)
