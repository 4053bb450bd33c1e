--- certs - the certificates of the benchmark, made by openssl when it runs: ca.pem,
-- and server.pem with server.key (ECDSA P-256, for localhost and 127.0.0.1).
-- Calls: shell. Called by: run, check.
local shell = require "bench.shell"

local SCRIPT = [[
cd %s
key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 $key -keyout ca.key -out ca.pem -days 2 \
  -subj '/O=Benchmark/CN=Authority' \
  -addext 'keyUsage=critical,keyCertSign,cRLSign' &&
openssl req $key -keyout server.key -out server.csr \
  -subj '/C=XX/O=Benchmark/CN=localhost' &&
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n%%s\n' \
  'authorityKeyIdentifier=keyid' >extensions &&
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial \
  -days 2 -extfile extensions -out server.pem
]]

local certs = {}

--- Make them in a directory.
function certs.make(dir)
  shell.output(SCRIPT:format(shell.quote(dir)))
end

return certs
