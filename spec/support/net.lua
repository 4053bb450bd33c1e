--- Sockets in every state that specs about connections need, and a server in a
-- child for clients that block. Whoever asks for something closes it.
local certs = require "support.certs"
local child = require "support.child"
local native = require "native"
local pair = require "support.pair"
local scale = require "support.scale"
local ssl = require "pyssl"

local net = {}

local client_ctx, server_ctx

--- A client's context that verifies, a server's with server.pem; both are made
-- once, and not to be changed.
function net.client_context()
  client_ctx = client_ctx or pair.client_context()
  return client_ctx
end

function net.server_context()
  server_ctx = server_ctx or pair.server_context()
  return server_ctx
end

--- An ssl.socket that listens on host and port (127.0.0.1, 0) or a path.
-- `options` go to wrap_socket.
function net.listener(options, host, port)
  local listener = net.server_context():wrap_socket(nil,
    pair.merge({server_side = true}, options))
  if host then listener:bind(host, port) else listener:bind("127.0.0.1", 0) end
  listener:listen(5)
  return listener
end

--- A client's ssl.socket without a descriptor. `options` go to wrap_socket.
function net.client(options)
  return net.client_context():wrap_socket(nil,
    pair.merge({server_hostname = "localhost"}, options))
end

--- Two ends of a TCP connection, as plain descriptors.
function net.fds()
  local quiet = {do_handshake_on_connect = false}
  local listener <close> = net.listener(quiet)
  local client = net.client(quiet)
  client:connect(listener:getsockname())
  local server = listener:accept()
  return client:detach(), server:detach()
end

--- A client of LuaSocket, and the connection that its server has accepted.
function net.luasockets()
  local socket = require "socket"
  local listener = socket.bind("127.0.0.1", 0)
  local host, port = listener:getsockname()
  local client = assert(socket.connect(host, port))
  local server = assert(listener:accept())
  listener:close()
  return client, server
end

--- Close the descriptor that an ssl.socket or a number has, so that the peer
-- gets a reset.
function net.reset(fd)
  local conn = net.client_context():wrap_socket(fd,
    {server_hostname = "x", do_handshake_on_connect = false})
  conn:setsockopt("SOL_SOCKET", "SO_LINGER", string.pack("ii", 1, 0))
  native.close(conn:detach())
end

--- A server's end on a descriptor that shakes hands with `client` (an ssl.socket
-- with TLS): returns it when both are done, blocking with a time limit.
function net.shake(client, fd, options)
  local timeout = client.timeout
  local server = net.server_context():wrap_socket(fd, pair.merge(
    {server_side = true, do_handshake_on_connect = false}, options))
  client:settimeout(0)
  server:settimeout(0)
  local results = pair.drive({client.do_handshake, client},
                             {server.do_handshake, server})
  client:settimeout(timeout)
  server:settimeout(pair.LIMIT)
  for _, result in ipairs(results) do
    if not result[1] then
      server:close()
      error(result[2], 0)
    end
  end
  return server
end

--- Send a text each way over a connection.
function net.talk(client, server)
  client:sendall("ping")
  assert(server:recv(10) == "ping", "the server did not get it")
  server:sendall("pong")
  assert(client:recv(10) == "pong", "the client did not get it")
end

--- Send a text and the end of the stream, in a scheduler whose waiter both ends
-- have; all that the server reads until then.
function net.finish(loop, client, server, text)
  local got = {}
  loop:spawn(function()
    client:sendall(text)
    client:close_write()
  end)
  loop:spawn(function()
    local data
    repeat
      data = server:recv(16384)
      got[#got + 1] = data
    until data == ""
  end)
  loop:run()
  return table.concat(got)
end

--- A port of 127.0.0.1 that nobody listens on, but that is not given away while
-- its socket is open: closes with <close>.
function net.refusing(host)
  local holder = net.client()
  holder:bind(host or "127.0.0.1", 0)
  local _, port = holder:getsockname()
  return holder, port
end

--- A listener whose queue is full: a connect to it is never answered. Returns
-- its port and what closes it all.
function net.blackhole()
  local listener = net.server_context():wrap_socket(nil, {server_side = true})
  listener:bind("127.0.0.1", 0)
  listener:listen(0)
  local _, port = listener:getsockname()
  local open = {listener}
  repeat
    local filler = net.client()
    filler:settimeout(0)
    filler:connect_ex("127.0.0.1", port)
    open[#open + 1] = filler
    local ready = native.poll({}, {filler:fileno()}, 0.05)
  until not ready or #open > 20
  assert(#open <= 20, "the queue of the listener does not fill")
  return port, setmetatable({}, {__close = function()
    for _, each in ipairs(open) do each:close() end
  end})
end

-- Send back what comes until the end of the stream.
local function echo(conn)
  for data in function() return conn:recv(4096) end do
    if data == "" then return "done" end
    conn:sendall(data)
  end
end

local function attempt(listener, talk)
  local ok, conn, peer = pcall(listener.accept, listener)
  if not ok then return tostring(conn) end
  local result = talk(conn, peer)
  conn:close()
  return tostring(result)
end

--- A server in a child that takes `times` (1) connections, one after another.
-- Options: ctx, host, port or path, wrap (options of wrap_socket), and
-- talk(conn, peer), which gives a string (default: echoes). The child's fields
-- host and port say where it listens; join() gives the results, a line each.
function net.serve(options)
  options = options or {}
  local ctx = options.ctx or net.server_context()
  local host = options.path or options.host or "127.0.0.1"
  local port = not options.path and (options.port or 0) or nil
  local peer = child.run(function(channel)
    local listener = ctx:wrap_socket(nil,
      pair.merge({server_side = true}, options.wrap))
    listener:bind(host, port)
    listener:listen(5)
    local _, number = listener:getsockname()
    channel:send(tostring(number or 0))
    local results = {}
    for i = 1, options.times or 1 do
      results[i] = attempt(listener, options.talk or echo)
    end
    listener:close()
    return table.concat(results, "\n")
  end)
  local number = math.tointeger(tonumber(peer:receive()))
  peer.host, peer.port = host, port and number
  return peer
end

--- A path for a Unix-domain socket that does not exist yet.
local paths = 0
function net.path()
  paths = paths + 1
  return ("%s/socket-%d-%d"):format(certs.dir, native.getpid(), paths)
end

--- f(...) must raise an error object: returns it.
function net.failure(f, ...)
  local results = table.pack(ssl.try(f, ...))
  assert(results[1] == nil and results[2], "no error was raised")
  return results[2]
end

--- Seconds that f(...) took, and the error object that it raised.
function net.timed_failure(f, ...)
  local before = native.now()
  local err = net.failure(f, ...)
  return native.now() - before, err
end

--- Is `seconds` what a time limit of `limit` seconds gives?
function net.is_on_time(seconds, limit)
  return seconds >= limit - 0.001 and seconds <= limit + scale.tolerance(0.05)
end

return net
