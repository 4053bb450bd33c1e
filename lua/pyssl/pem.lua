--- pem - one certificate between its text and its binary form.
-- Works on the frame and on base64 only; what is inside is not looked at.
-- Calls: check, errors, text. Called by: pyssl.

local check = require "pyssl.check"
local errors = require "pyssl.errors"
local text = require "pyssl.text"

local pem = {}

local byte, char, floor, sub = string.byte, string.char, math.floor, string.sub

local HEADER = "-----BEGIN CERTIFICATE-----"
local FOOTER = "-----END CERTIFICATE-----"
local LINE_LENGTH = 64

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
  .. "0123456789+/"

local DIGITS = {} -- value to character
local VALUES = {} -- byte to value
for i = 1, #ALPHABET do
  DIGITS[i - 1] = sub(ALPHABET, i, i)
  VALUES[byte(ALPHABET, i)] = i - 1
end

local function encode_triple(a, b, c)
  return DIGITS[floor(a / 4)] .. DIGITS[a % 4 * 16 + floor(b / 16)]
    .. DIGITS[b % 16 * 4 + floor(c / 64)] .. DIGITS[c % 64]
end

local function encode_base64(data)
  local out = {}
  local whole = #data - #data % 3
  for i = 1, whole, 3 do
    out[#out + 1] = encode_triple(byte(data, i, i + 2))
  end
  local a, b = byte(data, whole + 1, #data)
  if b then
    out[#out + 1] = sub(encode_triple(a, b, 0), 1, 3) .. "="
  elseif a then
    out[#out + 1] = sub(encode_triple(a, 0, 0), 1, 2) .. "=="
  end
  return table.concat(out)
end

-- The digits of a body up to its padding, and whether it was padded. Padding
-- counts where it completes a group of four; what else is no digit is skipped.
local function collect_digits(body)
  local out, length = {}, 0
  for digits, marks in body:gsub("[^A-Za-z0-9+/=]", ""):gmatch("([^=]*)(=*)") do
    out[#out + 1] = digits
    length = length + #digits
    local filled = length % 4
    if filled >= 2 and filled + #marks >= 4 then
      return table.concat(out), true
    end
  end
  return table.concat(out), false
end

-- Three bytes of four digits.
local function decode_group(digits, i)
  local a, b, c, d = byte(digits, i, i + 3)
  a, b, c, d = VALUES[a], VALUES[b], VALUES[c], VALUES[d]
  return char(a * 4 + floor(b / 16), b % 16 * 16 + floor(c / 4), c % 4 * 64 + d)
end

-- Lenient base64. An incomplete last group without padding is an error.
local function decode_base64(body)
  local digits, padded = collect_digits(body)
  local rest = #digits % 4
  if rest == 1 then
    return nil, ("Invalid base64-encoded string: number of data characters "
      .. "(%d) cannot be 1 more than a multiple of 4"):format(#digits)
  end
  if rest > 0 and not padded then return nil, "Incorrect padding" end
  local out = {}
  for i = 1, #digits - rest, 4 do out[#out + 1] = decode_group(digits, i) end
  if rest > 0 then
    local last = sub(digits, -rest) .. ("A"):rep(4 - rest)
    out[#out + 1] = sub(decode_group(last, 1), 1, rest - 1)
  end
  return table.concat(out)
end

local function refuse(what)
  error(errors.ValueError("Invalid PEM encoding; must " .. what), 0)
end

--- A certificate's text form.
-- @function DER_cert_to_PEM_cert
-- @tparam string|ssl.buffer der  the binary form; any bytes are taken
-- @treturn string  header, base64 in lines of 64, footer, final newline  [A-08]
function pem.DER_cert_to_PEM_cert(der)
  local data = encode_base64(check.bytes(1, "DER_cert_to_PEM_cert", der))
  local lines = {HEADER}
  for i = 1, #data, LINE_LENGTH do
    lines[#lines + 1] = sub(data, i, i + LINE_LENGTH - 1)
  end
  lines[#lines + 1] = FOOTER .. "\n"
  return table.concat(lines, "\n")
end

--- A certificate's binary form.
-- The text begins with the header and ends, blanks aside, with the footer.
-- Between them characters that are not base64's are skipped, and decoding
-- stops at the padding.
-- @function PEM_cert_to_DER_cert
-- @tparam string frame  the text form
-- @treturn string  the binary form
-- @raise ValueError without header or footer, on padding that is missing, and
-- on bytes that are not ASCII  [A-09]
function pem.PEM_cert_to_DER_cert(frame)
  check.type(1, "PEM_cert_to_DER_cert", "string", frame)
  if sub(frame, 1, #HEADER) ~= HEADER then refuse("start with " .. HEADER) end
  frame = text.trim_end(frame)
  if sub(frame, -#FOOTER) ~= FOOTER then refuse("end with " .. FOOTER) end
  local body = sub(frame, #HEADER + 1, -#FOOTER - 1)
  if body:find("[\128-\255]") then refuse("be ASCII text") end
  local data, message = decode_base64(body)
  if not data then error(errors.ValueError(message), 0) end
  return data
end

return pem
