-- ssl.object against TLS that is not ours. The bytes are carried here, by plain
-- sockets of LuaSocket.
local certs = require "support.certs"
local memory = require "support.memory"
local pair = require "support.pair"
local peers = require "support.peers"
local process = require "support.process"
local ssl = require "pyssl"
local json = require "dkjson"
local lua_socket = require "socket"

-- Python's SSLObject at the other end of a socket.
local function python(role, options)
  local self = process.spawn({"/usr/bin/python3", "spec/support/memory_peer.py",
    role, json.encode(options)}, {stderr = 2})
  if role == "server" then self.port = peers.report(self, "port") end
  return self
end

-- An ssl.object on a plain socket; pump(method, ...) calls and carries.
local function on_socket(ctx, sock, options)
  local incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
  local conn = ctx:wrap_bio(incoming, outgoing, options)
  local function receive()
    local bytes, err, part = sock:receive(1)
    assert(bytes or err == "closed", err)
    if bytes or part ~= "" then incoming:write(bytes or part) end
    while sock:dirty() do incoming:write((assert(sock:receive(1)))) end
    if err == "closed" then incoming:write_eof() end
  end
  return function(method, ...)
    while true do
      local ok, result = memory.try(conn[method], conn, ...)
      local bytes = outgoing:read()
      if bytes ~= "" then assert(sock:send(bytes)) end
      if ok == false then error(result, 0) end
      if ok then return result end
      receive()
    end
  end, conn
end

local function connect(port)
  local sock = assert(lua_socket.connect("127.0.0.1", port))
  sock:settimeout(pair.LIMIT)
  return sock
end

local function listen()
  local listener = assert(lua_socket.bind("127.0.0.1", 0))
  listener:settimeout(pair.LIMIT)
  local _, port = listener:getsockname()
  return listener, port
end

local function accept(listener)
  local sock = assert(listener:accept())
  sock:settimeout(pair.LIMIT)
  listener:close()
  return sock
end

local function read_all(call)
  local parts = {}
  repeat
    parts[#parts + 1] = call("read", 1024)
  until parts[#parts] == ""
  return table.concat(parts)
end

local function file(name)
  return certs.path(name .. ".pem"), certs.path(name .. ".key")
end

for _, version in ipairs {"TLSv1_2", "TLSv1_3"} do
  local shown = version:gsub("_", ".")

  local function limited(ctx)
    ctx.minimum_version = ssl.TLSVersion[version]
    ctx.maximum_version = ssl.TLSVersion[version]
    return ctx
  end

  describe("over memory, by " .. shown, function()
    it("a client talks to Python's SSLObject, both with certificates [F.1]", function()
      local cert, key = file("server")
      local server <close> = python("server", {cert = cert, key = key,
        ca = certs.path "ca.pem"})
      local ctx = limited(pair.client_context())
      ctx:load_cert_chain(file("client"))
      local sock = connect(server.port)
      local call, conn = on_socket(ctx, sock, {server_hostname = "localhost"})
      call("write", "GET /lua HTTP/1.0\r\n\r\n")
      assert.equal(shown .. ": GET /lua HTTP/1.0", read_all(call))
      assert.equal(shown, conn:version())
      assert.is_true(call("unwrap"))
      assert.equal("clean", peers.report(server, "end"))
      sock:close()
    end)

    it("a server talks to Python's SSLObject [F.1]", function()
      local listener, port = listen()
      local client <close> = python("client", {ca = certs.path "ca.pem",
        port = port})
      local sock = accept(listener)
      local call = on_socket(limited(pair.server_context()), sock,
        {server_side = true})
      assert.equal("GET /python HTTP/1.0\r\n\r\n", call("read", 100))
      call("write", ("x"):rep(40000))
      assert.is_true(call("unwrap"))
      assert.equal(("x"):rep(40000), peers.report(client, "received"))
      assert.equal("clean", peers.report(client, "end"))
      sock:close()
    end)

    it("a client talks to openssl s_server [F.1]", function()
      local server <close> = peers.s_server("server", {"-rev"})
      local sock = connect(server.port)
      local call, conn = on_socket(limited(pair.client_context()), sock,
        {server_hostname = "localhost"})
      call("write", "drawer\n")
      assert.equal("reward\n", call("read", 100))
      assert.equal(shown, conn:version())
      pcall(call, "unwrap") -- s_server may leave without a word
      sock:close()
    end)

    it("a server talks to openssl s_client [F.1]", function()
      local listener, port = listen()
      local client <close> = peers.s_client(port, {"-quiet"})
      local sock = accept(listener)
      local call = on_socket(limited(pair.server_context()), sock,
        {server_side = true})
      client:write("from openssl\n")
      assert.equal("from openssl\n", call("read", 100))
      call("write", "from pyssl\n")
      client:expect("^from pyssl$")
      sock:close()
    end)
  end)
end

it("a client over memory refuses Python's stranger, who hears of it [F.1]", function()
  local cert, key = file("stranger")
  local server <close> = python("server", {cert = cert, key = key})
  local sock = connect(server.port)
  local call = on_socket(pair.client_context(), sock,
    {server_hostname = "localhost"})
  local ok, err = pcall(call, "do_handshake")
  assert.is_false(ok)
  assert.equal("CERTIFICATE_VERIFY_FAILED", err.reason)
  assert.equal(20, err.verify_code)
  assert.equal("TLSV1_ALERT_UNKNOWN_CA", peers.report(server, "error").reason)
  sock:close()
end)
