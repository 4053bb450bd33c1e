--- Certificates (DER) read by pyssl and by Python, without a connection: as an
-- authority's certificate in a context's store, which get_ca_certs tells.
local process = require "support.process"
local ssl = require "pyssl"

local decode = {}

--- The table that pyssl makes of a CA's certificate.
function decode.ours(bytes)
  local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
  ctx:load_verify_locations {cadata = bytes}
  local list = ctx:get_ca_certs()
  assert(#list == 1, "it is no CA's certificate")
  assert(ctx:get_ca_certs(true)[1] == bytes)
  return list[1]
end

-- One hexadecimal certificate a line; one Lua expression a line.
local SCRIPT = [[
import ssl, sys
def text(data): return '"' + "".join("\\x%02x" % b for b in data) + '"'
def lua(v):
    if isinstance(v, int): return str(v)
    if isinstance(v, bytes): return text(v)
    if isinstance(v, str): return text(v.encode())
    if isinstance(v, dict):
        return "{" + ",".join(k + "=" + lua(v[k]) for k in v) + "}"
    return "{" + ",".join(lua(each) for each in v) + "}"
for line in sys.stdin:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=bytes.fromhex(line))
    try: print(lua(context.get_ca_certs()[0]))
    except Exception as e: print(text(type(e).__name__.encode()))
]]

--- What Python makes of each of a list of certificates: tables, or the name of
-- the exception.
function decode.python(list)
  local lines, tables = {}, {}
  for i, bytes in ipairs(list) do
    lines[i] = bytes:gsub(".", function(c)
      return ("%02x"):format(c:byte())
    end) .. "\n"
  end
  local out = process.check({"/usr/bin/python3", "-c", SCRIPT},
    {input = table.concat(lines)})
  for line in out:gmatch("[^\n]+") do
    tables[#tables + 1] = assert(load("return " .. line))()
  end
  return tables
end

return decode
