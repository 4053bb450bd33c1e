--- Checks which way the includes point (design.md, section 2): src/sys knows
-- neither OpenSSL nor Lua, src/tls no Lua; a floor includes itself and those
-- below; there is no circle, name.c and name.h being one; what differs between
-- versions stands in a compat.h or compat.c. Usage: lua tools/includes.lua FILE...
local FLOORS = {sys = 1, tls = 2, bind = 3}
local FOREIGN = {
  {pattern = "^openssl/", floor = 2},
  {pattern = "^lua", floor = 3},
  {pattern = "^lauxlib", floor = 3},
}
local VERSIONS = {
  "LUA_VERSION_NUM", "LUAJIT_VERSION", "OPENSSL_VERSION", "_WIN32",
  "__linux__", "__APPLE__",
}

local failures = 0

local function complain(file, line, text)
  failures = failures + 1
  io.stderr:write(("%s:%d: %s\n"):format(file, line, text))
end

-- "src/tls/fdbio.c" is the noun "tls/fdbio", on floor "tls".
local function noun_of(path)
  return path:match("src/(.+)%.[ch]$"), path:match("src/(%w+)/")
end

local function resolve(from, name)
  local path = from:match("^(.*/)") .. name
  local before
  repeat
    before = path
    path = path:gsub("[^/]+/%.%./", "", 1):gsub("/%./", "/")
  until path == before
  return path
end

local function check_foreign(file, line, floor, name)
  for _, rule in ipairs(FOREIGN) do
    if name:find(rule.pattern) and FLOORS[floor] < rule.floor then
      complain(file, line, ("src/%s includes <%s>"):format(floor, name))
    end
  end
end

local function check_version(file, line, text)
  if file:find("/compat%.[ch]$") or not text:find("^%s*#%s*e?l?if") then return end
  for _, name in ipairs(VERSIONS) do
    if text:find(name, 1, true) then
      complain(file, line, name .. " outside a compat.h")
    end
  end
end

local graph = {} -- noun to {noun it includes = "file:line"}

local function check_own(file, line, name)
  local from, floor = noun_of(file)
  local to, below = noun_of(resolve(file, name))
  if not to or not FLOORS[below] then
    return complain(file, line, ("%q is not in src/"):format(name))
  end
  if FLOORS[below] > FLOORS[floor] then
    complain(file, line, ("src/%s includes src/%s"):format(floor, below))
  end
  if from ~= to then
    graph[from] = graph[from] or {}
    graph[from][to] = graph[from][to] or file .. ":" .. line
  end
end

local function scan(file)
  local _, floor = noun_of(file)
  local number = 0
  for text in io.lines(file) do
    number = number + 1
    local own = text:match('^%s*#%s*include%s+"([^"]+)"')
    local foreign = text:match("^%s*#%s*include%s+<([^>]+)>")
    if own then check_own(file, number, own) end
    if foreign then check_foreign(file, number, floor, foreign) end
    check_version(file, number, text)
  end
end

local state = {} -- noun to "open" or "done"

local function walk(noun, trail)
  if state[noun] == "done" then return end
  trail[#trail + 1] = noun
  if state[noun] == "open" then
    failures = failures + 1
    io.stderr:write("a circle: ", table.concat(trail, " -> "), "\n")
  else
    state[noun] = "open"
    for to in pairs(graph[noun] or {}) do walk(to, trail) end
    state[noun] = "done"
  end
  trail[#trail] = nil
end

for _, file in ipairs(arg) do scan(file) end
for noun in pairs(graph) do walk(noun, {}) end
os.exit(failures == 0)
