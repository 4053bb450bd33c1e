-- load_cert_chain: where the certificate and its key come from, and what is
-- then presented. What it refuses is in context_credentials_errors_spec.lua.
local certs = require "support.certs"
local pair = require "support.pair"
local process = require "support.process"
local ssl = require "pyssl"

local function path(name)
  return certs.path(name)
end

local function new_context()
  return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
end

local function der(name)
  return (ssl.PEM_cert_to_DER_cert(certs.read(name)))
end

-- What a client that trusts the suite's root is shown by a server.
local function presented(server_ctx, client_ctx)
  local client, server = pair.connected(client_ctx, server_ctx)
  local certificate = client:getpeercert(true)
  pair.close(client, server)
  return certificate
end

local function key_as(...)
  return process.check({"openssl", "pkcs8", "-topk8", "-in", path "server.key",
    ...})
end

-- Each gives the arguments after the context; server.pem is then presented.
local FORMS = {
  ["a certificate and a key"] = function()
    return path "server.pem", path "server.key"
  end,
  ["one file with the key and the certificate"] = function()
    return path "combined.pem"
  end,
  ["keywords"] = function()
    return {certfile = path "server.pem", keyfile = path "server.key"}
  end,
  ["a certificate, and the key by keyword"] = function()
    return path "server.pem", {keyfile = path "server.key"}
  end,
  ["one file, and no key or password in so many words"] = function()
    return path "combined.pem", nil, nil
  end,
  ["PEM in memory"] = function()
    return {certdata = certs.read "server.pem", keydata = certs.read "server.key"}
  end,
  ["PEM in memory, all in one"] = function()
    return {certdata = certs.read "combined.pem"}
  end,
  ["DER in memory"] = function()
    return {certdata = der "server.pem", keydata = key_as("-nocrypt",
      "-outform", "DER")}
  end,
  ["buffers"] = function()
    return {certdata = ssl.buffer(certs.read "server.pem"),
            keydata = ssl.buffer(certs.read "server.key")}
  end,
  ["a file and memory"] = function()
    return {certfile = path "server.pem", keydata = certs.read "server.key"}
  end,
  ["memory and a file"] = function()
    return {certdata = der "server.pem", keyfile = path "server.key"}
  end,
}

describe("load_cert_chain", function()
  for name, arguments in pairs(FORMS) do
    it(("takes %s [D-20]"):format(name), function()
      local ctx <close> = new_context()
      assert.is_true(ctx:load_cert_chain(arguments()))
      assert.equal(der "server.pem", presented(ctx))
    end)
  end

  it("presents the chain behind the leaf [D-20]", function()
    local ctx <close> = new_context()
    ctx:load_cert_chain(path "chain.pem", path "leaf.key")
    assert.equal(der "leaf.pem", presented(ctx))
  end)

  it("presents a chain of concatenated DER [D-20]", function()
    local ctx <close> = new_context()
    ctx:load_cert_chain {certdata = der "leaf.pem" .. der "intermediate.pem",
                         keyfile = path "leaf.key"}
    assert.equal(der "leaf.pem", presented(ctx))
  end)

  it("finds a chain in what the context trusts where it has none [D-20]", function()
    local ctx <close> = new_context()
    ctx:load_cert_chain(path "leaf.pem", path "leaf.key")
    assert.equal(20, pair.refused(pair.client_context(), ctx).verify_code)
    ctx:load_verify_locations(path "intermediate.pem")
    assert.equal(der "leaf.pem", presented(ctx))
  end)

  it("loads a client's certificate as well [D-20]", function()
    local server_ctx <close> = pair.server_context()
    server_ctx:load_verify_locations(path "ca.pem")
    server_ctx.verify_mode = ssl.CERT_REQUIRED
    local client_ctx <close> = pair.client_context()
    client_ctx:load_cert_chain(path "client.pem", path "client.key")
    local client, server = pair.connected(client_ctx, server_ctx)
    assert.equal(der "client.pem", server:getpeercert(true))
    pair.close(client, server)
  end)

  it("keeps one certificate of each type, and each its own chain [D-20]", function()
    local ctx <close> = new_context()
    ctx:load_cert_chain(path "server-rsa.pem", path "server-rsa.key")
    ctx:load_cert_chain(path "chain.pem", path "leaf.key")
    for kind, name in pairs {RSA = "server-rsa.pem", ECDSA = "leaf.pem"} do
      local client_ctx <close> = pair.client_context {
        maximum_version = ssl.TLSVersion.TLSv1_2}
      client_ctx:set_ciphers(("ECDHE-%s-AES128-GCM-SHA256"):format(kind))
      assert.equal(der(name), presented(ctx, client_ctx))
    end
  end)

  it("replaces the certificate of the same type, chain and all [D-20]", function()
    local ctx <close> = new_context()
    ctx:load_cert_chain(path "chain.pem", path "leaf.key")
    ctx:load_cert_chain(path "server.pem", path "server.key")
    assert.equal(der "server.pem", presented(ctx))
    ctx:load_cert_chain(path "leaf.pem", path "leaf.key")
    assert.equal(20, pair.refused(pair.client_context(), ctx).verify_code)
  end)
end)

