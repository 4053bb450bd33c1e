--- vmlib - what translated specs find beside them on older VMs: functions of
-- Lua 5.4's library, and what the translation calls (support.translate).
-- Plain Lua 5.1. Called by: vm, translated specs.

local lib = {}

local old = _VERSION == "Lua 5.1"
local lua51 = old and not rawget(_G, "jit")

local unpack = table.unpack or unpack
local function pack(...) return {n = select("#", ...), ...} end
lib.pack, lib.unpack = pack, unpack

-- --- local x <close> ---

lib.FALL, lib.BREAK = {}, {} -- how a block was left, where not by return

-- pcall; a yield passes, on 5.1 too.
local function protected(f, ...)
  if not lua51 or not coroutine.running() then return pcall(f, ...) end
  local thread = coroutine.create(f)
  local results = pack(coroutine.resume(thread, ...))
  while coroutine.status(thread) == "suspended" do
    results = pack(coroutine.resume(thread,
      coroutine.yield(unpack(results, 2, results.n))))
  end
  return unpack(results, 1, results.n)
end

local function close(value, err)
  if not value then return end
  local metatable = debug.getmetatable(value)
  local method = metatable and metatable.__close
  if method then return method(value, err) end
  if io.type(value) == "closed file" then return end
  value:close() -- files have no __close before 5.4
end

--- Run the rest of a block, then close the value.
function lib.scope(value, rest, ...)
  local results = pack(protected(rest, ...))
  close(value, not results[1] and results[2] or nil)
  if not results[1] then error(results[2], 0) end
  return unpack(results, 2, results.n)
end

-- --- operators ---

function lib.idiv(a, b) return math.floor(a / b) end
function lib.bnot(a) return -a - 1 end

local BITS = 53

-- Bit by bit: numbers are doubles, and negative ones count from -2^53.
local function bitwise(rule)
  return function(a, b)
    local result, weight = 0, 1
    for _ = 1, BITS do
      if rule(a % 2, b % 2) == 1 then result = result + weight end
      a, b, weight = math.floor(a / 2), math.floor(b / 2), weight * 2
    end
    local negative = rule(a < 0 and 1 or 0, b < 0 and 1 or 0) == 1
    return negative and result - weight or result
  end
end

lib.band = bitwise(function(a, b) return a * b end)
lib.bor = bitwise(function(a, b) return math.max(a, b) end)
lib.bxor = bitwise(function(a, b) return (a + b) % 2 end)
function lib.lshift(a, n) return a * 2 ^ n end
function lib.rshift(a, n) return math.floor(a / 2 ^ n) end

-- --- the library ---

lib.names = {
  "table", "string", "math", "coroutine", "package", "load", "xpcall", "utf8",
}

local function with(parent, more)
  return setmetatable(more, {__index = parent, __newindex = parent})
end

lib.package = with(package, {
  searchpath = package.searchpath or function(name, path)
    for template in path:gmatch("[^;]+") do
      local file_name = template:gsub("%?", (name:gsub("%.", "/")))
      local file = io.open(file_name)
      if file then
        file:close()
        return file_name
      end
    end
    return nil, "not found: " .. name
  end,
})

lib.table = with(table, {
  pack = table.pack or pack,
  unpack = unpack,
  move = table.move or function(from, first, last, at, to)
    to = to or from
    for i = 0, last - first do to[at + i] = from[first + i] end
    return to
  end,
})

local function is_integer(n)
  return type(n) == "number" and math.floor(n) == n and n - n == 0
end

lib.math = with(math, {
  type = math.type or function(n)
    if type(n) ~= "number" then return nil end
    return is_integer(n) and "integer" or "float"
  end,
  tointeger = function(n)
    n = tonumber(n)
    return is_integer(n) and (math.tointeger or math.floor)(n) or nil
  end,
  maxinteger = math.maxinteger or 2 ^ 53, -- exactly
  mininteger = math.mininteger or -2 ^ 53,
})

-- 5.1 makes coroutines of Lua's functions only.
local function of_any(make)
  if not lua51 then return nil end
  return function(f)
    return make(function(...) return f(...) end)
  end
end

lib.coroutine = with(coroutine, {
  create = of_any(coroutine.create),
  wrap = of_any(coroutine.wrap),
  running = old and function()
    local thread = coroutine.running()
    return thread or "main", thread == nil
  end or nil,
})

lib.utf8 = rawget(_G, "utf8") or {}

-- setfenv is 5.1's, load with an environment later.
function lib.compile(text, name, env)
  if not old then return load(text, name, "t", env or _G) end
  local chunk, err = loadstring(text, name)
  if chunk and env then setfenv(chunk, env) end
  return chunk, err
