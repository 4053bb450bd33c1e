--- Checks that the rockspec names exactly the files that exist, or writes its
-- lists anew (--write). Usage, in the root: lua tools/rockspec.lua [--write]
local PATH = "rockspec/pyssl-scm-1.rockspec"

local function find(directory, pattern)
  local files = {}
  local command = ("find %s -name '%s' | LC_ALL=C sort"):format(directory, pattern)
  local pipe = assert(io.popen(command))
  for file in pipe:lines() do files[#files + 1] = file end
  pipe:close()
  return files
end

local function module_name(file)
  local name = file:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/", ".")
  return (name:gsub("%.init$", ""))
end

local lua_modules, sources = {}, {}
for _, file in ipairs(find("lua", "*.lua")) do
  lua_modules[#lua_modules + 1] =
    ("    [%q] = %q,\n"):format(module_name(file), file)
end
for _, file in ipairs(find("src", "*.c")) do
  sources[#sources + 1] = ("        %q,\n"):format(file)
end

-- What stands between two marks in the rockspec.
local function put(text, mark, lines)
  local pattern = ("(%%-%%- %s, by `make rockspec`\n)(.-)( *%%-%%- end\n)")
    :format(mark)
  local found
  local body = table.concat(lines)
  text = text:gsub(pattern, function(head, _, tail)
    found = true
    return head .. body .. tail
  end, 1)
  assert(found, PATH .. ": no mark: " .. mark)
  return text
end

local file = assert(io.open(PATH))
local old = file:read("a")
file:close()
local new = put(put(old, "modules", lua_modules), "sources", sources)
if arg[1] == "--write" then
  file = assert(io.open(PATH, "w"))
  file:write(new)
  file:close()
elseif old ~= new then
  io.stderr:write(PATH, " does not name the files that exist; `make rockspec`\n")
  os.exit(false)
end
