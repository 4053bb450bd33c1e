-- Processes that fork after pyssl was used.
local certs = require "support.certs"
local child = require "support.child"
local pair = require "support.pair"
local ssl = require "pyssl"

local function hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

-- A connection of the two contexts within this process; its version.
local function exercise(client_ctx, server_ctx)
  local client, server = pair.connected(client_ctx, server_ctx)
  client:sendall("question")
  local got = server:recv(100)
  local version = client:version()
  pair.close(client, server)
  assert(got == "question")
  return version
end

describe("a fork", function()
  it("gives parent and children random bytes of their own [H-08]", function()
    ssl.RAND_bytes(32) -- the generator is in use
    local seen, peers = {}, {}
    for i = 1, 3 do
      peers[i] = child.run(function()
        return hex(ssl.RAND_bytes(32)) .. " " .. hex(ssl.RAND_bytes(32))
      end)
    end
    local function note(bytes)
      assert.equal(64, #bytes)
      assert.is_nil(seen[bytes], "the same bytes in two processes")
      seen[bytes] = true
    end
    note(hex(ssl.RAND_bytes(32)))
    note(hex(ssl.RAND_bytes(32)))
    for _, peer in ipairs(peers) do
      for bytes in peer:join():gmatch("%S+") do note(bytes) end
    end
  end)

  it("leaves contexts at work on both sides of it [H-08]", function()
    local client_ctx <close> = pair.client_context()
    local server_ctx <close> = pair.server_context()
    exercise(client_ctx, server_ctx) -- used before, too
    local peer <close> = child.run(function()
      return exercise(client_ctx, server_ctx)
    end)
    assert.equal("TLSv1.3", exercise(client_ctx, server_ctx))
    assert.equal("TLSv1.3", peer:join())
  end)

  it("lets one process's context meet the other's [H-08]", function()
    local client_ctx <close> = pair.client_context()
    local server_ctx <close> = pair.server_context()
    local listener <close> = server_ctx:wrap_socket(nil, {server_side = true})
    listener:bind("127.0.0.1", 0)
    listener:listen(1)
    local peer <close> = child.run(function()
      local conn <close> = listener:accept()
      conn:settimeout(pair.LIMIT)
      conn:sendall(conn:recv(100):upper())
      conn:recv(1)
    end)
    local client <close> = client_ctx:wrap_socket(nil,
      {server_hostname = "localhost"})
    client:settimeout(pair.LIMIT)
    client:connect(listener:getsockname())
    client:sendall("question")
    assert.equal("QUESTION", client:recv(100))
    client:close()
    peer:join()
  end)

  it("lets each side load and trust for itself [H-08]", function()
    local ctx <close> = pair.client_context()
    local strangers <close> = pair.server_context "stranger"
    ctx.check_hostname = false
    local peer <close> = child.run(function()
      ctx:load_verify_locations(certs.path "other-ca.pem")
      assert(pair.refused(ctx, strangers) == nil)
      local fresh = ssl.create_default_context {
        cafile = certs.path "other-ca.pem"}
      return fresh:cert_store_stats().x509 .. ctx:cert_store_stats().x509
    end)
    assert.equal("12", peer:join())
    assert.equal(20, pair.refused(ctx, strangers).verify_code)
    assert.equal(1, ctx:cert_store_stats().x509)
  end)

  it("lets each side resume the sessions that its servers gave out", function()
    local client_ctx <close> = pair.client_context()
    local server_ctx <close> = pair.server_context()
    local function resume(session)
      local client, server = pair.connected(client_ctx, server_ctx,
        {client = {session = session}})
      server:sendall("x") -- behind the tickets
      client:recv(1)
      local next_one, reused = client.session, client.session_reused
      pair.close(client, server)
      return next_one, reused
    end
    local session = resume()
    local peer <close> = child.run(function()
      return tostring(select(2, resume(session)))
    end)
    assert.is_true(select(2, resume(session)))
    assert.equal("true", peer:join())
  end)

  it("lets both sides write one key log, line by line", function()
    local log = certs.path "fork-keys"
    local client_ctx <close> = pair.client_context {keylog_filename = log}
    local server_ctx <close> = pair.server_context()
    local ROUNDS = 5
    local function work()
      for _ = 1, ROUNDS do exercise(client_ctx, server_ctx) end
    end
    local peer <close> = child.run(work)
    work()
    peer:join()
    local secrets = {}
    for line in io.lines(log) do
      local kind, random = line:match("^([A-Z_]+[A-Z_0-9]*) (%x+) %x+$")
      if kind == "CLIENT_TRAFFIC_SECRET_0" then
        secrets[#secrets + 1] = random
      end
      assert(kind or line:find("^#"), line)
    end
    assert.equal(2 * ROUNDS, #secrets)
  end)

  it("lets the child look names up, whatever the parent waited for", function()
    local server_ctx <close> = pair.server_context()
    local listener <close> = server_ctx:wrap_socket(nil, {server_side = true})
    listener:bind("127.0.0.1", 0)
    listener:listen(2)
    local _, port = listener:getsockname()
    local options = {do_handshake_on_connect = false, timeout = pair.LIMIT}
    local function connect()
      local ctx <close> = pair.client_context()
      ctx:connect("localhost", port, options):close()
    end
    connect()
    local peer <close> = child.run(connect)
    connect()
    peer:join()
  end)

  it("whose child drops a connection leaves it to the parent [H-08]",
    function()
      local client, server = pair.connected()
      local peer <close> = child.run(function()
        client, server = nil, nil
        collectgarbage()
        collectgarbage()
      end)
      peer:join()
      client:sendall("still here")
      assert.equal("still here", server:recv(100))
      pair.close(client, server)
    end)
end)
