-- ctx:connect: resolve, connect, wrap and verify in one call.
local child = require "support.child"
local native = require "native"
local net = require "support.net"
local pair = require "support.pair"
local scale = require "support.scale"
local ssl = require "pyssl"

-- Connect with the verifying context.
local function connect(...)
  return net.client_context():connect(...)
end

-- A listener that takes connections and says nothing.
local function silent(host)
  return net.listener({do_handshake_on_connect = false}, host or "127.0.0.1", 0)
end

-- connect(...) fails and leaves no descriptor, without any collection.
local function fail(...)
  collectgarbage("stop")
  local before = native.fd_count()
  local seconds, err = net.timed_failure(connect, ...)
  local patience = native.now() + scale.tolerance(2)
  while err.library == "DNS" and native.fd_count() ~= before
      and native.now() < patience do
    native.poll({}, {}, 0.01) -- the look-up's thread is about to end
  end
  local after = native.fd_count()
  collectgarbage("restart")
  assert.equal(before, after, "descriptors are left")
  return err, seconds
end

describe("ctx:connect", function()
  for name, form in pairs {
    ["host, port"] = function(s) return s.host, s.port end,
    ["host, port and options"] = function(s)
      return s.host, s.port, {server_hostname = "localhost"}
    end,
    ["{host, port}"] = function(s) return {s.host, s.port} end,
    ["{host, port} and options"] = function(s)
      return {s.host, s.port}, {server_hostname = "localhost"}
    end,
    ["a name"] = function(s) return "localhost", s.port end,
  } do
    it("takes " .. name .. ", and gives a verified connection", function()
      local server <close> = net.serve()
      local conn <close> = connect(form(server))
      assert.matches("^TLSv1", conn:version())
      assert.is_table(conn:getpeercert().subject)
      conn:sendall("hello")
      assert.equal("hello", conn:recv(10))
      conn:close()
      assert.equal("done", server:join())
    end)
  end

  it("takes a Unix-domain path, with the name to check", function()
    local path = net.path()
    assert.is_true(net.failure(connect, path):is(ssl.ValueError))
    for i, options in ipairs {
      {path, {server_hostname = "localhost"}},
      {path, nil, {server_hostname = "localhost"}},
    } do
      local server <close> = net.serve {path = path}
      local conn <close> = connect(table.unpack(options, 1, 3))
      assert.equal("localhost", conn.server_hostname, i)
      conn:close()
      server:join()
      os.remove(path)
    end
  end)

  it("takes the host for the server's name, unless told another [E-03]", function()
    local server <close> = net.serve {times = 3}
    for _, case in ipairs {
      {"127.0.0.1", nil, "127.0.0.1"}, {"localhost", nil, "localhost"},
      {"127.0.0.1", "localhost", "localhost"},
    } do
      local conn <close> = connect(case[1], server.port,
        {server_hostname = case[2]})
      assert.equal(case[3], conn.server_hostname)
    end
    server:join()
  end)

  it("checks that name", function()
    local server <close> = net.serve()
    local err = fail("127.0.0.1", server.port, {server_hostname = "example.org"})
    assert.is_true(err:is(ssl.SSLCertVerificationError))
    assert.equal("example.org", err.hostname)
    server:join()
  end)

  it("raises SSLEOFError on a truncated stream, once all was read, unless told " ..
     "not to", function()
    local server <close> = net.serve {times = 2, talk = function(conn)
      conn:sendall("half a")
      conn:shutdown(ssl.SHUT_RDWR)
    end}
    local conn <close> = connect(server.host, server.port)
    assert.is_false(conn.suppress_ragged_eofs)
    assert.equal("half a", conn:recv(100))
    assert.is_true(net.failure(conn.recv, conn, 100):is(ssl.SSLEOFError))
    local other <close> = connect(server.host, server.port,
      {suppress_ragged_eofs = true})
    assert.equal("half a", other:recv(100))
    assert.equal("", other:recv(100))
    assert.equal("ragged", other:eof())
    server:join()
  end)

  it("leaves the handshake to the first operation where told", function()
    local server <close> = net.serve()
    local conn <close> = connect(server.host, server.port,
      {do_handshake_on_connect = false, timeout = pair.LIMIT})
    assert.is_nil(conn:version())
    conn:sendall("x")
    assert.equal("x", conn:recv(10))
    conn:close()
    server:join()
  end)

  it("keeps a connection open whose later operation fails", function()
    local listener <close> = silent()
    local host, port = listener:getsockname()
    local conn <close> = connect(host, port,
      {do_handshake_on_connect = false, timeout = 0.02})
    assert.is_true(net.failure(conn.recv, conn):is(ssl.TimeoutError))
    assert.is_true(conn:fileno() >= 0)
  end)

  it("keeps a connection that a read has timed out on, and that works on", function()
    local server <close> = net.serve {talk = function(conn)
      conn:sendall("you said " .. conn:recv(100))
    end}
    local conn <close> = connect(server.host, server.port)
    conn:settimeout(0.02)
    local err = net.failure(conn.recv, conn)
    assert.is_true(err:is(ssl.TimeoutError))
    assert.equal("read", err.op)
    assert.is_true(conn:fileno() >= 0)
    conn:settimeout(pair.LIMIT)
    conn:sendall("hello")
    assert.equal("you said hello", conn:recv(100))
    conn:close()
    server:join()
  end)

  it("leaves its time limit to the socket", function()
    local server <close> = net.serve {times = 2}
    local limited <close> = connect(server.host, server.port, {timeout = 30})
    assert.equal(30, limited.timeout)
    limited:close()
    local other <close> = connect(server.host, server.port)
    assert.is_nil(other.timeout)
    other:close()
    server:join()
  end)

  it("connects from the address in bind", function()
    local server <close> = net.serve {times = 3}
    for _, near in ipairs {"127.0.0.2", "127.0.0.1", ""} do
      local conn <close> = connect(server.host, server.port, {bind = {near, 0}})
      local host = conn:getsockname()
      assert.equal(near == "" and "127.0.0.1" or near, host)
    end
    server:join()
    local taken <close> = silent("::1")
    local _, port = taken:getsockname()
    local listener <close> = silent("::1")
    local err = fail("::1", select(2, listener:getsockname()),
      {bind = {"::1", port}, server_hostname = "localhost", timeout = 1})
    assert.equal("EADDRINUSE", err.name)
    assert.matches("[::1]:", err.message, 1, true)
  end)
end)

