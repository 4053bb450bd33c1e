--- The callbacks that a handshake asks, and two ends over memory whose contexts
-- have them: a server that demands a certificate, a client that has one.
--
--     for _, kind in ipairs(asked.KINDS) do
--       local ends = asked.open {[kind] = function(conn, ...) ... end}
local certs = require "support.certs"
local memory = require "support.memory"
local pair = require "support.pair"
local verifying = require "support.verifying"
local ssl = require "pyssl"

local asked = {}

local OTHER = {client = "server", server = "client"}

-- `accept` is what goes on, `alert` what the other end gets of a failure.
asked.KINDS = {
  {name = "client_hello_callback", side = "server", alert = 40},
  {name = "sni_callback", side = "server", alert = 40},
  {name = "cert_callback", side = "server", alert = 80},
  {name = "verify_callback", side = "client", alert = 42, accept = true},
  {name = "cert_callback", side = "client", alert = 80},
  {name = "verify_callback", side = "server", alert = 42, accept = true},
}
for _, kind in ipairs(asked.KINDS) do
  kind.title = ("%s of a %s"):format(kind.name, kind.side)
end

--- Contexts {client =, server =}; `version` is the only one, where given.
function asked.contexts(version)
  local ctx = {client = pair.client_context(),
               server = verifying.asking(ssl.CERT_REQUIRED)}
  ctx.client:load_cert_chain(certs.path "client.pem", certs.path "client.key")
  if version then ctx.server.maximum_version = version end
  return ctx
end

--- Two ends, asking `callbacks`, a map from kind to function.
function asked.open(callbacks, version, options)
  local ctx = asked.contexts(version)
  for kind, f in pairs(callbacks) do ctx[kind.side][kind.name] = f end
  return memory.new(ctx.client, ctx.server, options)
end

--- Close the contexts of a test, and its ends if there are any; gives nil.
function asked.finish(ctx, ends)
  if ends then ends:close() end
  for _, each in pairs(ctx) do each:close() end
  return nil
end

--- A coroutine that performs the handshake and gives its errors, as hands does.
function asked.hands(ends)
  return coroutine.create(function() return ends:hands() end)
end

--- Go on with it, and give what it yields or returns.
function asked.resume(co, ...)
  local results = table.pack(coroutine.resume(co, ...))
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

--- The error that `side` has got for what the other one did.
function asked.failure(ends, side)
  for _ = 1, 2 do
    ends:move()
    local ok, err = memory.try(ends[side].read, ends[side], 1)
    if ok == false then return err end
  end
  error "nothing came"
end

--- The end that is not `side`.
function asked.other(side)
  return OTHER[side]
end

--- Data goes both ways.
function asked.talk(ends)
  for side, other in pairs(OTHER) do
    ends[side]:write("from " .. side)
    ends:move()
    assert(ends[other]:read() == "from " .. side)
  end
end

return asked
