-- Resuming sessions: every kind, over sockets and over memory, and when not.
local certs = require "support.certs"
local pair = require "support.pair"
local resumption = require "support.resumption"
local ssl = require "pyssl"

after_each(resumption.close)

for _, kind in ipairs(resumption.KINDS) do
  for _, mutual in ipairs {false, true} do
    local with = mutual and "with" or "without"
    describe(("a session of %s, %s a client's certificate,")
               :format(kind.name, with), function()
      it("is resumed, with the certificates still known [F.3, E-05, E-13, "
         .. "E-14, E-15]", function()
        local client_ctx, server_ctx = resumption.contexts(kind, mutual)
        local session = resumption.session(client_ctx, server_ctx)
        local client, server = resumption.connected(client_ctx,
          server_ctx, {client = {session = session}})
        assert.is_true(client.session_reused)
        assert.is_true(server.session_reused)
        assert.equal(1, server_ctx:session_stats().hits)
        assert.same({{{"commonName", "localhost"}}},
                    client:getpeercert().subject)
        local peer = server:getpeercert()
        assert.same(mutual and {{{"commonName", "client"}}} or nil,
                    peer and peer.subject)
        for _, conn in ipairs {client, server} do
          assert.same({}, conn:get_verified_chain())
          assert.same({}, conn:get_unverified_chain())
          assert.is_nil(conn:shared_ciphers())
        end
        resumption.exchange(client, server)
        assert.equal(session.has_ticket, client.session.has_ticket)
      end)

      it("is resumed over memory, and again from there [F.3]", function()
        local client_ctx, server_ctx = resumption.contexts(kind, mutual)
        local first, peer =
          resumption.memory(client_ctx, server_ctx)
        local session = first.session
        for _ = 1, 2 do
          local client, server =
            resumption.memory(client_ctx, server_ctx, {session = session})
          assert.is_true(client.session_reused)
          assert.is_true(server.session_reused)
          session = client.session
        end
        assert.is_false(first.session_reused)
        assert.is_false(peer.session_reused)
      end)
    end)
  end
end

describe("a session", function()
  local TLS13 = resumption.KINDS[1]

  it("outlives its connection, collected without being closed [F.3]", function()
    for _, kind in ipairs(resumption.KINDS) do
      local client_ctx, server_ctx = resumption.contexts(kind)
      local session
      do
        local client, server = pair.connected(client_ctx, server_ctx)
        resumption.exchange(client, server)
        session = client.session
      end
      collectgarbage()
      collectgarbage()
      local client, server = resumption.connected(client_ctx,
        server_ctx, {client = {session = session}})
      assert.is_true(client.session_reused, kind.name)
      assert.is_true(server.session_reused)
    end
  end)

  it("keeps its context alive [F.3, H-21]", function()
    local client_ctx, server_ctx = resumption.contexts(TLS13)
    local watch = setmetatable({client_ctx}, {__mode = "v"})
    local session = resumption.session(client_ctx, server_ctx)
    client_ctx = nil
    collectgarbage()
    collectgarbage()
    assert.truthy(watch[1])
    session:close()
    session = nil
    collectgarbage()
    collectgarbage()
    assert.is_nil(watch[1] or client_ctx or session)
  end)

  it("that the server does not know gives a full handshake [F.3, E-05]",
     function()
    for _, kind in ipairs(resumption.KINDS) do
      local client_ctx, server_ctx = resumption.contexts(kind)
      local session = resumption.session(client_ctx, server_ctx)
      local _, stranger = resumption.contexts(kind)
      local client, server = resumption.connected(client_ctx,
        stranger, {client = {session = session}})
      assert.is_false(client.session_reused)
      assert.is_false(server.session_reused)
      assert.equal(1, #client:get_unverified_chain())
    end
  end)

  it("without a ticket gives a full handshake [F.3]", function()
    local client_ctx, server_ctx = resumption.contexts(TLS13)
    server_ctx.num_tickets = 0
    local session = resumption.session(client_ctx, server_ctx)
    local client, server = resumption.connected(client_ctx,
      server_ctx, {client = {session = session}})
    assert.is_false(client.session_reused)
    assert.is_false(server.session_reused)
  end)

  it("does not let a client in where the server has come to ask for a "
     .. "certificate", function()
    for _, kind in ipairs(resumption.KINDS) do
      local client_ctx, server_ctx = resumption.contexts(kind)
      local session = resumption.session(client_ctx, server_ctx)
      server_ctx:load_verify_locations(certs.path "ca.pem")
      server_ctx.verify_mode = ssl.CERT_REQUIRED
      local _, err = pair.refused(client_ctx, server_ctx,
                                  {client = {session = session}})
      assert.equal("PEER_DID_NOT_RETURN_A_CERTIFICATE", err.reason)
    end
  end)
end)
