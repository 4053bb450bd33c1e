--- address - from what a caller writes to addresses that a socket can use.
-- A host and port, {host, port}, or a Unix-domain path; names are looked up on
-- a helper thread, whose end is awaited as any other event.
-- Calls: op, errors. Called by: socket, connect.

local core = require "pyssl.core"
local errors = require "pyssl.errors"
local op = require "pyssl.op"

local address = {}

local resolve = op.until_deadline(core.steps.resolve)

local function value_error(message)
  error(errors.ValueError(message), 0)
end

--- Take a host and a port from ("host", port), ({"host", port}) or ("/path").
-- @treturn string  host or path
-- @treturn ?integer  port; nil for a path
-- @raise ValueError for anything else
function address.take(host, port)
  if type(host) == "table" then host, port = host[1], host[2] end
  if type(host) ~= "string" then
    value_error("an address is a host and a port, or a path")
  end
  if port == nil then
    if host:find("/", 1, true) or host:byte() == 0 then return host end
    value_error("an address needs a host and a port")
  end
  local number = type(port) == "number" and port or tonumber(port)
  if not number or number % 1 ~= 0 or number < 0 or number > 65535 then
    value_error("a port is an integer from 0 to 65535")
  end
  if host:find("\0", 1, true) then value_error("embedded NUL in a host name") end
  return host, number
end

--- All addresses of a host, in the order to try them.
-- @tparam string host  name, numeric address, or path (then port is nil)
-- @tparam ?integer port
-- @tparam[opt="any"] string family  "any", "inet" or "inet6"
-- @tparam ?number deadline  as from core.deadline
-- @treturn table  list of addresses, each a string of a system address's bytes
-- @raise OSError with library "DNS" where the name is not found, TimeoutError
function address.lookup(host, port, family, deadline)
  if port == nil then
    local path = core.unix_address(host)
    if not path then value_error("impossible Unix-domain path") end
    return {path}
  end
  local numeric = core.numeric_address(host, port, family)
  if numeric then return {numeric} end
  return (resolve(core.new_resolver(host, family), deadline, port))
end

--- The address to bind to: "" is every interface.
function address.to_bind(host, port)
  host, port = address.take(host, port)
  if host == "" then host = "0.0.0.0" end
  return address.lookup(host, port)[1]
end

--- An address as people write it: "host:port", "[host]:port" or a path.
function address.show(bytes)
  local host, port = core.show_address(bytes)
  if not port then return host end
  return (host:find(":", 1, true) and "[%s]:%d" or "%s:%d"):format(host, port)
end

return address
