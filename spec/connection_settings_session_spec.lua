-- Connections with settings of their own: their identity, and whose sessions
-- they resume.
local certs = require "support.certs"
local memory = require "support.memory"
local pair = require "support.pair"
local raised = require "support.raised"
local resumption = require "support.resumption"
local ssl = require "pyssl"

after_each(resumption.close)

local function client_credentials()
  return {certificate = certs.read "client.pem",
          private_key = certs.read "client.key"}
end

local open = memory.client

-- What an option differs in, and what that is called.
local DIFFERENCES = {
  {"client certificate", client_credentials},
  {"trust", function() return {trust = certs.read "other-ca.pem"} end},
  {"verify_mode", function() return {verify_mode = ssl.CERT_OPTIONAL} end},
  {"ALPN protocols", function() return {alpn_protocols = {"h2"}} end},
}

describe("conn:identity", function()
  for _, difference in ipairs(DIFFERENCES) do
    local name, options = table.unpack(difference)
    it("tells connections apart by their own " .. name, function()
      local ctx = pair.client_context()
      assert.are_not.equal(open(ctx):identity(),
                           open(ctx, options()):identity())
      assert.equal(open(ctx, options()):identity(),
                   open(ctx, options()):identity())
    end)
  end

  it("is the same for an option and for a setting of the context", function()
    local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    local own = open(ctx, pair.merge(client_credentials(),
      {trust = certs.read "ca.pem", alpn_protocols = {"h2"},
       verify_mode = ssl.CERT_OPTIONAL}))
    ctx:load_cert_chain(certs.path "client.pem", certs.path "client.key")
    ctx:load_verify_locations(certs.path "ca.pem")
    ctx:set_alpn_protocols {"h2"}
    ctx.verify_mode = ssl.CERT_OPTIONAL
    assert.equal(open(ctx):identity(), own:identity())
  end)

  it("is the same over every transport", function()
    local ctx, silent = pair.client_context(), function() return nil, "timeout" end
    for _, difference in ipairs(DIFFERENCES) do
      local options = difference[2]()
      local conn <close> = ctx:wrap_transport({send = silent, receive = silent},
        pair.merge({server_hostname = "localhost",
                    do_handshake_on_connect = false}, options))
      assert.equal(open(ctx, options):identity(), conn:identity())
    end
  end)

  it("tells servers apart by certificates of their own", function()
    local ctx = pair.server_context()
    local function server(options)
      return ctx:wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(),
                          pair.merge({server_side = true}, options))
    end
    local own = server {certificate = certs.read "combined.pem"}
    assert.are_not.equal(server():identity(), own:identity())
    assert.are_not.equal(own:identity(), server {
      certificate = certs.read "server-rsa.pem",
      private_key = certs.read "server-rsa.key"}:identity())
  end)
end)

for _, kind in ipairs(resumption.KINDS) do
  describe("a session of " .. kind.name, function()
    for _, difference in ipairs(DIFFERENCES) do
      local name, options = table.unpack(difference)
      it("is refused by a connection with another " .. name, function()
        local ctx, server_ctx = resumption.contexts(kind)
        local session = resumption.session(ctx, server_ctx)
        local other = resumption.session(ctx, server_ctx,
          name ~= "trust" and options() or {alpn_protocols = {"other"}})
        local err = raised(ssl.ValueError, open, ctx,
          pair.merge({session = session}, options()))
        assert.equal(name, err.message:match(": ([%w_ -]+)$"))
        raised(ssl.ValueError, open, ctx, {session = other})
        open(ctx, {session = session})
      end)
    end

    it("is resumed by a connection with the same options", function()
      local ctx, server_ctx = resumption.contexts(kind)
      local options = pair.merge(client_credentials(),
        {trust = certs.read "ca.pem", verify_mode = ssl.CERT_OPTIONAL})
      options.session = resumption.session(ctx, server_ctx, options)
      local client = resumption.connected(ctx, server_ctx, {client = options})
      assert.is_true(client.session_reused)
    end)

    -- Otherwise who was let in without a certificate would be let in again
    -- where one is required.
    it("is not resumed by a connection of its server that judges otherwise",
       function()
      local judges = {
        {verify_mode = ssl.CERT_OPTIONAL},
        {trust = certs.read "ca.pem"},
        {trust = certs.read "other-ca.pem", verify_mode = ssl.CERT_OPTIONAL},
      }
      local ctx, server_ctx = resumption.contexts(kind)
      for i, options in ipairs(judges) do
        local client, server = pair.connected(ctx, server_ctx, {server = options})
        resumption.exchange(client, server)
        local session = client.session
        pair.close(client, server)
        local other = judges[i % #judges + 1]
        for _, case in ipairs {{options, true}, {other, false}, {{}, false}} do
          local again = resumption.connected(ctx, server_ctx,
            {client = {session = session}, server = case[1]})
          assert.equal(case[2], again.session_reused)
        end
      end
    end)

    it("does not get a client past a certificate that is required", function()
      local ctx, server_ctx = resumption.contexts(kind)
      local session = resumption.session(ctx, server_ctx)
      local options = {client = {session = session}, server =
        {verify_mode = ssl.CERT_REQUIRED, trust = certs.read "ca.pem"}}
      local _, err = pair.refused(ctx, server_ctx, options)
      assert.equal("PEER_DID_NOT_RETURN_A_CERTIFICATE", err.reason)
    end)

    it("is kept by auto_resume for connections with the same options only",
       function()
      local ctx, server_ctx = resumption.contexts(kind)
      ctx.auto_resume = true
      local listener <close> = resumption.listen(server_ctx)
      local function visit(options)
        return resumption.visit(listener, ctx, options)
      end
      assert.is_false(visit())
      assert.is_false(visit(client_credentials()))
      assert.is_false(visit {alpn_protocols = {"h2"}})
      assert.is_true(visit(client_credentials()))
      assert.is_true(visit {alpn_protocols = {"h2"}})
      assert.is_true(visit())
    end)
  end)
end
