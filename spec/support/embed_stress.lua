--- What each state does in a process of examples/embed/embed.c whose threads
-- are to meet in everything that pyssl shares between them: trust, key logs,
-- look-ups, locks around a fork. Arguments: the three that the program gives,
-- the directory of the suite's certificates, rounds, a key log, and whether
-- state 1 is to fork ("fork").
local number, descriptor, port, directory, rounds, keylog, forks = ...

local ssl = require "pyssl"

local SECONDS = 60

local function path(name)
  return directory .. "/" .. name
end

local function read(name)
  local file <close> = assert(io.open(path(name), "rb"))
  return file:read("a")
end

local server_ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server_ctx:load_cert_chain(path "server.pem", path "server.key")
server_ctx.keylog_filename = keylog

local listener = server_ctx:wrap_socket(descriptor, {server_side = true})
listener:settimeout(SECONDS)

-- ---- contexts that know the server's authority, each in its way ----

local makers = {}

-- The process's own file of system trust: see the environment.
function makers.system()
  return ssl.create_default_context()
end

function makers.file()
  return ssl.create_default_context {cafile = path "ca.pem"}
end

function makers.directory()
  return ssl.create_default_context {capath = path "capath"}
end

function makers.data()
  return ssl.create_default_context {cadata = read "ca.pem"}
end

-- A set that all have, and then a copy with more in it.
function makers.extended()
  local ctx = makers.file()
  ctx:load_verify_locations(path "other-ca.pem")
  ctx:load_crl(read "crl.pem")
  ctx:load_verify_locations {capath = path "capath"}
  return ctx
end

-- Taken from what another context has found so far.
function makers.counted()
  local ctx = makers.system()
  assert(#ctx:get_ca_certs() == ctx:cert_store_stats().x509_ca)
  ctx:load_verify_locations(path "intermediate.pem")
  assert(ctx:cert_store_stats().x509_ca >= 2)
  return ctx
end

-- A directory that nobody has looked into before, by that path.
function makers.fresh(round)
  local dots = ("/."):rep(round)
  return ssl.create_default_context {capath = path "capath" .. dots}
end

-- A set of its own each time, over the places that all look into.
function makers.unique(round)
  local ctx = makers.fresh(round)
  local mark = ("state %d, round %d\n"):format(number, round)
  ctx:load_verify_locations {cadata = mark .. read "other-ca.pem"}
  return ctx
end

local names = {
  "system", "fresh", "unique", "counted", "file", "extended", "directory", "data",
}

-- ---- connections ----

local function converse(conn)
  local text = ("from %d"):format(number)
  conn:sendall(text)
  assert(conn:recv() == text)
end

local function serve()
  for _ = 1, 2 * #names do
    local conn = listener:accept()
    conn:settimeout(SECONDS)
    conn:sendall(conn:recv())
    conn:unwrap():close()
  end
end

-- With a context of each kind: one that verifies, one that resumes. All ask in
-- the same order, so that they meet.
local function ask(round)
  for i = 1, #names do
    local ctx <close> = makers[names[i]](round)
    local session
    assert(round > 1 or ctx.keylog_filename == nil)
    ctx.keylog_filename = keylog
    ctx:set_alpn_protocols {"one", "two"}
    for _ = 1, 2 do
      local conn <close> = ctx:connect("localhost", port,
        {timeout = SECONDS, session = session})
      converse(conn)
      assert(conn.session_reused == (session ~= nil))
      session = ssl.session_import(conn.session:export())
      assert(session.has_ticket)
      conn:unwrap():close()
    end
  end
end

-- ---- what fails, and what is given up ----

-- Nobody listens there, and the time does not always do for the name.
local function give_up()
  local conn <close> = makers.file():wrap_socket(nil,
    {server_hostname = "localhost"})
  conn:settimeout(1e-6)
  assert(not ssl.try(conn.connect, conn, "localhost", 1))
end

-- The one context has no authority, the other has no such file.
local function refuse()
  local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
  local near, far = ssl.MemoryBIO(), ssl.MemoryBIO()
  local client = ctx:wrap_bio(near, far, {server_hostname = "localhost"})
  local server = server_ctx:wrap_bio(far, near, {server_side = true})
  for _ = 1, 4 do
    ssl.try(client.do_handshake, client)
    ssl.try(server.do_handshake, server)
  end
  local _, err = ssl.try(client.do_handshake, client)
  assert(err, "a stranger was trusted")
  assert(not ssl.try(ctx.load_verify_locations, ctx, path "broken.pem"))
  assert(not ssl.try(ctx.load_verify_locations, ctx, path "nowhere"))
end

-- The other threads go on with whatever they are at. The child uses nothing:
-- they may have been inside of OpenSSL.
local function fork()
  local native = require "native" -- for one thread only
  local pid = assert(native.fork())
  if pid == 0 then native.exit(0) end
  assert(native.wait(pid) == "exited")
end

for round = 1, tonumber(rounds) do
  if number % 2 == 0 then serve() end
  ask(round)
  give_up()
  refuse()
  if forks == "fork" and number == 1 then fork() end
  if number % 2 == 1 then serve() end
  collectgarbage()
end
listener:close()
