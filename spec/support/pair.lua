--- Connected pairs, both ends in this process: the handshake is driven step by
-- step without blocking, and afterwards both ends block with a time limit.
-- Neither end is closed here: a spec closes what it opened (pair.close).
local certs = require "support.certs"
local native = require "native"
local scale = require "support.scale"
local ssl = require "pyssl"

local pair = {LIMIT = 20 * scale.factor}

--- A client's context that trusts the suite's root.
function pair.client_context(settings)
  local ctx = ssl.create_default_context {cafile = certs.path "ca.pem"}
  for name, value in pairs(settings or {}) do ctx[name] = value end
  return ctx
end

--- A server's context with a certificate of the suite.
function pair.server_context(name, settings)
  local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  name = name or "server"
  ctx:load_cert_chain(certs.path(name .. ".pem"), certs.path(name .. ".key"))
  for key, value in pairs(settings or {}) do ctx[key] = value end
  return ctx
end

-- Is it a want, which is no failure?
local function is_want(err)
  return type(err) == "table" and err.is
    and (err:is(ssl.SSLWantReadError) or err:is(ssl.SSLWantWriteError))
end
pair.is_want = is_want

--- Drive an operation on each end until both have ended.
-- `ends` is a list of {f, ...}. Gives a list of {ok, results...}.
function pair.drive(...)
  local ends, results, open = {...}, {}, select("#", ...)
  local deadline = native.now() + pair.LIMIT
  while open > 0 do
    assert(native.now() < deadline, "the pair is stuck")
    for i, call in ipairs(ends) do
      if not results[i] then
        local out = table.pack(pcall(table.unpack(call)))
        if out[1] or not is_want(out[2]) then
          results[i], open = out, open - 1
        end
      end
    end
  end
  return results
end

--- Two ends connected over TCP on loopback, TLS begun, no handshake yet; both
-- non-blocking. `options.client` and `options.server` go to wrap_socket.
function pair.tcp(client_ctx, server_ctx, options)
  options = options or {}
  local listener = server_ctx:wrap_socket(nil, pair.merge(
    {server_side = true, do_handshake_on_connect = false}, options.server))
  listener:bind("127.0.0.1", 0)
  listener:listen(1)
  local client = client_ctx:wrap_socket(nil, pair.merge(
    {server_hostname = "localhost", do_handshake_on_connect = false},
    options.client))
  client:connect(listener:getsockname())
  local server = listener:accept()
  listener:close()
  client:settimeout(0)
  server:settimeout(0)
  return client, server
end

function pair.merge(base, more)
  for key, value in pairs(more or {}) do base[key] = value end
  return base
end

--- A pair whose handshake is done, both ends blocking with a time limit.
function pair.connected(client_ctx, server_ctx, options)
  local client, server = pair.tcp(client_ctx or pair.client_context(),
                                  server_ctx or pair.server_context(), options)
  local results = pair.drive({client.do_handshake, client},
                             {server.do_handshake, server})
  for _, result in ipairs(results) do
    if not result[1] then
      pair.close(client, server)
      error(result[2], 0)
    end
  end
  client:settimeout(pair.LIMIT)
  server:settimeout(pair.LIMIT)
  return client, server
end

--- A handshake that is expected to fail: the errors of client and server (nil
-- for an end that succeeded); both ends are closed.
function pair.refused(client_ctx, server_ctx, options)
  local client, server = pair.tcp(client_ctx, server_ctx, options)
  local results = pair.drive({client.do_handshake, client},
                             {server.do_handshake, server})
  pair.close(client, server)
  local function failure(i)
    if results[i][1] then return nil end
    return results[i][2]
  end
  return failure(1), failure(2)
end

function pair.close(...)
  for i = 1, select("#", ...) do
    local each = select(i, ...)
    if each then each:close() end
  end
end

return pair
