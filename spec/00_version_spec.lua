-- First of all: Debian's /usr/bin/busted runs whatever `lua` is.
describe("the suite", function()
  it("runs on Lua 5.4", function()
    assert.equal("Lua 5.4", _VERSION)
  end)
end)
