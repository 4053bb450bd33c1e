--- fakeconn - connections that follow a script, for the specs of makefile's
-- files: what arrives, what is taken, and which call raises.
local assert = require "luassert"
local ssl = require "pyssl"
local file = require "pyssl.file"

local fakeconn = {}

-- A connection that gives the strings of `script` in turn, raises what else
-- stands there, and is at its end behind them.
function fakeconn.source(script)
  local conn, at = {asked = {}}, 0
  function conn:recv(count)
    self.asked[#self.asked + 1] = count
    at = at + 1
    local item = script[at]
    if item == nil then return "" end
    if type(item) ~= "string" then error(item, 0) end
    return item
  end
  return conn
end

-- A connection that keeps what it is given; `script` says what each call does:
-- true takes all, else the error is raised.
function fakeconn.sink(script)
  local conn, at = {calls = {}}, 0
  function conn:sendall(data)
    at = at + 1
    self.calls[at] = table.concat(data)
    local err = script and script[at]
    if err and err ~= true then error(err, 0) end
    return true
  end
  return conn
end

function fakeconn.new_hold()
  local hold = {held = 0}
  function hold.acquire() hold.held = hold.held + 1 end
  function hold.release() hold.held = hold.held - 1 end
  return hold
end

function fakeconn.open(conn, mode, buffering)
  return file.new(conn, mode, buffering, fakeconn.new_hold())
end

function fakeconn.timeout(sent)
  local err = ssl.TimeoutError("timed out")
  err.sent = sent
  return err
end

function fakeconn.want_read()
  return ssl.SSLWantReadError("the operation did not complete (read)")
end

function fakeconn.want_write()
  return ssl.SSLWantWriteError("the operation did not complete (write)")
end

function fakeconn.assert_raises(class, message, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.equal("table", type(err), tostring(err))
  assert.is_true(err:is(class), tostring(err))
  if message then assert.matches(message, err.message, 1, true) end
  return err
end

return fakeconn
