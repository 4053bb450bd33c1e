--- A server's and a client's context for each test of the SNI callback, and two
-- ends over memory; what a test opens is closed behind it.
--
--     before_each(function() ctx, client_ctx = sni.begin() end)
--     after_each(sni.finish)
local memory = require "support.memory"
local pair = require "support.pair"

local sni = {}

local ctx, client_ctx, ends

--- A server's context, and a client's.
function sni.begin()
  ctx, client_ctx = pair.server_context(), pair.client_context()
  return ctx, client_ctx
end

--- Two ends (support.memory), the client asking for `name` ("localhost"). Closes
-- those before.
function sni.open(name)
  if ends then ends:close() end
  ends = memory.new(client_ctx, ctx, {client = {server_hostname = name}})
  return ends
end

function sni.finish()
  if ends then ends:close() end
  ends = nil
  ctx:close()
  client_ctx:close()
end

return sni
