--- adopt - taking over a descriptor from whatever carries one.
-- A number; an object of LuaSocket (getfd, setfd), luv (fileno) or cqueues
-- (pollfd); a plain ssl.socket. Exactly one owner is left, so that a descriptor
-- is never closed twice, and bytes read ahead are handed on.
-- Calls: errors. Called by: context.

local core = require "pyssl.core"
local errors = require "pyssl.errors"

local steps = core.steps

local adopt = {}

local function value_error(message)
  error(errors.ValueError(message), 0)
end

-- The field of an object, or nil; also of a userdata that cannot be indexed.
local function method(sock, name)
  local ok, value = pcall(function() return sock[name] end)
  return ok and type(value) == "function" and value or nil
end

local function no_socket(sock)
  error(("bad argument #1 to 'wrap_socket' (socket or descriptor expected, "
         .. "got %s)"):format(type(sock)), 0)
end

-- The descriptor that a method of `sock` tells, of a stream socket.
local function descriptor(sock, name)
  local fd = sock[name](sock)
  if type(fd) ~= "number" or fd % 1 ~= 0 then no_socket(sock) end
  core.check_stream(fd)
  return fd
end

local function from_number(fd)
  core.check_stream(fd)
  return function(conn)
    steps.own(conn, fd)
    return nil, ""
  end
end

-- What LuaSocket has read ahead; at most its own buffer of 8 KiB.
local function drain_luasocket(sock)
  local bytes = {}
  while sock.dirty and sock:dirty() do
    local byte = sock:receive(1)
    if not byte then break end
    bytes[#bytes + 1] = byte
  end
  return table.concat(bytes)
end

-- Its timeout for each call, or else the one for all together; -1 is none.
local function luasocket_timeout(sock)
  if not sock.gettimeout then return nil end
  for _, seconds in ipairs {sock:gettimeout()} do
    if type(seconds) == "number" and seconds >= 0 then return seconds end
  end
end

-- LuaSocket's object becomes a shell.
local function from_luasocket(sock)
  local fd = descriptor(sock, "getfd")
  return function(conn)
    local timeout = luasocket_timeout(sock)
    local read_ahead = drain_luasocket(sock)
    sock:setfd(-1)
    steps.own(conn, fd)
    return timeout, read_ahead
  end
end

-- An object of cqueues: nothing may wait to be written, nor may it have TLS.
local function check_cqueues(sock)
  if method(sock, "checktls") and sock:checktls() then
    value_error("the socket carries TLS already")
  end
  local _, output = sock:pending()
  if output > 0 and not sock:flush("n", 0) then
    value_error("the socket has output that it could not flush")
  end
end

-- What cqueues has read ahead, as it came.
local function drain_cqueues(sock)
  local input = sock:pending()
  if input == 0 then return "" end
  sock:setmode("bn", "bn")
  return sock:recv(-input) or ""
end

-- An object that cannot give its descriptor up: a copy, then it is closed.
local function from_owner(sock, name)
  local fd = descriptor(sock, name)
  local cqueues = method(sock, "pending") and method(sock, "setmode")
  if cqueues then check_cqueues(sock) end
  return function(conn)
    steps.duplicate(conn, fd)
    local timeout = cqueues and sock:timeout() or nil
    local read_ahead = cqueues and drain_cqueues(sock) or ""
    sock:close()
    return timeout, read_ahead
  end
end

-- An ssl.socket that carries no TLS, fresh or unwrapped.
local function from_ours(sock)
  if steps.has_tls(sock) then
    value_error("the socket carries TLS already: for TLS inside TLS use "
                .. "wrap_transport")
  end
  steps.check_open(sock)
  return function(conn)
    steps.move(conn, sock)
    return conn.timeout, ""
  end
end

--- Look at what is to be taken over, and touch nothing.
-- @param sock  number or object
-- @treturn function  take(conn) makes `conn`, a new ssl.socket, the owner of the
-- descriptor; it gives the old owner's timeout, nil for none, and the bytes
-- that it had read from it. Where it raises, the old owner has kept it.
-- @raise OSError where it has no open descriptor, NotImplementedError for one
-- that is no stream socket, ValueError for a socket with TLS
function adopt.taker(sock)
  local kind = type(sock)
  if kind == "number" and sock % 1 == 0 then return from_number(sock) end
  if core.is_socket(sock) then return from_ours(sock) end
  if core.is_connection(sock) then
    value_error("an ssl.transport has no descriptor of its own: use "
                .. "wrap_transport")
  end
  if kind == "userdata" or kind == "table" then
    if method(sock, "getfd") and method(sock, "setfd") then
      return from_luasocket(sock)
    end
    for _, name in ipairs {"getfd", "fileno", "pollfd"} do
      if method(sock, name) and method(sock, "close") then
        return from_owner(sock, name)
      end
    end
  end
  return no_socket(sock)
end

return adopt