describe("the options of ctx:connect", function()
  it("must be known: a misspelt one is named", function()
    for _, key in ipairs {"sever_hostname", "server_side", "initial", "host"} do
      assert.error_matches(function()
        connect("127.0.0.1", 1, {[key] = "x"})
      end, "unknown option '" .. key .. "'")
    end
  end)

  it("stand in a table behind the address", function()
    for _, options in ipairs {true, "localhost", 5} do
      assert.error_matches(function() connect("127.0.0.1", 1, options) end,
        "bad argument #3 to 'connect' %(table expected, got")
    end
    assert.error_matches(function() connect("127.0.0.1", 1, {}, true) end,
      "too many arguments")
    assert.error_matches(function() connect(nil, 1) end,
      "bad argument #1 to 'connect' %(string expected, got nil%)")
  end)

  for name, values in pairs {
    do_handshake_on_connect = {1, "x"}, suppress_ragged_eofs = {0, "x"},
    server_hostname = {5, true}, timeout = {"1", true}, family = {4},
    bind = {"127.0.0.1", 5},
  } do
    it("have the right type: " .. name, function()
      for _, value in ipairs(values) do
        assert.error_matches(function()
          connect("127.0.0.1", 1, {[name] = value})
        end, "bad value for option '" .. name .. "'")
      end
    end)
  end

  for text, options in pairs {
    ["timeout must be greater than 0"] = {timeout = 0},
    ["timeout must be greater"] = {timeout = -1},
    ["timeout must"] = {timeout = 0 / 0},
    ["family is"] = {family = "ipv4"},
    ["needs a host and a port"] = {bind = {"127.0.0.1"}},
    ["a port is"] = {bind = {"127.0.0.1", -5}},
    ["must not be empty"] = {server_hostname = ""},
  } do
    it("have possible values: " .. text, function()
      local err = fail("127.0.0.1", 1, options)
      assert.is_true(err:is(ssl.ValueError))
      assert.matches(text, err.message, 1, true)
    end)
  end

  it("know session, an ssl.session", function()
    local ok, err = pcall(connect, "127.0.0.1", 1, {session = {}})
    assert.is_false(ok)
    assert.matches("'session' (ssl.session expected, got table)", err, 1, true)
  end)
end)

