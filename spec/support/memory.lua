--- memory - a client and a server over memory: no descriptor, no clock, and the
-- bytes on their way in our hands.
--
--     local ends <close> = memory.new()        -- no handshake yet
--     ends:shake_hands(1)                      -- a byte at a time
--     ends.client:write("x"); ends:move()      -- now the server can read
--
-- Fields: client, server: ssl.object; client_in, client_out, server_in,
-- server_out: ssl.memorybio; sent: {client =, server =}, how many bytes each has
-- sent.
local pair = require "support.pair"
local protect = require "pyssl.protect" -- for callbacks that yield
local ssl = require "pyssl"

local memory = {}
memory.__index = memory

local OTHER = {client = "server", server = "client"}

local MOST = 1000000 -- bytes; no handshake has so many

--- Both ends. `options.client`, `options.server`: what goes to wrap_bio.
function memory.new(client_ctx, server_ctx, options)
  options = options or {}
  local self = setmetatable({sent = {client = 0, server = 0}}, memory)
  for side in pairs(OTHER) do
    self[side .. "_in"], self[side .. "_out"] = ssl.MemoryBIO(), ssl.MemoryBIO()
  end
  self.client = (client_ctx or pair.client_context()):wrap_bio(self.client_in,
    self.client_out, pair.merge({server_hostname = "localhost"}, options.client))
  self.server = (server_ctx or pair.server_context()):wrap_bio(self.server_in,
    self.server_out, pair.merge({server_side = true}, options.server))
  return self
end

--- A client that has no other end.
function memory.client(ctx, options)
  return ctx:wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(),
    pair.merge({server_hostname = "localhost"}, options))
end

--- Both ends with the handshake done.
function memory.connected(...)
  local self = memory.new(...)
  self:shake_hands()
  return self
end

--- Move at most n bytes (all) from `side` to the other; how many there were.
function memory:carry(side, n)
  local bytes = self[side .. "_out"]:read(n or -1)
  if bytes ~= "" then self[OTHER[side] .. "_in"]:write(bytes) end
  self.sent[side] = self.sent[side] + #bytes
  return #bytes
end

--- Move all, in both directions.
function memory:move()
  self:carry("client")
  self:carry("server")
end

--- What a want raises is no failure: true and the result, false and the error,
-- or nil where bytes are missing.
local function try(f, ...)
  local ok, result = protect.call(f, ...)
  if ok or not pair.is_want(result) then return ok, result end
end
memory.try = try

-- How many bytes of `side` the next piece has, of pieces of n bytes behind a
-- first one of `first`; nil for all.
local function piece(self, side, n, first)
  if not n then return nil end
  local at = self.sent[side] - (first or n)
  return at < 0 and -at or n - at % n
end

--- Perform the handshake, with what each end sends arriving in pieces of n bytes
-- (all at once), the very first piece having `first` (n); an end tries again
-- after each piece. Gives the errors of client and server, nil for an end that
-- succeeded.
function memory:hands(n, first)
  local done, failure, total = {}, {}, 0
  local function attempt(side)
    if done[side] ~= nil then return end
    local ok, err = try(self[side].do_handshake, self[side])
    done[side] = ok
    if ok == false then failure[side] = err end
  end
  attempt("client")
  attempt("server")
  repeat
    local moved = 0
    for side, other in pairs(OTHER) do
      while true do
        local count = self:carry(side, piece(self, side, n, first))
        if count == 0 then break end
        moved = moved + count
        attempt(other)
      end
    end
    total = total + moved
    assert(total < MOST, "the handshake is stuck")
  until moved == 0
  assert(done.client ~= nil and done.server ~= nil or next(failure),
         "bytes are missing")
  return failure.client, failure.server
end

--- The same, where it must succeed.
function memory:shake_hands(n, first)
  local client, server = self:hands(n, first)
  if client or server then error(client or server, 0) end
end

function memory:close()
  for _, each in pairs(self) do
    if type(each) == "userdata" then each:close() end
  end
end
memory.__close = memory.close

return memory
