--- reader - reads from a connection by the formats of Lua's io library.
-- Owns what was received and not read. What a failing read has received, and
-- what earlier formats of its call have taken, is there for the next one.
-- Calls: core, check, chunks, errors, protect, the connection's recv. Called by:
-- file.

local core = require "pyssl.core"
local check = require "pyssl.check"
local chunks = require "pyssl.chunks"
local errors = require "pyssl.errors"
local protect = require "pyssl.protect"

local reader = {}
reader.__index = reader

local concat, max, min, sub = table.concat, math.max, math.min, string.sub
local unpack = table.unpack or unpack -- luacheck: ignore

local RECV_LEAST = 16384   -- bytes asked of the connection: a record
local RECV_MOST = 1048576
local NUMERAL_LENGTH = 200 -- the most that Lua's io library takes

local function value_error(message)
  error(errors.ValueError(message), 0)
end

--- A reader on a connection that has `recv(n)`, which gives "" at the end.
function reader.new(conn)
  return setmetatable({conn = conn, input = chunks.new()}, reader)
end

--- Let go of the connection and of what is left. A read that waits raises.
function reader:close()
  self.conn, self.input = nil, nil
end

-- What conn:recv gives, and "" also at an end that it raises: once both sides
-- have closed, the socket reports a read as a mistake.
local function receive(conn, count)
  local ok, result = protect.call(conn.recv, conn, count)
  if ok then return result end
  if core.is_error(result) and result:is(errors.SSLZeroReturnError) then
    return ""
  end
  return error(result, 0)
end

-- Receive more, `count` bytes if that is much; false at the end of the stream.
local function fill(self, count)
  local size = min(max(count or 0, RECV_LEAST), RECV_MOST)
  local bytes = receive(self.conn, size)
  if not self.conn then value_error("file was closed while it was read") end
  if bytes == "" then return false end
  self.input:push(bytes)
  return true
end

-- Take what a format has found. The journal, where there is one, keeps it for
-- the case that a later format of the same call fails.
local function take(self, journal, count, cut)
  if not journal then return self.input:take(count, cut) end
  local bytes = self.input:take(count, 0)
  journal[#journal + 1] = bytes
  return sub(bytes, 1, count - cut)
end

local function read_line(self, journal, cut)
  local input = self.input
  repeat
    local length = input:line_length()
    if length then return take(self, journal, length, cut) end
  until not fill(self)
  if input.size == 0 then return nil end
  return take(self, journal, input.size, 0)
end

local function read_rest(self, journal)
  while fill(self) do end
  return take(self, journal, self.input.size, 0)
end

local function read_count(self, journal, count)
  local input = self.input
  local least = max(count, 1) -- read(0) asks whether there is anything
  while input.size < least and fill(self, least - input.size) do end
  if input.size == 0 then return nil end
  return take(self, journal, min(count, input.size), 0)
end

-- The position behind the longest text that may begin a numeral.
local function numeral_end(text)
  local at = text:match("^[-+]?()")
  local digits, exponent = "^%d*()", "^[eE][-+]?%d*()"
  local hex = text:match("^0[xX]()", at)
  if hex then
    at, digits, exponent = hex, "^%x*()", "^[pP][-+]?%d*()"
  end
  local stop = text:match(digits, at)
  local count = stop - at
  local fraction = text:match("^%.()", stop)
  if fraction then
    stop = text:match(digits, fraction)
    count = count + stop - fraction
  end
  return count > 0 and text:match(exponent, stop) or stop
end

local function read_number(self, journal)
  local input = self.input
  local blanks, word, stop
  repeat
    blanks, word = input:peek_word(NUMERAL_LENGTH + 1)
    stop = numeral_end(word)
  until stop <= #word or #word > NUMERAL_LENGTH or not fill(self)
  local length = min(stop - 1, NUMERAL_LENGTH)
  local taken = take(self, journal, blanks + length, 0)
  if length < stop - 1 then return nil end
  return tonumber(sub(taken, blanks + 1))
end

local READERS = {
  l = function(self, journal) return read_line(self, journal, 1) end,
  L = function(self, journal) return read_line(self, journal, 0) end,
  a = read_rest,
  n = read_number,
}

local function read_format(self, journal, format)
  local read = READERS[format]
  if read then return read(self, journal) end
  return read_count(self, journal, format)
end

-- Read by one format after the other, up to the first that finds nothing.
local function read_each(self, journal, formats, results)
  for i = 1, formats.n do
    results.n = i
    results[i] = read_format(self, journal, formats[i])
    if results[i] == nil then return end
  end
end

--- Read by the formats [1] .. [n] of a table that `take_formats` has made.
function reader:read(formats)
  if formats.n == 1 then return read_format(self, nil, formats[1]) end
  local journal, results = {}, {n = 0}
  local ok, err = protect.call(read_each, self, journal, formats, results)
  if ok then return unpack(results, 1, results.n) end
  if self.input then self.input:unread(concat(journal)) end
  return error(err, 0)
end

-- A format, argument n of a method, as a count or a key of READERS. The method
-- called take_formats, which called this.
local function check_format(n, name, format)
  if type(format) == "string" then
    local letter = format:match("^%*?(.)")
    if not READERS[letter] then value_error("invalid format") end
    return letter
  end
  if type(format) ~= "number" then
    check.expected(n, name, "string", format, 1)
  elseif format % 1 ~= 0 then
    check.fail(n, name, "number has no integer representation", 1)
  elseif format < 0 then
    value_error("negative count")
  end
  return math.floor(format)
end

local LINE = {n = 1, "l"}

--- The formats of a call of the method `name`, "l" if there are none.
function reader.take_formats(name, ...)
  local count = select("#", ...)
  if count == 0 then return LINE end
  local formats = {n = count, ...}
  for i = 1, count do formats[i] = check_format(i, name, formats[i]) end
  return formats
end

return reader
