-- What decides whether a connection trusts its peer, and sessions by that.
local certs = require "support.certs"
local memory = require "support.memory"
local pair = require "support.pair"
local resumption = require "support.resumption"
local ssl = require "pyssl"

after_each(resumption.close)

local function failure(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return err
end

local open = memory.client

-- How contexts or connections can differ, and what that is called.
local DIFFERENCES = {
  {"verify_mode", function(ctx)
    ctx.check_hostname = false
    ctx.verify_mode = ssl.CERT_NONE
  end},
  {"verify_flags", function(ctx)
    ctx.verify_flags = ctx.verify_flags | ssl.VERIFY_CRL_CHECK_LEAF
  end},
  {"check_hostname", function(ctx) ctx.check_hostname = false end},
  {"hostname_checks_common_name", function(ctx)
    ctx.hostname_checks_common_name = false
  end},
  {"security_level", function(ctx) ctx:set_ciphers("DEFAULT:@SECLEVEL=1") end},
  {"trust", function(ctx)
    ctx:load_verify_locations(certs.path "other-ca.pem")
  end},
  {"client certificate", function(ctx)
    ctx:load_cert_chain(certs.path "client.pem", certs.path "client.key")
  end},
  {"pre-shared keys", function(ctx)
    ctx:set_psk_client_callback(function() return nil, "" end)
  end},
  {"ALPN protocols", function(ctx) ctx:set_alpn_protocols {"h2"} end},
  {"server_hostname", function() end, {server_hostname = "a.example.test"}},
}

describe("conn:identity", function()
  it("is equal for two contexts that trust alike", function()
    local one, two = open(pair.client_context()), open(pair.client_context())
    assert.truthy(one:identity():find("^" .. ("%x"):rep(64) .. "$"))
    assert.equal(one:identity(), two:identity())
    local text = certs.read "ca.pem"
    assert.equal(one:identity(),
      open(ssl.create_default_context {cadata = text}):identity())
  end)

  it("is the same for sockets and memory, through the connection's life",
     function()
    local ctx = pair.client_context()
    local client, server = resumption.tcp(ctx, pair.server_context())
    local identity = client:identity()
    assert.equal(open(ctx):identity(), identity)
    ctx:load_verify_locations(certs.path "other-ca.pem")
    pair.drive({client.do_handshake, client}, {server.do_handshake, server})
    assert.equal(identity, client:identity())
    assert.are_not.equal(identity, server:identity())
    assert.are_not.equal(identity, open(ctx):identity())
  end)

  for _, difference in ipairs(DIFFERENCES) do
    local name, change, options = table.unpack(difference)
    it("differs by " .. name, function()
      local ctx = pair.client_context()
      change(ctx)
      assert.are_not.equal(open(pair.client_context()):identity(),
                           open(ctx, options):identity())
    end)
  end

  it("knows every certificate that a client has", function()
    local function identity(...)
      local ctx = pair.client_context()
      for _, name in ipairs {...} do
        ctx:load_cert_chain(certs.path(name .. ".pem"), certs.path(name .. ".key"))
      end
      return open(ctx):identity()
    end
    assert.equal(identity("server", "server-rsa"),
                 identity("server-rsa", "server"))
    assert.are_not.equal(identity("server"), identity("server-rsa", "server"))
  end)
end)

describe("a connection", function()
  it("verifies with the trust of when it began", function()
    local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    local client, server = resumption.tcp(ctx, pair.server_context())
    ctx:load_verify_locations(certs.path "ca.pem")
    local results = pair.drive({client.do_handshake, client},
                               {server.do_handshake, server})
    assert.equal(ssl.SSLCertVerificationError, results[1][2].class)
  end)

  for _, difference in ipairs(DIFFERENCES) do
    local name, change, options = table.unpack(difference)
    it("refuses a session that was made under another " .. name, function()
      local client_ctx, server_ctx = resumption.contexts(resumption.KINDS[1])
      local session = resumption.session(client_ctx, server_ctx)
      local imported = ssl.session_import(session:export())
      change(client_ctx)
      for _, each in ipairs {session, imported} do
        local err = failure(open, client_ctx,
          pair.merge({session = each}, options))
        assert.equal(ssl.ValueError, err.class)
        assert.equal(name, err.message:match(": ([%w_ -]+)$")
                           or err.message:match(": ([%w_]+), check_hostname$"))
      end
    end)
  end

  it("refuses a server's session", function()
    local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS)
    ctx:load_cert_chain(certs.path "server.pem", certs.path "server.key")
    local client, server = resumption.connected(nil, ctx)
    resumption.exchange(client, server)
    local err = failure(open, ctx, {session = server.session})
    assert.truthy(err.message:find("server_side", 1, true))
  end)
end)

