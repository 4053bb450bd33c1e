--- Real peers: TLS programs that are not ours, as servers and as clients, on
-- the loopback and on ports that the system chooses.
--
--     local server <close> = peers.python("server", {cert = ..., key = ...})
--     local client = context:connect("localhost", server.port)
--     assert.equal("TLSv1.3", peers.report(server, "handshake").version)
local certs = require "support.certs"
local native = require "native"
local pair = require "support.pair"
local process = require "support.process"
local scale = require "support.scale"
local json = require "dkjson"

local peers = {}

-- More than 1 MiB, and no multiple of a record; less on slow runs.
peers.SIZE = scale.count(1024 * 1024 + 12345, 100001)

--- Bytes that look random, the same for the same `seed`; `alphabet` is what to
-- make them of, all bytes by default.
function peers.payload(seed, alphabet)
  local block, state = {}, seed
  for i = 1, 8192 do
    state = (state * 1103515245 + 12345) % 2147483648
    local n = state // 65536
    if alphabet then
      n = n % #alphabet + 1
      block[i] = alphabet:sub(n, n)
    else
      block[i] = string.char(n % 256)
    end
  end
  local text = table.concat(block)
  return text:rep(peers.SIZE // #text + 1):sub(1, peers.SIZE)
end

--- SHA-256 in hexadecimal, as a program that is not ours makes it.
function peers.digest(data)
  return process.check({"sha256sum"}, {input = data}):match("%x+")
end

--- A pyssl listener on 127.0.0.1, and its port.
function peers.listen(ctx, options)
  local listener = ctx:wrap_socket(nil,
    pair.merge({server_side = true}, options))
  listener:bind("127.0.0.1", 0)
  listener:listen(1)
  listener:settimeout(pair.LIMIT)
  local _, port = listener:getsockname()
  return listener, port
end

--- Read n bytes; fewer only at the end of the stream.
function peers.read(conn, n)
  local parts = {}
  while n > 0 do
    local data = conn:recv(n)
    if data == "" then break end
    parts[#parts + 1] = data
    n = n - #data
  end
  return table.concat(parts)
end

-- ---- Python ----

--- The next thing that spec/support/peer.py says, which is to be `key`.
function peers.report(self, key)
  local line = self:read_line(pair.LIMIT) or error("the peer says nothing", 2)
  local said = json.decode(line, 1, nil, nil)
  if said[key] == nil then error("the peer says " .. line, 2) end
  return said[key]
end

--- Send it peers.SIZE bytes, all of which it says to have received.
function peers.deliver(self, conn)
  conn:sendall(peers.payload(1))
  local received = peers.report(self, "received")
  assert(received.size == peers.SIZE, "not all has come")
  assert(received.sha256 == peers.digest(peers.payload(1)), "other bytes came")
end

--- Read the peers.SIZE bytes that it sends; gives them.
function peers.collect(self, conn)
  local data = peers.read(conn, peers.SIZE)
  assert(peers.report(self, "sent").sha256 == peers.digest(data),
         "other bytes were sent")
  return data
end

--- Start it; see there for options. A server's port is field `port`.
function peers.python(role, options)
  local self = process.spawn({"/usr/bin/python3", "spec/support/peer.py", role,
    json.encode(options)}, {stderr = 2})
  if role == "server" then self.port = peers.report(self, "port") end
  return self
end

-- ---- OpenSSL ----

local function argv(list, more)
  for _, word in ipairs(more or {}) do list[#list + 1] = word end
  return list
end

--- openssl s_server with a certificate of the suite, for one connection.
function peers.s_server(name, more)
  local self = process.spawn(argv({"openssl", "s_server", "-naccept", "1",
    "-accept", "127.0.0.1:0", "-cert", certs.path(name .. ".pem"),
    "-key", certs.path(name .. ".key")}, more), {stdin = "pipe",
    stderr = "stdout"})
  self.port = tonumber(self:expect("^ACCEPT .*:(%d+)"))
  return self
end

--- openssl s_client, which verifies the server.
function peers.s_client(port, more)
  return process.spawn(argv({"openssl", "s_client", "-connect",
    "127.0.0.1:" .. port, "-CAfile", certs.path("ca.pem"),
    "-verify_return_error", "-verify_hostname", "localhost"}, more),
    {stdin = "pipe", stderr = "stdout"})
end

-- ---- GnuTLS ----

-- The loopback port that a process listens on, which does not say it itself.
local function find_port(self)
  local inodes = {}
  local _, links = process.run({"ls", "-l", "/proc/" .. self.pid .. "/fd"})
  for inode in links:gmatch("socket:%[(%d+)%]") do inodes[inode] = true end
  local file <close> = assert(io.open("/proc/net/tcp"))
  for line in file:lines() do
    local port, inode = line:match(
      "^ *%d+: %x+:(%x+) %x+:%x+ 0A .- .- .- +%d+ +%d+ (%d+)")
    if inode and inodes[inode] then return tonumber(port, 16) end
  end
  return nil
end

--- gnutls-serv as an echo server. It knows no address but the wildcard. What it
-- says has to be read, or it waits: it is not asked for by default.
function peers.gnutls_serv(name, more, streams)
  local self = process.spawn(argv({"stdbuf", "-oL", "gnutls-serv", "--echo",
    "-p", "0", "--x509certfile", certs.path(name .. ".pem"),
    "--x509keyfile", certs.path(name .. ".key")}, more),
    streams or {stdout = "null"})
  local deadline = native.now() + pair.LIMIT
  repeat
    self.port = find_port(self)
    native.poll({}, {}, 0.005) -- until it listens
    assert(native.now() < deadline, "gnutls-serv does not listen")
  until self.port
  return self
end

--- gnutls-cli, which verifies the server.
function peers.gnutls_cli(port, more)
  return process.spawn(argv({"gnutls-cli", "-p", tostring(port),
    "--x509cafile", certs.path("ca.pem"), "--verify-hostname", "localhost",
    "127.0.0.1"}, more), {stdin = "pipe", stderr = "stdout"})
end

-- ---- curl ----

--- Run curl on https://localhost:PORT, with its own verification on.
function peers.curl(port, more)
  return process.spawn(argv({"curl", "-sS", "--cacert", certs.path("ca.pem"),
    "--resolve", "localhost:" .. port .. ":127.0.0.1",
    "https://localhost:" .. port .. "/"}, more),
    {stdin = "pipe", stderr = "pipe"})
end

return peers
