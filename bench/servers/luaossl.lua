--- luaossl with cqueues as a server, as service.lua says.
local cqueues = require "cqueues"
local context = require "openssl.ssl.context"
local pkey = require "openssl.pkey"
local service = require "bench.service"
local socket = require "cqueues.socket"
local x509 = require "openssl.x509"

local dir = service.dir

local function slurp(name)
  local file = assert(io.open(dir .. "/" .. name))
  local text = file:read("a")
  file:close()
  return text
end

local ctx = context.new("TLS", true)
ctx:setCertificate(x509.new(slurp("server.pem")))
ctx:setPrivateKey(pkey.new(slurp("server.key")))
local listener = socket.listen {host = "127.0.0.1", port = 0}
listener:listen()

service.say((select(3, listener:localname())))

local server = {}

local NODELAY = {nodelay = true}

local function start(conn)
  conn:setmode("bn", "bn")
  conn:onerror(function(_, _, code) return code end)
  return conn:starttls(ctx)
end

local function take()
  local conn = listener:accept(NODELAY)
  assert(start(conn))
  conn:write(conn:read(100))
  return conn
end

function server.hold()
  service.hold(take)
end

local function echo(conn)
  while true do
    local data = conn:read(-100)
    if not data or data == "" then break end
    conn:write(data)
  end
  conn:close()
end

local function answer(conn)
  while true do
    local closing = false
    repeat
      local line = conn:read("*L")
      if not line then return conn:close() end
      if line == "Connection: close\r\n" then closing = true end
    until line == "\r\n"
    conn:write(service.ANSWER)
    if closing then return conn:close() end
  end
end

local function loop(serve)
  local controller = cqueues.new()
  controller:wrap(function()
    while true do
      local conn = assert(listener:accept(NODELAY))
      controller:wrap(function()
        if start(conn) then serve(conn) end
      end)
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
