local certs = require "support.certs"
local decode = require "support.decode"
local der = require "support.der"
local odd = require "support.odd"
local pair = require "support.pair"
local verifying = require "support.verifying"
local ssl = require "pyssl"

local asking = verifying.asking

local function der_of(name)
  return ssl.PEM_cert_to_DER_cert(certs.read(name .. ".pem"))
end

-- What openssl says, of a certificate that our table must agree with.
local LOCALHOST = {
  {"DNS", "localhost"}, {"DNS", "*.example.test"},
  {"IP Address", "127.0.0.1"}, {"IP Address", "0:0:0:0:0:0:0:1"},
}

local function with_certificate(settings)
  local ctx = pair.client_context(settings)
  ctx:load_cert_chain(certs.path "client.pem", certs.path "client.key")
  return ctx
end

for what, version in pairs(verifying.VERSIONS) do
  local v = {maximum_version = version, minimum_version = version}

  describe("getpeercert over " .. what, function()
    local client, server
    after_each(function() pair.close(client, server) end)

    local function connect(...)
      client, server = verifying.connected(...)
    end

    it("gives the server's certificate that was verified [E-13]", function()
      connect(pair.client_context(v))
      local t = client:getpeercert()
      assert.same({{{"commonName", "localhost"}}}, t.subject)
      assert.same({{{"commonName", "Test Root"}}}, t.issuer)
      assert.same(LOCALHOST, t.subjectAltName)
      assert.equal(3, t.version)
      assert.is_true(ssl.cert_time_to_seconds(t.notAfter) > os.time())
      assert.same(t, client:getpeercert(false))
      assert.same(t, client:getpeercert {binary_form = false})
    end)

    it("gives it in binary form [E-13]", function()
      connect(pair.client_context(v))
      assert.equal(der_of "server", client:getpeercert(true))
      assert.equal(der_of "server", client:getpeercert {binary_form = true})
    end)

    it("gives the server's own, not the chain's other ones [E-13]", function()
      local ctx = pair.server_context()
      ctx:load_cert_chain(certs.path "chain.pem", certs.path "leaf.key")
      connect(verifying.careless(v), ctx)
      assert.equal(der_of "leaf", client:getpeercert(true))
    end)

    it("gives an empty table, or bytes, of a certificate that was not "
      .. "verified [E-13]", function()
      connect(verifying.careless(v), pair.server_context "stranger")
      assert.same({}, client:getpeercert())
      assert.equal(der_of "stranger", client:getpeercert(true))
    end)

    it("gives what CERT_OPTIONAL verified [E-13]", function()
      connect(pair.client_context(pair.merge(
        {verify_mode = ssl.CERT_OPTIONAL}, v)))
      assert.same(LOCALHOST, client:getpeercert().subjectAltName)
    end)

    it("gives nil to a server that did not ask, whatever the client has "
      .. "[E-13]", function()
      connect(with_certificate(v))
      assert.is_nil(server:getpeercert())
      assert.is_nil(server:getpeercert(true))
    end)

    it("gives nil to a server that asked a client without one "
      .. "[E-13]", function()
      connect(pair.client_context(v), asking(ssl.CERT_OPTIONAL))
      assert.is_nil(server:getpeercert())
      assert.is_nil(server:getpeercert(true))
    end)

    for _, mode in ipairs {ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED} do
      local name = mode == ssl.CERT_REQUIRED and "required" or "optional"
      it(("gives the server a client's certificate that was %s [E-13]"):format(
        name), function()
        connect(with_certificate(v), asking(mode))
        local t = server:getpeercert()
        assert.same({{{"commonName", "client"}}}, t.subject)
        assert.same({{{"commonName", "Test Root"}}}, t.issuer)
        assert.is_nil(t.subjectAltName)
        assert.equal(der_of "client", server:getpeercert(true))
        assert.equal(der_of "server", client:getpeercert(true))
      end)
    end

    it("raises a ValueError before the handshake is done [E-13]", function()
      local ctx = pair.client_context(v)
      local listening = pair.server_context()
      client, server = pair.tcp(ctx, listening)
      ctx:close()
      listening:close()
      for _, conn in ipairs {client, server} do
        for _, binary in ipairs {false, true} do
          local ok, err = pcall(conn.getpeercert, conn, binary)
          assert.is_false(ok)
          assert.equal("ValueError", err.class.name)
          assert.equal("handshake not done yet", err.message)
        end
      end
    end)
  end)
