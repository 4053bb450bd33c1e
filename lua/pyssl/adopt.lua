--- adopt - taking over a descriptor from whatever carries one.
-- A number; an object of LuaSocket (getfd, setfd), luv (fileno) or cqueues
-- (pollfd); a plain ssl.socket. Exactly one owner is left, so that a descriptor
-- is never closed twice, and bytes read ahead are handed on.
-- Calls: errors. Called by: context.

local core = require "pyssl.core"
local errors = require "pyssl.errors"

local adopt = {}

local function value_error(message)
  error(errors.ValueError(message), 0)
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

-- LuaSocket's object becomes a shell.
local function from_luasocket(sock)
  local fd = sock:getfd()
  core.check_stream(fd)
  local timeout = sock.gettimeout and sock:gettimeout()
  local initial = drain_luasocket(sock)
  sock:setfd(-1)
  return fd, timeout and timeout >= 0 and timeout or nil, initial
end

-- What cqueues has read ahead; nothing may wait to be written.
local function drain_cqueues(sock)
  local input, output = sock:pending()
  if output > 0 and not sock:flush("n", 0) then
    value_error("the socket has output that it could not flush")
  end
  if input == 0 then return "" end
  sock:setmode("bn", "bn")
  return sock:recv(-input) or ""
end

-- An object that cannot give its descriptor up: a copy, then it is closed.
local function from_owner(sock, fd)
  core.check_stream(fd)
  local initial = sock.pending and drain_cqueues(sock) or ""
  local copy = core.duplicate(fd)
  sock:close()
  return copy, nil, initial
end

-- An ssl.socket that carries no TLS, fresh or unwrapped.
local function from_ours(sock)
  if core.steps.has_tls(sock) then
    value_error("the socket carries TLS already: for TLS inside TLS use "
                .. "wrap_transport")
  end
  local timeout = sock.timeout
  core.check_stream(sock:fileno())
  local fd, initial = core.steps.give_up(sock)
  return fd, timeout, initial
end

local function method(sock, name)
  local value = sock[name]
  return type(value) == "function" and value or nil
end

--- Take a descriptor over. Until it is taken, an error leaves `sock` as it was.
-- @param sock  number or object
-- @treturn integer  the descriptor, owned by the caller now
-- @treturn ?number  the object's timeout, nil for none
-- @treturn string  bytes that had been read from it already
-- @raise OSError where it has no open descriptor, NotImplementedError for one
-- that is no stream socket, ValueError for an ssl.socket with TLS
function adopt.take(sock)
  local kind = type(sock)
  if kind == "number" and sock % 1 == 0 then
    core.check_stream(sock)
    return sock, nil, ""
  end
  if core.is_socket(sock) then return from_ours(sock) end
  if kind == "userdata" or kind == "table" then
    if method(sock, "getfd") and method(sock, "setfd") then
      return from_luasocket(sock)
    end
    for _, name in ipairs {"getfd", "fileno", "pollfd"} do
      if method(sock, name) then return from_owner(sock, sock[name](sock)) end
    end
  end
  error(("bad argument #1 to 'wrap_socket' (socket or descriptor expected, "
         .. "got %s)"):format(kind), 0)
end

return adopt
