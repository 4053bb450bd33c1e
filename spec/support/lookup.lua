--- What the code of lookuphost.run runs with, in the process of
-- lookup_host.c: this table is its environment. Its arguments are the paths of the client's CA
-- and of the server's certificate and key.
local lookup = require "lookup"
local native = require "native"
local scale = require "support.scale"
local scheduler = require "support.scheduler"
local ssl = require "pyssl"

local env = setmetatable({
  lookup = lookup, native = native, scale = scale, scheduler = scheduler,
  ssl = ssl,
}, {__index = _G})

env.ctx = ssl.create_default_context {cafile = arg[1]}

local server_ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server_ctx:load_cert_chain(arg[2], arg[3])

function env.equal(wanted, found)
  if wanted ~= found then
    error(("%s expected, got %s"):format(tostring(wanted), tostring(found)), 2)
  end
end

--- A client's socket that does no handshake.
function env.client()
  return env.ctx:wrap_socket(nil,
    {server_hostname = "x", do_handshake_on_connect = false})
end

--- Sockets, each with an address of its own and all with one port, which the
-- system chooses. Those with a backlog in `listen` listen. Returns the port.
function env.sockets(...)
  local port, list = 0, {}
  for i, each in ipairs {...} do
    local s = server_ctx:wrap_socket(nil, {server_side = true})
    s:bind(each.host, port)
    port = select(2, s:getsockname())
    if each.listen then s:listen(each.listen) end
    list[i] = s
  end
  env.open = list -- they stay open as long as the process
  return port
end

--- Connect without a handshake.
function env.connect(host, port, options)
  options = options or {}
  options.do_handshake_on_connect = false
  return env.ctx:connect(host, port, options)
end

--- The error that connect raises, and the seconds that it took.
function env.fail(...)
  local before = native.now()
  local conn, err = ssl.try(env.connect, ...)
  assert(conn == nil and err, "no error was raised")
  return err, native.now() - before
end

function env.on_time(seconds, limit)
  if seconds < limit - 0.001 or seconds > limit + scale.tolerance(0.05) then
    error(("took %g s, not %g s"):format(seconds, limit), 2)
  end
end

--- Wait until no look-up runs and none has left anything: no list, and no
-- descriptor beyond `descriptors`.
function env.settle(descriptors)
  local patience = native.now() + scale.tolerance(5)
  while true do
    local lists, calls = lookup.state()
    local more = native.fd_count() - descriptors
    if lists == 0 and calls == 0 and more == 0 then return end
    if native.now() > patience then
      error(("%d lists, %d look-ups, %d descriptors are left"):format(lists,
        calls, more), 2)
    end
    native.poll({}, {}, 0.005)
  end
end

return env
