--- Lists the ids of spec/contract.txt that no spec keeps: a spec's name ends
-- with its ids in brackets, "... [A-06, I-102]".
-- Usage: lua tools/contract.lua CONTRACT NAMES, where NAMES holds what
-- `busted --list` says.
local contract, names = arg[1], arg[2]

local kept = {}
for name in io.lines(names) do
  local ids = name:match("%[([^%[%]]*)%]%s*$")
  for id in (ids or ""):gmatch("[^,]+") do
    kept[id:match("^%s*(.-)%s*$")] = true
  end
end

local passed, failed, seen = 0, 0, {}
for line in io.lines(contract) do
  local id = line:gsub("#.*", ""):match("^%s*(.-)%s*$")
  if id ~= "" then
    if seen[id] then error(contract .. " names twice: " .. id) end
    seen[id] = true
    if kept[id] then
      passed = passed + 1
    else
      failed = failed + 1
      io.stderr:write("no spec keeps ", id, "\n")
    end
  end
end
print(("contract: %d of %d ids have a spec"):format(passed, passed + failed))
os.exit(failed == 0 and passed > 0)