local function encrypted_pem()
  return certs.read "encrypted.key"
end

-- The encryption that PEM itself knows: "Proc-Type: 4,ENCRYPTED".
local function traditional_pem()
  return process.check({"openssl", "ec", "-in", path "server.key", "-aes256",
    "-passout", "pass:secret"})
end

local function encrypted_der()
  return key_as("-passout", "pass:secret", "-outform", "DER")
end

describe("a password", function()
  local PASSWORDS = {
    ["a string"] = "secret",
    ["a function"] = function() return "secret" end,
    ["a function that gives a buffer"] = function()
      return ssl.buffer("secret")
    end,
  }

  for name, password in pairs(PASSWORDS) do
    it(("may be %s [D-20]"):format(name), function()
      local ctx <close> = new_context()
      ctx:load_cert_chain(path "server.pem", path "encrypted.key", password)
      assert.equal(der "server.pem", presented(ctx))
    end)
  end

  it("may be a buffer [D-20]", function()
    local ctx <close> = new_context()
    ctx:load_cert_chain {certfile = path "server.pem",
      keyfile = path "encrypted.key", password = ssl.buffer("secret")}
    assert.equal(der "server.pem", presented(ctx))
  end)

  for name, make in pairs {["PKCS #8"] = encrypted_pem,
                           ["traditional PEM"] = traditional_pem,
                           DER = encrypted_der} do
    it(("opens a key in %s [D-20]"):format(name), function()
      local key = make()
      for _, password in ipairs {"secret", function() return "secret" end} do
        local ctx <close> = new_context()
        ctx:load_cert_chain {certfile = path "server.pem", keydata = key,
                             password = password}
        assert.equal(der "server.pem", presented(ctx))
      end
    end)
  end

  it("is asked for once, with no arguments [D-20]", function()
    local ctx <close> = new_context()
    for _, key in ipairs {encrypted_pem(), traditional_pem(), encrypted_der()} do
      local calls = 0
      ctx:load_cert_chain {certfile = path "server.pem", keydata = key,
        password = function(...)
          calls = calls + 1
          assert.equal(0, select("#", ...))
          return "secret"
        end}
      assert.equal(1, calls)
    end
  end)

  it("is not asked for where the key is not encrypted [D-20]", function()
    local ctx <close> = new_context()
    ctx:load_cert_chain(path "server.pem", path "server.key", function()
      error("called")
    end)
    ctx:load_cert_chain(path "combined.pem", {password = function()
      error("called")
    end})
  end)

  it("is ignored where the key is not encrypted, however long [D-20]", function()
    local ctx <close> = new_context()
    ctx:load_cert_chain(path "server.pem", path "server.key", "wrong")
    ctx:load_cert_chain(path "server.pem", path "server.key",
      ("x"):rep(100000))
    assert.equal(der "server.pem", presented(ctx))
  end)

  it("may have 1024 bytes [D-20]", function()
    local password = ("p"):rep(1024)
    local key = key_as("-passout", "pass:" .. password)
    local ctx <close> = new_context()
    ctx:load_cert_chain {certfile = path "server.pem", keydata = key,
                         password = password}
    assert.equal(der "server.pem", presented(ctx))
  end)

  it("may be asked for by a function that uses pyssl itself [D-20]", function()
    local ctx <close> = new_context()
    local data = ssl.buffer(certs.read "server.pem")
    local key = ssl.buffer(certs.read "encrypted.key")
    ctx:load_cert_chain {certdata = data, keydata = key, password = function()
      ctx:load_cert_chain(path "server-rsa.pem", path "server-rsa.key")
      data:close()
      key:close()
      collectgarbage()
      return "secret"
    end}
    assert.equal(der "server.pem", presented(ctx))
  end)

  it("may be asked for by a function that closes the context [D-20]", function()
    local ctx = new_context()
    local ok, err = pcall(ctx.load_cert_chain, ctx, path "server.pem",
      path "encrypted.key", function()
        ctx:close()
        return "secret"
      end)
    assert.is_false(ok)
    assert.equal(ssl.ValueError, err.class)
  end)
end)
