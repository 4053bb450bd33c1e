-- Where the versions of Python's documentation disagree with each other, or
-- with what Python does: what pyssl does. The reference is section J of the
-- contract, and the changes to it in its section 0.
local certs = require "support.certs"
local child = require "support.child"
local negotiation = require "support.negotiation"
local pair = require "support.pair"
local peers = require "support.peers"
local process = require "support.process"
local psk = require "support.psk"
local raised = require "support.raised"
local resumption = require "support.resumption"
local ssl = require "pyssl"

local V = ssl.TLSVersion

-- A certificate with all that a decoded one can show.
local EXTENSIONS = [[
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
subjectAltName = DNS:localhost
authorityInfoAccess = OCSP;URI:http://o.test/,caIssuers;URI:http://c.test/
crlDistributionPoints = URI:http://l.test/
]]

local KEYS = {"subject", "issuer", "version", "serialNumber", "notBefore",
  "notAfter", "subjectAltName", "OCSP", "caIssuers", "crlDistributionPoints"}

-- Ask a connected pair made by default.
local function ask(f, client_ctx, server_ctx)
  return negotiation.ask(client_ctx, server_ctx, f)
end

-- A context of each protocol that a connection can be made with.
local function each_context(f)
  for _, protocol in ipairs {ssl.PROTOCOL_TLS, ssl.PROTOCOL_TLSv1,
      ssl.PROTOCOL_TLSv1_1, ssl.PROTOCOL_TLSv1_2, ssl.PROTOCOL_TLS_CLIENT,
      ssl.PROTOCOL_TLS_SERVER} do
    local ctx <close> = ssl.SSLContext(protocol)
    f(ctx, protocol)
  end
end

-- The errors of both ends where the client's identity has this length.
local function identify(version, length)
  local identity = ("i"):rep(length)
  return pair.refused(psk.contexts(version, function()
    return identity, psk.KEY
  end, function(name) return name == identity and psk.KEY or nil end))
end

