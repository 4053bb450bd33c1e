--- pyssl as a client, as task.lua says.
local ssl = require "pyssl"
local task = require "bench.task"

local RECORD = task.RECORD
local n, port, dir = task.n, task.port, task.dir
local begin, finish = task.begin, task.finish
local options = {server_hostname = "localhost"}

local function client_context()
  return ssl.create_default_context {cafile = dir .. "/ca.pem"}
end

-- A connection that has asked for a service of the server.
local function ask(service, size)
  local conn = client_context():connect("127.0.0.1", port, options)
  conn:sendall(service .. " " .. size)
  return conn
end

local work = {}

function work.handshake()
  local ctx = client_context()
  begin()
  for _ = 1, n do ctx:connect("127.0.0.1", port, options):close() end
  finish()
end

-- A connection that exchanges one byte, by which its ticket arrives.
local function visit(ctx)
  local conn = ctx:connect("127.0.0.1", port, options)
  conn:sendall("echo 1")
  conn:sendall("x")
  conn:recv(1)
  local reused = conn.session_reused
  conn:close()
  return reused
end

local function visits(auto_resume)
  local ctx = client_context()
  ctx.auto_resume = auto_resume
  visit(ctx)
  begin()
  for _ = 1, n do assert(visit(ctx) == auto_resume) end
  finish()
end

function work.visit_full() visits(false) end

function work.visit_resumed() visits(true) end

function work.echo_small()
  local conn = ask("echo", 100)
  local data = ("x"):rep(100)
  local answer
  begin()
  for _ = 1, n do
    conn:sendall(data)
    answer = conn:recv(100)
  end
  finish()
  assert(answer == data)
end

function work.echo_large()
  local conn = ask("echo", RECORD)
  local data = ("x"):rep(RECORD)
  begin()
  for _ = 1, n do
    conn:sendall(data)
    local left = RECORD
    while left > 0 do left = left - #conn:recv(left) end
  end
  finish()
end

function work.download()
  local conn = ask("source", n)
  local left = n * RECORD
  begin()
  while left > 0 do left = left - #conn:recv(RECORD) end
  finish()
end

function work.download_into()
  local conn = ask("source", n)
  local buffer = ssl.buffer(RECORD)
  local left = n * RECORD
  begin()
  while left > 0 do left = left - conn:recv_into(buffer) end
  finish()
end

function work.upload()
  local conn = ask("sink", n * RECORD)
  local data = ("x"):rep(RECORD)
  begin()
  for _ = 1, n do conn:sendall(data) end
  finish()
  assert(#conn:recv(1) == 1)
end

local function write_pieces(write)
  local conn = ask("sink", n * task.PIECES * task.PIECE)
  local pieces = task.pieces()
  begin()
  for _ = 1, n do write(conn, pieces) end
  finish()
  assert(#conn:recv(1) == 1)
end

function work.pieces()
  write_pieces(function(conn, pieces) conn:sendall(pieces) end)
end

function work.pieces_joined()
  write_pieces(function(conn, pieces) conn:sendall(table.concat(pieces)) end)
end

function work.read_nothing()
  local conn = ask("hold", 0)
  conn:settimeout(0)
  local data, err
  begin()
  for _ = 1, n do data, err = ssl.try(conn.recv, conn, 100) end
  finish()
  assert(data == nil and err:is(ssl.SSLWantReadError))
end

function work.decode()
  local conn = ask("hold", 0)
  begin()
  for _ = 1, n do conn:getpeercert() end
  finish()
end

function work.context_system()
  begin()
  for _ = 1, n do ssl.create_default_context():close() end
  finish()
end

task.perform(work)