end

function lib.load(chunk, name, _, env)
  if type(chunk) == "function" then
    local pieces = {}
    for piece in chunk do pieces[#pieces + 1] = piece end
    chunk = table.concat(pieces)
  end
  return lib.translated(chunk, name or "=load", env)
end

function lib.xpcall(f, handler, ...)
  local arguments = pack(...)
  return xpcall(function()
    return f(unpack(arguments, 1, arguments.n))
  end, handler)
end

-- Numbers in bytes: B, H, I[n], i[n], s[n] and the order.
local SIZES = {B = 1, b = 1, H = 2, h = 2, L = 8, l = 8, j = 8, J = 8}

local function directives(format)
  local little, at = true, 1
  return function()
    while at <= #format do
      local kind, size, stop = format:match("^(.)(%d*)()", at)
      at = stop
      if kind == ">" or kind == "!" then
        little = false
      elseif kind == "<" or kind == "=" then
        little = true
      elseif kind ~= " " then
        return kind, tonumber(size) or SIZES[kind] or 4, little
      end
    end
  end
end

local function to_bytes(n, size, little)
  local bytes = {}
  for i = 1, size do
    bytes[little and i or size - i + 1] = string.char(n % 256)
    n = math.floor(n / 256)
  end
  return table.concat(bytes)
end

local function from_bytes(text, little)
  local n = 0
  if little then text = text:reverse() end
  for i = 1, #text do n = n * 256 + text:byte(i) end
  return n
end

local function string_pack(format, ...)
  local out, n = {}, 0
  for kind, size, little in directives(format) do
    n = n + 1
    local value = select(n, ...)
    if kind == "s" then
      out[#out + 1] = to_bytes(#value, size, little) .. value
    elseif kind == "z" then
      out[#out + 1] = value .. "\0"
    else
      out[#out + 1] = to_bytes(value, size, little)
    end
  end
  return table.concat(out)
end

local function string_unpack(format, text, at)
  local out = {n = 0}
  at = at or 1
  for kind, size, little in directives(format) do
    assert(#text >= at + size - 1, "data string too short")
    local n = from_bytes(text:sub(at, at + size - 1), little)
    at = at + size
    if kind == "s" then
      assert(#text >= at + n - 1, "data string too short")
      n, at = text:sub(at, at + n - 1), at + n
    end
    out.n = out.n + 1
    out[out.n] = n
  end
  out[out.n + 1] = at
  return unpack(out, 1, out.n + 1)
end

local function string_rep(text, n, separator)
  if not separator or n < 1 then return text:rep(n) end
  return (text .. separator):rep(n - 1) .. text
end

-- 5.1's %s wants a string.
local function string_format(format, ...)
  local arguments, n = pack(...), 0
  for kind in format:gmatch("%%[^%a%%]*([%a%%])") do
    if kind ~= "%" then
      n = n + 1
      if kind == "s" and n <= arguments.n then
        arguments[n] = tostring(arguments[n])
      end
    end
  end
  return string.format(format, unpack(arguments, 1, arguments.n))
end

lib.string = with(string, {
  pack = string.pack or string_pack,
  unpack = string.unpack or string_unpack,
  rep = lua51 and string_rep or nil,
  format = lua51 and string_format or nil,
})

-- --- methods ---

-- Of strings; other objects have their own.
lib.methods = {}

local function add_method(name, is_ours, ours)
  lib.methods[name] = function(self, ...)
    if is_ours(self) then return ours(self, ...) end
    local results = pack(self[name](self, ...)) -- no tail call: errors name it
    return unpack(results, 1, results.n)
  end
end

local function is_string(value) return type(value) == "string" end

if old then
  add_method("pack", is_string, string_pack)
  add_method("unpack", is_string, string_unpack)
end

if lua51 then
  add_method("rep", is_string, string_rep)
  add_method("format", is_string, string_format)
end

--- Give Lua's files what 5.4's have: read's formats without "*", and write's
-- result. For the whole state: pyssl does not use them.
function lib.extend_files()
  if not old then return end
  local methods = debug.getmetatable(io.stdout).__index
  local read, write = methods.read, methods.write
  function methods.write(self, ...)
    local ok, err, number = write(self, ...)
    if not ok then return nil, err, number end
    return self
  end
  if not lua51 then return end
  function methods.read(self, ...)
    local formats = pack(...)
    for i, format in ipairs(formats) do
      if type(format) == "string" then
        formats[i] = "*" .. format:gsub("^%*", "")
      end
    end
    return read(self, unpack(formats, 1, formats.n))
  end
end

return lib