local DECISIONS = {
  ["J-01"] = {"a certificate's time is an integer, in UTC wherever one is",
    function()
      local seconds = ssl.cert_time_to_seconds("May  9 00:00:00 2007 GMT")
      assert.equal("integer", math.type(seconds))
      for _, zone in ipairs {"UTC", "America/New_York", "XYZ-9"} do
        assert.equal("1178668800", process.check({process.lua, "-e", [[
          io.write(require "pyssl".cert_time_to_seconds(
            "May  9 00:00:00 2007 GMT"))]]},
          {env = {TZ = zone}, sanitizers = true}))
      end
      assert.equal(1515144883,
        ssl.cert_time_to_seconds("Jan  5 09:34:43 2018 GMT"))
    end},

  ["J-02"] = {"a peer's certificate has all keys, the issuer's among them",
    function()
      certs.issue {name = "decisions", cn = "localhost", config = EXTENSIONS}
      local cert = ask(function(client) return client:getpeercert() end, nil,
        pair.server_context "decisions")
      for _, key in ipairs(KEYS) do assert.is_not_nil(cert[key], key) end
      local count = 0
      for _ in pairs(cert) do count = count + 1 end
      assert.equal(#KEYS, count)
      assert.same({{{"commonName", "Test Root"}}}, cert.issuer)
      assert.same({"http://o.test/"}, cert.OCSP)
    end},

  ["J-03"] = {"getpeercert before the handshake raises ValueError",
    function()
      local client, server = pair.tcp(pair.client_context(),
        pair.server_context())
      for _, conn in ipairs {client, server} do
        raised(ssl.ValueError, conn.getpeercert, conn)
        raised(ssl.ValueError, conn.getpeercert, conn, true)
      end
      pair.close(client, server)
    end},

  ["J-04"] = {"get_server_certificate speaks as PROTOCOL_TLS_CLIENT, and "
    .. "knows a timeout", function()
      local ctx = pair.server_context()
      local listener <close> = ctx:wrap_socket(nil, {server_side = true})
      listener:bind("127.0.0.1", 0)
      listener:listen(1)
      local _, port = listener:getsockname()
      local peer <close> = child.run(function()
        local conn <close> = listener:accept()
        return conn:version()
      end)
      local fetch = [[io.write(require "pyssl".get_server_certificate(
        {"127.0.0.1", %d}))]]
      local code, out, err = process.run({process.lua, "-W", "-e",
        fetch:format(port)}, {sanitizers = true})
      -- A PROTOCOL_TLS, or an older one, would be warned about.
      assert.same({0, certs.read "server.pem", ""}, {code, out, err})
      assert.equal("TLSv1.3", peer:join())
      local silent <close> = peers.listen(ctx)
      raised(ssl.TimeoutError, ssl.get_server_certificate,
        {silent:getsockname()}, {timeout = 0.01})
    end},

  ["J-05"] = {"the module's wrap_socket is there and works", function()
      local conn <close> = ssl.wrap_socket(nil,
        {do_handshake_on_connect = false})
      local listener <close> = pair.server_context():wrap_socket(nil,
        {server_side = true, do_handshake_on_connect = false})
      listener:bind("127.0.0.1", 0)
      listener:listen(1)
      conn:connect(listener:getsockname())
      local server <close> = listener:accept()
      conn:settimeout(0)
      server:settimeout(0)
      for _, result in ipairs(pair.drive({conn.do_handshake, conn},
                                         {server.do_handshake, server})) do
        assert.is_true(result[1])
      end
      assert.equal("TLSv1.3", conn:version())
    end},

  ["J-06"] = {"SSLError is an OSError", function()
      for _, name in ipairs {"SSLError", "SSLEOFError",
                             "SSLCertVerificationError"} do
        assert.is_true(ssl[name]("x"):is(ssl.OSError))
      end
      assert.is_false(ssl.OSError("x"):is(ssl.SSLError))
    end},

  ["J-07"] = {"default contexts are for one side, and authorities are named",
    function()
      local client <close> = ssl.create_default_context()
      local server <close> = ssl.create_default_context(
        ssl.Purpose.CLIENT_AUTH)
      assert.same({ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER},
        {client.protocol, server.protocol})
      assert.is_false((pcall(ssl.create_default_context,
        ssl.Purpose.SERVER_AUTH, certs.path "ca.pem")))
    end},

  ["J-08"] = {"contexts verify nobody, but PROTOCOL_TLS_CLIENT's",
    function()
      each_context(function(ctx, protocol)
        local client = protocol == ssl.PROTOCOL_TLS_CLIENT
        assert.equal(client and ssl.CERT_REQUIRED or ssl.CERT_NONE,
          ctx.verify_mode)
        assert.equal(client, ctx.check_hostname)
      end)
    end},

  ["J-09"] = {"read takes a length, 1024 by default, and a buffer",
    function()
      ask(function(client, server)
        server:sendall(("x"):rep(3000))
        assert.equal(1024, #client:read())
        assert.equal(10, #client:read(10))
        local buffer <close> = ssl.buffer(500)
        assert.equal(20, client:read(20, buffer))
        assert.equal(500, client:read(1024, buffer))
        assert.equal(("x"):rep(500), buffer:sub(1))
      end)
    end},

  ["J-10"] = {"the name is checked within the handshake, by OpenSSL",
    function()
      local kept = ssl.match_hostname
      finally(function() ssl.match_hostname = kept end)
      ssl.match_hostname = function() end -- would find every name right
      local ours, theirs = pair.refused(pair.client_context(),
        pair.server_context "wrong-host")
      assert.equal(ssl.SSLCertVerificationError, ours.class)
      assert.same({62, "handshake"}, {ours.verify_code, ours.op})
      assert.equal(ssl.ALERT_DESCRIPTION_BAD_CERTIFICATE, theirs.alert)
    end},

  ["J-11"] = {"contexts speak TLS 1.2 and newer unless told otherwise",
    function()
      each_context(function(ctx, protocol)
        local open = protocol == 2 or protocol >= 16
        assert.equal(open and V.TLSv1_2 or V.MINIMUM_SUPPORTED,
          ctx.minimum_version)
        assert.equal(V.MAXIMUM_SUPPORTED, ctx.maximum_version)
      end)
    end},

  ["J-12"] = {"enum_crls is for Windows, and gives triples there",
    function()
      if package.config:sub(1, 1) == "/" then
        for _, name in ipairs {"enum_crls", "enum_certificates"} do
          local err = raised(ssl.NotImplementedError, ssl[name], "ROOT")
          assert.matches("Windows", err.message, 1, true)
        end
      else
        for _, entry in ipairs(ssl.enum_crls("CA")) do
          assert.equal(3, #entry)
        end
      end
    end},

  ["J-13"] = {"the servername callback gets the name as it came, its A-label",
    function()
      local names = {}
      local ctx = pair.server_context()
      ctx:set_servername_callback(function(_, name)
        names[#names + 1] = name
      end)
      local client_ctx = pair.client_context {check_hostname = false}
      local client, server = pair.connected(client_ctx, ctx,
        {client = {server_hostname = "xn--bcher-kva.example.test"}})
      pair.close(client, server)
      assert.same({"xn--bcher-kva.example.test"}, names)
    end},

  ["J-14"] = {"an identity of a shared key has 255 bytes at most",
    function()
      for _, version in ipairs {V.TLSv1_2, V.TLSv1_3} do
        assert.same({}, {identify(version, 1)})
        assert.same({}, {identify(version, 255)})
        assert.truthy((identify(version, 256)))
      end
    end},

  ["J-15"] = {"a resumed connection has no list of shared ciphers",
    function()
      finally(resumption.close)
      for _, kind in ipairs(resumption.KINDS) do
        local client_ctx, server_ctx = resumption.contexts(kind)
        local session = resumption.session(client_ctx, server_ctx)
        local _, full = resumption.connected(client_ctx, server_ctx)
        assert.is_true(#full:shared_ciphers() > 0, kind.name)
        local client, server = resumption.connected(client_ctx, server_ctx,
          {client = {session = session}})
        assert.is_true(server.session_reused, kind.name)
        assert.is_nil(server:shared_ciphers(), kind.name)
        assert.is_nil(client:shared_ciphers())
      end
    end},

  ["J-16"] = {"set_npn_protocols raises NotImplementedError", function()
      local ctx <close> = pair.client_context()
      raised(ssl.NotImplementedError, ctx.set_npn_protocols, ctx, {"h2"})
    end},

  ["J-17"] = {"load_verify_locations takes cadata alone", function()
      local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
      assert.is_true(ctx:load_verify_locations {cadata = certs.read "ca.pem"})
      assert.same({}, {pair.refused(ctx, pair.server_context())})
    end},

  ["J-18"] = {"unwrap gives the same socket, now plain", function()
      ask(function(client, server)
        client:settimeout(0)
        server:settimeout(0)
        local results = pair.drive({client.unwrap, client},
                                   {server.unwrap, server})
        assert.equal(client, results[1][2])
        assert.equal(server, results[2][2])
        client:send("plain")
        server:settimeout(pair.LIMIT)
        assert.equal("plain", server:recv(10))
        assert.is_nil(server:version())
      end)
    end},

  ["J-19"] = {"options are more than OP_ALL by default", function()
      each_context(function(ctx)
        assert.equal(0x82520050, ctx.options)
        assert.equal(ssl.OP_ALL, ctx.options & ssl.OP_ALL)
        assert.not_equal(ssl.OP_ALL, ctx.options)
      end)
    end},

  ["J-20"] = {"set_ecdh_curve decides for clients too", function()
      for _, side in ipairs {"client", "server"} do
        local client_ctx <close> = pair.client_context()
        local server_ctx <close> = pair.server_context()
        local ctx = side == "client" and client_ctx or server_ctx
        ctx:set_ecdh_curve("secp384r1")
        assert.equal("secp384r1",
          ask(function(client) return client:group() end, client_ctx,
            server_ctx))
      end
    end},
}

describe("where sources disagree,", function()
  local ids = {}
  for id in pairs(DECISIONS) do ids[#ids + 1] = id end
  table.sort(ids)

  for _, id in ipairs(ids) do
    local what, check = table.unpack(DECISIONS[id])
    it(("%s [%s]"):format(what, id), check)
  end
end)
