--- ClientHellos by hand, for servers that nobody is on the other end of.
--
--     local bytes = hello.record(hello.message {extensions = {{10, "\0\2\0\29"}}})
local hello = {}

local function u16s(numbers)
  local parts = {}
  for i, n in ipairs(numbers) do parts[i] = (">I2"):pack(n) end
  return table.concat(parts)
end

hello.u16s = u16s

--- An extension's contents: a list of numbers behind its length of `size` bytes.
function hello.list(numbers, size)
  return (">s" .. (size or 2)):pack(u16s(numbers))
end

--- A list of names, as ALPN has it.
function hello.names(...)
  local parts = {}
  for i, name in ipairs {...} do parts[i] = (">s1"):pack(name) end
  return (">s2"):pack(table.concat(parts))
end

--- The message. `suites` is a list of numbers; `extensions` a list of {type,
-- contents}, nil for none at all; `version` the legacy one.
function hello.message(o)
  local parts = {}
  for i, each in ipairs(o.extensions or {}) do
    parts[i] = (">I2s2"):pack(each[1], each[2])
  end
  local body = (">I2"):pack(o.version or 0x0303) .. ("r"):rep(32) .. "\0"
    .. (">s2"):pack(u16s(o.suites or {0xC02B, 0xC02F})) .. "\1\0"
    .. (o.extensions and (">s2"):pack(table.concat(parts)) or "")
  return "\1" .. (">s3"):pack(body)
end

--- The message in records of at most `size` bytes.
function hello.record(message, size)
  local records = {}
  size = size or 16384
  for at = 1, #message, size do
    records[#records + 1] = "\22\3\1" .. (">s2"):pack(message:sub(at, at + size - 1))
  end
  return table.concat(records)
end

return hello
