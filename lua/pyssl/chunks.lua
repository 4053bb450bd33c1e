--- chunks - bytes that have arrived and were not read yet.
-- A queue of strings, looked at and taken from its front. Nothing is joined
-- before it is taken, and no byte is looked at twice for the same purpose.
-- Calls: nothing. Called by: reader.

local chunks = {}
chunks.__index = chunks

local concat, find, sub = table.concat, string.find, string.sub

--- An empty queue. `size` is the number of bytes in it.
function chunks.new()
  return setmetatable({
    first = 1,  -- the chunks are self[first] .. self[last]
    last = 0,
    offset = 1, -- where in the first of them the queue begins
    lines = 1,  -- no chunk before this one has a line feed
    words = 1,  -- no chunk before this one has anything but blanks
    size = 0,
  }, chunks)
end

--- Add bytes at the end.
function chunks:push(bytes)
  local last = self.last + 1
  self[last] = bytes
  self.last = last
  self.size = self.size + #bytes
end

-- Let the queue begin at self[first], `offset`; what is before it is gone.
local function advance(self, first, offset)
  for i = self.first, first - 1 do self[i] = nil end
  self.first, self.offset = first, offset
  if self.lines < first then self.lines = first end
  if self.words < first then self.words = first end
end

--- Put bytes back at the front.
function chunks:unread(bytes)
  if bytes == "" then return end
  local first = self.first
  if self[first] then self[first] = sub(self[first], self.offset) end
  first = first - 1
  self[first] = bytes
  self.first, self.offset, self.lines, self.words = first, 1, first, first
  self.size = self.size + #bytes
end

-- The bytes from position `at` of chunk i, `count` at most, and where they end.
local function slice(self, i, at, count)
  local pieces = {}
  while count > 0 and i <= self.last do
    local piece = sub(self[i], at, at + count - 1)
    pieces[#pieces + 1] = piece
    count = count - #piece
    at = at + #piece
    if at > #self[i] then i, at = i + 1, 1 end
  end
  return concat(pieces), i, at
end

--- Take `count` bytes, which are there, from the front; gives all of them but
-- the last `cut`.
function chunks:take(count, cut)
  local first, offset = self.first, self.offset
  local chunk = self[first]
  self.size = self.size - count
  if chunk and offset + count <= #chunk then
    self.offset = offset + count
    return sub(chunk, offset, offset + count - cut - 1)
  end
  local bytes, i, at = slice(self, first, offset, count)
  advance(self, i, at)
  return cut > 0 and sub(bytes, 1, count - cut) or bytes
end

-- The number of bytes before position `at` of chunk i.
local function distance(self, i, at)
  local count = at - self.offset
  for k = self.first, i - 1 do count = count + #self[k] end
  return count
end

-- Find a pattern in the chunks from number `from` on. Gives the number of bytes
-- before the match, the chunk and the position; else only where to go on.
local function search(self, from, pattern, plain)
  for i = from, self.last do
    local start = i == self.first and self.offset or 1
    local at = find(self[i], pattern, start, plain)
    if at then return distance(self, i, at), i, at end
  end
  return nil, self.last + 1
end

--- The length of the first line, its line feed included; nil without one.
function chunks:line_length()
  local count, i = search(self, self.lines, "\n", true)
  self.lines = i
  return count and count + 1
end

--- The number of blanks at the front, and what follows, `limit` bytes at most.
function chunks:peek_word(limit)
  local blanks, i, at = search(self, self.words, "[^ \t-\r]", false)
  self.words = i
  if not blanks then return self.size, "" end
  return blanks, (slice(self, i, at, limit))
end

return chunks
