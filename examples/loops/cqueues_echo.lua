-- An echo server on cqueues: lua5.4 cqueues_echo.lua CERT.pem KEY.pem [PORT]
-- It prints where it listens, and serves all clients at once.

local cqueues = require "cqueues"
local ssl = require "pyssl"
require("pyssl.loop.cqueues").install()

local ctx = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
ctx:load_cert_chain(arg[1], arg[2])
local listener = ctx:wrap_socket(nil, {server_side = true})
listener:bind("127.0.0.1", tonumber(arg[3] or 0))
listener:listen()
print(("listening on %s:%d"):format(listener:getsockname()))
io.stdout:flush()

local function serve(conn)
  conn:settimeout(60)
  local data = conn:recv()
  while data ~= "" do
    conn:sendall(data)
    data = conn:recv()
  end
end

local controller = cqueues.new()
controller:wrap(function()
  while true do
    local conn = listener:accept()
    controller:wrap(function()
      local _, err = ssl.try(serve, conn) -- a client may break off
      if err then print(err) end
      conn:close()
    end)
  end
end)
assert(controller:loop())
