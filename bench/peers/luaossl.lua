--- luaossl with cqueues as a client, as task.lua says.
local cqueues = require "cqueues"
local cqueues_socket = require "cqueues.socket"
local context = require "openssl.ssl.context"
local openssl_ssl = require "openssl.ssl"
local store = require "openssl.x509.store"
local task = require "bench.task"
local verify_param = require "openssl.x509.verify_param"

local RECORD = task.RECORD
local n, port, dir = task.n, task.port, task.dir
local begin, finish = task.begin, task.finish

local function client_context(cafile)
  local ctx = context.new("TLS", false)
  local trusted = store.new()
  if cafile then trusted:add(cafile) else trusted:addDefaults() end
  ctx:setStore(trusted)
  ctx:setVerify(context.VERIFY_PEER)
  return ctx
end

local function connect(ctx)
  local sock = cqueues_socket.connect {host = "127.0.0.1", port = port,
                                       nodelay = true}
  local ssl = openssl_ssl.new(ctx)
  local param = verify_param.new()
  param:setHost("localhost")
  ssl:setParam(param)
  ssl:setHostName("localhost")
  sock:setmode("bn", "bn")
  sock:setbufsiz(RECORD, RECORD)
  assert(sock:starttls(ssl))
  return sock
end

-- The socket's own send and recv, which do not wait, are its fastest; what
-- they do not take or give at once is waited for.
local function send(conn, data)
  local done = conn:send(data, 1, #data)
  while done < #data do
    cqueues.poll(conn)
    done = done + conn:send(data, done + 1, #data)
  end
end

-- Up to `size` bytes.
local function receive(conn, size)
  local data = conn:recv(-size)
  while not data do
    cqueues.poll(conn)
    data = conn:recv(-size)
  end
  return data
end

-- A connection that has asked for a service of the server.
local function ask(service, size)
  local conn = connect(client_context(dir .. "/ca.pem"))
  conn:write(service .. " " .. size)
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
    conn:write("echo 1")
    conn:write("x")
    conn:read(1)
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
    send(conn, data)
    answer = receive(conn, 100)
  end
  finish()
  assert(answer == data)
end

function work.echo_large()
  local conn = ask("echo", RECORD)
  local data = ("x"):rep(RECORD)
  begin()
  for _ = 1, n do
    send(conn, data)
    local left = RECORD
    while left > 0 do left = left - #receive(conn, left) end
  end
  finish()
end

function work.download()
  local conn = ask("source", n)
  local left = n * RECORD
  begin()
  while left > 0 do left = left - #receive(conn, RECORD) end
  finish()
end

function work.upload()
  local conn = ask("sink", n * RECORD)
  local data = ("x"):rep(RECORD)
  begin()
  for _ = 1, n do send(conn, data) end
  finish()
  assert(conn:read(1))
end

function work.pieces_joined()
  local conn = ask("sink", n * task.PIECES * task.PIECE)
  local pieces = task.pieces()
  begin()
  for _ = 1, n do send(conn, table.concat(pieces)) end
  finish()
  assert(conn:read(1))
end

function work.read_nothing()
  local conn = ask("hold", 0)
  local data
  begin()
  for _ = 1, n do data = conn:recv(100) end
  finish()
  assert(data == nil)
end

function work.context_system()
  begin()
  for _ = 1, n do client_context() end
  finish()
end

task.perform(work)
