local process = require "support.process"

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
    process.check({"luarocks", "--lua-version", "5.4", "--only-server", "file:///",
      "--tree", directory .. "/tree", "make", "rockspec/pyssl-scm-1.rockspec"},
      {cwd = directory .. "/copy", env = {HOME = directory .. "/home"}})
  end

  it("builds and installs a module that require finds, and shows no more", function()
    luarocks()
    local tree = directory .. "/tree"
    local out = process.check({process.lua, "-e", [[
      local ssl = require "pyssl"
      print(package.searchpath("pyssl.core", package.cpath), ssl.OPENSSL_VERSION)
    ]]}, {cwd = "/", env = {
      LUA_PATH = tree .. "/share/lua/5.4/?.lua",
      LUA_CPATH = tree .. "/lib/lua/5.4/?.so",
    }})
    assert.equal(tree .. "/lib/lua/5.4/pyssl/core.so", out:match("^(.-)\t"))
    assert.matches("\tOpenSSL 3", out)
    local names = {} -- hidden by the headers: no flag of ours was passed
    for name in process.check({"nm", "-D", "--defined-only",
      tree .. "/lib/lua/5.4/pyssl/core.so"}):gmatch(" [TDBRVW] ([^\n@]+)") do
      names[#names + 1] = name
    end
    assert.same({"luaopen_pyssl_core"}, names)
  end)
end)
