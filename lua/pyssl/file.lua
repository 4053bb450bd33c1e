--- file - the buffered file that conn:makefile() gives.
-- Reads and writes as the files of Lua's io library do. Owns a reader, a
-- writer and one hold on the connection, which stays open for as long as the
-- file is.
-- Calls: check, errors, protect, reader, writer. Called by: socket, transport.

local check = require "pyssl.check"
local errors = require "pyssl.errors"
local protect = require "pyssl.protect"
local reader = require "pyssl.reader"
local writer = require "pyssl.writer"

local file = {}

local STATE = {} -- the key of a file's state in its table

local methods = {}
local metatable = {__name = "ssl.file", __index = methods}

local function value_error(message)
  error(errors.ValueError(message), 0)
end

-- The state of the file that a method was called on. `need` is what the method
-- needs: nil nothing, else "open", "reading" or "writing".
local function check_file(self, name, need)
  local state = getmetatable(self) == metatable and rawget(self, STATE)
  if not state then check.expected(1, name, metatable.__name, self) end
  if not need then return state end
  if state.closed then value_error("I/O operation on closed file") end
  if not state[need] then value_error("file not open for " .. need) end
  return state
end

-- Its results, with the file held until they are there: a tail call would leave
-- it to the collector while it is read.
local function keep(_, ...) return ... end

--- Read by formats, as Lua's `file:read`.
-- "l" (the default) a line without its line feed, "L" with it, "n" a number,
-- "a" all up to the end, a count that many bytes or what is left. Only a line
-- feed ends a line. A "*" before the letter is skipped. An error loses nothing:
-- the next read begins where this one did.
-- @function file:read
-- @tparam[opt="l"] string|integer ...  formats
-- @return a value for each format, up to the first that gives nil; nil at the
-- end of the stream, but "" for "a"
-- @raise ValueError on a closed or write-only file, a negative count and an
-- unknown format; what `conn:recv` raises  [E.3 makefile]
function methods.read(self, ...)
  local state = check_file(self, "read", "reading")
  local formats = reader.take_formats("read", ...)
  return keep(self, state.reader:read(formats))
end

--- An iterator that reads by formats, as Lua's `file:lines`.
-- @function file:lines
-- @tparam[opt="l"] string|integer ...  formats, as in `read`
-- @treturn function  gives what `read` gives, nil at the end of the stream
-- @raise as `read`, here and in the iterator  [E.3 makefile]
function methods.lines(self, ...)
  check_file(self, "lines", "reading")
  local formats = reader.take_formats("lines", ...)
  return function()
    local state = check_file(self, "lines", "reading")
    return keep(self, state.reader:read(formats))
  end
end

--- Write strings and numbers, as Lua's `file:write`.
-- Where sending raises, what was written stays in the buffer, before all that
-- is written later: go on with `flush`, do not write it again.
-- @function file:write
-- @tparam string|number|ssl.buffer ...  what to write
-- @treturn file  the file itself
-- @raise ValueError on a closed or read-only file; what `conn:sendall` raises
-- [E.3 makefile]
function methods.write(self, ...)
  local state = check_file(self, "write", "writing")
  local values = {...}
  for i = 1, select("#", ...) do
    local value = values[i]
    if type(value) == "number" then value = tostring(value) end
    values[i] = check.bytes(i, "write", value)
  end
  state.writer:write(values)
  return self
end

--- Send what is in the buffer.
-- @function file:flush
-- @treturn boolean  true
-- @raise ValueError on a closed file; what `conn:sendall` raises; what was not
-- taken stays in the buffer  [E.3 makefile]
function methods.flush(self)
  check_file(self, "flush", "open").writer:flush()
  return true
end

local BUFFERINGS = {no = true, line = true, full = true}

--- Set how writes are held back, as Lua's `file:setvbuf`.
-- What is held back already goes out with the next write or flush.
-- @function file:setvbuf
-- @tparam string kind  "no" not at all, "line" to the next line feed, "full"
-- until there are `size` bytes ("line" too)
-- @tparam[opt=8192] integer size  bytes
-- @treturn boolean  true
-- @raise ValueError on a closed file, another kind, a negative size
-- [E.3 makefile]
function methods.setvbuf(self, kind, size)
  local state = check_file(self, "setvbuf", "open")
  check.type(1, "setvbuf", "string", kind)
  if not BUFFERINGS[kind] then value_error("invalid buffering") end
  if size ~= nil then check.integer(2, "setvbuf", size) end
  if size and size < 0 then value_error("negative buffer size") end
  state.writer:set_buffering(kind, size)
  return true