describe("a server", function()
  local CHANGES = {
    {"trust", function(ctx)
      ctx:load_verify_locations(certs.path "other-ca.pem")
    end},
    {"verify_mode", function(ctx) ctx.verify_mode = ssl.CERT_OPTIONAL end},
    {"verify_flags", function(ctx)
      ctx.verify_flags = ctx.verify_flags | ssl.VERIFY_X509_STRICT
    end},
    {"security level", function(ctx) ctx:set_ciphers("DEFAULT:@SECLEVEL=1") end},
  }
  for _, case in ipairs(CHANGES) do
    local name, change = table.unpack(case)
    it("resumes no session that was made under another " .. name, function()
      for _, kind in ipairs(resumption.KINDS) do
        local client_ctx, server_ctx = resumption.contexts(kind, true)
        local function is_resumed()
          local session = resumption.session(client_ctx, server_ctx)
          return function()
            local client, server = resumption.connected(client_ctx, server_ctx,
              {client = {session = session}})
            assert.equal(client.session_reused, server.session_reused)
            assert.same({{{"commonName", "client"}}},
                        server:getpeercert().subject)
            return client.session_reused
          end
        end
        assert.is_true(is_resumed()(), kind.name)
        local later = is_resumed()
        change(server_ctx)
        assert.is_false(later(), kind.name)
        assert.is_true(is_resumed()(), kind.name)
      end
    end)
  end
end)

describe("session:export and ssl.session_import", function()
  it("carry every kind of session to another context", function()
    for _, kind in ipairs(resumption.KINDS) do
      for _, mutual in ipairs {false, true} do
        local client_ctx, server_ctx = resumption.contexts(kind, mutual)
        local session = resumption.session(client_ctx, server_ctx)
        local bytes = session:export()
        local copy = ssl.session_import(ssl.buffer(bytes))
        assert.is_true(copy == session)
        assert.equal(bytes, copy:export())
        local other = resumption.contexts(kind, mutual)
        local client, server = resumption.connected(other, server_ctx,
          {client = {session = copy}})
        assert.is_true(client.session_reused, kind.name)
        assert.is_true(server.session_reused)
        assert.same({{{"commonName", "localhost"}}},
                    client:getpeercert().subject)
      end
    end
  end)

  it("have nothing to carry before there is a ticket", function()
    local client, server = resumption.connected()
    local session = client.session
    local err = failure(session.export, session)
    assert.equal(ssl.ValueError, err.class)
    assert.truthy(err.message:find("no ticket", 1, true))
    assert.is_false(server.session_reused)
  end)

  it("refuse what is cut short or altered, wherever", function()
    local bytes = resumption.session(pair.client_context(),
                                     pair.server_context()):export()
    for n = 0, #bytes - 1 do
      local err = failure(ssl.session_import, bytes:sub(1, n))
      assert.equal(ssl.ValueError, err.class)
      local changed = bytes:sub(1, n) .. string.char(bytes:byte(n + 1) ~ 1)
        .. bytes:sub(n + 2)
      assert.equal(ssl.ValueError, failure(ssl.session_import, changed).class)
    end
    assert.equal(ssl.ValueError,
                 failure(ssl.session_import, bytes .. "\0").class)
    assert.truthy(failure(ssl.session_import, 5):find("string expected", 1, true))
  end)

  it("refuse what was forged with a right digest", function()
    local bytes = resumption.session(pair.client_context(),
                                     pair.server_context()):export()
    local process = require "support.process"
    local forge = [[
import hashlib, sys
body = bytes.fromhex(sys.argv[1])[:-32]
n = len(body) - int(sys.argv[2])
for i in range(0, 60):
    changed = bytearray(body)
    changed[n + i] ^= int(sys.argv[3])
    print((bytes(changed) + hashlib.sha256(changed).digest()).hex())
print((body + b"x" + hashlib.sha256(body + b"x").digest()).hex())
for i in range(1, 60):
    print((body[:-i] + hashlib.sha256(body[:-i]).digest()).hex())]]
    local hex = bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end)
    -- The DER begins with a SEQUENCE and two bytes of length.
    local _, at = bytes:find("\x30\x82..\x02\x01\x01", 150)
    local out = process.check({"/usr/bin/python3", "-c", forge, hex,
      tostring(#bytes - 32 - (at - 7)), "255"})
    local count, refused = 0, 0
    for line in out:gmatch("%x+") do
      local forged = line:gsub("%x%x", function(x)
        return string.char(tonumber(x, 16))
      end)
      local ok, err = pcall(ssl.session_import, forged)
      count = count + 1
      if not ok then
        assert.equal(ssl.ValueError, err.class)
        refused = refused + 1
      end
    end
    assert.equal(120, count)
    assert.is_true(refused >= 60 + 10)
  end)
end)
