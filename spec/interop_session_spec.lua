-- Sessions with peers that are not ours, both ways.
local certs = require "support.certs"
local pair = require "support.pair"
local peers = require "support.peers"
local process = require "support.process"
local resumption = require "support.resumption"
local ssl = require "pyssl"

local KINDS = resumption.KINDS
local FLAGS = {[ssl.TLSVersion.TLSv1_3] = "-tls1_3",
               [ssl.TLSVersion.TLSv1_2] = "-tls1_2"}

-- A client's connection to a server that answers a request with a line.
local function ask(ctx, port, session)
  local conn <close> = ctx:connect("127.0.0.1", port, {session = session,
    server_hostname = "localhost", timeout = pair.LIMIT,
    suppress_ragged_eofs = true})
  conn:sendall("GET / HTTP/1.0\r\n\r\n")
  local answer = peers.read(conn, 1000000)
  return conn.session, conn.session_reused, answer
end

for _, kind in ipairs(KINDS) do
  describe("a session of " .. kind.name, function()
    it("is resumed by openssl s_server [F.3, E-05]", function()
      local more = {"-naccept", "3", "-www", FLAGS[kind.version]}
      if kind.id then more[#more + 1] = "-no_ticket" end
      local server <close> = peers.s_server("server", more)
      local ctx = pair.client_context()
      local session, reused, page = ask(ctx, server.port)
      assert.is_false(reused)
      assert.truthy(page:find("New, TLS", 1, true), page)
      local bytes = session:export()
      session, reused, page = ask(ctx, server.port, session)
      assert.is_true(reused)
      assert.truthy(page:find("Reused, TLS", 1, true), page)
      assert.equal(kind ~= KINDS[4], session.has_ticket)
      _, reused, page = ask(pair.client_context(), server.port,
                            ssl.session_import(bytes))
      assert.is_true(reused)
      assert.truthy(page:find("Reused, TLS", 1, true), page)
    end)

    it("is resumed for openssl s_client [F.3, E-05, D-40]", function()
      local _, server_ctx = resumption.contexts(kind)
      local listener <close>, port = peers.listen(server_ctx)
      local file = certs.path("session-" .. port)
      local function serve(option)
        local peer <close> = peers.s_client(port,
          {"-servername", "localhost", FLAGS[kind.version], option, file})
        local conn <close> = listener:accept()
        conn:settimeout(pair.LIMIT)
        conn:sendall("a line\n")
        peer:expect "^a line"
        peer:close_input()
        assert.equal("", conn:recv(1))
        return conn.session_reused
      end
      assert.is_false(serve "-sess_out")
      assert.is_true(serve "-sess_in")
      assert.equal(1, server_ctx:session_stats().hits)
    end)
  end)
end

describe("openssl s_client -reconnect", function()
  it("resumes its session five times [F.3, E-05, D-40]", function()
    for i = 3, 4 do
      local _, server_ctx = resumption.contexts(KINDS[i])
      local listener <close>, port = peers.listen(server_ctx)
      local peer <close> = peers.s_client(port,
        {"-servername", "localhost", "-tls1_2", "-reconnect"})
      for n = 0, 5 do
        local conn <close> = listener:accept()
        assert.equal(n > 0, conn.session_reused)
      end
      assert.equal(5, server_ctx:session_stats().hits)
      peer:close_input()
    end
  end)
end)

describe("Python", function()
  local CLIENT = [[
import socket, ssl, sys
ctx = ssl.create_default_context(cafile=sys.argv[1])
ctx.maximum_version = getattr(ssl.TLSVersion, sys.argv[3])
session = None
for _ in range(3):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    s = ctx.wrap_socket(s, server_hostname="localhost", session=session)
    s.recv(1)
    s.sendall(bytes([s.session_reused]))
    session = s.session
    s.unwrap()
]]

  local SERVER = [[
import socket, ssl, sys
ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
ctx.load_cert_chain(sys.argv[1], sys.argv[2])
ctx.load_verify_locations(sys.argv[3])
ctx.verify_mode = ssl.CERT_REQUIRED
if sys.argv[4] == "id":
    ctx.options |= ssl.OP_NO_TICKET
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
for _ in range(3):
    s, _ = listener.accept()
    s = ctx.wrap_socket(s, server_side=True)
    s.recv(1000)
    name = s.getpeercert()["subject"][0][0][1]
    s.sendall(("%s %s" % (s.session_reused, name)).encode())
    s.unwrap()
]]

  for _, kind in ipairs(KINDS) do
    it("has its sessions of " .. kind.name .. " resumed [F.3, E-05]", function()
      local _, server_ctx = resumption.contexts(kind)
      local listener <close>, port = peers.listen(server_ctx)
      local python <close> = process.spawn({"/usr/bin/python3", "-c", CLIENT,
        certs.path "ca.pem", tostring(port), ssl.TLSVersion[kind.version]},
        {stderr = 2})
      for _, reused in ipairs {"\0", "\1", "\1"} do
        local conn <close> = listener:accept()
        conn:settimeout(pair.LIMIT)
        conn:sendall("x")
        assert.equal(reused, conn:recv(1))
        assert.equal(reused == "\1", conn.session_reused)
        conn:unwrap()
      end
      assert.same({"exited", 0}, {python:wait()})
    end)

    it("resumes ours of " .. kind.name .. ", with a client's certificate "
       .. "[F.3, E-05]", function()
      local python <close> = process.spawn({"/usr/bin/python3", "-c", SERVER,
        certs.path "server.pem", certs.path "server.key", certs.path "ca.pem",
        kind.id and "id" or "ticket"}, {stderr = 2})
      local port = tonumber(python:expect("(%d+)$"))
      local ctx = resumption.contexts(kind, true)
      ctx.auto_resume = true
      local said = {}
      for i = 1, 3 do
        local _, reused, answer = ask(ctx, port)
        assert.equal(i > 1, reused)
        said[i] = answer
      end
      assert.same({"False client", "True client", "True client"}, said)
    end)
  end
end)
