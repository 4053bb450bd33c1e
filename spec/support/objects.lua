--- objects - one object of every class that a user can have.
-- Calls: certs, pair, resumption. Called by: specs.
local certs = require "support.certs"
local pair = require "support.pair"
local resumption = require "support.resumption"
local ssl = require "pyssl"

local objects = {}

--- New ones, by the names of their classes.
function objects.all()
  local ctx = pair.client_context()
  return {
    ["ssl.context"] = ctx, ["ssl.buffer"] = ssl.buffer("0123456789"),
    ["ssl.socket"] = ctx:wrap_socket(nil, {server_hostname = "localhost"}),
    ["ssl.memorybio"] = ssl.MemoryBIO(),
    ["ssl.object"] = ctx:wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(),
      {server_hostname = "localhost"}),
    ["ssl.certificate"] = ssl.certificate(certs.read "server.pem"),
    ["ssl.privatekey"] = ssl.private_key(certs.read "server.key"),
    ["ssl.session"] = resumption.session(ctx, pair.server_context()),
    ["ssl.purpose"] = ssl.Purpose.SERVER_AUTH,
    ["ssl.error"] = ssl.OSError("text"),
  }
end

--- Close those that can be closed.
function objects.close(all)
  for name, object in pairs(all) do
    if name ~= "ssl.error" and object.close then object:close() end
  end
end

return objects
