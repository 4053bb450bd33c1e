--- hostname - whether a decoded certificate is one for a host name.
-- The rules of RFC 6125 as Python's match_hostname reads them. The handshake
-- checks names by itself; this is for certificates that are at hand.
-- Calls: check, text, errors. Called by: pyssl.

local check = require "pyssl.check"
local errors = require "pyssl.errors"
local text = require "pyssl.text"

local hostname = {}

local lower, quote = text.lower, text.quote

local LONGEST_ADDRESS = #"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"

local function value_error(message)
  error(errors.ValueError(message), 0)
end

local function mismatch(message)
  error(errors.CertificateError(message), 0)
end

-- Addresses

local function parse_octet(digits)
  if #digits > 3 or digits:find("^0.") then return nil end
  local n = tonumber(digits, 10)
  return n < 256 and string.char(n) or nil
end

-- The four bytes of a canonical dotted quad, or nil.
local function parse_ipv4(name)
  local a, b, c, d = name:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  if not a then return nil end
  a, b, c, d = parse_octet(a), parse_octet(b), parse_octet(c), parse_octet(d)
  return a and b and c and d and a .. b .. c .. d
end

-- The bytes of groups of hexadecimal digits between colons, or nil.
local function parse_groups(part)
  if part == "" then return "" end
  local out = {}
  for group in (part .. ":"):gmatch("([^:]*):") do
    if not group:find("^%x%x?%x?%x?$") then return nil end
    local n = tonumber(group, 16)
    out[#out + 1] = string.char(math.floor(n / 256), n % 256)
  end
  return table.concat(out)
end

-- The text with an IPv4 address at its end written as two groups, or nil.
local function fold_ipv4(name)
  local head, tail = name:match("^(.*:)([^:]*%.[^:]*)$")
  if not head then return name end
  local quad = parse_ipv4(tail)
  return quad and head .. ("%02x%02x:%02x%02x"):format(quad:byte(1, 4))
end

-- The sixteen bytes of an IPv6 address, or nil.
local function parse_ipv6(name)
  name = fold_ipv4(name)
  if not name then return nil end
  local from, to = name:find("::", 1, true)
  if not from then
    local bytes = parse_groups(name)
    return bytes and #bytes == 16 and bytes or nil
  end
  local left = parse_groups(name:sub(1, from - 1))
  local right = parse_groups(name:sub(to + 1))
  if not left or not right or #left + #right > 14 then return nil end
  return left .. ("\0"):rep(16 - #left - #right) .. right
end

local QUAD_PARTS = {
  {"^0[xX](%x+)$", 16}, {"^(0[0-7]*)$", 8}, {"^([1-9]%d*)$", 10},
}

local function parse_part(part)
  for _, form in ipairs(QUAD_PARTS) do
    local digits = part:match(form[1])
    if digits then return tonumber(digits, form[2]) end
  end
end

-- Whether inet_aton takes the text: fewer parts, octal, junk after a blank.
local function is_loose_ipv4(name)
  local parts = {}
  for part in (name:match("^[^ \t-\r]*") .. "."):gmatch("([^.]*)%.") do
    parts[#parts + 1] = parse_part(part) or math.huge
  end
  if #parts > 4 then return false end
  for i = 1, #parts - 1 do
    if parts[i] > 255 then return false end
  end
  return parts[#parts] < 256 ^ (5 - #parts)
end

local function parse_address(name)
  if #name > LONGEST_ADDRESS then return nil end
  return parse_ipv4(name) or parse_ipv6(name)
end

-- The bytes of an address that stands in a certificate.
local function check_address(name)
  name = text.trim_end(name)
  local bytes = parse_address(name)
  if bytes then return bytes end
  if is_loose_ipv4(name) then
    value_error(quote(name) .. " is not a quad-dotted IPv4 address.")
  end
  return value_error(quote(name) .. " is neither an IPv4 nor an IP6 address.")
end

-- Names

-- A name in a certificate may have one "*", as the whole of its leftmost
-- label, with another label behind it. Gives what stands behind it.
local function check_wildcard(pattern)
  local leftmost, rest = pattern:match("^([^.]*)%.(.*)$")
  local problem
  if pattern:find("%*.*%*") then
    problem = "too many wildcards in certificate DNS name"
  elseif rest and rest:find("*", 1, true) then
    problem = "wildcard can only be present in the leftmost label"
  elseif not rest then
    problem = "sole wildcard without additional labels are not support"
  elseif leftmost ~= "*" then
    problem = "partial wildcards in leftmost label are not supported"
  end
  if problem then mismatch(("%s: %s."):format(problem, quote(pattern))) end
  return rest
end

local function match_name(pattern, name)
  if pattern == "" then return false end
  name = lower(name)
  if not pattern:find("*", 1, true) then return lower(pattern) == name end
  return name:match("^[^.]+%.(.*)$") == lower(check_wildcard(pattern))
end

-- Certificates

-- What is compared, and so has to be a string.
local COMPARED = {DNS = true, ["IP Address"] = true, commonName = true}

local function are_pairs(list)
  if type(list) ~= "table" then return false end
  for _, pair in ipairs(list) do
    if type(pair) ~= "table" then return false end
    if COMPARED[pair[1]] and type(pair[2]) ~= "string" then return false end
  end
  return true
end

local function is_decoded(cert)
  if not are_pairs(cert.subjectAltName or {}) then return false end
  if type(cert.subject or {}) ~= "table" then return false end
  for _, names in ipairs(cert.subject or {}) do
    if not are_pairs(names) then return false end
  end
  return true
end

local function check_certificate(n, name, cert)
  if cert == nil or type(cert) == "table" and next(cert) == nil then
    value_error("empty or no certificate, match_hostname needs a SSL socket "
      .. "or SSL context with either CERT_OPTIONAL or CERT_REQUIRED")
  end
  if type(cert) ~= "table" or not is_decoded(cert) then
    check.fail(n, name, "decoded certificate expected")
  end
end

-- Compares the alternative names; those looked at are added to `seen`.
local function match_alternatives(names, name, address, seen)
  for _, pair in ipairs(names) do
    local kind, value = pair[1], pair[2]
    if kind == "DNS" then
      if not address and match_name(value, name) then return true end
      seen[#seen + 1] = value
    elseif kind == "IP Address" then
      if address and check_address(value) == address then return true end
      seen[#seen + 1] = value
    end
  end
  return false
end

-- Compares every commonName of the subject in the same way.
local function match_subject(subject, name, seen)
  for _, names in ipairs(subject) do
    for _, pair in ipairs(names) do
      if pair[1] == "commonName" then
        if match_name(pair[2], name) then return true end
        seen[#seen + 1] = pair[2]
      end
    end
  end
  return false
end

local function refuse(name, seen)
  if #seen == 0 then
    mismatch("no appropriate commonName or subjectAltName fields were found")
  end
  local quoted = {}
  for i, value in ipairs(seen) do quoted[i] = quote(value) end
  mismatch(("hostname %s doesn't match %s%s"):format(quote(name),
    #seen > 1 and "either of " or "", table.concat(quoted, ", ")))
end

--- Check that a decoded certificate is one for a host name or IP address.
-- An address is compared with the certificate's addresses only. The common
-- names count where the certificate has neither DNS names nor addresses.
-- @function match_hostname
-- @tparam table cert  as `getpeercert()` gives it
-- @tparam string name  a host name, or an IPv4 or IPv6 address
-- @treturn boolean  true
-- @raise CertificateError where it is not, and on a wildcard of another form
-- than "*.rest"; ValueError on an empty certificate and on a malformed address
-- in it  [A-16]
function hostname.match_hostname(cert, name)
  check_certificate(1, "match_hostname", cert)
  check.type(2, "match_hostname", "string", name)
  local address, seen = parse_address(name), {}
  if match_alternatives(cert.subjectAltName or {}, name, address, seen) then
    return true
  end
  if #seen == 0 and match_subject(cert.subject or {}, name, seen) then
    return true
  end
  return refuse(name, seen)
end

return hostname
