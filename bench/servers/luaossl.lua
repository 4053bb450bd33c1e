--- luaossl with cqueues as a server: lua luaossl.lua KIND DIR [A B], as pyssl.lua.
local cqueues = require "cqueues"
local context = require "openssl.ssl.context"
local pkey = require "openssl.pkey"
local socket = require "cqueues.socket"
local x509 = require "openssl.x509"

local kind, dir = arg[1], arg[2]
local ANSWER = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
  .. "Content-Length: 13\r\n\r\nHello, world\n"

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

local function say(...)
  print(...)
  io.stdout:flush()
end

say((select(3, listener:localname())))

-- Bytes of memory that the process occupies now, without garbage.
local function resident()
  collectgarbage()
  collectgarbage()
  local file = assert(io.open("/proc/self/statm"))
  local _, pages = file:read("n", "n")
  file:close()
  return pages * 4096
end

local server = {}

local function start(conn)
  conn:setmode("bn", "bn")
  conn:onerror(function(_, _, code) return code end)
  return conn:starttls(ctx)
end

local function take()
  local conn = listener:accept()
  assert(start(conn))
  conn:write(conn:read(100))
  return conn
end

function server.hold(a, b)
  local connections = {}
  for _, count in ipairs {a, b} do
    for _ = 1, count do connections[#connections + 1] = take() end
    say(resident())
  end
  io.read("a")
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
    conn:write(ANSWER)
    if closing then return conn:close() end
  end
end

local function loop(serve)
  local controller = cqueues.new()
  controller:wrap(function()
    for conn in listener:clients() do
      controller:wrap(function()
        if start(conn) then serve(conn) end
      end)
    end
  end)
  controller:wrap(function()
    while true do
      cqueues.poll {pollfd = 0, events = "r"}
      local line = io.read("l")
      if not line then os.exit() end
      say(line == "cpu" and ("%.6f"):format(os.clock()) or resident())
    end
  end)
  assert(controller:loop())
end

function server.idle()
  loop(echo)
end

function server.https()
  loop(answer)
end

assert(server[kind], "no such kind")(tonumber(arg[3]), tonumber(arg[4]))
