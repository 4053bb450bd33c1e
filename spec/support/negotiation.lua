--- negotiation - pairs made to look at what their handshakes have agreed on,
-- and certificates with keys of every kind.
local certs = require "support.certs"
local pair = require "support.pair"
local process = require "support.process"
local ssl = require "pyssl"

local negotiation = {}

negotiation.VERSIONS = {ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3}

--- A version's name for the title of a spec: "TLSv1_3".
function negotiation.version_name(version)
  return ssl.TLSVersion[version]
end

--- Contexts of a client and a server, of one version; `name` as for
-- negotiation.server_context.
function negotiation.contexts(version, name)
  local settings = {minimum_version = version, maximum_version = version}
  return pair.client_context(settings),
    pair.server_context(name or "server", settings)
end

--- What f(client, server) gives of a connected pair, which is closed then.
function negotiation.ask(client_ctx, server_ctx, f)
  local client, server = pair.connected(client_ctx, server_ctx)
  local results = table.pack(pcall(f, client, server))
  pair.close(client, server)
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

-- Arguments of `openssl genpkey`.
local KEYS = {
  ["P-384"] = {"EC", "-pkeyopt", "ec_paramgen_curve:P-384"},
  ["P-521"] = {"EC", "-pkeyopt", "ec_paramgen_curve:P-521"},
  ed25519 = {"ED25519"},
  ed448 = {"ED448"},
  ["rsa-pss"] = {"RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"},
}

local EXTENSIONS = {
  "basicConstraints=critical,CA:FALSE",
  "keyUsage=critical,digitalSignature,keyEncipherment",
  "extendedKeyUsage=serverAuth,clientAuth", "authorityKeyIdentifier=keyid",
  "subjectAltName=DNS:localhost",
}

local made = {} -- by the directory that they are in

local function make(kind, name)
  local key = {"openssl", "genpkey", "-out", name .. ".key", "-algorithm"}
  table.move(KEYS[kind], 1, #KEYS[kind], #key + 1, key)
  process.check(key, {cwd = certs.dir})
  local sign = {"openssl", "req", "-x509", "-new", "-key", name .. ".key",
    "-subj", "/CN=localhost", "-days", "3", "-CA", "ca.pem", "-CAkey",
    "ca.key", "-out", name .. ".pem"}
  for _, extension in ipairs(EXTENSIONS) do
    sign[#sign + 1] = "-addext"
    sign[#sign + 1] = extension
  end
  process.check(sign, {cwd = certs.dir})
end

--- The name, as for pair.server_context, of a certificate for localhost with a
-- key of `kind`: "P-256" and "rsa", which the suite has, or a key of KEYS.
function negotiation.certificate(kind)
  if kind == "P-256" then return "server" end
  if kind == "rsa" then return "server-rsa" end
  local name = "negotiation-" .. kind
  if made[name] ~= certs.dir then
    make(kind, name)
    made[name] = certs.dir
  end
  return name
end

--- Load that certificate.
function negotiation.load(ctx, kind)
  local name = negotiation.certificate(kind)
  ctx:load_cert_chain(certs.path(name .. ".pem"), certs.path(name .. ".key"))
end

--- Let the server's context ask for the client's certificate.
function negotiation.ask_certificate(server_ctx)
  server_ctx:load_verify_locations(certs.path "ca.pem")
  server_ctx.verify_mode = ssl.CERT_OPTIONAL
end

return negotiation
