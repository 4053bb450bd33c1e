-- Switching contexts in the SNI callback: every setting of the new context is in
-- force, and none of the old one's.
local certs = require "support.certs"
local memory = require "support.memory"
local pair = require "support.pair"
local ssl = require "pyssl"

local V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

local function only(ctx, version)
  ctx.minimum_version, ctx.maximum_version = version, version
end

local function contents(name)
  local file = io.open(name, "rb")
  if not file then return "" end
  local text = file:read("a")
  file:close()
  return text
end

local function trust(ctx, name, mode)
  ctx:load_verify_locations(certs.path(name .. ".pem"))
  ctx.verify_mode = mode or ssl.CERT_REQUIRED
end

local function load_client(ctx)
  ctx:load_cert_chain(certs.path "client.pem", certs.path "client.key")
end

-- What the spec sees of a handshake: `ends`, the errors of client and server.
local function reason(_, _, server)
  return server and (server.verify_message or server.reason) or "accepted"
end

-- Settings: `a` and `b` set up the old and the new context (`client` the
-- client's); `see` tells what is in force, which is to be `old` with the one and
-- `new` with the other.
local SETTINGS = {
  {"minimum_version", old = "TLSv1.2", new = "UNSUPPORTED_PROTOCOL",
    client = function(ctx) only(ctx, V12) end,
    b = function(ctx) ctx.minimum_version = V13 end,
    see = function(ends, _, server)
      return server and server.reason or ends.server:version()
    end},
  {"maximum_version", old = "TLSv1.3", new = "TLSv1.2",
    b = function(ctx) ctx.maximum_version = V12 end,
    see = function(ends) return ends.client:version() end},
  {"maximum_version, raised", old = "TLSv1.2", new = "TLSv1.3",
    a = function(ctx) only(ctx, V12) end,
    see = function(ends) return ends.client:version() end},
  {"options: OP_NO_TLSv1_3", old = "TLSv1.3", new = "TLSv1.2",
    b = function(ctx) ctx.options = ctx.options | ssl.OP_NO_TLSv1_3 end,
    see = function(ends) return ends.client:version() end},
  {"options: OP_NO_TLSv1_3, taken back", old = "TLSv1.2", new = "TLSv1.3",
    a = function(ctx) ctx.options = ctx.options | ssl.OP_NO_TLSv1_3 end,
    see = function(ends) return ends.client:version() end},
  {"options: OP_CIPHER_SERVER_PREFERENCE", old = "ECDHE-ECDSA-AES256-GCM-SHA384",
    new = "ECDHE-ECDSA-AES128-GCM-SHA256", version = V12,
    client = function(ctx)
      ctx:set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")
    end,
    b = function(ctx)
      ctx.options = ctx.options & ~ssl.OP_CIPHER_SERVER_PREFERENCE
    end,
    see = function(ends) return (ends.client:cipher()) end},
  {"options: OP_NO_TICKET", old = true, new = false, version = V12,
    b = function(ctx) ctx.options = ctx.options | ssl.OP_NO_TICKET end,
    see = function(ends) return ends.client.session.has_ticket end},
  {"ciphers", old = "ECDHE-ECDSA-AES256-GCM-SHA384",
    new = "ECDHE-ECDSA-CHACHA20-POLY1305", version = V12,
    b = function(ctx) ctx:set_ciphers("ECDHE+CHACHA20") end,
    see = function(ends) return (ends.client:cipher()) end},
  {"ciphersuites", old = "TLS_AES_256_GCM_SHA384", new = "TLS_AES_128_GCM_SHA256",
    version = V13,
    b = function(ctx) ctx:set_ciphersuites("TLS_AES_128_GCM_SHA256") end,
    see = function(ends) return (ends.client:cipher()) end},
  {"security level", old = "accepted", new = "NO_SUITABLE_SIGNATURE_ALGORITHM",
    version = V13,
    a = function(ctx) ctx:set_ciphers("@SECLEVEL=1:ECDHE") end,
    b = function(ctx) ctx:set_ciphers("@SECLEVEL=5:ECDHE+AES256") end,
    see = reason},
  {"groups", old = "x25519", new = "secp384r1",
    b = function(ctx) ctx:set_groups("secp384r1") end,
    see = function(ends) return ends.client:group() end},
  {"groups, back to the default", old = "secp384r1", new = "x25519",
    a = function(ctx) ctx:set_groups("secp384r1") end,
    see = function(ends) return ends.client:group() end},
  {"the curve", old = "x25519", new = "secp521r1",
    b = function(ctx) ctx:set_ecdh_curve("secp521r1") end,
    see = function(ends) return ends.client:group() end},
  {"DH parameters", old = "NO_SHARED_CIPHER", new = "DHE-RSA-AES256-GCM-SHA384",
    version = V12, certificates = {"server-rsa", "server-rsa"},
    client = function(ctx) ctx:set_ciphers("DHE+AESGCM") end,
    b = function(ctx) ctx:load_dh_params(certs.path "dh.pem") end,
    see = function(ends, _, server)
      return server and server.reason or (ends.client:cipher())
    end},
  {"the server's signature algorithms", old = "rsa_pss_rsae_sha256",
    new = "rsa_pss_rsae_sha512", certificates = {"server-rsa", "server-rsa"},
    b = function(ctx) ctx:set_server_sigalgs("rsa_pss_rsae_sha512") end,
    see = function(ends) return ends.client:server_sigalg() end},
  {"the client's signature algorithms", old = "ecdsa_secp256r1_sha256",
    new = "PEER_DID_NOT_RETURN_A_CERTIFICATE", version = V13,
    client = load_client,
    a = function(ctx) trust(ctx, "ca") end,
    b = function(ctx)
      trust(ctx, "ca")
      ctx:set_client_sigalgs("rsa_pss_rsae_sha256")
    end,
    see = function(ends, _, server)
      return server and server.reason or ends.server:client_sigalg()
    end},
  {"the certificate", old = "ecdsa_secp256r1_sha256", new = "rsa_pss_rsae_sha256",
    certificates = {"server", "server-rsa"},
    see = function(ends) return ends.client:server_sigalg() end},
  {"the certificate's chain", old = 2, new = 3,
    certificates = {"server", "chain"},
    see = function(ends) return #ends.client:get_verified_chain() end},
  {"verify_mode", old = "accepted", new = "PEER_DID_NOT_RETURN_A_CERTIFICATE",
    b = function(ctx) trust(ctx, "ca") end, see = reason},
  {"verify_mode, taken back", old = "PEER_DID_NOT_RETURN_A_CERTIFICATE",
    new = "accepted", a = function(ctx) trust(ctx, "ca") end, see = reason},
  {"trust", old = "self-signed certificate in certificate chain", new = "accepted",
    client = load_client, a = function(ctx) trust(ctx, "other-ca") end,
    b = function(ctx) trust(ctx, "ca") end, see = reason},
  {"trust, another's", old = "accepted",
    new = "self-signed certificate in certificate chain",
    client = load_client, a = function(ctx) trust(ctx, "ca") end,
    b = function(ctx) trust(ctx, "other-ca") end, see = reason},
  {"verify_flags", old = "accepted", new = "unable to get certificate CRL",
    client = load_client, a = function(ctx) trust(ctx, "ca") end,
    b = function(ctx)
      trust(ctx, "ca")
      ctx.verify_flags = ctx.verify_flags | ssl.VERIFY_CRL_CHECK_LEAF
    end, see = reason},
  {"verify_flags, taken back", old = "unable to get certificate CRL",
    new = "accepted", client = load_client,
    a = function(ctx)
      trust(ctx, "ca")
      ctx.verify_flags = ctx.verify_flags | ssl.VERIFY_CRL_CHECK_LEAF
    end,
    b = function(ctx) trust(ctx, "ca") end, see = reason},
  {"VERIFY_X509_PARTIAL_CHAIN, taken back", old = "accepted",
    new = "unable to get issuer certificate",
    client = function(ctx)
      ctx:load_cert_chain(certs.path "leaf.pem", certs.path "leaf.key")
    end,
    a = function(ctx)
      trust(ctx, "intermediate")
      ctx.verify_flags = ctx.verify_flags | ssl.VERIFY_X509_PARTIAL_CHAIN
    end,
    b = function(ctx) trust(ctx, "intermediate") end, see = reason},
  {"ALPN", old = "http/1.1", new = "h2",
    client = function(ctx) ctx:set_alpn_protocols {"h2", "http/1.1"} end,
    a = function(ctx) ctx:set_alpn_protocols {"http/1.1"} end,
    b = function(ctx) ctx:set_alpn_protocols {"h2"} end,
    see = function(ends) return ends.client:selected_alpn_protocol() end},
  {"ALPN, none", old = "h2", new = "none",
    client = function(ctx) ctx:set_alpn_protocols {"h2"} end,
    a = function(ctx) ctx:set_alpn_protocols {"h2"} end,
    see = function(ends) return ends.client:selected_alpn_protocol() or "none" end},
  {"keylog_filename", old = "a", new = "b",
    a = function(ctx) ctx.keylog_filename = certs.path "sni-a.log" end,
    b = function(ctx) ctx.keylog_filename = certs.path "sni-b.log" end,
    see = function()
      local a = contents(certs.path "sni-a.log"):find("SECRET", 1, true)
      local b = contents(certs.path "sni-b.log"):find("SECRET", 1, true)
      os.remove(certs.path "sni-a.log")
      os.remove(certs.path "sni-b.log")
      return (a and "a" or "") .. (b and "b" or "")
    end},
  {"num_tickets", old = true, new = false, version = V13,
    b = function(ctx) ctx.num_tickets = 0 end,
    see = function(ends)
      ends:move()
      pcall(ends.client.read, ends.client)
      return ends.client.session.has_ticket
    end},
  {"the PSK callback", old = "NO_SHARED_CIPHER", new = "accepted", version = V12,
    client = function(ctx)
      ctx:set_ciphers("PSK")
      ctx:set_psk_client_callback(function() return "me", "sixteen bytes !!" end)
    end,
    a = function(ctx) ctx:set_ciphers("PSK:ECDHE") end,
    b = function(ctx)
      ctx:set_ciphers("PSK:ECDHE")
      ctx:set_psk_server_callback(function() return "sixteen bytes !!" end)
    end, see = reason},
  {"the PSK callback of TLS 1.3", old = 2, new = 0, version = V13,
    client = function(ctx)
      ctx:set_ciphersuites("TLS_AES_128_GCM_SHA256") -- a key goes with SHA-256
      ctx:set_psk_client_callback(function() return "me", "sixteen bytes !!" end)
    end,
    b = function(ctx)
      ctx:set_psk_server_callback(function() return "sixteen bytes !!" end)
    end,
    see = function(ends) return #ends.client:get_verified_chain() end},
}

-- A server's context with a certificate of the suite.
local function server_context(name)
  local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  local key = name == "chain" and "leaf" or name
  ctx:load_cert_chain(certs.path(name .. ".pem"), certs.path(key .. ".key"))
  return ctx
end

-- The handshake of a setting, staying or switching: what is in force then.
local function observe(case, switch, pieces)
  local names = case.certificates or {"server", "server"}
  local a <close>, b = server_context(names[1]), server_context(names[2])
  local _ <close> = b
  local client_ctx <close> = pair.client_context()
  for _, ctx in ipairs {a, b, client_ctx} do
    if case.version then only(ctx, case.version) end
  end
  if case.a then case.a(a) end
  if case.b then case.b(b) end
  if case.client then case.client(client_ctx) end
  a.sni_callback = function(conn)
    if switch then conn.context = b end
  end
  local ends <close> = memory.new(client_ctx, a)
  local client, server = ends:hands(pieces)
  return case.see(ends, client, server)
end

describe("a switch of contexts brings with it", function()
  for _, case in ipairs(SETTINGS) do
    it(case[1] .. " [D-44, E-01]", function()
      assert.equal(case.old, observe(case, false))
      assert.equal(case.new, observe(case, true))
    end)
  end
end)