end

describe("getpeercert", function()
  it("raises ENOTCONN on a socket that is not connected [E-13]", function()
    local ctx <close> = pair.client_context()
    local conn <close> = ctx:wrap_socket(nil, {server_hostname = "localhost"})
    local ok, err = pcall(conn.getpeercert, conn)
    assert.is_false(ok)
    assert.equal("ENOTCONN", err.name)
    assert.is_true(err:is(ssl.OSError))
  end)

  it("gives each caller a table of its own [E-13]", function()
    local client, server = pair.connected()
    local mine = client:getpeercert()
    mine.subject[1][1][2] = "somebody else"
    assert.same({{{"commonName", "localhost"}}}, client:getpeercert().subject)
    assert.are_not_equal(client:getpeercert(), client:getpeercert())
    pair.close(client, server)
  end)

  it("takes a boolean only [E-13]", function()
    local client, server = pair.connected()
    for _, bad in ipairs {1, "true"} do
      local ok, err = pcall(client.getpeercert, client, bad)
      assert.is_false(ok)
      assert.matches("boolean expected", err, 1, true)
    end
    pair.close(client, server)
  end)

  it("gives the same table for a certificate that get_ca_certs does, NULs, "
    .. "addresses and all [E-13, G.5]", function()
    local bytes = der.certificate {
      subject = der.name({{"2.5.4.3", "a.org"}, {"2.5.4.10", "o\0o"}}),
      extensions = {der.alternatives(der.dns "a.org", der.dns "b\0c",
        der.directory(der.common_name "inner"), der.address "\1\2\3\4",
        der.address "\1", der.registered "1.2.3.4")},
    }
    local client_ctx <close> = odd.client_context(bytes)
    local server_ctx <close> = odd.server_context(bytes)
    local client, server = pair.connected(client_ctx, server_ctx,
      {client = {server_hostname = "a.org"}})
    assert.same(decode.ours(bytes), client:getpeercert())
    assert.equal(bytes, client:getpeercert(true))
    pair.close(client, server)
  end)

  it("raises for a name in it that is no text, every time "
    .. "[E-13, G.2]", function()
    local bytes = der.certificate {
      authority = false, subject = der.common_name("\12\1x", 0x30),
      extensions = {der.alternatives(der.dns "a.org")},
    }
    local client_ctx <close> = odd.client_context(bytes)
    local server_ctx <close> = odd.server_context(bytes)
    local client, server = pair.connected(client_ctx, server_ctx,
      {client = {server_hostname = "a.org"}})
    for _ = 1, 3 do
      local ok, err = pcall(client.getpeercert, client)
      assert.is_false(ok)
      assert.equal("SSLError", err.class.name)
    end
    assert.equal(bytes, client:getpeercert(true))
    assert.equal(5, server:send("still"))
    assert.equal("still", client:recv(10))
    pair.close(client, server)
  end)

  it("gives nothing of a certificate that was refused [E-13]", function()
    local client_ctx <close> = pair.client_context()
    local server_ctx <close> = pair.server_context "stranger"
    local client, server = pair.tcp(client_ctx, server_ctx)
    local results = pair.drive({client.do_handshake, client},
                               {server.do_handshake, server})
    assert.equal(20, results[1][2].verify_code)
    assert.is_false((pcall(client.getpeercert, client)))
    pair.close(client, server)
  end)
end)
