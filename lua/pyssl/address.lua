--- address - from what a caller writes to addresses that a socket can use.
-- A host and port, {host, port}, or a Unix-domain path; names are looked up on
-- a helper thread, whose end is awaited as any other event.
-- Calls: check, errors, op. Called by: socket, context.

local core = require "pyssl.core"
local check = require "pyssl.check"
local errors = require "pyssl.errors"
local op = require "pyssl.op"

local address = {}

local resolve = op.until_deadline(core.steps.resolve)

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

--- All addresses of a host, in the order to try them.
-- @tparam string host  name, numeric address, or path (then port is nil)
-- @tparam ?integer port
-- @tparam[opt="any"] string family  "any", "inet" or "inet6"
-- @tparam ?number deadline  as from core.deadline
-- @treturn table  list of addresses, each a string of a system address's bytes
-- @raise OSError with library "DNS" where the name is not found, TimeoutError,
-- ValueError for a name that is not ASCII and no international host name
function address.lookup(host, port, family, deadline)
  if port == nil then
    local path = core.unix_address(host)
    if not path then value_error("impossible Unix-domain path") end
    return {path}
  end
  local numeric = core.numeric_address(host, port, family)
  if numeric then return {numeric} end
  local resolver = core.new_resolver(core.host_name(host), family)
  return (resolve(resolver, deadline, port))
end

--- The same for the near end, where "" is every interface, of either family.
function address.lookup_near(host, port, family, deadline)
  if host ~= "" or port == nil then
    return address.lookup(host, port, family, deadline)
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
