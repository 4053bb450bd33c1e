-- First of all: Debian's /usr/bin/busted runs whatever `lua` is.
local vm = require "support.vm"

describe("the suite", function()
  it("runs on the VM that it was built for", function()
    local wanted = os.getenv("PYSSL_LUA_VERSION")
    assert.equal(wanted == "luajit" and "LuaJIT" or "Lua " .. wanted, vm.name)
  end)
end)
