-- A nested table as readable text: short lists on one line, others indented.

local function is_list(t)
  return #t > 0 or next(t) == nil
end

local function keys_of(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

local function show(value, indent)
  indent = indent or "  "
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  if is_list(value) then
    for _, each in ipairs(value) do parts[#parts + 1] = show(each, indent) end
    return "{" .. table.concat(parts, ", ") .. "}"
  end
  for _, key in ipairs(keys_of(value)) do
    local text = show(value[key], indent .. "  ")
    parts[#parts + 1] = indent .. key .. " = " .. text
  end
  return "{\n" .. table.concat(parts, ",\n") .. "\n}"
end

return show
