-- Certificates for the demo, made by the openssl program in a temporary
-- directory: an authority (ca.pem), a certificate for localhost (server.pem),
-- and one that was valid last year only (expired.pem).

local certificates = {}

local CONFIG = [[
[req]
distinguished_name = req
[ca]
default_ca = authority
[authority]
database = index.txt
certificate = ca.pem
private_key = ca.key
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = policy
unique_subject = no
[policy]
commonName = supplied
[authority_extensions]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server_extensions]
subjectAltName = DNS:localhost, IP:127.0.0.1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
]]

-- The commands, run in the directory. {name}: to be replaced.
local KEY = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
  .. "-config openssl.cnf "
local AUTHORITY = "openssl req -x509 " .. KEY .. "-keyout ca.key -out ca.pem "
  .. "-subj '/CN=Demo authority' -days 30 -extensions authority_extensions"
local REQUEST = "openssl req " .. KEY
  .. "-keyout {name}.key -out {name}.csr -subj /CN=localhost"
local SIGN = "openssl ca -batch -notext -config openssl.cnf -in {name}.csr "
  .. "-out {name}.pem -extensions server_extensions "
  .. "-startdate {from} -enddate {to}"

local function run(directory, command, values)
  command = command:gsub("{(%w+)}", values or {})
  local script = ("cd '%s' && %s >log 2>&1"):format(directory, command)
  assert(os.execute(script), "failed: " .. command)
end

-- A point in time, so many days from now, as certificates have it.
local function date(days)
  return os.date("!%Y%m%d%H%M%SZ", os.time() + days * 24 * 60 * 60)
end

local function sign(directory, name, from, to)
  local values = {name = name, from = date(from), to = date(to)}
  run(directory, REQUEST, values)
  run(directory, SIGN, values)
end

-- Make them all; gives the directory.
function certificates.make()
  local pipe = assert(io.popen("mktemp -d", "r"))
  local directory = pipe:read("l")
  pipe:close()
  local config = assert(io.open(directory .. "/openssl.cnf", "w"))
  config:write(CONFIG)
  config:close()
  assert(io.open(directory .. "/index.txt", "w")):close()
  run(directory, AUTHORITY)
  sign(directory, "server", -1, 29)
  sign(directory, "expired", -400, -30)
  return directory
end

function certificates.remove(directory)
  os.execute(("rm -rf '%s'"):format(directory))
end

return certificates
