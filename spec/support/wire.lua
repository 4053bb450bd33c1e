--- wire - a client and a server in this process with the wire in our hands.
-- Each end speaks to a socket of its own, and what they send is moved only when
-- a spec says so: to watch it, to hold it up, to cut it off.
--
--     local wire <close> = wire.new()          -- handshake done, ends block
--     wire.client:send("x"); wire:move()       -- now the server can recv
--     wire.log.client                          -- what the client has sent
local native = require "native"
local pair = require "support.pair"
local ssl = require "pyssl"

local wire = {}
wire.__index = wire

local MOST = 65536

-- All that can be read from a descriptor now, "" if nothing, and whether it
-- has come to its end.
local function read_all(fd)
  local pieces = {}
  while true do
    local bytes, err = native.read(fd, MOST)
    if not bytes then return table.concat(pieces), err ~= "EAGAIN" end
    if bytes == "" then return table.concat(pieces), true end
    pieces[#pieces + 1] = bytes
  end
end

--- Bytes that a raw peer finds on its descriptor now, and whether that was the
-- end.
wire.read_all = read_all

--- Lay a wire. `options.client`, `options.server`: contexts; `handshake` false
-- leaves both ends before it, non-blocking; `wrap` goes to both wrap_socket.
function wire.new(options)
  options = options or {}
  local self = setmetatable({log = {client = "", server = ""}, held = {}}, wire)
  local near, far = {}, {}
  for _, side in ipairs {"client", "server"} do
    near[side], far[side] = native.socketpair()
    native.nonblocking(far[side], true)
  end
  self.fds = far
  local base = {do_handshake_on_connect = false}
  local client_ctx = options.client or pair.client_context()
  local server_ctx = options.server or pair.server_context()
  self.client = client_ctx:wrap_socket(near.client, pair.merge(pair.merge(
    {server_hostname = "localhost"}, base), options.wrap))
  self.server = server_ctx:wrap_socket(near.server, pair.merge(pair.merge(
    {server_side = true}, base), options.wrap))
  self:nonblocking()
  if options.handshake ~= false then self:handshake() end
  return self
end

--- The versions of TLS to lay a wire for.
wire.VERSIONS = {ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3}

--- A wire of that version, with `options` as wire.new takes them.
function wire.lay(version, options)
  local settings = {minimum_version = version, maximum_version = version}
  return wire.new(pair.merge({
    client = pair.client_context(settings),
    server = pair.server_context("server", settings),
  }, options))
end

function wire:nonblocking()
  self.client:settimeout(0)
  self.server:settimeout(0)
end

--- Drive operations, as pair.drive does, moving bytes before each attempt.
function wire:drive(...)
  local ends = {...}
  for i, call in ipairs(ends) do
    ends[i] = {function()
      self:move()
      return call[1](table.unpack(call, 2))
    end}
  end
  return pair.drive(table.unpack(ends))
end

--- Perform the handshake, and let the client read the tickets; both ends block
-- with a time limit afterwards.
function wire:handshake()
  local done = {}
  local function step(name)
    if done[name] then return end
    local ok, err = pcall(self[name].do_handshake, self[name])
    if not ok and not pair.is_want(err) then error(err, 0) end
    done[name] = ok
    self:move()
  end
  local deadline = native.now() + pair.LIMIT
  while not (done.client and done.server) do
    assert(native.now() < deadline, "the handshake is stuck")
    step("client")
    step("server")
  end
  local ok, err = pcall(self.client.recv, self.client)
  assert(not ok and pair.is_want(err), "the client has data already")
  self.client:settimeout(pair.LIMIT)
  self.server:settimeout(pair.LIMIT)
end

--- Take TLS off both ends, which block with a time limit afterwards.
function wire:unwrap()
  self:nonblocking()
  for _, result in ipairs(self:drive({self.client.unwrap, self.client},
                                     {self.server.unwrap, self.server})) do
    if not result[1] then error(result[2], 0) end
  end
  self.client:settimeout(pair.LIMIT)
  self.server:settimeout(pair.LIMIT)
end

-- What `side` has sent, noted in the log.
local function take(self, side)
  local bytes, ended = read_all(self.fds[side])
  self.log[side] = self.log[side] .. bytes
  return bytes, ended
end

--- Take what one side has sent off the wire; the other never sees it.
function wire:take(side)
  local bytes = (self.held[side] or "") .. take(self, side)
  self.held[side] = nil
  return bytes
end

local OTHER = {client = "server", server = "client"}

--- Put bytes on the wire as if `side` had sent them. What its peer has no room
-- for is held for the next move.
function wire:put(side, bytes)
  bytes = (self.held[side] or "") .. bytes
  while bytes ~= "" do
    local n = native.write(self.fds[OTHER[side]], bytes)
    if not n then break end
    bytes = bytes:sub(n + 1)
  end
  self.held[side] = bytes ~= "" and bytes or nil
end

--- Move what both sides have sent so far. True when anything was.
function wire:move()
  local moved = false
  for _, side in ipairs {"client", "server"} do
    local bytes = take(self, side)
    moved = moved or bytes ~= ""
    self:put(side, bytes)
  end
  return moved
end

--- The end of a side's stream without close_notify: its peer sees FIN.
function wire:cut(side)
  self:move()
  local other = OTHER[side]
  native.close(self.fds[other])
  self.fds[other] = nil
end

--- Close everything.
function wire:close()
  pair.close(self.client, self.server)
  for side, fd in pairs(self.fds) do
    native.close(fd)
    self.fds[side] = nil
  end
end

wire.__close = wire.close

--- The TLS records in a run of bytes: a list of {type, version, length}, and
-- what is left at the end that is no whole record.
function wire.records(bytes)
  local list, at = {}, 1
  while at + 4 <= #bytes do
    local kind, version, length = (">BI2I2"):unpack(bytes, at)
    if at + 4 + length > #bytes then break end
    list[#list + 1] = {type = kind, version = version, length = length}
    at = at + 5 + length
  end
  return list, bytes:sub(at)
end

--- The lengths of the application data records in a run of bytes. In TLS 1.3 a
-- record has 17 bytes beside its plaintext (type and tag), with AES-GCM in TLS
-- 1.2 24: these are subtracted.
function wire.plain_lengths(bytes, version)
  local lengths = {}
  local beside = version == "TLSv1.3" and 17 or 24
  for _, record in ipairs((wire.records(bytes))) do
    if record.type == 23 then lengths[#lengths + 1] = record.length - beside end
  end
  return lengths
end

return wire
