local process = require "support.process"

-- The build that the suite runs on, and not another one with other flags.
local DIRECTORY = os.getenv("PYSSL_BUILD")
local BUILD = "BUILD=" .. DIRECTORY:match("[^/]+$")

-- A jobserver's descriptors do not pass to our children.
local FLAGS = (os.getenv("MAKEFLAGS") or ""):gsub("%-%-jobserver%-auth=%S+", "")
  :gsub("%-j%d*", "")

local function make(...)
  return process.check({"make", "-s", "--no-print-directory", BUILD, ...},
    {env = {MAKEFLAGS = FLAGS, MFLAGS = false, MAKELEVEL = false}})
end

-- What a Lua with these paths and nothing else says to a chunk.
local function lua_says(chunk, path, cpath, directory)
  local out = process.check({process.lua, "-e", chunk}, {
    sanitizers = true, -- `make asan` installs a module that needs them
    env = {LUA_PATH = path, LUA_CPATH = cpath, ASAN_OPTIONS = "detect_leaks=0"},
    cwd = directory,
  })
  return (out:gsub("\n$", ""))
end

-- Where `require` found it.
local LOADED = 'io.write((debug.getinfo(require "pyssl".match_hostname, "S").source:sub(2)))'

local VERSION = _VERSION:match("%d.%d") -- 5.1 for LuaJIT, too

-- What the shell makes of one of the variables.
local function evaluate(lines, name)
  return process.check({"sh", "-c", 'eval "$1"; printf %s "$' .. name .. '"',
    "sh", lines})
end

describe("make env", function()
  it("prints exactly two lines, quoted for a shell", function()
    assert.matches("^export LUA_PATH='[^\n]*;;'\nexport LUA_CPATH='[^\n]*;;'\n$",
      make("env"))
  end)

  it("lets Lua find the working tree from anywhere", function()
    local lines = make("env")
    local path = evaluate(lines, "LUA_PATH")
    local cpath = evaluate(lines, "LUA_CPATH")
    assert.matches("^/.*/lua/%?%.lua;/.*/lua/%?/init%.lua;;$", path)
    assert.matches("^/.*/%?%.so;;$", cpath)
    assert.matches("^/.*/lua/pyssl%.lua$", lua_says(LOADED, path, cpath, "/"))
  end)
end)

describe("make install", function()
  local directory

  before_each(function()
    directory = process.check({"mktemp", "-d"}):match("[^\n]+")
  end)

  after_each(function()
    process.check({"rm", "-rf", "--", directory})
  end)

  local function paths()
    local root = directory .. "/opt/lib x"
    return root .. "/share/lua/" .. VERSION .. "/?.lua",
      root .. "/lib/lua/" .. VERSION .. "/?.so"
  end

  local OPTIONS = "PREFIX=/opt/lib x"

  it("puts what require needs below DESTDIR and PREFIX", function()
    make("install", "DESTDIR=" .. directory, OPTIONS)
    local path, cpath = paths()
    assert.equal(
      directory .. "/opt/lib x/share/lua/" .. VERSION .. "/pyssl.lua",
      lua_says(LOADED, path, cpath, "/"))
  end)

  it("installs every Lua file", function()
    make("install", "DESTDIR=" .. directory, OPTIONS)
    local count = "find . -name '*.lua' | LC_ALL=C sort"
    assert.equal(process.check({"sh", "-c", count}, {cwd = "lua"}),
      process.check({"sh", "-c", count}, {cwd = (paths():match("(.*)/"))}))
  end)

  it("is undone by make uninstall", function()
    make("install", "DESTDIR=" .. directory, OPTIONS)
    make("uninstall", "DESTDIR=" .. directory, OPTIONS)
    assert.equal("", process.check({"find", directory, "-type", "f"}))
  end)
end)

describe("the built module", function()
  local FILE = DIRECTORY .. "/pyssl/core.so"

  it("stays loaded when the Lua state that loaded it closes", function()
    assert.matches("NODELETE", process.check({"readelf", "-d", FILE}))
  end)

  it("shows no symbol but what require calls", function()
    local names = {}
    for name in process.check({"nm", "-D", "--defined-only", FILE})
      :gmatch(" [TDBR] ([^\n@]+)") do
      if not name:find("^__") then names[#names + 1] = name end
    end
    assert.same({"luaopen_pyssl_core"}, names)
  end)
end)

