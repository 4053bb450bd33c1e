-- Where ssl.certificate and ssl.privatekey objects go: what a context trusts,
-- and what it presents.
local accepts = require "support.accepts"
local certs = require "support.certs"
local der = require "support.der"
local native = require "native"
local pair = require "support.pair"
local raised = require "support.raised"
local scale = require "support.scale"
local ssl = require "pyssl"

local function load(name)
  return ssl.certificate(certs.read(name .. ".pem"))
end

local function load_all(name)
  return ssl.certificates(certs.read(name .. ".pem"))
end

local function load_key(name)
  return ssl.private_key(certs.read(name .. ".key"))
end

local function new_client()
  return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
end

local function new_server()
  return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
end

-- The common names that a server presents.
local function presented(ctx)
  local client, server = pair.connected(nil, ctx)
  local names = {}
  for i, cert in ipairs(client:get_unverified_chain(true)) do
    names[i] = cert:info().subject[1][1][2]
  end
  pair.close(client, server)
  return table.concat(names, ", ")
end

describe("load_verify_locations", function()
  local FORMS = {
    ["a certificate"] = function() return load "ca" end,
    ["a list of one"] = function() return {load "ca"} end,
    ["a list of several"] = function()
      return {load "other-ca", load "ca", load "client"}
    end,
    ["a whole bundle"] = function()
      return ssl.certificates(certs.read "chain.pem" .. certs.read "ca.pem")
    end,
    ["one of PEM with OpenSSL's label"] = function()
      return ssl.certificate((certs.read "ca.pem":gsub("CERTIFICATE",
        "X509 CERTIFICATE")))
    end,
  }
  for what, make in pairs(FORMS) do
    it(("trusts %s [D-22]"):format(what), function()
      for _, arguments in ipairs {table.pack(nil, nil, make()),
        table.pack({cadata = make()})} do
        local ctx <close> = new_client()
        assert.is_false(accepts(ctx))
        assert.is_true(ctx:load_verify_locations(
          table.unpack(arguments, 1, arguments.n)))
        assert.is_true(accepts(ctx))
        assert.is_false(accepts(ctx, "self-signed"))
      end
    end)
  end

  it("counts each once, however often it is given, and in what form "
    .. "[D-22, D-24]", function()
    local ctx <close> = new_client()
    local ca = load "ca"
    ctx:load_verify_locations {cadata = {ca, ca, load "ca"}}
    ctx:load_verify_locations {cadata = ca}
    ctx:load_verify_locations {cadata = certs.read "ca.pem",
                               cafile = certs.path "ca.pem"}
    assert.same({x509 = 1, x509_ca = 1, crl = 0}, ctx:cert_store_stats())
    ctx:load_verify_locations {cadata = {ca, load "client"}}
    assert.same({x509 = 2, x509_ca = 1, crl = 0}, ctx:cert_store_stats())
  end)

  it("keeps what it was given when that is closed [D-22]", function()
    local ctx <close> = new_client()
    local ca = load "ca"
    ctx:load_verify_locations {cadata = ca}
    ca:close()
    collectgarbage()
    assert.is_true(accepts(ctx))
    assert.equal(1, #ctx:get_ca_certs())
  end)

  it("is what create_default_context does with cadata, too [A-01]", function()
    local ctx <close> = ssl.create_default_context {cadata = {load "ca"}}
    assert.is_true(accepts(ctx))
    assert.equal(1, ctx:cert_store_stats().x509)
  end)

  it("trusts what is given with a file, too [D-22]", function()
    local ctx <close> = new_client()
    ctx:load_verify_locations {cafile = certs.path "other-ca.pem",
                               cadata = load "ca"}
    assert.is_true(accepts(ctx, "server"))
    assert.is_true(accepts(ctx, "stranger"))
  end)

  it("refuses an empty list, a closed one and other things, and then trusts "
    .. "what it did [D-22]", function()
    local ctx <close> = new_client()
    ctx:load_verify_locations {cadata = load "other-ca"}
    local closed = load "ca"
    closed:close()
    local function refused(class, cadata)
      raised(ssl[class], ctx.load_verify_locations, ctx, {cadata = cadata})
    end
    refused("ValueError", {})
    refused("ValueError", closed)
    refused("ValueError", {load "ca", closed})
    for bad, text in pairs {
      [certs.read "ca.pem"] = "got string at [2]", [5] = "got number at [2]",
      [load_key "ca"] = "got userdata at [2]", [false] = "got boolean at [2]",
    } do
      raised.text("bad value for option 'cadata' (ssl.certificate "
        .. "expected, " .. text, ctx.load_verify_locations, ctx,
        {cadata = {load "ca", bad}})
    end
    raised.text("string, buffer or ssl.certificate expected, got "
      .. "ssl.privatekey", ctx.load_verify_locations, ctx,
      {cadata = load_key "ca"})
    assert.equal(1, ctx:cert_store_stats().x509)
    assert.is_false(accepts(ctx))
    assert.is_true(accepts(ctx, "stranger"))
  end)
end)

describe("load_cert_chain", function()
  local FORMS = {
    ["a certificate and a key"] = {"localhost", function()
      return {certdata = load "server", keydata = load_key "server"}
    end},
    ["a list of one"] = {"localhost", function()
      return {certdata = {load "server"}, keydata = load_key "server"}
    end},
    ["a leaf and its chain"] = {"localhost, Test Intermediate", function()
      return {certdata = load_all "chain", keydata = load_key "leaf"}
    end},
    ["a certificate, and the key's text"] = {"localhost", function()
      return {certdata = load "server", keydata = certs.read "server.key"}
    end},
    ["a certificate, and the key's file and password"] = {"localhost",
      function()
        return {certdata = load "server", keyfile = certs.path "encrypted.key",
                password = "secret"}
      end},
    ["text, and a key"] = {"localhost, Test Intermediate", function()
      return {certdata = certs.read "chain.pem", keydata = load_key "leaf"}
    end},
    ["a file, and a key"] = {"localhost, Test Intermediate", function()
      return {certfile = certs.path "chain.pem", keydata = load_key "leaf"}
    end},
    ["a text with another key, and a key"] = {"localhost", function()
      return {certdata = certs.read "server.pem" .. certs.read "leaf.key",
              keydata = load_key "server"}
    end},
  }
  for what, case in pairs(FORMS) do
    it(("presents %s [D-20]"):format(what), function()
      local ctx <close> = new_server()
      assert.is_true(ctx:load_cert_chain(case[2]()))
      collectgarbage()
      assert.equal(case[1], presented(ctx))
      assert.equal(0, ctx:cert_store_stats().x509)
    end)
  end

  it("takes an encrypted key that was opened once, for many contexts [D-20]",
    function()
      local key = ssl.private_key(certs.read "encrypted.key", "secret")
      local cert = load "server"
      local contexts = {}
      for i = 1, 3 do
        contexts[i] = new_server()
        contexts[i]:load_cert_chain {certdata = cert, keydata = key}
      end
      key:close()
      cert:close()
      for _, ctx in ipairs(contexts) do
        assert.equal("localhost", presented(ctx))
        ctx:close()
      end
    end)

  it("loads a client's, too [D-20]", function()
    local server_ctx <close> = pair.server_context("server",
      {verify_mode = ssl.CERT_REQUIRED})
    server_ctx:load_verify_locations {cadata = load "ca"}
    local client_ctx <close> = pair.client_context()
    client_ctx:load_cert_chain {certdata = load "client",
                                keydata = load_key "client"}
    local client, server = pair.connected(client_ctx, server_ctx)
    assert.is_true(server:get_unverified_chain(true)[1] == load "client")
    pair.close(client, server)
  end)

  it("refuses what does not go together, and then presents what it did "
    .. "[D-20, I-38, I-45]", function()
    local ctx <close> = pair.server_context()
    local closed, closed_key = load "server", load_key "server"
    closed:close()
    closed_key:close()
    local server, key = load "server", load_key "server"
    for _, case in ipairs {
      {"TypeError", {certdata = server}},
      {"TypeError", {certdata = {server}}},
      {"TypeError", {keydata = key}},
      {"TypeError", {certdata = server, certfile = certs.path "server.pem"}},
      {"TypeError", {certdata = server, keydata = key,
                     keyfile = certs.path "server.key"}},
      {"ValueError", {certdata = {}, keydata = key}},
      {"ValueError", {certdata = closed, keydata = key}},
      {"ValueError", {certdata = server, keydata = closed_key}},
      {"SSLError", {certdata = server, keydata = load_key "leaf"}},
      {"SSLError", {certdata = server, keydata = load_key "server-rsa"}},
      {"SSLError", {certdata = server, keydata = certs.read "encrypted.key"}},
      {"OSError", {certdata = server, keyfile = certs.path "missing"}},
    } do
      raised(ssl[case[1]], ctx.load_cert_chain, ctx, case[2])
      assert.equal("localhost", presented(ctx))
    end
    raised.text("string, buffer or ssl.privatekey expected, got "
      .. "ssl.certificate", ctx.load_cert_chain, ctx,
      {certdata = server, keydata = server})
    raised.text("string, buffer or ssl.certificate expected, got "
      .. "ssl.privatekey", ctx.load_cert_chain, ctx, {certdata = key})
    raised.text("ssl.certificate expected, got string at [1]",
      ctx.load_cert_chain, ctx, {certdata = {"x"}, keydata = key})
    raised.text("string expected, got ssl.certificate",
      ctx.load_cert_chain, ctx, server, key)
  end)
end)

describe("a certificate that many contexts have", function()
  local MANY = 40
  -- Of its size. The sanitizers and memcheck keep back what is freed.
  local MOST = scale.factor > 1 and math.huge or MANY / 4
  local WAYS = {
    ["present it [D-20]"] = {ssl.PROTOCOL_TLS_SERVER, function(ctx, cert)
      ctx:load_cert_chain {certdata = cert, keydata = der.key}
    end},
    ["trust it [D-22]"] = {ssl.PROTOCOL_TLS_CLIENT, function(ctx, cert)
      ctx:load_verify_locations {cadata = cert}
    end},
  }
  for what, way in pairs(WAYS) do
    it("is there once, where they " .. what, function()
      local names = {}
      for i = 1, 10000 do names[i] = der.dns(("host-%d.example.org"):format(i)) end
      local bytes = der.certificate {authority = false,
        extensions = {der.alternatives(table.concat(names))}}
      local cert, open, before = ssl.certificate(bytes), {}
      for i = 1, MANY do
        open[i] = ssl.SSLContext(way[1])
        way[2](open[i], cert)
        before = before or native.rss()
      end
      local grown = (native.rss() - before) * 1024
      pair.close(table.unpack(open))
      assert.is_true(grown < MOST * #bytes, grown .. " bytes more")
    end)
  end
end)
