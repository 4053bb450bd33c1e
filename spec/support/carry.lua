--- carry - transports in memory, for ctx:wrap_transport: two ends, each a table
-- with send, receiveany and close, that hand bytes to each other.
--
--     local a, b = carry.ends()
--     local client, server, a, b = carry.connected()
--
-- Fields of an end that a spec sets: `most`, bytes that a receive gives at once;
-- `takes`, bytes that a send takes at once; `room`, how many it takes in all (it
-- says "timeout" then); `yields`, wait in a coroutine and not by "wantread".
-- And reads: `inbox`, what has come; `calls`, how often it was called; `closed`.
local pair = require "support.pair"

local carry = {}

local methods = {}
local metatable = {__index = methods}

function methods:receiveany(max)
  self.calls.receive = self.calls.receive + 1
  while self.inbox == "" and self.yields and not self.other.closed do
    coroutine.yield()
  end
  if self.inbox == "" then
    return nil, self.other.closed and "closed" or "wantread"
  end
  local n = math.min(max, self.most or max)
  local data = self.inbox:sub(1, n)
  self.inbox = self.inbox:sub(n + 1)
  return data
end

function methods:send(data)
  self.calls.send = self.calls.send + 1
  while self.room == 0 and self.yields do coroutine.yield() end
  if self.room == 0 then return nil, "timeout", 0 end
  local n = math.min(#data, self.takes or #data, self.room or #data)
  if self.room then self.room = self.room - n end
  self.other.inbox = self.other.inbox .. data:sub(1, n)
  return n
end

function methods:close()
  self.closed = true
end

local function new()
  return setmetatable({inbox = "", calls = {receive = 0, send = 0}}, metatable)
end

--- Two ends; `fields` are set in both.
function carry.ends(fields)
  local a, b = new(), new()
  a.other, b.other = b, a
  for name, value in pairs(fields or {}) do a[name], b[name] = value, value end
  return a, b
end

--- A client and a server on two ends; no handshake yet. `options.client`,
-- `options.server` go to wrap_transport, `options.ends` into both ends.
function carry.wrapped(client_ctx, server_ctx, options)
  options = options or {}
  local a, b = carry.ends(options.ends)
  local client = (client_ctx or pair.client_context()):wrap_transport(a,
    pair.merge({server_hostname = "localhost",
                do_handshake_on_connect = false}, options.client))
  local server = (server_ctx or pair.server_context()):wrap_transport(b,
    pair.merge({server_side = true, do_handshake_on_connect = false},
               options.server))
  return client, server, a, b
end

--- The same with the handshake done.
function carry.connected(...)
  local client, server, a, b = carry.wrapped(...)
  for _, result in ipairs(pair.drive({client.do_handshake, client},
                                     {server.do_handshake, server})) do
    if not result[1] then error(result[2], 0) end
  end
  return client, server, a, b
end

--- Run functions as coroutines, in turns, until all have ended; what one raises is
-- raised. At most `limit` turns.
function carry.run(...)
  local running, limit = {}, 1000000
  for i, f in ipairs {...} do running[i] = coroutine.create(f) end
  while #running > 0 do
    limit = limit - 1
    assert(limit > 0, "the coroutines are stuck")
    for i = #running, 1, -1 do
      local co = running[i]
      local ok, err = coroutine.resume(co)
      if not ok then error(err, 0) end
      if coroutine.status(co) == "dead" then table.remove(running, i) end
    end
  end
end

--- Read n bytes from a connection.
function carry.read(conn, n)
  local parts, got = {}, 0
  while got < n do
    local data = conn:recv(n - got)
    assert(data ~= "", "the stream ended early")
    parts[#parts + 1], got = data, got + #data
  end
  return table.concat(parts)
end

--- A waiter for coroutines, and a list of its calls' arguments.
function carry.waiter()
  local calls = {}
  return function(sock, mode, timeout)
    calls[#calls + 1] = {sock, mode, timeout}
    coroutine.yield()
    return true
  end, calls
end

return carry
