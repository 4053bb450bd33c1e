--- Certificates, made when the suite runs (so that none expires) in a temporary
-- directory that goes when it ends. certs.path("server.pem") gives a path;
-- certs.dir the directory; certs.read(name) the contents; certs.issue{...}
-- makes another. Every NAME.pem below has its key in NAME.key.
--
--   ca.pem              the root; OpenSSL's strict checks accept it
--   server.pem          by ca; EC P-256; DNS:localhost, DNS:*.example.test,
--                       IP:127.0.0.1, IP:::1
--   server-rsa.pem      the same with RSA 2048
--   intermediate.pem    a CA, by ca
--   leaf.pem            names as server, by intermediate
--   chain.pem           leaf.pem and intermediate.pem; its key is leaf.key
--   client.pem          by ca, for clients
--   other-ca.pem        an unrelated root
--   stranger.pem        names as server, by other-ca, for both sides
--   expired.pem         as server, over since yesterday
--   future.pem          as server, valid from tomorrow
--   self-signed.pem     as server, by itself
--   wrong-host.pem      by ca, DNS:wrong.example.org
--   revoked.pem         as server, revoked in crl.pem
--   crl.pem             ca's list; ca-crl.pem has ca.pem and crl.pem
--   no-aki.pem          as server, without authority key identifier
--   no-usage-ca.pem     a root without keyUsage; no-usage.pem is by it
--   encrypted.key       server.key under the password "secret"
--   combined.pem        server.key and server.pem
--   server.der          server.pem as DER
--   chain.p12           chain.pem and its key, as PKCS #12, under "secret"
--   dh.pem              DH parameters, ffdhe2048
--   broken.pem          a certificate whose base64 is broken
--   empty.pem           nothing
--   capath/             ca.pem under its hashed name
local process = require "support.process"

local certs = {}

local NAMES = "DNS:localhost,DNS:*.example.test,IP:127.0.0.1,IP:::1"
local DAY = 24 * 60 * 60

-- What openssl needs to know to sign: `openssl ca` for dates of one's choice.
local CONFIG = [[
[req]
distinguished_name = req
[ca]
default_ca = authority
[authority]
database = index.txt
default_md = sha256
policy = policy
unique_subject = no
rand_serial = yes
default_crl_days = 30
crl_extensions = crl
[policy]
commonName = supplied
[crl]
authorityKeyIdentifier = keyid
[extensions]
]]

local AUTHORITY = [[
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
]]

local function path(name)
  return certs.dir .. "/" .. name
end

--- The contents of one of the files.
function certs.read(name)
  local file <close> = assert(io.open(certs.path(name), "rb"))
  return file:read("a")
end

local function write(name, contents)
  local file <close> = assert(io.open(path(name), "wb"))
  file:write(contents)
end

local function openssl(...)
  return process.check({"openssl", ...}, {cwd = certs.dir})
end

local function new_key(name, kind)
  if kind == "rsa" then
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048",
      "-out", name .. ".key")
  else
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
      "ec_paramgen_curve:P-256", "-out", name .. ".key")
  end
end

-- The extensions of a leaf, as lines of openssl's configuration.
local function leaf_extensions(o)
  return table.concat({
    "basicConstraints = critical,CA:FALSE",
    "keyUsage = critical,digitalSignature",
    "subjectKeyIdentifier = hash",
    "authorityKeyIdentifier = " .. (o.aki or "keyid:always"),
    "extendedKeyUsage = " .. (o.usage or "serverAuth,clientAuth"),
    o.san ~= false and "subjectAltName = " .. (o.san or NAMES) or "",
    "",
  }, "\n")
end

local function timestamp(offset)
  return os.date("!%Y%m%d%H%M%SZ", os.time() + offset)
end

-- Signed with dates of one's choice. `openssl ca` writes its index beside.
local function sign_with_dates(o)
  openssl("req", "-new", "-config", "config", "-key", o.name .. ".key",
    "-subj", o.subject, "-out", "request")
  openssl("ca", "-batch", "-notext", "-config", "config", "-in", "request",
    "-cert", o.ca .. ".pem", "-keyfile", o.ca .. ".key",
    "-extensions", "extensions", "-startdate", timestamp(o.from * DAY),
    "-enddate", timestamp(o.days * DAY), "-out", o.name .. ".pem",
    "-outdir", ".")
end

