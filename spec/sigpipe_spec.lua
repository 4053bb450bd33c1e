-- A peer that vanishes never kills the process. What happens is in
-- spec/support/vanish.lua, in a process that loads nothing else.
local certs = require "support.certs"
local process = require "support.process"

describe("a peer that vanishes", function()
  for _, disposition in ipairs{"default", "ignore", "catch"} do
    it("is an error and no signal; the disposition stays: " .. disposition, function()
      local code, out, err = process.run({process.lua, "spec/support/vanish.lua",
        certs.dir, disposition}, {sanitizers = true})
      assert.equal("", err)
      assert.equal(0, code)
      assert.matches("alive\n$", out)
      assert.equal(14, select(2, out:gsub("\n", "")))
    end)
  end
end)

describe("loading pyssl", function()
  for _, disposition in ipairs{"default", "ignore", "catch"} do
    it("leaves SIGPIPE alone where it is: " .. disposition, function()
      local out = process.check({process.lua, "-e", ([[
        local native = require "native"
        native.signal("SIGPIPE", %q)
        require "pyssl".create_default_context()
        io.write(native.signal "SIGPIPE")
      ]]):format(disposition)}, {sanitizers = true})
      assert.equal(disposition, out)
    end)
  end
end)
