--- What is expected to fail, and how.
--
--     local err = raises.object("ValueError", f, ...)
--     raises.wrong_type("integer expected, got string", f, ...)
local ssl = require "pyssl"

local raises = {}

local function fail(f, ...)
  local results = table.pack(pcall(f, ...))
  if results[1] then
    error("no error was raised, but this returned: "
          .. tostring(results[2]), 3)
  end
  return results[2]
end

--- f(...) raises an error object of exactly the class of that name. Returns it.
function raises.object(name, f, ...)
  local err = fail(f, ...)
  if type(err) ~= "table" or err.class ~= ssl[name] then
    error(("%s expected, got %s: %s"):format(name,
      type(err) == "table" and err.class and err.class.name or type(err),
      tostring(err)), 2)
  end
  if type(err.message) ~= "string" or err.message == "" then
    error(name .. " has no message", 2)
  end
  return err
end

--- f(...) raises Lua's own kind of error, a string, which has that text.
function raises.wrong_type(text, f, ...)
  local err = fail(f, ...)
  if type(err) ~= "string" or not err:find(text, 1, true) then
    error(("an error string with %q expected, got %s: %s"):format(text,
      type(err), tostring(err)), 2)
  end
end

--- A function that assigns to a field: raises.object("ValueError", raises.set,
-- ctx, "options", -1).
function raises.set(object, name, value)
  object[name] = value
end

return raises
