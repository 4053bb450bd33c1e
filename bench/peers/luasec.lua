--- LuaSec over LuaSocket as a client, as task.lua says.
local socket = require "socket"
local ssl = require "ssl"
local task = require "bench.task"

local RECORD = task.RECORD
local n, port, dir = task.n, task.port, task.dir
local begin, finish = task.begin, task.finish

local function client_context(cafile)
  return assert(ssl.newcontext {
    mode = "client", protocol = "any", verify = "peer",
    options = {"all", "no_sslv2", "no_sslv3", "no_tlsv1", "no_tlsv1_1"},
    cafile = cafile,
  })
end

-- LuaSec checks no host name.
local function connect(ctx)
  local sock = assert(socket.connect("127.0.0.1", port))
  sock:setoption("tcp-nodelay", true)
  local conn = assert(ssl.wrap(sock, ctx))
  conn:sni("localhost")
  assert(conn:dohandshake())
  return conn
end

-- A connection that has asked for a service of the server.
local function ask(service, size)
  local conn = connect(client_context(dir .. "/ca.pem"))
  conn:settimeout(nil)
  conn:send(service .. " " .. size)
  return conn
end

local work = {}

function work.handshake()
  local ctx = client_context(dir .. "/ca.pem")
  begin()
  for _ = 1, n do connect(ctx):close() end
  finish()
end

function work.visit_full()
  local ctx = client_context(dir .. "/ca.pem")
  begin()
  for _ = 1, n do
    local conn = connect(ctx)
    conn:send("echo 1")
    conn:send("x")
    conn:receive(1)
    conn:close()
  end
  finish()
end

function work.echo_small()
  local conn = ask("echo", 100)
  local data = ("x"):rep(100)
  local answer
  begin()
  for _ = 1, n do
    conn:send(data)
    answer = conn:receive(100)
  end
  finish()
  assert(answer == data)
end

function work.echo_large()
  local conn = ask("echo", RECORD)
  local data = ("x"):rep(RECORD)
  local answer
  begin()
  for _ = 1, n do
    conn:send(data)
    answer = conn:receive(RECORD)
  end
  finish()
  assert(answer == data)
end

function work.download()
  local conn = ask("source", n)
  local left = n * RECORD
  begin()
  while left > 0 do left = left - #conn:receive(RECORD) end
  finish()
end

function work.upload()
  local conn = ask("sink", n * RECORD)
  local data = ("x"):rep(RECORD)
  begin()
  for _ = 1, n do conn:send(data) end
  finish()
  assert(conn:receive(1))
end

function work.pieces_joined()
  local conn = ask("sink", n * task.PIECES * task.PIECE)
  local pieces = task.pieces()
  begin()
  for _ = 1, n do conn:send(table.concat(pieces)) end
  finish()
  assert(conn:receive(1))
end

function work.read_nothing()
  local conn = ask("hold", 0)
  conn:settimeout(0)
  local data, err
  begin()
  for _ = 1, n do data, err = conn:receive(100) end
  finish()
  assert(data == nil and err == "wantread")
end

function work.context_system()
  begin()
  for _ = 1, n do client_context("/etc/ssl/certs/ca-certificates.crt") end
  finish()
end

task.perform(work)
