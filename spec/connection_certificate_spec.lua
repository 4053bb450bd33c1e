-- conn:load_cert_chain and conn:load_pkcs12: a certificate for one connection.
local certs = require "support.certs"
local memory = require "support.memory"
local pair = require "support.pair"
local raised = require "support.raised"
local resumption = require "support.resumption"
local vm = require "support.vm"
local ssl = require "pyssl"

after_each(resumption.close)

local CERT, KEY = certs.path "server.pem", certs.path "server.key"

local function files(name)
  return certs.path(name .. ".pem"), certs.path(name .. ".key")
end

local function common_name(conn)
  local cert = conn:getpeercert()
  return cert and cert.subject[#cert.subject][1][2]
end

-- What a server presents, as `load`, which is called with its connection before
-- the handshake, has it; `ctx` has nothing to present.
local function presented(load, ctx)
  ctx = ctx or ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  local client, server = resumption.tcp(pair.client_context(), ctx)
  load(server)
  for _, result in ipairs(pair.drive({client.do_handshake, client},
                                     {server.do_handshake, server})) do
    if not result[1] then error(result[2], 0) end
  end
  return client
end

-- The ways to give one certificate and key.
local FORMS = {
  {"two files", function(conn) return conn:load_cert_chain(CERT, KEY) end},
  {"one file", function(conn)
    return conn:load_cert_chain(certs.path "combined.pem")
  end},
  {"a password", function(conn)
    return conn:load_cert_chain(CERT, certs.path "encrypted.key", "secret")
  end},
  {"a function for the password", function(conn)
    return conn:load_cert_chain {certfile = CERT,
      keyfile = certs.path "encrypted.key",
      password = function() return "secret" end}
  end},
  {"texts", function(conn)
    return conn:load_cert_chain {certdata = certs.read "server.pem",
                                 keydata = ssl.buffer(certs.read "server.key")}
  end},
  {"objects", function(conn)
    return conn:load_cert_chain {
      certdata = ssl.certificate(certs.read "server.pem"),
      keydata = ssl.private_key(certs.read "server.key")}
  end},
  {"PKCS #12", function(conn)
    return conn:load_pkcs12(certs.path "chain.p12", "secret")
  end},
}

describe("conn:load_cert_chain", function()
  for _, form in ipairs(FORMS) do
    it("takes " .. form[1], function()
      local client = presented(function(conn)
        assert.is_true(form[2](conn))
      end)
      assert.equal("localhost", common_name(client))
    end)
  end

  it("is for one connection, in place of all that its context has", function()
    local ctx = pair.server_context()
    local client = presented(function(conn)
      conn:load_cert_chain(files "server-rsa")
    end, ctx)
    assert.equal(ssl.PEM_cert_to_DER_cert(certs.read "server-rsa.pem"),
                 client:getpeercert(true))
    client = presented(function() end, ctx)
    assert.equal(ssl.PEM_cert_to_DER_cert(certs.read "server.pem"),
                 client:getpeercert(true))
  end)

  it("adds one with another kind of key, and replaces one with the same",
     function()
    for suite, name in pairs {["ECDHE-RSA-AES128-GCM-SHA256"] = "server-rsa",
                              ["ECDHE-ECDSA-AES128-GCM-SHA256"] = "server"} do
      local ctx = pair.client_context()
      ctx.maximum_version = ssl.TLSVersion.TLSv1_2
      ctx:set_ciphers(suite)
      local ends <close> =
        memory.new(ctx, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
      ends.server:load_cert_chain(files "stranger")
      ends.server:load_cert_chain(files "server-rsa")
      ends.server:load_cert_chain(files "server")
      ends:shake_hands()
      assert.equal(ssl.PEM_cert_to_DER_cert(certs.read(name .. ".pem")),
                   ends.client:getpeercert(true))
    end
  end)

  it("is there for a socket that has no TLS yet", function()
    local server_ctx = pair.server_context(nil,
      {verify_mode = ssl.CERT_REQUIRED})
    server_ctx:load_verify_locations(certs.path "ca.pem")
    local listener <close> = resumption.listen(server_ctx)
    local client <close> = pair.client_context():wrap_socket(nil,
      {server_hostname = "localhost", do_handshake_on_connect = false})
    client:load_cert_chain(files "client")
    client:connect(listener:getsockname())
    local server <close> = listener:accept()
    client:settimeout(0)
    server:settimeout(0)
    pair.drive({client.do_handshake, client}, {server.do_handshake, server})
    assert.equal("client", common_name(server))
  end)

  it("is seen in the identity", function()
    local ctx = pair.client_context()
    local conn, other = memory.client(ctx), memory.client(ctx)
    conn:load_cert_chain(files "client")
    assert.are_not.equal(other:identity(), conn:identity())
    ctx:load_cert_chain(files "client")
    assert.equal(memory.client(ctx):identity(), conn:identity())
  end)

  it("stays when the context is switched after it was called in sni_callback",
     function()
    local first, second = pair.server_context(), pair.server_context "stranger"
    first.sni_callback = function(conn)
      conn:load_cert_chain(files "server-rsa")
      conn.context = second
    end
    local client, server = resumption.connected(nil, first)
    assert.equal(second, server.context)
    assert.equal(ssl.PEM_cert_to_DER_cert(certs.read "server-rsa.pem"),
                 client:getpeercert(true))
  end)

  for name, version in pairs {["TLS 1.2"] = ssl.TLSVersion.TLSv1_2,
                              ["TLS 1.3"] = ssl.TLSVersion.TLSv1_3} do
    it("works while cert_callback is asked, on both sides, in " .. name,
       function()
      local server_ctx = pair.server_context "stranger"
      server_ctx:load_verify_locations(certs.path "ca.pem")
      server_ctx.verify_mode = ssl.CERT_REQUIRED
      server_ctx.cert_callback = function(conn)
        conn:load_cert_chain(files "server-rsa")
        conn:load_cert_chain(CERT, KEY)
      end
      local client_ctx = pair.client_context {maximum_version = version}
      client_ctx.cert_callback = function(conn)
        conn:load_cert_chain(files "client")
      end
      local client, server = resumption.tcp(client_ctx, server_ctx)
      local identity = client:identity()
      pair.drive({client.do_handshake, client}, {server.do_handshake, server})
      assert.equal("localhost", common_name(client))
      assert.equal("client", common_name(server))
      assert.are_not.equal(identity, client:identity())
      raised(ssl.ValueError, client.load_cert_chain, client, CERT, KEY)
    end)
  end

  it("leaves the connection as it was where it fails", function()
    local failures = {
      {ssl.TypeError},
      {ssl.TypeError, nil, KEY},
      {ssl.OSError, "/nonexistent"},
      {ssl.SSLError, KEY, KEY},
      {ssl.SSLError, CERT, certs.path "client.key"},
      {ssl.SSLError, CERT, certs.path "server-rsa.key"},
      {ssl.SSLError, CERT, certs.path "encrypted.key"},
      {ssl.SSLError, CERT, certs.path "encrypted.key", "wrong"},
    }
    local client = presented(function(conn)
      conn:load_cert_chain(files "server-rsa")
      for _, failure in ipairs(failures) do
        raised(failure[1], conn.load_cert_chain, conn,
               table.unpack(failure, 2, 4))
      end
      raised.text("string expected, got number", conn.load_cert_chain, conn, 5)
      raised(ssl.SSLError, conn.load_pkcs12, conn, certs.path "chain.p12", "no")
      local boom = {}
      local ok, err = pcall(conn.load_cert_chain, conn, CERT,
        certs.path "encrypted.key", function() error(boom) end)
      assert.is_false(ok)
      assert.equal(boom, err)
    end)
    assert.equal(ssl.PEM_cert_to_DER_cert(certs.read "server-rsa.pem"),
                 client:getpeercert(true))
  end)

  it("is too late when the handshake is over", function()
    local client, server = resumption.connected()
    for _, conn in ipairs {client, server} do
      local err = raised(ssl.ValueError, conn.load_cert_chain, conn, CERT, KEY)
      assert.truthy(err.message:find("too late", 1, true))
      conn:close()
      raised(ssl.ValueError, conn.load_cert_chain, conn, CERT, KEY)
    end
    local ends <close> = memory.connected()
    raised(ssl.ValueError, ends.client.load_cert_chain, ends.client, CERT, KEY)
    ends.server:close()
    raised(ssl.ValueError, ends.server.load_cert_chain, ends.server, CERT, KEY)
  end)

  it("is too late for a client that has sent its hello", function()
    local ends <close> = memory.new()
    raised(ssl.SSLWantReadError, ends.client.do_handshake, ends.client)
    raised(ssl.ValueError, ends.client.load_cert_chain, ends.client, CERT, KEY)
    raised(ssl.SSLWantReadError, ends.server.do_handshake, ends.server)
    ends.server:load_cert_chain(files "server-rsa")
    ends:shake_hands()
    assert.equal(ssl.PEM_cert_to_DER_cert(certs.read "server-rsa.pem"),
                 ends.client:getpeercert(true))
  end)

  it("does not put a certificate into a handshake that failed", function()
    local client, server = resumption.tcp(pair.client_context(),
                                          pair.server_context "stranger")
    pair.drive({client.do_handshake, client}, {server.do_handshake, server})
    raised(ssl.ValueError, client.load_cert_chain, client, CERT, KEY)
    raised(ssl.ValueError, server.load_cert_chain, server, CERT, KEY)
  end)

  it("gives up where its password function closes the connection", function()
    local ends <close> = memory.new()
    raised(ssl.ValueError, ends.server.load_cert_chain, ends.server, CERT,
      certs.path "encrypted.key", function()
        ends.server:close()
        return "secret"
      end)
  end)

  it("is for connections only", function()
    local conn <close> = ssl.SSLContext(16):wrap_bio(ssl.MemoryBIO(),
      ssl.MemoryBIO(), {server_hostname = "x"})
    raised.text("ssl.object expected", conn.load_cert_chain, {}, CERT, KEY)
  end)
end)

for _, kind in ipairs(resumption.KINDS) do
  describe("a session of " .. kind.name, function()
    it("is not resumed once another certificate was loaded", function()
      local ctx, server_ctx = resumption.contexts(kind)
      ctx.auto_resume = true
      server_ctx:load_verify_locations(certs.path "ca.pem")
      server_ctx.verify_mode = ssl.CERT_OPTIONAL
      local listener <close> = resumption.listen(server_ctx)
      -- Gives the session, whether it is an old one, whom the server has seen.
      local function visit(load, session)
        local client <close> = ctx:wrap_socket(nil, {session = session,
          server_hostname = "localhost", do_handshake_on_connect = false})
        client:connect(listener:getsockname())
        local server <close> = listener:accept()
        client:settimeout(0)
        server:settimeout(0)
        if load then client:load_cert_chain(files "client") end
        pair.drive({client.do_handshake, client}, {server.do_handshake, server})
        client:settimeout(pair.LIMIT)
        server:settimeout(pair.LIMIT)
        resumption.exchange(client, server)
        return client.session, client.session_reused, common_name(server)
      end
      local session = visit(false)
      local own, reused, name = visit(true, session)
      assert.same({false, "client"}, {reused, name})
      assert.same({true, "client"}, {select(2, visit(true))})
      assert.is_nil((select(3, visit(false))))
      local err = raised(ssl.ValueError, ctx.wrap_bio, ctx, ssl.MemoryBIO(),
        ssl.MemoryBIO(), {server_hostname = "localhost",
                          session = own})
      assert.truthy(err.message:find(": client certificate$"))
    end)
  end)
end

describe("the certificates of a connection", function()
  vm.it_needs("finalizers",
    "go with it, whatever finaliser uses it meanwhile", function()
    local ctx, failures = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), {}
    local function use(holder)
      failures[#failures + 1] = select(2, pcall(holder.conn.do_handshake,
                                                holder.conn))
    end
    for _ = 1, 20 do
      local conn = ctx:wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), true)
      local holder = setmetatable({conn = conn}, {__gc = use})
      holder.conn:load_cert_chain(files "server-rsa")
      holder.conn:load_cert_chain(CERT, KEY)
    end
    collectgarbage()
    collectgarbage()
    assert.equal(20, #failures)
  end)

  vm.it_needs("finalizers",
    "are not given up for its context's by a finaliser that connects", function()
    local listener <close> = resumption.listen(pair.server_context())
    local host, port = listener:getsockname()
    local err
    do
      local conn = pair.client_context():wrap_socket(nil,
        {server_hostname = "localhost", do_handshake_on_connect = false})
      local holder = setmetatable({conn = conn}, {__gc = function(self)
        err = select(2, pcall(self.conn.connect, self.conn, host, port))
      end})
      holder.conn:load_cert_chain(files "client")
    end
    collectgarbage()
    collectgarbage()
    assert.equal("operation on a closed connection", err and err.message)
  end)
end)
