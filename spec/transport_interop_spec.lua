-- Transports to and from programs that are not ours: objects of LuaSocket, and a
-- table that stands for a cosocket.
local carry = require "support.carry"
local certs = require "support.certs"
local pair = require "support.pair"
local peers = require "support.peers"
local raised = require "support.raised"
local ssl = require "pyssl"

local socket = require "socket"

local VERSIONS = {"TLSv1.2", "TLSv1.3"}
local OPENSSL = {["TLSv1.2"] = "-tls1_2", ["TLSv1.3"] = "-tls1_3"}

local function connected(port)
  return assert(socket.connect("127.0.0.1", port))
end

-- The same socket as an object that shows no descriptor, and waits by itself.
local function cosocket(port)
  local sock = connected(port)
  return {
    send = function(_, data) return sock:send(data) end,
    receiveany = function(_, max)
      sock:settimeout(pair.LIMIT)
      local byte, err = sock:receive(1)
      if not byte then return nil, err end
      sock:settimeout(0)
      local rest, _, partial = sock:receive(max - 1)
      sock:settimeout(pair.LIMIT)
      return byte .. (rest or partial)
    end,
    close = function() return sock:close() end,
  }
end

local KINDS = {["an object of LuaSocket"] = connected, ["a cosocket"] = cosocket}

describe("a transport to Python's server", function()
  for kind, open in pairs(KINDS) do
    for _, version in ipairs(VERSIONS) do
      it(("may be %s, over %s"):format(kind, version), function()
        local peer <close> = peers.python("server", {version = version,
          cert = certs.path "server.pem", key = certs.path "server.key",
          ca = certs.path "ca.pem", verify = true,
          receive = peers.SIZE, send = peers.SIZE})
        local ctx = pair.client_context()
        ctx:load_cert_chain(certs.path "client.pem", certs.path "client.key")
        local conn <close> = ctx:wrap_transport(open(peer.port),
          {server_hostname = "localhost", timeout = pair.LIMIT})
        assert.equal(version, conn:version())
        assert.equal("client", peers.report(peer, "handshake").cert
          .subject[1][1][2])
        peers.deliver(peer, conn)
        peers.collect(peer, conn)
        assert.equal("", conn:recv(1))
        assert.equal("clean", conn:eof())
        conn:close()
        assert.equal("unwrap", peers.report(peer, "end"))
      end)
    end

    it(("sees who refuses it, over %s"):format(kind), function()
      local peer <close> = peers.python("server", {
        cert = certs.path "stranger.pem", key = certs.path "stranger.key"})
      local ctx = pair.client_context()
      raised(ssl.SSLCertVerificationError, ctx.wrap_transport, ctx,
        open(peer.port), {server_hostname = "localhost"})
      assert.matches("ALERT_UNKNOWN_CA", peers.report(peer, "error").reason)
    end)
  end
end)

describe("a transport to openssl s_server", function()
  for _, version in ipairs(VERSIONS) do
    it("carries " .. version, function()
      local peer <close> = peers.s_server("server-rsa", {OPENSSL[version]})
      local conn <close> = pair.client_context():wrap_transport(
        connected(peer.port), {server_hostname = "localhost",
          timeout = pair.LIMIT})
      assert.equal(conn:cipher(), peer:expect("^CIPHER is ([%w_-]+)"))
      peer:expect("^Secure Renegotiation")
      peer:write("a line\n")
      assert.equal("a line\n", peers.read(conn, 7))
      conn:sendall("another\n")
      assert.equal("another", peer:read_line())
      if version == "TLSv1.3" then -- a key update, which wants an answer
        peer:write("K\n")
        conn:sendall("and so it has read that\n")
        peer:expect("and so it has read that")
        peer:write("behind it\n")
        assert.equal("behind it\n", peers.read(conn, 10))
        conn:sendall("with new keys\n")
        peer:expect("^with new keys")
      end
    end)
  end
end)

describe("a transport from Python's client", function()
  it("serves it, over an object that LuaSocket has accepted", function()
    local listener = assert(socket.bind("127.0.0.1", 0))
    local _, port = listener:getsockname()
    for _, version in ipairs(VERSIONS) do
      local peer <close> = peers.python("client", {port = port,
        version = version, ca = certs.path "ca.pem", send = peers.SIZE,
        receive = peers.SIZE})
      local conn <close> = pair.server_context():wrap_transport(
        assert(listener:accept()), {server_side = true, timeout = pair.LIMIT})
      assert.equal(version, conn:version())
      peers.report(peer, "handshake")
      local data = carry.read(conn, peers.SIZE)
      assert.equal(peers.report(peer, "sent").sha256, peers.digest(data))
      conn:sendall(peers.payload(1))
      assert.equal(peers.SIZE, peers.report(peer, "received").size)
    end
    listener:close()
  end)
end)
