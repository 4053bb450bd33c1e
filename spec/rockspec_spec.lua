local process = require "support.process"

-- A rock for Lua 5.1 is one for LuaJIT, too.
local VERSION = _VERSION:match("%d.%d")
local SHARE, LIB = "/share/lua/" .. VERSION, "/lib/lua/" .. VERSION

-- LuaRocks passes no flags of ours and links as it likes: what it builds has to
-- be the same module all the same. On a copy, for it writes beside the sources;
-- HOME is elsewhere, and no server is asked.
describe("luarocks make", function()
  local directory

  before_each(function()
    directory = process.check({"mktemp", "-d"}):match("[^\n]+")
  end)

  after_each(function()
    process.check({"rm", "-rf", "--", directory})
  end)

  local function luarocks()
    process.check({"mkdir", directory .. "/copy", directory .. "/home"})
    process.check({"cp", "-R", "src", "lua", "rockspec", directory .. "/copy"})
    process.check({"luarocks", "--lua-version", VERSION, "--only-server", "file:///",
      "--tree", directory .. "/tree", "make", "rockspec/pyssl-scm-1.rockspec"},
      {cwd = directory .. "/copy", env = {HOME = directory .. "/home"}})
  end

  it("builds and installs a module that require finds, and shows no more", function()
    luarocks()
    local tree = directory .. "/tree"
    local out = process.check({process.lua, "-e", [[
      local ssl = require "pyssl"
      for line in io.lines("/proc/self/maps") do
        local file = line:match(" (/.*/pyssl/core%.so)$")
        if file then return print(file, ssl.OPENSSL_VERSION) end
      end
    ]]}, {cwd = "/", env = {
      LUA_PATH = tree .. SHARE .. "/?.lua",
      LUA_CPATH = tree .. LIB .. "/?.so",
    }})
    assert.equal(tree .. LIB .. "/pyssl/core.so", out:match("^(.-)\t"))
    assert.matches("\tOpenSSL 3", out)
    local names = {} -- hidden by the headers: no flag of ours was passed
    for name in process.check({"nm", "-D", "--defined-only",
      tree .. LIB .. "/pyssl/core.so"}):gmatch(" [TDBRVW] ([^\n@]+)") do
      names[#names + 1] = name
    end
    assert.same({"luaopen_pyssl_core"}, names)
  end)
end)
