--- address - from what a caller writes to addresses that a socket can use.
-- A host and port, {host, port}, or a Unix-domain path; names are looked up on
-- a helper thread, whose end is awaited as any other event.
-- Calls: check, errors, protect, waiter. Called by: socket, context, pyssl.

local core = require "pyssl.core"
local check = require "pyssl.check"
local errors = require "pyssl.errors"
local protect = require "pyssl.protect"
local waiter = require "pyssl.waiter"

local address = {}

local resolve = core.steps.resolve

local OVER = 0 -- a deadline that has passed

-- The program's own resolver, or nil (ssl.set_resolver).
local custom

local function value_error(message)
  error(errors.ValueError(message), 0)
end

-- {host, port, flowinfo, scope}, as results have it: the scope goes to the host.
local function from_table(t)
  local host, scope = t[1], t[4]
  if type(host) ~= "string" then
    value_error("an address is a host and a port, or a path")
  end
  if type(scope) == "number" and scope ~= 0 and not host:find("%", 1, true) then
    host = ("%s%%%d"):format(host, scope)
  end
  return host, t[2]
end

local function to_port(port)
  if type(port) == "string" and port:find("^%d+$") then port = tonumber(port) end
  if type(port) ~= "number" or not (port >= 0 and port <= 65535)
      or port % 1 ~= 0 then
    value_error("a port is an integer from 0 to 65535")
  end
  return port
end

--- Take a host and a port from ("host", port), ({"host", port}) or ("/path").
-- @param host, port  what the caller wrote
-- @tparam string name  of the method, for errors about the type of `host`
-- @tparam[opt=0] integer depth  calls between that method and this function
-- @treturn string  host or path
-- @treturn ?integer  port; nil for a path
-- @raise ValueError for anything else
function address.take(host, port, name, depth)
  if type(host) == "table" then host, port = from_table(host) end
  if type(host) ~= "string" then
    check.expected(1, name, "string", host, depth)
  end
  if port == nil then
    if host:find("/", 1, true) or host:byte() == 0 then return host end
    value_error("an address needs a host and a port")
  end
  if host:find("\0", 1, true) then value_error("embedded NUL in a host name") end
  return host, to_port(port)
end

-- Wait for a look-up as the connection waits.
local function await(conn, lookup, port, deadline)
  local outside = conn.timeout ~= 0 and core.waiter(conn) ~= nil
  local list, status, left = resolve(lookup, port, outside, nil, deadline)
  while list == nil do
    if status == "read" and not waiter.wait(conn, lookup, "r", left) then
      left = OVER
    end
    list, status, left = resolve(lookup, port, outside, nil, left)
  end
  return list
end

-- Look a name up on a helper thread. Whatever ends that, nothing of it is left.
local function look_up(conn, host, port, family, deadline)
  local lookup = core.new_resolver(host, family)
  core.keep_lookup(conn, lookup)
  local ok, list = protect.call(await, conn, lookup, port, deadline)
  core.drop_lookup(conn, lookup)
  if not ok then error(list, 0) end
  return list
end

-- The addresses in a resolver's answer, of the family that was asked for.
local function take_answer(answer, port, family)
  local list = {}
  if type(answer) == "string" then answer = {answer} end
  if type(answer) ~= "table" then
    value_error("a resolver returns a list of addresses, or nil and a message")
  end
  for i = 1, #answer do
    local text = answer[i]
    if type(text) ~= "string" or not core.numeric_address(text, port, "any") then
      value_error("a resolver returns numeric addresses, not "
                  .. tostring(text))
    end
    list[#list + 1] = core.numeric_address(text, port, family)
  end
  return list
end

-- Ask the program's own resolver.
local function ask_custom(host, port, family, deadline)
  local answer, message = custom(host, family, core.left(deadline))
  local list = answer == nil and {} or take_answer(answer, port, family)
  if core.left(deadline) == 0 then
    error(errors.TimeoutError("the resolve operation timed out",
                              {op = "resolve"}), 0)
  end
  if #list > 0 then return list end
  if type(message) ~= "string" then
    message = "the resolver found no address of " .. host
  end
  error(errors.OSError(message, {library = "DNS", reason = "EAI_NONAME",
                                 op = "resolve"}), 0)
end

--- Have names looked up by a function of the program's: an event loop's own
-- resolver, say. It is given names only, never numeric addresses.
-- @function set_resolver
-- @tparam ?function f  f(host, family, timeout) gives a list of numeric
-- addresses, in the order to try them, or nil and a message. `host` is ASCII;
-- `family` is "any", "inet" or "inet6"; `timeout` the seconds that are left, nil
-- where there is no limit. It may yield; what it raises comes out unchanged.
-- nil: look names up on a helper thread, as at first.
-- @treturn boolean  true
function address.set_resolver(f)
  if f ~= nil then check.type(1, "set_resolver", "function", f) end
  custom = f
  return true
end

--- All addresses of a host, in the order to try them.
-- @tparam ssl.socket conn  for which; its waiter waits for the answer
-- @tparam string host  name, numeric address, or path (then port is nil)
-- @tparam ?integer port
-- @tparam[opt="any"] string family  "any", "inet" or "inet6"
-- @tparam ?number deadline  as from core.deadline
-- @treturn table  list of addresses, each a string of a system address's bytes
-- @raise OSError with library "DNS" where the name is not found, TimeoutError,
-- ValueError for a name that is not ASCII and no international host name
function address.lookup(conn, host, port, family, deadline)
  if port == nil then
    local path = core.unix_address(host)
    if not path then value_error("impossible Unix-domain path") end
    return {path}
  end
  local numeric = core.numeric_address(host, port, family)
  if numeric then return {numeric} end
  local name = core.host_name(host)
  if custom then return ask_custom(name, port, family or "any", deadline) end
  return look_up(conn, name, port, family, deadline)
end

--- The same for the near end, where "" is every interface, of either family.
function address.lookup_near(conn, host, port, family, deadline)
  if host ~= "" or port == nil then
    return address.lookup(conn, host, port, family, deadline)
  end
  local list = {}
  for _, each in ipairs {"0.0.0.0", "::"} do
    list[#list + 1] = core.numeric_address(each, port, family)
  end
  return list
end

--- The address of the near end to go with one of the far end.
-- @tparam ?table near  list of addresses, nil for none
-- @tparam string far  address
-- @treturn ?string  the first of the same family, else the first
function address.match(near, far)
  if near == nil then return nil end
  for _, each in ipairs(near) do
    if core.same_family(each, far) then return each end
  end
  return near[1]
end

--- An address as people write it: "host:port", "[host]:port" or a path.
function address.show(bytes)
  local host, port = core.show_address(bytes)
  if not port then return host end
  return (host:find(":", 1, true) and "[%s]:%d" or "%s:%d"):format(host, port)
end

return address
