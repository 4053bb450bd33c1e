--- Does a handshake with a server that has NAME.pem ("server") come about?
-- Gives true; or false and the client's error.
local pair = require "support.pair"

return function(ctx, name)
  local server_ctx <close> = pair.server_context(name)
  local err = pair.refused(ctx, server_ctx)
  return err == nil, err
end
