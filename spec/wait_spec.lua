-- ssl.wait: waiting for a descriptor in the system, as waiters do outside of
-- their loop.
local native = require "native"
local net = require "support.net"
local pair = require "support.pair"
local raised = require "support.raised"
local ssl = require "pyssl"

local LIMIT = 5 * require("support.scale").factor

-- f(...) raises a string in which the pattern is.
local function refused(pattern, f, ...)
  local ok, message = pcall(f, ...)
  assert.is_false(ok)
  assert.matches(pattern, message)
end

describe("ssl.wait", function()
  it("waits for a number or an object, in the system", function()
    local client <close>, server = pair.connected()
    local _ <close> = server
    for _, each in ipairs {
      server, server:fileno(), {getfd = function() return server:fileno() end},
      {fileno = function() return server:fileno() end},
      {pollfd = function() return server:fileno() end},
    } do
      assert.is_true(ssl.wait(each, "w"))
      assert.is_true(ssl.wait(each, "w", 0))
      assert.is_false(ssl.wait(each, "r", 0))
    end
    local before = native.now()
    assert.is_false(ssl.wait(server, "r", 0.03))
    assert.is_true(net.is_on_time(native.now() - before, 0.03))
    client:send("x")
    assert.is_true(ssl.wait(server, "r", LIMIT))
    assert.is_true(ssl.wait(server, "r", math.huge))
  end)

  it("refuses what is no descriptor, mode or time", function()
    local client <close>, server = pair.connected()
    local _ <close> = server
    raised.object(ssl.ValueError, ssl.wait, client, "rw", 0)
    raised.object(ssl.ValueError, ssl.wait, client, nil, 0)
    raised.object(ssl.ValueError, ssl.wait, client, "r", -1)
    raised.object(ssl.ValueError, ssl.wait, client, "r", 0 / 0)
    refused("bad argument #3 to 'wait' %(number expected", ssl.wait, client,
                   "r", "1")
    for _, wrong in ipairs {"x", true, {}} do
      refused("bad argument #1 to 'wait'", ssl.wait, wrong, "r", 0)
    end
    refused("bad argument #1 to 'wait'", ssl.wait, nil, "r", 0)
    refused("bad argument #1 to 'wait'", ssl.wait, 1.5, "r", 0)
    server:close()
    for _, closed in ipairs {server, -1, 99999, 2 ^ 40} do
      local err = net.failure(ssl.wait, closed, "r", 0)
      assert.is_true(err:is(ssl.OSError))
      assert.equal("EBADF", err.name)
    end
  end)
end)
