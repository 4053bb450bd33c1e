--- tokens - a text in Lua 5.4 taken apart, for translate.
-- Called by: translate.

local tokens = {}

-- Tokens: kinds "name", "keyword", "number", "string", "eof", or the symbol
-- itself; `lead` is what stands before, space and comments.

local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local
nil not or repeat return then true until while]]):gmatch("%a+") do
  KEYWORDS[word] = true
end

local SYMBOLS = {
  "...", "<<", ">>", "//", "==", "~=", "<=", ">=", "::", "..",
}

local function skip_space(text, at)
  while true do
    local _, stop = text:find("^%s+", at)
    if stop then at = stop + 1 end
    if text:sub(at, at + 1) ~= "--" then return at end
    local level = text:match("^%-%-%[(=*)%[", at)
    if level then
      _, stop = text:find("]" .. level .. "]", at, true)
    else
      _, stop = text:find("^[^\n]*", at)
    end
    at = stop + 1
  end
end

local function quoted_end(text, at)
  local quote = text:sub(at, at)
  local i = at + 1
  while text:sub(i, i) ~= quote do
    if i > #text then error("string without end") end
    i = i + (text:sub(i, i) == "\\" and 2 or 1)
  end
  return i
end

local function utf8_bytes(code)
  if code < 0x80 then return {code} end
  local bytes, first = {}, 0x3f
  repeat
    table.insert(bytes, 1, 0x80 + code % 0x40)
    code = math.floor(code / 0x40)
    first = math.floor(first / 2)
  until code <= first
  table.insert(bytes, 1, 0xfe - 2 * first + code)
  bytes[1] = bytes[1] % 256
  return bytes
end

local function decimal(bytes)
  for i, byte in ipairs(bytes) do bytes[i] = ("\\%03d"):format(byte) end
  return table.concat(bytes)
end

-- \x, \u and \z in the words of 5.1. A line that \z skips is kept as one that
-- yields nothing: strings with it are broken by concatenation.
function tokens.plain_escapes(text)
  local quote = text:sub(1, 1)
  local out, at = {}, 1
  while at <= #text do
    local c = text:sub(at, at + 1)
    if c == "\\x" then
      out[#out + 1] = decimal {tonumber(text:sub(at + 2, at + 3), 16)}
      at = at + 4
    elseif c == "\\u" then
      local code, stop = text:match("^{(%x+)}()", at + 2)
      out[#out + 1] = decimal(utf8_bytes(tonumber(code, 16)))
      at = stop
    elseif c == "\\z" then
      local space, stop = text:match("^(%s*)()", at + 2)
      out[#out + 1] = quote .. ".." .. space .. quote
      at = stop
    elseif c:sub(1, 1) == "\\" then
      out[#out + 1] = c
      at = at + 2
    else
      out[#out + 1] = c:sub(1, 1)
      at = at + 1
    end
  end
  local result = table.concat(out)
  return result:find('"..', 1, true) and text:find("\\z", 1, true)
    and "(" .. result .. ")" or result
end

local function token_end(text, at)
  local c = text:sub(at, at)
  if c:find("[%a_]") then
    local _, stop = text:find("^[%w_]+", at)
    return KEYWORDS[text:sub(at, stop)] and "keyword" or "name", stop
  elseif c:find("%d") or text:find("^%.%d", at) then
    local _, stop = text:find("^0[xX][%x%.]*", at)
    if not stop then _, stop = text:find("^[%d%.]+", at) end
    local _, exponent = text:find("^[eEpP][+-]?%d+", stop + 1)
    return "number", exponent or stop
  elseif c == '"' or c == "'" then
    return "string", quoted_end(text, at)
  end
  local level = text:match("^%[(=*)%[", at)
  if level then
    local _, stop = text:find("]" .. level .. "]", at, true)
    return "string", stop
  end
  for _, symbol in ipairs(SYMBOLS) do
    if text:sub(at, at + #symbol - 1) == symbol then
      return symbol, at + #symbol - 1
    end
  end
  return c, at
end

--- The tokens of a text, with an "eof" at the end.
function tokens.of(text)
  local list, at = {}, 1
  if text:sub(1, 1) == "#" then at = text:find("\n") or #text + 1 end
  while true do
    local start = skip_space(text, at)
    local token = {lead = text:sub(at, start - 1), kind = "eof", text = ""}
    list[#list + 1] = token
    if start > #text then return list end
    local kind, stop = token_end(text, start)
    token.text = text:sub(start, stop)
    token.kind = kind == "keyword" and token.text or kind
    at = stop + 1
  end
end

return tokens
