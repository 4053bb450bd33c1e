--- A relay between two ends in this process, which sees every byte and may
-- change it: what lies between a client and a server that cannot trust the net.
--
--     local wire <close> = relay.new {filter = function(record, way, n) ... end}
--     local client, server = wire:wrap(client_context, server_context)
--     wire:drive({client.do_handshake, client}, {server.do_handshake, server})
--
-- Options:
--   filter(record, way, n)  called with each whole TLS record, "up" (from the
--     client) or "down", and its number that way, from 1; gives what is passed
--     on: bytes, "" for nothing, or nil for the record as it is
--   bytes  instead: at most so many at a time
--   limit = {up = n, down = n}  instead: so many bytes, then that way ends
local native = require "native"
local pair = require "support.pair"
local ssl = require "pyssl"

local relay = {}
relay.__index = relay

-- A context that no connection is made from.
local idle
local function helper_context()
  idle = idle or ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  return idle
end

local HEAD = 5 -- bytes in front of a TLS record

local function open_way(from, to)
  return {from = from, to = to, input = "", output = "", count = 0, passed = 0}
end

--- The descriptors for the two ends are fields `client` and `server`.
function relay.new(options)
  local self = setmetatable({options = options or {}}, relay)
  local near, far
  self.client, near = native.socketpair()
  self.server, far = native.socketpair()
  native.nonblocking(near, true)
  native.nonblocking(far, true)
  self.ends = {near, far}
  self.ways = {up = open_way(near, far), down = open_way(far, near)}
  return self
end

--- A client and a server of ours at the two ends, TLS begun, non-blocking.
function relay:wrap(client_ctx, server_ctx, options)
  options = options or {}
  local function wrap(ctx, fd, mine, more)
    local sock = ctx:wrap_socket(fd, pair.merge(
      pair.merge(mine, {do_handshake_on_connect = false}), more))
    sock:settimeout(0)
    return sock
  end
  local client = wrap(client_ctx or pair.client_context(), self.client,
    {server_hostname = "localhost"}, options.client)
  local server = wrap(server_ctx or pair.server_context(), self.server,
    {server_side = true}, options.server)
  self.socks = {client, server}
  return client, server
end

-- Take whole records out of a way's input, through the filter.
local function filter_records(self, name, way)
  while #way.input >= HEAD do
    local size = HEAD + string.unpack(">I2", way.input, 4)
    if #way.input < size then return end
    local record = way.input:sub(1, size)
    way.input = way.input:sub(size + 1)
    way.count = way.count + 1
    local passed = self.options.filter(record, name, way.count)
    way.output = way.output .. (passed or record)
  end
end

local function take(self, name, way)
  local most = self.options.bytes or 65536
  local limit = self.options.limit and self.options.limit[name]
  if limit then most = math.min(most, limit - way.passed) end
  if way.ended or most <= 0 then return end
  local data, err = native.read(way.from, most)
  if data == nil then
    way.ended = err ~= "EAGAIN"
    return
  end
  way.ended = data == ""
  way.passed = way.passed + #data
  if self.options.filter then
    way.input = way.input .. data
    filter_records(self, name, way)
  else
    way.output = way.output .. data
  end
end

-- Shut a descriptor for writing, and leave it open.
local function shut(fd)
  local copy = helper_context():wrap_socket(native.dup(fd),
    {server_side = true, do_handshake_on_connect = false})
  copy:shutdown(ssl.SHUT_WR)
  native.close(copy:detach())
end

local function give(self, name, way)
  if way.output ~= "" then
    local n = native.write(way.to, way.output)
    way.output = way.output:sub((n or 0) + 1)
  end
  local limit = self.options.limit and self.options.limit[name]
  local over = way.ended or limit and way.passed >= limit
  if over and way.output == "" and not way.shut then
    way.shut = true
    shut(way.to)
  end
end

--- Move once what can be moved, both ways.
function relay:pump()
  for name, way in pairs(self.ways) do
    take(self, name, way)
    give(self, name, way)
  end
end

--- Put bytes of one's own into a way, behind what is passed on already.
function relay:inject(name, bytes)
  local way = self.ways[name]
  way.output = way.output .. bytes
end

--- End a way behind what is passed on already.
function relay:cut(name)
  self.ways[name].ended = true
end

--- Drive operations, {f, ...}, until all have ended, relaying meanwhile. Gives
-- for each {true, results...} or {false, error}.
function relay:drive(...)
  local calls, results, open = {...}, {}, select("#", ...)
  local deadline = native.now() + pair.LIMIT
  while open > 0 do
    assert(native.now() < deadline, "the relay is stuck")
    for i, call in ipairs(calls) do
      if not results[i] then
        local out = table.pack(pcall(table.unpack(call)))
        if out[1] or not pair.is_want(out[2]) then
          results[i], open = out, open - 1
        end
      end
    end
    self:pump()
  end
  return table.unpack(results)
end

--- The handshake of both ends: the error of each, nil where it succeeded.
function relay:handshake()
  local client, server = table.unpack(self.socks)
  local a, b = self:drive({client.do_handshake, client},
    {server.do_handshake, server})
  return not a[1] and a[2] or nil, not b[1] and b[2] or nil
end

--- A pair whose handshake has succeeded.
function relay.connected(options, ...)
  local self = relay.new(options)
  local client, server = self:wrap(...)
  local ours, theirs = self:handshake()
  assert(not ours, ours)
  assert(not theirs, theirs)
  return self, client, server
end

--- One operation of one end, driven to its end: its results, or nil and the
-- error object.
function relay:call(f, ...)
  local out = self:drive({f, ...})
  if not out[1] then return nil, out[2] end
  return table.unpack(out, 2, out.n)
end

--- Close the relay's own descriptors and the ends of wrap.
function relay:close()
  for _, sock in ipairs(self.socks or {}) do sock:close() end
  if not self.socks then
    native.close(self.client)
    native.close(self.server)
  end
  for _, fd in ipairs(self.ends) do native.close(fd) end
  self.ends = {}
end

relay.__close = relay.close

return relay
