--- text - letter case, blanks and quoting that no locale changes.
-- Calls: nothing. Called by: certtime, hostname, pem.

local text = {}

local SHORT = {["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t"}

-- The length and the code point of the UTF-8 sequence at `at`, if there is one.
local function decode(s, at)
  local lead = s:byte(at)
  local length = lead >= 240 and 4 or lead >= 224 and 3 or 2
  if lead < 194 or lead > 244 then return nil end
  local code = lead % 2 ^ (7 - length)
  for i = at + 1, at + length - 1 do
    local byte = s:byte(i)
    if not byte or byte < 128 or byte > 191 then return nil end
    code = code * 64 + byte - 128
  end
  return length, code
end

-- Whether a code point of this length is well formed and not a control.
local function is_shown(length, code)
  if code < 161 or code > 1114111 then return false end
  if code >= 55296 and code <= 57343 then return false end
  return length == 2 or code >= (length == 3 and 2048 or 65536)
end

local function escape_byte(c)
  return SHORT[c] or ("\\x%02x"):format(c:byte())
end

-- Text is kept where it is UTF-8; every other byte is written out.
local function escape_high(s)
  local out, at = {}, 1
  while at <= #s do
    local length, code = decode(s, at)
    if length and is_shown(length, code) then
      out[#out + 1] = s:sub(at, at + length - 1)
      at = at + length
    else
      out[#out + 1] = escape_byte(s:sub(at, at))
      at = at + 1
    end
  end
  return table.concat(out)
end

--- A string in quotes on one line, as Python's repr writes it.
-- For messages about what a certificate or a peer said: control characters
-- and bytes that are no UTF-8 come out as \xNN.
function text.quote(s)
  local mark = s:find("'", 1, true) and not s:find('"', 1, true) and '"' or "'"
  local body = s:gsub("[%z\1-\31\\\127]", escape_byte)
  if mark == "'" then body = body:gsub("'", "\\'") end
  body = body:gsub("[\128-\255]+", escape_high)
  return mark .. body .. mark
end

--- The string with its ASCII capitals made small.
function text.lower(s)
  return (s:gsub("[A-Z]", function(c) return string.char(c:byte() + 32) end))
end

--- The string without the blanks at its end.
function text.trim_end(s)
  local length = #s
  while length > 0 and s:find("^[ \t-\r]", length) do length = length - 1 end
  return s:sub(1, length)
end

return text
