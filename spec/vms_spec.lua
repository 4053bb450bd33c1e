-- What holds on every VM that pyssl is built for, and what the VM has to help
-- with (doc/vms.md).
local certs = require "support.certs"
local pair = require "support.pair"
local ssl = require "pyssl"
local vm = require "support.vm"

describe("on every VM", function()
  it("options are exact up to 2^53", function()
    local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for _, mask in ipairs {2 ^ 52 + 1, 2 ^ 53 - 1, 2 ^ 40, 2 ^ 32, 2 ^ 31} do
      ctx.options = mask
      assert.equal(mask, ctx.options)
    end
  end)

  it("an integer may be a float with an integral value, and no other", function()
    assert.equal(8, #ssl.RAND_bytes(8.0))
    assert.is_false(pcall(ssl.RAND_bytes, 8.5))
    local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert.is_false(pcall(function() ctx.options = 0.5 end))
  end)

  it("an enum is read by name and by value", function()
    assert.equal(772, ssl.TLSVersion.TLSv1_3)
    assert.equal("TLSv1_3", ssl.TLSVersion[772])
  end)

  vm.it_needs("pairs", "an enum can be walked", function()
    local count = 0
    for name, purpose in pairs(ssl.Purpose) do
      assert.equal(ssl.Purpose[name], purpose)
      count = count + 1
    end
    assert.equal(2, count)
  end)

  it("a file that is dropped lets its connection go", function()
    local client, server = pair.connected()
    client:makefile("rw")
    collectgarbage()
    collectgarbage()
    client:close()
    assert.equal("", server:recv(1))
    pair.close(client, server)
  end)

  vm.it_needs("stop", "a collector that was stopped stays so", function()
    local dropped = setmetatable({{}}, {__mode = "v"})
    collectgarbage("stop")
    finally(function() collectgarbage("restart") end)
    for _ = 1, 50 do
      ssl.create_default_context {cafile = certs.path "ca.pem"}:close()
    end
    assert.is_table(dropped[1])
  end)
end)
