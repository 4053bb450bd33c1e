--- check - argument checks of the functions that are written in Lua.
-- A wrong Lua type is an ordinary error string in Lua's own words, placed at
-- the caller of the public function.
-- Calls: nothing. Called by: the modules beside it.

local check = {}

-- What luaL_typename says, a class by its own name.
local function type_name(value)
  local meta = getmetatable(value)
  local name = type(meta) == "table" and rawget(meta, "__name")
  return type(name) == "string" and name or type(value)
end

local function raise(n, name, text, depth)
  error(("bad argument #%d to '%s' (%s)"):format(n, name, text), 5 + depth)
end

--- Raise "bad argument #n to 'name' (text)".
-- To be called by a checker that a public function calls; `depth` is the number
-- of calls between the two, 0 where it is nil.
function check.fail(n, name, text, depth)
  raise(n, name, text, depth or 0)
end

--- Raise "bad argument #n to 'name' (what expected, got ...)", as `fail` does.
function check.expected(n, name, what, value, depth)
  local text = ("%s expected, got %s"):format(what, type_name(value))
  raise(n, name, text, depth or 0)
end

--- Check that argument n of function `name` has a Lua type; gives it back.
-- A number is no string here: a certificate is never a number.
function check.type(n, name, what, value)
  if type(value) ~= what then check.expected(n, name, what, value) end
  return value
end

--- Check that argument n is bytes: a string or an ssl.buffer; gives a string.
function check.bytes(n, name, value)
  if type(value) == "string" then return value end
  if type(value) ~= "userdata" or type_name(value) ~= "ssl.buffer" then
    check.expected(n, name, "string", value)
  end
  return value:sub(1, -1)
end

--- Check that argument n is a whole number; gives it back.
function check.integer(n, name, value)
  if type(value) ~= "number" then check.expected(n, name, "integer", value) end
  if value % 1 ~= 0 then
    check.fail(n, name, "number has no integer representation")
  end
  return value
end

return check
