--- A script of its own, for sigpipe_spec.lua: peers that vanish, in a process
-- where SIGPIPE is as `disposition` says ("default", "ignore", "catch").
-- Arguments: the directory of the suite's certificates, the disposition. Prints
-- a line for each thing that went as it should; what fails is an error. Loads
-- no LuaSocket, which would ignore SIGPIPE for all of us.
local native = require "native"

local directory, disposition = ...
native.signal("SIGPIPE", disposition)

local certs = require "support.certs"
certs.dir = directory
local pair = require "support.pair"
local ssl = require "pyssl"

-- An established pair whose server is gone, having reset the connection: it
-- closed with input unread.
local function abandoned()
  local client, server = pair.connected()
  client:send "never read"
  native.close(server:detach())
  return client
end

-- f fails with one of the errors of a connection that is gone.
local GONE = {EPIPE = true, ECONNRESET = true}

local function gone(f, ...)
  local ok, err = pcall(f, ...)
  assert(not ok, "it did not fail")
  assert(type(err) == "table", err)
  assert(err:is(ssl.SSLEOFError) or GONE[err.name], tostring(err))
end

-- Call until it fails: what the system still takes is no error.
local function repeatedly(f, ...)
  for _ = 1, 1000 do
    local ok, err = pcall(f, ...)
    if not ok then return gone(error, err) end
  end
  error "nothing ever failed"
end

local CASES = {
  send = function()
    local client = abandoned()
    repeatedly(client.send, client, ("x"):rep(1000))
    gone(client.send, client, "x")
    client:close()
  end,
  sendall = function()
    local client = abandoned()
    gone(client.sendall, client, ("x"):rep(64 * 1024 * 1024))
    client:close()
  end,
  makefile = function()
    local client = abandoned()
    local file = client:makefile "w"
    repeatedly(function()
      file:write(("x"):rep(20000))
      file:flush()
    end)
    pcall(file.close, file)
    client:close()
  end,
  sendfile = function()
    local client = abandoned()
    local file = assert(io.open("/dev/zero", "rb"))
    gone(client.sendfile, client, file)
    file:close()
    client:close()
  end,
  close = function()
    local client = abandoned()
    assert(client:close())
  end,
  close_write = function()
    local client = abandoned()
    repeatedly(function()
      client:close_write()
      client:send "x"
    end)
    client:close()
  end,
  ["close after a failed write"] = function()
    local client = abandoned()
    repeatedly(client.send, client, "x")
    assert(client:close())
  end,
  unwrap = function()
    local client = abandoned()
    gone(client.unwrap, client)
    client:close()
  end,
  ["the scope's end"] = function()
    local client <close> = abandoned()
    repeatedly(client.send, client, "x")
  end,
  ["the collector"] = function()
    abandoned()
    collectgarbage()
  end,
  handshake = function()
    for _, side in ipairs{"client", "server"} do
      local ours, theirs = native.socketpair()
      native.close(theirs)
      local ctx = side == "client" and pair.client_context()
        or pair.server_context()
      local ok, conn = pcall(ctx.wrap_socket, ctx, ours, {
        server_side = side == "server", do_handshake_on_connect = false,
        server_hostname = side == "client" and "localhost" or nil})
      if ok then
        gone(conn.do_handshake, conn)
        conn:close()
      else
        native.close(ours)
      end
    end
  end,
  ["plain mode"] = function()
    local client, server = pair.connected()
    client:settimeout(0)
    server:settimeout(0)
    pair.drive({client.unwrap, client}, {server.unwrap, server})
    client:settimeout(pair.LIMIT)
    client:send "plain"
    native.close(server:detach())
    repeatedly(client.send, client, "x")
    client:close()
  end,
}

-- What a case does goes through a Unix-domain pair as well.
local function over_unix()
  local a, b = native.socketpair()
  local options = {do_handshake_on_connect = false}
  local client = pair.client_context():wrap_socket(a,
    pair.merge({server_hostname = "localhost"}, options))
  local server = pair.server_context():wrap_socket(b,
    pair.merge({server_side = true}, options))
  client:settimeout(0)
  server:settimeout(0)
  pair.drive({client.do_handshake, client}, {server.do_handshake, server})
  server:close()
  repeatedly(client.send, client, "x")
  client:close()
end
CASES["a Unix-domain socket"] = over_unix

assert(not package.loaded["socket.core"], "LuaSocket is here")
for name, case in pairs(CASES) do
  case()
  print(name)
end
collectgarbage()
assert(native.signal "SIGPIPE" == disposition, "the disposition has changed")
print "alive"
