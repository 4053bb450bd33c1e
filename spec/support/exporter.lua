--- exporter - what a connection must export, computed by another program from
-- the client's key log.
--
--     local wire, expect = exporter.new(ssl.TLSVersion.TLSv1_3)
--     assert.same(expect {{"EXPERIMENTAL-x", 32, nil}}, {...})
local certs = require "support.certs"
local pair = require "support.pair"
local process = require "support.process"
local wire = require "support.wire"
local ssl = require "pyssl"

local exporter = {}

function exporter.hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local hex = exporter.hex

local function unhex(text)
  return (text:gsub("%x%x", function(c) return string.char(tonumber(c, 16)) end))
end

-- The client's random and the secret that all is derived from: the newest.
local function read_log(path, label)
  local random, secret
  for line in io.lines(path) do
    local one, other = line:match("^" .. label .. " (%x+) (%x+)$")
    if one then random, secret = one, other end
  end
  return assert(random, "the key log has no " .. label), secret
end

-- The random of the ServerHello, the first message of the first record.
local function server_random(w)
  local bytes = w.log.server
  assert(bytes:byte(1) == 22 and bytes:byte(6) == 2, "no ServerHello")
  return hex(bytes:sub(12, 43))
end

--- A wire of one version (`settings` are for both contexts) whose handshake is
-- done, and a function that takes a list of {label, length, context} and gives
-- the list of what each end has to export.
function exporter.new(version, settings)
  local path = certs.path "exporter.log"
  settings = pair.merge({minimum_version = version, maximum_version = version},
                        settings)
  local client = pair.client_context(settings)
  client.keylog_filename = path
  local w = wire.new {client = client,
                      server = pair.server_context("server", settings)}
  local name = w.client:version()
  local random, secret = read_log(path,
    name == "TLSv1.3" and "EXPORTER_SECRET" or "CLIENT_RANDOM")
  local hash = w.client:cipher():match("SHA384") and "sha384" or "sha256"
  return w, function(list)
    local argv = {"/usr/bin/python3", "spec/support/exporter.py", name, hash,
                  secret, random, server_random(w)}
    for _, each in ipairs(list) do
      argv[#argv + 1] = hex(each[1])
      argv[#argv + 1] = tostring(each[2])
      argv[#argv + 1] = each[3] and "=" .. hex(each[3]) or "none"
    end
    local out = {}
    for line in process.check(argv):gmatch("%x+") do out[#out + 1] = unhex(line) end
    return out
  end
end

--- TLS 1.2 without the extended master secret: SSL_OP_NO_EXTENDED_MASTER_SECRET.
exporter.NO_EXTENDED_MASTER_SECRET = ssl.OP_ALL | 1

return exporter
