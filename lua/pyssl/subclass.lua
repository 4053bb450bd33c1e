--- subclass - what a context makes of its new connections.
-- Python's sslsocket_class and sslobject_class (D-14, D-15) are a function here,
-- which is given the connection and returns what its maker is to return.
-- Calls: protect. Called by: context, socket, transport.

local protect = require "pyssl.protect"

local subclass = {}

--- Give a new connection to the function that its context has for it.
-- @tparam ?function class  nil: none
-- @param conn  the connection, closed where the function fails
-- @return what `class` returns; conn where it is nil
-- @raise what `class` raises, unchanged
function subclass.apply(class, conn)
  if class == nil then return conn end
  local ok, result = protect.call(class, conn)
  if ok then return result end
  protect.call(conn.close, conn) -- a transport's may raise
  error(result, 0)
end

return subclass
