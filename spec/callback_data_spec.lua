-- Callbacks that run while data is on its way out, and take that data away.
local memory = require "support.memory"
local pair = require "support.pair"
local raised = require "support.raised"
local ssl = require "pyssl"

-- A client's context whose callback is called for what it sends, once the second
-- result has been called with it.
local function watched()
  local ctx, callback = pair.client_context(), nil
  function ctx._msg_callback(_, direction)
    if callback and direction == "write" then callback() end
  end
  return ctx, function(f) callback = f end
end

-- Empty a list, and let nothing of it be found again.
local function empty(list)
  for i = #list, 1, -1 do list[i] = nil end
  collectgarbage()
  collectgarbage()
end

-- Pieces of which one record takes a part: one is left in the middle.
local function pieces()
  local list = {}
  for i = 1, 8 do list[i] = string.char(64 + i):rep(1000000) end
  return list
end

describe("a callback that empties the list that is being sent", function()
  it("ends that on a socket: the piece in hand goes out whole", function()
    local ctx, set = watched()
    local client, server = pair.connected(ctx)
    local list = {("x"):rep(200000), "behind it"}
    set(function() empty(list) end)
    assert.equal(200000, client:send(list))
    set(nil)
    client:close_write()
    local got = {}
    repeat
      got[#got + 1] = server:recv(16384)
    until got[#got] == ""
    assert.is_true(table.concat(got) == ("x"):rep(200000))
    pair.close(client, server)
  end)

  it("ends that in memory, too", function()
    local ctx, set = watched()
    local ends <close> = memory.connected(ctx)
    local list = {("x"):rep(200000), "behind it"}
    set(function() empty(list) end)
    assert.equal(200000, ends.client:write(list))
  end)

  it("leaves what was accepted, where the rest would block", function()
    local ctx, set = watched()
    local client, server = pair.connected(ctx)
    client:settimeout(0)
    local list = pieces()
    set(function() empty(list) end)
    client:setsockopt("SOL_SOCKET", "SO_SNDBUF", 4608)
    server:setsockopt("SOL_SOCKET", "SO_RCVBUF", 4608)
    raised(ssl.SSLWantWriteError, client.send, client, list)
    pair.close(client, server)
  end)
end)

describe("a callback that closes the file that is being sent", function()
  it("makes sendfile raise EBADF", function()
    local ctx, set = watched()
    local client, server = pair.connected(ctx)
    local file = assert(io.tmpfile())
    assert(file:write(("x"):rep(60000)))
    set(function()
      if io.type(file) == "file" then file:close() end
    end)
    local err = raised(ssl.OSError, client.sendfile, client, file)
    assert.equal("EBADF", err.name)
    pair.close(client, server)
  end)
end)
