-- A TLS echo server: lua5.4 echo_server.lua CERT.pem KEY.pem [CONNECTIONS]
-- It prints where it listens, serves so many connections one after the other
-- (default: no end), and sends back every line it gets.

local ssl = require "pyssl"

local ctx = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
ctx:load_cert_chain(arg[1], arg[2])

local listener = ctx:wrap_socket(nil, {server_side = true})
listener:bind("127.0.0.1", 0)
listener:listen()
print(("listening on %s:%d"):format(listener:getsockname()))
io.stdout:flush()

local function serve(conn)
  local client <close> = conn:makefile("r")
  for line in client:lines("L") do conn:sendall(line) end
end

if arg[3] then listener:settimeout(60) end -- a demo ends by itself
for _ = 1, tonumber(arg[3]) or math.huge do
  -- A client that refuses us, or breaks off, must not end the server.
  local conn, err = ssl.try(listener.accept, listener)
  if conn then
    conn:settimeout(60)
    ssl.try(serve, conn)
    conn:close()
  elseif err:is(ssl.TimeoutError) and err.op == "accept" then
    break
  end
end
listener:close()
