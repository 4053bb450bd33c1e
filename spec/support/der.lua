--- DER, byte by byte: certificates as no authority issues them. Everything here
-- is a string of bytes, so anything can be said in one. The signature is
-- rubbish: who reads a certificate does not look at it, nor does who trusts
-- the certificate itself (VERIFY_X509_PARTIAL_CHAIN). The key of each is
-- der.key.
--
--     local bytes = der.certificate {
--       subject = der.name {{"2.5.4.3", "null.example\0example.org"}},
--       extensions = {der.alternatives(der.dns "a.example")},
--     }
local der = {}

-- Tags of the strings and times.
der.BITS, der.OCTETS, der.UTF8, der.NUMERIC, der.PRINTABLE = 3, 4, 12, 18, 19
der.T61, der.IA5, der.UTC, der.GENERALIZED = 20, 22, 23, 24
der.VISIBLE, der.UNIVERSAL, der.BMP = 26, 28, 30

--- A tag, the length of the contents, and the contents.
function der.tlv(tag, ...)
  local body = table.concat({...})
  if #body < 128 then return string.char(tag, #body) .. body end
  local length = string.pack(">I4", #body):gsub("^%z+", "")
  return string.char(tag, 128 + #length) .. length .. body
end
local tlv = der.tlv

function der.sequence(...) return tlv(0x30, ...) end
function der.integer(bytes) return tlv(2, bytes) end
local sequence, integer = der.sequence, der.integer

local function arc(n)
  local bytes = string.char(n & 127)
  n = n >> 7
  while n > 0 do
    bytes = string.char(n & 127 | 128) .. bytes
    n = n >> 7
  end
  return bytes
end

-- The contents of an object identifier that is given as "1.2.3".
local function arcs(text)
  local first, second, rest = text:match("^(%d+)%.(%d+)(.*)$")
  local out = {arc(math.tointeger(first) * 40 + math.tointeger(second))}
  for n in rest:gmatch("%d+") do out[#out + 1] = arc(math.tointeger(n)) end
  return table.concat(out)
end

function der.oid(text) return tlv(6, arcs(text)) end
local oid = der.oid

-- {oid, text [, tag (UTF8)]}
local function attribute(a)
  return sequence(oid(a[1]), tlv(a[3] or der.UTF8, a[2]))
end

--- A distinguished name: each argument is an RDN, a list of one or more
-- {oid, text [, tag]}; one attribute may stand for a list of one.
function der.name(...)
  local rdns = {}
  for i, rdn in ipairs({...}) do
    if type(rdn[1]) == "string" then rdn = {rdn} end
    local parts = {}
    for j, each in ipairs(rdn) do parts[j] = attribute(each) end
    rdns[i] = tlv(0x31, table.concat(parts))
  end
  return sequence(table.concat(rdns))
end

--- A name that is one common name.
function der.common_name(text, tag)
  return der.name {"2.5.4.3", text, tag}
end

function der.extension(id, value)
  return sequence(oid(id), tlv(der.OCTETS, value))
end

-- General names (RFC 5280, 4.2.1.6).
function der.other(id, value) return tlv(0xA0, oid(id), tlv(0xA0, value)) end
function der.email(text) return tlv(0x81, text) end
function der.dns(text) return tlv(0x82, text) end
function der.x400() return tlv(0xA3, sequence()) end
function der.directory(name) return tlv(0xA4, name) end
function der.edi_party(text)
  return tlv(0xA5, tlv(0xA1, tlv(der.PRINTABLE, text)))
end
function der.uri(text) return tlv(0x86, text) end
function der.address(bytes) return tlv(0x87, bytes) end
function der.registered(id) return tlv(0x88, arcs(id)) end

--- The extension subjectAltName.
function der.alternatives(...)
  return der.extension("2.5.29.17", sequence(...))
end

--- The extension authorityInfoAccess, of pairs {method's oid, general name}.
function der.access(...)
  local list = {}
  for i, pair in ipairs({...}) do list[i] = sequence(oid(pair[1]), pair[2]) end
  return der.extension("1.3.6.1.5.5.7.1.1", sequence(table.concat(list)))
end

--- The extension cRLDistributionPoints, of what der.point and the like give.
function der.points(...)
  return der.extension("2.5.29.31", sequence(...))
end

--- A distribution point with these general names.
function der.point(...)
  return sequence(tlv(0xA0, tlv(0xA0, ...)))
end

--- One whose name is relative to the issuer's.
function der.relative_point(id, text)
  return sequence(tlv(0xA0, tlv(0xA1, attribute {id, text})))
end

--- One that names only who issues the list.
function der.nameless_point(name)
  return sequence(tlv(0xA2, der.directory(name)))
end

local P256 = oid "1.2.840.10045.3.1.7"
local SIGNATURE = sequence(oid "1.2.840.10045.4.3.2")

-- The public key of the secret 1: the curve's generator.
local PUBLIC_KEY = sequence(
  sequence(oid "1.2.840.10045.2.1", P256),
  tlv(der.BITS, "\0\4" ..
    "\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2" ..
    "\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96" ..
    "\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16" ..
    "\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5"))

--- The private key that fits every certificate made here.
der.key = sequence(integer "\1",
  tlv(der.OCTETS, ("\0"):rep(31) .. "\1"), tlv(0xA0, P256))

local AUTHORITY = sequence(oid "2.5.29.19", tlv(1, "\xFF"),
  tlv(der.OCTETS, sequence(tlv(1, "\xFF"))))

--- A certificate; all optional. `subject`, `issuer` (names); `serial`, the bytes
-- of the integer; `before`, `after` (times with their tags); `version` (3);
-- `extensions`, a list; `authority`: false is a leaf, not a CA.
function der.certificate(o)
  o = o or {}
  local extensions = {table.unpack(o.extensions or {})}
  if o.authority ~= false then extensions[#extensions + 1] = AUTHORITY end
  local version = o.version or 3
  local tbs = sequence(
    version > 1 and tlv(0xA0, integer(string.char(version - 1))) or "",
    integer(o.serial or "\1"), SIGNATURE,
    o.issuer or der.common_name "issuer",
    sequence(o.before or tlv(der.UTC, "200102030405Z"),
      o.after or tlv(der.UTC, "491231235959Z")),
    o.subject or der.common_name "subject", PUBLIC_KEY,
    extensions[1] and tlv(0xA3, sequence(table.concat(extensions))) or "")
  local signature = sequence(integer "\1", integer "\1")
  return sequence(tbs, SIGNATURE, tlv(der.BITS, "\0" .. signature))
end

return der