local function sign(o)
  local argv = {"req", "-x509", "-new", "-config", "config", "-key",
    o.name .. ".key", "-subj", o.subject, "-days", tostring(o.days),
    "-extensions", "extensions", "-out", o.name .. ".pem"}
  if o.ca then
    for _, word in ipairs{"-CA", o.ca .. ".pem", "-CAkey", o.ca .. ".key"} do
      argv[#argv + 1] = word
    end
  end
  openssl(table.unpack(argv))
end

local serial = 0

--- Make a certificate and its key; returns the paths of both. All optional:
--   name      of the files ("issued-1", ...)
--   subject   "/C=DE/CN=x"; or `cn`, the common name (the file's name)
--   san       "DNS:a,IP:::1" (the server's names; false: no such extension)
--   ca        the name of its CA ("ca"; false: self-signed)
--   key       "ec" or "rsa"
--   days      until when it is valid (30); `from`: since when (now), in days
--   authority true for a CA
--   usage     the extended key usages; `aki`, "none" leaves that one out
--   config    lines to use instead of all extensions, and sections behind them
function certs.issue(options)
  local o = {}
  for name, value in pairs(options or {}) do o[name] = value end
  if not o.name then
    serial = serial + 1
    o.name = "issued-" .. serial
  end
  if o.ca == nil then o.ca = "ca" end
  o.subject = o.subject or "/CN=" .. (o.cn or o.name)
  o.days = o.days or 30
  write("config", CONFIG ..
    (o.config or o.authority and AUTHORITY or leaf_extensions(o)))
  new_key(o.name, o.key)
  if o.from then sign_with_dates(o) else sign(o) end
  return path(o.name .. ".pem"), path(o.name .. ".key")
end

local LIST = {
  {name = "ca", cn = "Test Root", ca = false, authority = true},
  {name = "server", cn = "localhost"},
  {name = "server-rsa", cn = "localhost", key = "rsa"},
  {name = "intermediate", cn = "Test Intermediate", authority = true},
  {name = "leaf", cn = "localhost", ca = "intermediate"},
  {name = "client", cn = "client", san = false, usage = "clientAuth"},
  {name = "other-ca", cn = "Other Root", ca = false, authority = true},
  {name = "stranger", cn = "stranger", ca = "other-ca"},
  {name = "expired", cn = "localhost", from = -10, days = -1},
  {name = "future", cn = "localhost", from = 1, days = 10},
  {name = "self-signed", cn = "localhost", ca = false},
  {name = "wrong-host", cn = "wrong.example.org", san = "DNS:wrong.example.org"},
  {name = "revoked", cn = "localhost", from = -1, days = 30},
  {name = "no-aki", cn = "localhost", aki = "none"},
  {name = "no-usage-ca", cn = "Careless Root", ca = false,
    config = "basicConstraints = critical,CA:TRUE\nsubjectKeyIdentifier = hash\n"},
  {name = "no-usage", cn = "localhost", ca = "no-usage-ca"},
}

local function make_crl()
  local ca = {"-config", "config", "-cert", "ca.pem", "-keyfile", "ca.key"}
  openssl("ca", "-revoke", "revoked.pem", table.unpack(ca))
  openssl("ca", "-gencrl", "-out", "crl.pem", table.unpack(ca))
end

local function make_derived()
  local server = certs.read("server.pem")
  write("chain.pem", certs.read("leaf.pem") .. certs.read("intermediate.pem"))
  write("ca-crl.pem", certs.read("ca.pem") .. certs.read("crl.pem"))
  write("combined.pem", certs.read("server.key") .. server)
  write("broken.pem", server:sub(1, 200) .. "!!!\n" .. server:sub(300))
  write("empty.pem", "")
  openssl("pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", "server.key",
    "-passout", "pass:secret", "-out", "encrypted.key")
  openssl("x509", "-in", "server.pem", "-outform", "DER", "-out", "server.der")
  openssl("pkcs12", "-export", "-in", "chain.pem", "-inkey", "leaf.key",
    "-passout", "pass:secret", "-out", "chain.p12")
  openssl("genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt",
    "group:ffdhe2048", "-out", "dh.pem")
end

-- The directory that OpenSSL looks certificates up in, by hash of the subject.
local function make_capath()
  process.check({"mkdir", "capath"}, {cwd = certs.dir})
  local hash = openssl("x509", "-noout", "-hash", "-in", "ca.pem")
  write("capath/" .. hash:match("%x+") .. ".0", certs.read("ca.pem"))
end

--- Make them all; called when the suite starts, and by the first use.
function certs.make()
  if rawget(certs, "dir") then return end
  certs.dir = process.check({"mktemp", "-d"}):match("[^\n]+")
  write("index.txt", "")
  for _, options in ipairs(LIST) do certs.issue(options) end
  make_crl()
  make_derived()
  make_capath()
end

--- Remove the directory.
function certs.remove()
  if not rawget(certs, "dir") then return end
  process.check({"rm", "-rf", "--", certs.dir})
  certs.dir = nil
end

function certs.path(name)
  certs.make()
  return path(name)
end

return setmetatable(certs, {__index = function(_, name)
  if name ~= "dir" then return nil end
  certs.make()
  return rawget(certs, "dir")
end})
