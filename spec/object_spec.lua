-- ssl.object: what it has, what each method does in each state, how it ends.
-- The handshake: object_handshake_spec.
local certs = require "support.certs"
local memory = require "support.memory"
local pair = require "support.pair"
local raised = require "support.raised"
local ssl = require "pyssl"
local vm = require "support.vm"

local client_ctx, server_ctx

local function connected()
  return memory.connected(client_ctx, server_ctx)
end

-- A client before its handshake, and its two ends.
local function new_client(options)
  local incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
  return client_ctx:wrap_bio(incoming, outgoing,
    pair.merge({server_hostname = "localhost"}, options)), incoming, outgoing
end

describe("ssl.object", function()
  setup(function()
    client_ctx, server_ctx = pair.client_context(), pair.server_context()
  end)

  describe("wrap_bio", function()
    it("makes one, and begins no handshake [D-39, F.1]", function()
      local incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
      for _, client in ipairs {
        client_ctx:wrap_bio(incoming, outgoing, false, "localhost"),
        client_ctx:wrap_bio(incoming, outgoing, {server_hostname = "localhost"}),
        client_ctx:wrap_bio {incoming = incoming, outgoing = outgoing,
          server_hostname = "localhost", server_side = false},
      } do
        assert.matches("^ssl.object: ", tostring(client))
        assert.is_false(client.server_side)
        assert.equal("localhost", client.server_hostname)
        assert.equal(client_ctx, client.context)
        client:close()
      end
      local server <close> = server_ctx:wrap_bio(incoming, outgoing, true)
      assert.is_true(server.server_side)
      assert.is_nil(server.server_hostname)
      assert.equal(0, outgoing.pending)
    end)

    it("takes one MemoryBIO for both directions [D-39]", function()
      local both = ssl.MemoryBIO()
      local client <close> = client_ctx:wrap_bio(both, both,
        {server_hostname = "localhost"})
      raised(ssl.SSLError, client.do_handshake, client) -- it hears itself
    end)

    it("takes nothing but memory [I-82]", function()
      local bio = ssl.MemoryBIO()
      local case = "bad argument #%d to 'wrap_bio' (ssl.memorybio expected, "
                   .. "got %s)"
      for _, each in ipairs {
        {1, "number", 1, 2}, {2, "number", bio, 2}, {1, "nil"},
        {2, "nil", bio}, {1, "string", "x", bio},
        {2, "ssl.context", bio, client_ctx}, {1, vm.old and "userdata" or "FILE*", io.stdout, bio},
      } do
        raised.text(case:format(each[1], each[2]), client_ctx.wrap_bio,
          client_ctx, each[3], each[4])
      end
      raised.text("bad value for option 'server_side' (boolean expected",
        client_ctx.wrap_bio, client_ctx, bio, bio, {server_side = 1})
      raised(ssl.TypeError, client_ctx.wrap_bio, client_ctx, bio, bio,
        {server_name = "localhost"})
    end)

    it("refuses a name on the server, and none where it is checked [D-39, I-83]", function()
      local bio = ssl.MemoryBIO()
      for _, case in ipairs {
        {server_ctx, {server_side = true, server_hostname = "localhost"}},
        {client_ctx, {}}, {client_ctx, {server_hostname = ""}},
        {client_ctx, {server_hostname = ".example.test"}},
      } do
        raised(ssl.ValueError, case[1].wrap_bio, case[1], bio, bio, case[2])
      end
      local careless = pair.client_context {check_hostname = false}
      raised(ssl.ValueError, careless.wrap_bio, careless, bio, bio, false, "")
      assert.is_nil(careless:wrap_bio(bio, bio).server_hostname)
    end)

    it("refuses a context of the other side [D-39]", function()
      local bio = ssl.MemoryBIO()
      raised(ssl.SSLError, server_ctx.wrap_bio, server_ctx, bio, bio)
      local careless = pair.client_context {check_hostname = false}
      raised(ssl.SSLError, careless.wrap_bio, careless, bio, bio, true)
    end)

    it("is the only way to one [F.1, I-81]", function()
      local err = raised(ssl.TypeError, ssl.SSLObject)
      assert.matches("context:wrap_bio makes it", err.message)
    end)
  end)

  it("has the attributes of a connection, for reading only [F.1, I-97]", function()
    local client <close> = new_client()
    for _, name in ipairs {"server_side", "server_hostname", "session_reused"} do
      local err = raised(ssl.AttributeError, function() client[name] = true end)
      assert.equal(("attribute '%s' is read-only"):format(name), err.message)
    end
    raised.text("bad value for attribute 'context' (ssl.context expected",
      function() client.context = 5 end)
    raised(ssl.ValueError, function() client.context = client_ctx end)
  end)

  it("has the documented methods, and none that needs a descriptor [F.1]", function()
    local client <close> = new_client()
    for _, name in ipairs {
      "read", "write", "getpeercert", "get_verified_chain",
      "get_unverified_chain", "selected_alpn_protocol", "selected_npn_protocol",
      "cipher", "shared_ciphers", "compression", "pending", "do_handshake",
      "unwrap", "get_channel_binding", "version", "group", "client_sigalg",
      "server_sigalg", "verify_client_post_handshake",
    } do
      assert.is_function(client[name], name)
    end
    for _, name in ipairs {
      "recv", "send", "sendall", "recv_into", "fileno", "settimeout", "timeout",
      "suppress_ragged_eofs", "do_handshake_on_connect", "makefile", "detach",
    } do
      assert.is_nil(client[name], name)
    end
  end)

  it("knows nothing before the handshake [F.1, I-91]", function()
    local client <close> = new_client()
    raised(ssl.ValueError, client.getpeercert, client)
    assert.same({}, client:get_verified_chain())
    assert.same({}, client:get_unverified_chain())
    for _, name in ipairs {
      "version", "cipher", "shared_ciphers", "compression",
      "get_channel_binding", "selected_alpn_protocol", "group", "client_sigalg",
      "server_sigalg",
    } do
      assert.is_nil((client[name](client)), name)
    end
    assert.is_nil(client.session)
    assert.is_false(client.session_reused)
    assert.equal(0, client:pending())
    local err = raised(ssl.SSLError, client.unwrap, client)
    assert.equal("SHUTDOWN_WHILE_IN_INIT", err.reason)
    assert.equal("unwrap", err.op)
  end)

  for _, case in ipairs {
    {"do_handshake"}, {"read", 1}, {"read", 1, ssl.buffer(5)}, {"write", "x"},
    {"write", ""},
  } do
    it(("starts the handshake by %s(%s) and asks for bytes [F.1]"):format(case[1],
      type(case[2])), function()
      local client <close>, _, outgoing = new_client()
      for _ = 1, 2 do
        local err = raised(ssl.SSLWantReadError, client[case[1]], client,
          table.unpack(case, 2))
        assert.equal(2, err.errno)
      end
      assert.equal("\22\3", outgoing:read(2)) -- a ClientHello, once
      assert.is_true(outgoing.pending < 1500)
      raised(ssl.SSLError, client.unwrap, client)
    end)
  end

  it("moves data in both directions, by calls and pumps alone [F.1]", function()
    local ends <close> = memory.new(client_ctx, server_ctx)
    local request, answer, client_done
    repeat -- the handshake is performed by what is called first
      if memory.try(ends.client.write, ends.client, "request") then
        client_done = true
      end
      ends:move()
      local _, data = memory.try(ends.server.read, ends.server)
      request = data
      ends:move()
    until client_done and request
    assert.equal("request", request)
    assert.equal(6, ends.server:write {"an", ssl.buffer("sw"), "er"})
    ends:move()
    answer = ends.client:read(2)
    assert.equal(4, ends.client:pending())
    assert.equal("answer", answer .. ends.client:read())
    assert.equal(0, ends.client:pending())
  end)

  it("writes all at once, and reads a record at a time [F.1]", function()
    local ends <close> = connected()
    local data = ("0123456789abcdef"):rep(2500) -- 40000 bytes
    assert.equal(40000, ends.client:write(data))
    ends:carry("client")
    assert.equal(data:sub(1, 1024), ends.server:read()) -- the default
    assert.equal(16384 - 1024, #ends.server:read(100000))
    assert.equal(16384, #ends.server:read(math.maxinteger))
    assert.equal("", ends.server:read(0))
    assert.equal(40000 - 2 * 16384, #ends.server:read(16384))
    assert.equal(0, ends.client:write(""))
  end)

  it("reads into a buffer [F.1]", function()
    local ends <close> = connected()
    local buffer = ssl.buffer(8)
    ends.client:write("0123456789abcdefghij")
    ends:carry("client")
    assert.equal(3, ends.server:read(3, buffer))
    assert.equal("012\0", buffer:sub(1, 4))
    assert.equal(8, ends.server:read(nil, buffer))
    assert.equal("3456789a", buffer:sub(1, 8))
    assert.equal(4, ends.server:read {len = 4, buffer = buffer})
    assert.equal(2, ends.server:read(100, buffer:slice(1, 2)))
    assert.equal(3, ends.server:read(-1, buffer))
    assert.equal(0, ends.server:read(5, ssl.buffer(0)))
    raised(ssl.SSLWantReadError, ends.server.read, ends.server, 0, buffer)
  end)

  it("refuses impossible arguments [I-85]", function()
    local ends <close> = connected()
    raised(ssl.ValueError, ends.client.read, ends.client, -1)
    raised.text("integer expected", ends.client.read, ends.client, "1")
    raised.text("ssl.buffer expected", ends.client.read, ends.client, 1, "x")
    raised.text("got nil", ends.client.write, ends.client)
    raised.text("got number", ends.client.write, ends.client, 5)
  end)

  it("goes on with a write that the handshake interrupted [F.1]", function()
    local ends <close> = memory.new(client_ctx, server_ctx)
    local data = ("x"):rep(50000)
    raised(ssl.SSLWantReadError, ends.client.write, ends.client, data)
    ends:shake_hands()
    assert.equal(50000, ends.client:write(data))
    ends:carry("client")
    local got = 0
    while got < 50000 do got = got + #ends.server:read(16384) end
    raised(ssl.SSLWantReadError, ends.server.read, ends.server, 1)
  end)

  it("tells about the connection as a socket does [F.1]", function()
    local ends <close> = connected()
    local client, server = ends.client, ends.server
    assert.equal("TLSv1.3", client:version())
    assert.same({client:cipher()}, {server:cipher()})
    assert.equal("localhost", client:getpeercert().subject[1][1][2])
    assert.equal(certs.read("server.der"), client:getpeercert(true))
    assert.equal(certs.read("server.der"), client:get_verified_chain()[1])
    assert.is_nil(server:getpeercert())
    assert.is_true(#server:shared_ciphers() > 0)
    assert.is_nil(client:shared_ciphers())
    assert.equal(client:get_channel_binding("tls-exporter"),
      server:get_channel_binding("tls-exporter"))
    assert.is_true(client:do_handshake()) -- done is done
  end)

  describe("the end of the stream", function()
    it("is empty after close_notify, and unwrap completes it [F.1]", function()
      local ends <close> = connected()
      ends.client:write("last")
      raised(ssl.SSLWantReadError, ends.client.unwrap, ends.client)
      ends:carry("client")
      assert.equal("last", ends.server:read())
      assert.equal("", ends.server:read())
      assert.equal(0, ends.server:read(1, ssl.buffer(1)))
      assert.is_true(ends.server:unwrap())
      ends.server_out:write("plaintext behind it")
      ends:carry("server")
      assert.is_true(ends.client:unwrap())
      assert.equal("plaintext behind it", ends.client_in:read())
    end)

    it("does not end what this side still has to say [F.1]", function()
      local ends <close> = connected()
      raised(ssl.SSLWantReadError, ends.client.unwrap, ends.client)
      ends:carry("client")
      assert.equal("", ends.server:read())
      ends.server:write("half closed")
      ends:carry("server")
      assert.equal("half closed", ends.client:read())
    end)

    it("raises after both sides have closed [I-92, I-93]", function()
      local ends <close> = connected()
      raised(ssl.SSLWantReadError, ends.client.unwrap, ends.client)
      local err = raised(ssl.SSLError, ends.client.write, ends.client, "x")
      assert.equal("PROTOCOL_IS_SHUTDOWN", err.reason)
      ends:carry("client")
      assert.is_true(ends.server:unwrap())
      ends:carry("server")
      assert.is_true(ends.client:unwrap())
      for _, each in ipairs {ends.client, ends.server} do
        raised(ssl.SSLZeroReturnError, each.read, each, 1)
      end
    end)

    -- What is called, and how many bytes of the record arrive before the end.
    for _, case in ipairs {
      {"read", 0, 10}, {"read", 3, 10}, {"read", 10, 10}, {"unwrap", 0},
      {"unwrap", 3},
    } do
      it(("without close_notify is always SSLEOFError: %s after %d bytes [F.1]")
          :format(case[1], case[2]), function()
        local ends <close> = connected()
        ends.server:write("cut off")
        ends:carry("server", case[2])
        ends.client_in:write_eof()
        local err = raised(ssl.SSLEOFError, ends.client[case[1]], ends.client,
          case[3])
        assert.equal(8, err.errno)
        assert.equal(case[1], err.op)
        if case[1] == "read" then -- nothing works any more
          raised(ssl.SSLEOFError, ends.client.read, ends.client, 1)
          raised(ssl.SSLEOFError, ends.client.write, ends.client, "x")
        end
      end)
    end

    it("comes behind the data that did arrive [F.1]", function()
      local ends <close> = connected()
      ends.server:write("all of it")
      ends:carry("server")
      ends.client_in:write_eof()
      assert.equal("all of it", ends.client:read())
      raised(ssl.SSLEOFError, ends.client.read, ends.client)
    end)

    for _, name in ipairs {"do_handshake", "read", "write"} do
      it("within the handshake is SSLEOFError: " .. name .. " [F.1]", function()
        local client <close>, incoming = new_client()
        incoming:write_eof()
        raised(ssl.SSLEOFError, client[name], client,
          name == "write" and "x" or nil)
      end)
    end
  end)

  describe("close", function()
    it("sends nothing, may be repeated, and ends everything [F.1]", function()
      local ends <close> = connected()
      local client = ends.client
      for _ = 1, 2 do assert.is_true(client:close()) end
      assert.equal(0, ends.client_out.pending)
      for name, value in pairs {
        do_handshake = {}, read = {1}, write = {"x"}, unwrap = {}, pending = {},
      } do
        local err = raised(ssl.ValueError, client[name], client, value[1])
        assert.matches("closed", err.message)
      end
      raised(ssl.OSError, client.getpeercert, client)
      assert.is_nil(client:version())
      assert.is_nil(client:cipher())
      assert.is_false(client.server_side)
    end)

    it("happens at the end of a block, and when nobody knows it [F.1]", function()
      local kept
      do
        local client <close> = new_client()
        kept = client
      end
      raised(ssl.ValueError, kept.do_handshake, kept)
      local known = setmetatable({new_client()}, {__mode = "v"})
      collectgarbage()
      collectgarbage()
      assert.is_nil(known[1])
    end)

    it("of the context does no harm to its connections", function()
      local ctx = pair.client_context()
      local ends <close> = memory.new(ctx, server_ctx)
      ctx:close()
      ends:shake_hands()
      ends.client:write("still there")
      ends:carry("client")
      assert.equal("still there", ends.server:read())
      raised(ssl.ValueError, ctx.wrap_bio, ctx, ssl.MemoryBIO(),
        ssl.MemoryBIO(), {server_hostname = "localhost"})
    end)
  end)
end)
