--- pyssl as a server: lua pyssl.lua KIND DIR [A B]
-- It prints its port, and ends when its standard input does. The kinds:
--   hold   takes A connections and then B more, sends back 100 bytes on each and
--          keeps them; prints the bytes of memory it occupies after A and B
--   idle   on cqueues: sends back what comes, and answers lines of its input:
--          "cpu" with the CPU seconds it has used, "memory" with the bytes it
--          occupies
--   https  on cqueues: answers requests
local ssl = require "pyssl"

local kind, dir = arg[1], arg[2]
local ANSWER = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
  .. "Content-Length: 13\r\n\r\nHello, world\n"

local ctx = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
ctx:load_cert_chain(dir .. "/server.pem", dir .. "/server.key")
local listener = ctx:wrap_socket(nil, {server_side = true})
listener:bind("127.0.0.1", 0)
listener:listen(1024)

local function say(...)
  print(...)
  io.stdout:flush()
end

say(select(2, listener:getsockname()))

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

function server.hold(a, b)
  local connections = {}
  for _, count in ipairs {a, b} do
    for _ = 1, count do connections[#connections + 1] = take() end
    say(resident())
  end
  io.read("a")
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
      conn:sendall(ANSWER)
      if request:find("Connection: close", 1, true) then break end
      request = ""
    end
  until data == ""
  conn:close()
end

-- Serve every connection in a coroutine of its own until the input ends; a line
-- of it is answered.
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
