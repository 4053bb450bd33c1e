--- What two states do in a process of examples/embed/embed.c that forks:
-- state 1 forks after contexts were made and used, while state 2, on another
-- thread, waits for a word from it and then serves both processes. Arguments:
-- the three that the program gives, and the directory of the certificates.
local number, descriptor, port, directory = ...

local ssl = require "pyssl"

local SECONDS = 60
local FORKS = 3
local native = number == 1 and require "native" -- for one thread only

local function path(name)
  return directory .. "/" .. name
end

local client_ctx = ssl.create_default_context {cafile = path "ca.pem"}
local system_ctx = ssl.create_default_context() -- see the environment
local server_ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server_ctx:load_cert_chain(path "server.pem", path "server.key")

local function echo(listener)
  local conn <close> = listener:accept()
  conn:settimeout(SECONDS)
  conn:sendall(conn:recv())
  conn:unwrap():close()
end

-- Each word on the first connection is answered, then two connections are.
local function serve()
  local listener <close> =
    server_ctx:wrap_socket(descriptor, {server_side = true})
  listener:settimeout(SECONDS)
  local conn <close> = listener:accept()
  conn:settimeout(SECONDS)
  conn:sendall "ready"
  while conn:recv() ~= "" do
    echo(listener)
    echo(listener)
    conn:sendall "ready"
  end
end

local function connect(ctx, session)
  return ctx:connect("127.0.0.1", port,
    {server_hostname = "localhost", timeout = SECONDS, session = session})
end

local function ask(ctx, session)
  local conn <close> = connect(ctx, session)
  conn:sendall "question"
  assert(conn:recv() == "question")
  assert(conn.session_reused == (session ~= nil))
  conn:unwrap():close()
end

-- Both ends in this process, over memory.
local function shake_hands(client_side, server_side)
  local near, far = ssl.MemoryBIO(), ssl.MemoryBIO()
  local client = client_side:wrap_bio(near, far, {server_hostname = "localhost"})
  local server = server_side:wrap_bio(far, near, {server_side = true})
  for _ = 1, 4 do
    ssl.try(client.do_handshake, client)
    ssl.try(server.do_handshake, server)
  end
  client:do_handshake()
  server:do_handshake()
end

-- What was made before the fork, the same anew, and what is new.
local function use(session)
  shake_hands(client_ctx, server_ctx)
  shake_hands(system_ctx, server_ctx)
  shake_hands(ssl.create_default_context(), server_ctx)
  local own <close> = ssl.create_default_context {cafile = path "ca.pem"}
  own:load_verify_locations(path "other-ca.pem")
  assert(own:cert_store_stats().x509 == 2)
  assert(client_ctx:cert_store_stats().x509 == 1)
  shake_hands(own, server_ctx)
  ask(client_ctx, session)
end

local function fork(session)
  local pid = assert(native.fork())
  if pid > 0 then return pid end
  local ok, err = pcall(use, session)
  if not ok then io.stderr:write("in the child: ", tostring(err), "\n") end
  native.exit(ok and 0 or 1)
end

local function drive()
  local conn <close> = connect(client_ctx)
  for _ = 1, FORKS do
    assert(conn:recv() == "ready") -- the other thread waits now
    local session = conn.session
    local pid = fork(session)
    conn:sendall "serve"
    use(session)
    local how, status = native.wait(pid)
    assert(how == "exited" and status == 0, how .. " " .. status)
  end
  assert(conn:recv() == "ready")
end

if number == 1 then drive() else serve() end
return "done"