describe("the family of ctx:connect", function()
  it("chooses among a name's addresses, and refuses the other's", function()
    local server <close> = net.serve()
    local conn <close> = connect("localhost", server.port, {family = "inet"})
    assert.equal("127.0.0.1", (conn:getpeername()))
    conn:close()
    server:join()
    for host, family in pairs {["127.0.0.1"] = "inet6", ["::1"] = "inet"} do
      local err = fail(host, 1, {family = family})
      assert.equal("DNS", err.library)
      assert.matches("^EAI_", err.reason)
    end
  end)

  it("is IPv6 where the address is", function()
    local server <close> = net.serve {host = "::1"}
    local conn <close> = connect("::1", server.port, {family = "inet6"})
    assert.same({"::1", server.port, 0, 0}, {conn:getpeername()})
    conn:close()
    server:join()
  end)
end)

describe("ctx:connect fails, with nothing left open,", function()
  it("when nobody listens, and says where", function()
    local holder <close>, port = net.refusing() -- luacheck: ignore holder
    local err = fail("127.0.0.1", port)
    assert.is_true(err:is(ssl.OSError))
    assert.equal("ECONNREFUSED", err.name)
    assert.equal("connect", err.op)
    assert.matches("127.0.0.1:" .. port, err.message, 1, true)
  end)

  it("when there is no such path", function()
    local path = net.path()
    local err = fail(path, {server_hostname = "localhost"})
    assert.equal("ENOENT", err.name)
    assert.matches(path, err.message, 1, true)
  end)

  it("when the name is not known", function()
    local err = fail("nonexistent.invalid", 443)
    assert.is_true(err:is(ssl.OSError))
    assert.equal("DNS", err.library)
    -- Without any name server the answer is that none can be had now.
    assert.is_true(err.reason == "EAI_NONAME" or err.reason == "EAI_AGAIN",
      err.reason)
    assert.matches("^%[DNS: EAI_", tostring(err))
  end)

  it("when the certificate is not trusted", function()
    local server <close> = net.serve {ctx = pair.server_context("self-signed")}
    local err = fail(server.host, server.port)
    assert.is_true(err:is(ssl.SSLCertVerificationError))
    server:join()
  end)

  it("when what answers is not TLS", function()
    local plain = require "socket".bind("127.0.0.1", 0)
    local host, port = plain:getsockname()
    local server <close> = child.run(function()
      local conn = plain:accept()
      conn:send("220 smtp.example.org ESMTP\r\n")
      conn:receive(1)
    end)
    plain:close()
    local err = fail(host, port)
    assert.is_true(err:is(ssl.SSLError))
    assert.equal("WRONG_VERSION_NUMBER", err.reason)
    server:join()
  end)

  it("when the peer takes the connection and says nothing", function()
    local listener <close> = silent()
    local host, port = listener:getsockname()
    local err, seconds = fail(host, port, {timeout = 0.1})
    assert.is_true(err:is(ssl.TimeoutError))
    assert.equal("handshake", err.op)
    assert.is_true(net.is_on_time(seconds, 0.1), seconds)
  end)

  it("when nobody answers the connect", function()
    local port, hole <close> = net.blackhole() -- luacheck: ignore hole
    local err, seconds = fail("127.0.0.1", port, {timeout = 0.1})
    assert.is_true(err:is(ssl.TimeoutError))
    assert.equal("connect", err.op)
    assert.matches("127.0.0.1:" .. port, err.message, 1, true)
    assert.is_true(net.is_on_time(seconds, 0.1), seconds)
  end)

  it("when the context is a server's [I-74]", function()
    local listener <close> = silent()
    local host, port = listener:getsockname()
    local ctx = pair.server_context()
    local before = native.fd_count()
    local err = net.failure(ctx.connect, ctx, host, port)
    assert.is_true(err:is(ssl.SSLError))
    assert.matches("client socket", err.message, 1, true)
    assert.equal(before, native.fd_count())
  end)
end)