end

-- Closing

-- Give up the connection, once.
local function release(state, quiet)
  local conn, hold = state.conn, state.hold
  state.closed, state.conn, state.hold = true, nil, nil
  state.reader:close()
  state.writer:close()
  if hold then hold.release(conn, quiet) end
end

--- Flush and close. Closing a closed file does nothing.
-- The connection stays open, unless it was closed while the file was open.
-- Where sending raises, the file is closed all the same; only SSLWantReadError
-- and SSLWantWriteError leave it open, to be closed again later.
-- @function file:close
-- @treturn boolean  true
-- @raise what `conn:sendall` raises  [E.3 makefile]
function methods.close(self)
  local state = check_file(self, "close")
  if state.closed then return true end
  local ok, err = protect.call(state.writer.flush, state.writer)
  if not ok and writer.is_want(err) then error(err, 0) end
  release(state)
  if not ok then error(err, 0) end
  return true
end

-- The end of a scope: closes in any case, and does not hide the error, if any,
-- that ends it.
function metatable.__close(self, reason)
  local state = check_file(self, "close")
  if state.closed then return end
  local ok, err = protect.call(state.writer.flush, state.writer)
  release(state)
  if not ok and reason == nil then error(err, 0) end
end

-- What was not flushed is lost: a collector must not wait.
local function finalize(state)
  if state and not state.closed then release(state, true) end
end

function metatable.__gc(self)
  finalize(rawget(self, STATE))
end

-- Lua 5.1 and LuaJIT finalize no tables: a userdata that is collected with the
-- state stands in.
local newproxy = rawget(_G, "newproxy")

local function new_guard(state)
  if not newproxy then return nil end
  local guard = newproxy(true)
  getmetatable(guard).__gc = function() finalize(state) end
  return guard
end

function metatable.__tostring(self)
  local state = check_file(self, "tostring")
  if state.closed then return "ssl.file (closed)" end
  return ("ssl.file (%s)"):format(tostring(state):match(": (.*)"))
end

function metatable.__newindex(self, name)
  check_file(self, "__newindex")
  error(errors.AttributeError(("no attribute '%s'"):format(tostring(name))), 0)
end

-- Opening

-- Whether the mode reads and writes; as Python takes it, the letters may come
-- in any order, and "b" means nothing.
local function check_mode(n, name, mode)
  if mode == nil then mode = "r" end
  if type(mode) ~= "string" then check.expected(n, name, "string", mode) end
  if mode:find("[^rwb]") then
    value_error("invalid mode (only r, w, b allowed)")
  end
  local writing = mode:find("w", 1, true) ~= nil
  return not writing or mode:find("r", 1, true) ~= nil, writing
end

--- Make a file on a connection; the body of `conn:makefile`.
-- @param conn  has `recv(n)`, "" at the end, and `sendall(strings)`
-- @tparam[opt="r"] string mode  "r", "w" or "rw"; a "b" changes nothing
-- @tparam[opt=8192] integer buffering  bytes of writes held back; 0 none, 1 to
-- the next line feed, negative the default
-- @tparam table hold  `acquire(conn)`, called now, and `release(conn, quiet)`, called
-- once when the file is closed or collected
-- @treturn file
-- @raise ValueError on another mode  [E.3 makefile]
function file.new(conn, mode, buffering, hold)
  local reading, writing = check_mode(1, "makefile", mode)
  if buffering ~= nil then check.integer(2, "makefile", buffering) end
  local state = {
    conn = conn,
    hold = nil, -- there once the hold is taken
    open = true,
    closed = false,
    reading = reading,
    writing = writing,
    reader = reader.new(conn),
    writer = writer.new(conn, buffering),
  }
  local self = setmetatable({[STATE] = state}, metatable)
  hold.acquire(conn)
  state.hold, state.guard = hold, new_guard(state)
  return self
end

return file
