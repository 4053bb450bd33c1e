--- writer - holds writes back and sends them together.
-- Owns what was written and not sent: nothing of it is lost to an error, and
-- nothing sent twice.
-- Calls: errors, protect, and the connection's sendall. Called by: file.

local errors = require "pyssl.errors"
local protect = require "pyssl.protect"

local writer = {}
writer.__index = writer

local min, sub = math.min, string.sub

local BUFFER_SIZE = 8192 -- bytes held back before they are sent

--- A writer on a connection that has `sendall(strings)`.
-- @param conn  the connection
-- @param number  buffering as Python counts it: 0 none, 1 to the next line
-- feed, more that many bytes, nil or negative the default
function writer.new(conn, number)
  local self = setmetatable({
    conn = conn,
    offered = nil, -- what a call of sendall has not taken to its end
    output = {},   -- what was written since
    held = 0,      -- bytes in output
  }, writer)
  local default = number == nil or number < 0 or number == 1
  self:set_buffering(number == 0 and "no" or number == 1 and "line" or "full",
    not default and number or nil)
  return self
end

--- Let go of the connection and of what is left.
function writer:close()
  self.conn, self.offered, self.output, self.held = nil, nil, {}, 0
end

--- Hold back nothing ("no"), up to a line feed ("line"), or up to `size` bytes
-- ("full", and "line" too).
function writer:set_buffering(kind, size)
  self.by_line = kind == "line"
  self.limit = kind == "no" and 0 or size or BUFFER_SIZE
end

local function is_error(err, class)
  local meta = type(err) == "table" and getmetatable(err)
  return type(meta) == "table" and meta.__name == "ssl.error" and err:is(class)
end

--- Whether an error says that the same is to be tried again later.
function writer.is_want(err)
  return is_error(err, errors.SSLWantReadError)
    or is_error(err, errors.SSLWantWriteError)
end

-- What is left of an array of strings when `sent` bytes are gone; nil if none.
local function rest_of(pieces, sent)
  local rest = {}
  for _, piece in ipairs(pieces) do
    local skip = min(sent, #piece)
    sent = sent - skip
    if skip < #piece then rest[#rest + 1] = sub(piece, skip + 1) end
  end
  return rest[1] and rest
end

-- Send self.offered. A time-out tells how much of it was taken. After a want
-- the connection expects the very same data again, and so it stays as it is.
local function send_offered(self)
  local offered = self.offered
  local ok, err = protect.call(self.conn.sendall, self.conn, offered)
  local is_same = self.offered == offered
  if ok then
    if is_same then self.offered = nil end
    return
  end
  if is_same and is_error(err, errors.TimeoutError) and err.sent then
    self.offered = rest_of(offered, err.sent)
  end
  error(err, 0)
end

--- Send everything: first what was offered before, then what came behind it.
function writer:flush()
  while true do
    if not self.offered then
      if self.held == 0 then return end
      self.offered, self.output, self.held = self.output, {}, 0
    end
    send_offered(self)
    if not self.conn then return end
  end
end

--- Add strings, and send everything where the buffering asks for it.
function writer:write(strings)
  local has_line = false
  for _, s in ipairs(strings) do
    self.output[#self.output + 1] = s
    self.held = self.held + #s
    has_line = has_line or self.by_line and s:find("\n", 1, true)
  end
  if self.offered or has_line or self.held >= self.limit then self:flush() end
end

return writer
