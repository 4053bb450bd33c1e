--- pyssl as a server, as service.lua says.
local service = require "bench.service"
local ssl = require "pyssl"

local dir = service.dir

local ctx = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
ctx:load_cert_chain(dir .. "/server.pem", dir .. "/server.key")
local listener = ctx:wrap_socket(nil, {server_side = true})
listener:bind("127.0.0.1", 0)
listener:listen(1024)

service.say((select(2, listener:getsockname())))

local server = {}

-- Take a connection, which is not to wait from then on, and answer once.
local function take()
  local conn = listener:accept()
  conn:settimeout(0)
  local data
  repeat
    data = ssl.try(conn.recv, conn, 100)
    if not data then ssl.wait(conn, "r") end
  until data
  conn:sendall(data)
  return conn
end

function server.hold()
  service.hold(take)
end

local function echo(conn)
  repeat
    local data = conn:recv(100)
    if data ~= "" then conn:sendall(data) end
  until data == ""
  conn:close()
end

-- A request is what ends with an empty line.
local function answer(conn)
  local request = ""
  repeat
    local data = conn:recv(4096)
    request = request .. data
    if request:find("\r\n\r\n", 1, true) then
      conn:sendall(service.ANSWER)
      if request:find("Connection: close", 1, true) then break end
      request = ""
    end
  until data == ""
  conn:close()
end

-- Serve every connection in a coroutine of its own until the input ends.
local function loop(serve)
  local cqueues = require "cqueues"
  require("pyssl.loop.cqueues").install()
  local controller = cqueues.new()
  controller:wrap(function()
    while true do
      local conn = listener:accept()
      controller:wrap(function() ssl.try(serve, conn) end)
    end
  end)
  controller:wrap(service.obey)
  assert(controller:loop())
end

function server.idle()
  loop(echo)
end

function server.https()
  loop(answer)
end

service.run(server)
