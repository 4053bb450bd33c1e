--- vm - the specs are written for Lua 5.4; this lets them run on 5.3, LuaJIT
-- and 5.1, and says what each of those cannot do.
--
--     local vm = require "support.vm"
--     vm.it_needs("integers", "refuses what is beyond 63 bits", function() ... end)
--
-- On the older VMs spec files, support modules and the Lua that specs start in
-- processes of their own are translated (support.translate) and given the
-- functions of 5.4's library that the VM lacks, as locals: pyssl itself sees
-- the VM as it is.
-- Calls: translate, vmlib. Called by: helper, process, specs.

local vm = {}

vm.jit = rawget(_G, "jit") ~= nil
vm.version = tonumber(_VERSION:match("%d%.%d")) -- 5.1 for LuaJIT
vm.name = vm.jit and "LuaJIT" or _VERSION
vm.old = vm.version < 5.2 -- 5.1 or LuaJIT

-- What specs may need, and who has it. doc/vms.md tells users.
local lua51 = vm.old and not vm.jit
vm.has = {
  ["close"] = vm.version >= 5.4, -- local x <close>, coroutine.close
  ["integers"] = vm.version >= 5.3, -- 64 bits of them
  ["finalizers"] = vm.version >= 5.2, -- __gc of tables
  ["generations"] = vm.version >= 5.4, -- the generational collector
  ["pairs"] = vm.version >= 5.2, -- __pairs
  ["stop"] = not lua51, -- whether the collector is stopped can be asked
  ["yield"] = not lua51, -- across pcall and metamethods
  ["hooks"] = not vm.jit, -- in compiled loops
  ["formats"] = not lua51, -- 5.4's numbers and lines in file:read
  ["interrupts"] = not vm.old, -- lua ends a wait in the system at Ctrl-C
  ["memory"] = not vm.jit, -- survives that there is none
  ["messages"] = not lua51, -- lua says what an error object says
  ["upvalues"] = not lua51, -- of C functions, for debug.getupvalue
}

local function describe_or_pend(kind, feature, name, body)
  local busted = require "busted"
  assert(vm.has[feature] ~= nil, feature)
  if vm.has[feature] then return busted[kind](name, body) end
  return busted.pending(("%s (%s lacks: %s)"):format(name, vm.name, feature))
end

--- `it`, where the VM has what it needs; else a pending one, which says it.
function vm.it_needs(feature, name, body)
  return describe_or_pend("it", feature, name, body)
end

--- The same for a group.
function vm.describe_needs(feature, name, body)
  return describe_or_pend("describe", feature, name, body)
end

--- pairs, also where the VM asks no __pairs.
function vm.pairs(t)
  local metatable = getmetatable(t)
  return (metatable and metatable.__pairs or pairs)(t)
end

if vm.version >= 5.4 then
  function vm.install() end
  function vm.install_in_busted() end
  function vm.argv(argv) return argv end
  function vm.source(text) return text end
  function vm.source_in(module, text)
    return ("local _ENV = require %q %s"):format(module, text)
  end
  return vm
end

local translate = require "support.translate"
local library = require "support.vmlib"

local options = {operators = vm.old, methods = library.methods}

local function read_file(name)
  local file, err = io.open(name, "rb")
  if not file then return nil, err end
  local text = file:read("*a")
  file:close()
  return text
end

local HEAD = 'local __vm=require"support.vmlib" local ' ..
  table.concat(library.names, ",") .. "=__vm." ..
  table.concat(library.names, ",__vm.") .. " "

-- For a chunk that is the first of its state.
local FIRST = 'require"support.vm".install() ' .. HEAD

-- Is there anything in the text that the VM alone would not understand?
local function needs_help(text, translated)
  if text ~= translated or text:find("support%.") or text:find(":read%(") then
    return true
  end
  for _, name in ipairs(library.names) do
    if text:find("%f[%w]" .. name .. "[.(]") then return true end
  end
  return false
end

--- A program for 5.4 in the words of this VM, to run in a state of its own.
function vm.source(text)
  local ok, translated = pcall(translate.chunk, text, options)
  if not ok or not needs_help(text, translated) then return text end
  return FIRST .. translated
end

--- The same, with what a module returns as its environment.
function vm.source_in(module, text)
  local enter = vm.old and "setfenv(1, require %q) " or "local _ENV = require %q "
  return FIRST .. enter:format(module) .. translate.chunk(text, options)
end

--- The function of a chunk written for 5.4; nil and why.
function vm.compile(text, name, env)
  local ok, translated = pcall(translate.chunk, text, options)
  if not ok then return nil, ("%s: %s"):format(name, translated) end
  return library.compile(HEAD .. translated, name, env)
end

library.translated = vm.compile

local function load_file(name)
  local text, err = read_file(name)
  if not text then return nil, err end
  return vm.compile(text, "@" .. name)
end

local BUILD = os.getenv("PYSSL_BUILD") or ""

-- The name of a translated copy of a program.
local function translated_file(name)
  local text = read_file(name)
  local source = text and vm.source(text)
  if source == text then return name end
  local copy = BUILD .. "/spec/" .. name:gsub("[^%w.]", "_")
  local file = assert(io.open(copy, "wb"))
  file:write(source)
  file:close()
  return copy
end

local WARN = [[local on = true
function warn(text)
  if text == "@off" or text == "@on" then on = text == "@on" return end
  if on then io.stderr:write("Lua warning: ", text, "\n") end
end]]

--- A command: its programs in Lua are translated, whether texts or files, and
-- -W is an option that the VM understands.
function vm.argv(argv)
  local ours, out = argv[1] == os.getenv("PYSSL_LUA"), {argv[1]}
  local host = argv[1]:sub(1, #BUILD) == BUILD
  for i = 2, #argv do
    if ours and argv[i] == "-W" then
      out[#out + 1] = "-e"
      out[#out + 1] = WARN
    elseif ours and argv[i - 1] == "-e" then
      out[#out + 1] = vm.source(argv[i])
    elseif (ours or host) and argv[i]:find("%.lua$") then
      out[#out + 1] = translated_file(argv[i])
    else
      out[#out + 1] = argv[i]
    end
  end
  return out
end

-- A searcher for the modules of specs.
local function search(name)
  if not name:find("^support%.") then return nil end
  local path = name:gsub("%.", "/")
  for template in package.path:gmatch("[^;]+") do
    local file = template:gsub("%?", path)
    local text = read_file(file)
    if text then return assert(vm.compile(text, "@" .. file)), file end
  end
  return "\n\tno such support module: " .. name
end

local installed

--- Have the modules of specs translated from now on.
function vm.install()
  if installed then return end
  library.extend_files()
  table.insert(package.searchers or package.loaders, 2, search)
  installed = true
end

--- And the specs.
function vm.install_in_busted()
  vm.install()
  local loader = require "busted.modules.files.lua"
  local get_trace = select(2, loader.load({publish = function() end}, "/"))
  function loader.load(runner, name)
    local file, err = load_file(name)
    if not file then
      runner.publish({"error", "file"}, {descriptor = "file", name = name}, nil,
        err, {})
    end
    return file, get_trace
  end
end

return vm
