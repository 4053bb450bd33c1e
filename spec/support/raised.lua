--- What a call raised: an error object of a class, or an error of Lua's own.
--
--     local err = raised(ssl.ValueError, ssl.RAND_bytes, -1)
--     raised.text("integer expected, got string", ssl.RAND_bytes, "x")
local raised = {}

local function failure(f, ...)
  local ok, err = pcall(f, ...)
  if ok then
    error("nothing was raised, but this returned: " .. tostring(err), 3)
  end
  return err
end

-- Is it an error object of pyssl?
local function is_object(err)
  local meta = type(err) == "table" and getmetatable(err)
  return meta and meta.__name == "ssl.error"
end

--- The error object of class `class` that f(...) raises: exactly of this class,
-- and with a message.
function raised.object(class, f, ...)
  local err = failure(f, ...)
  if not is_object(err) or err.class ~= class then
    error(("%s expected, got %s: %s"):format(class.name,
      is_object(err) and err.class.name or type(err), tostring(err)), 2)
  end
  if type(err.message) ~= "string" or err.message == "" then
    error(class.name .. " has no message", 2)
  end
  return err
end

--- The ordinary Lua error that f(...) raises, which must contain `text`.
function raised.text(text, f, ...)
  local err = failure(f, ...)
  if type(err) == "string" and err:find(text, 1, true) then return err end
  error(("an error with %q expected, got %s: %s"):format(text, type(err),
    tostring(err)), 2)
end

--- A function that assigns to a field: raised(ssl.ValueError, raised.set, ctx,
-- "options", -1).
function raised.set(object, name, value)
  object[name] = value
end

return setmetatable(raised, {__call = function(_, ...)
  return raised.object(...)
end})
