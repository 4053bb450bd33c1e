local certs = require "support.certs"
local child = require "support.child"
local pair = require "support.pair"
local peers = require "support.peers"
local raised = require "support.raised"
local ssl = require "pyssl"

local fetch = ssl.get_server_certificate

-- A server in a process of its own that performs one handshake: gives it and
-- its port. Its result is the protocol, or the reason of its failure.
local function server(ctx, host)
  local peer = child.run(function(channel)
    local listener = ctx:wrap_socket(nil, {server_side = true})
    listener:bind(host or "127.0.0.1", 0)
    listener:listen(1)
    local _, port = listener:getsockname()
    channel:send(tostring(port))
    local conn, err = ssl.try(listener.accept, listener)
    listener:close()
    if not conn then return err.reason end
    local version = conn:version()
    conn:recv(1)
    conn:close()
    return version
  end)
  return peer, tonumber(peer:receive())
end

-- A listener that never answers, in this process.
local function silent()
  local listener = peers.listen(pair.server_context())
  return listener, {listener:getsockname()}
end

describe("get_server_certificate", function()
  it("gives a server's certificate as PEM [A-07]", function()
    local peer <close>, port = server(pair.server_context())
    assert.equal(certs.read("server.pem"), fetch({"127.0.0.1", port}))
    assert.equal("TLSv1.3", peer:join())
  end)

  it("gives the leaf of a chain [A-07]", function()
    local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx:load_cert_chain(certs.path("chain.pem"), certs.path("leaf.key"))
    local peer <close>, port = server(ctx)
    assert.equal(certs.read("leaf.pem"), fetch({"localhost", port}))
    peer:join()
  end)

  for _, name in ipairs({"expired", "stranger", "self-signed",
    "wrong-host"}) do
    it("does not mind who signed it, unless told to: " .. name .. " [A-07]",
      function()
        local peer <close>, port = server(pair.server_context(name))
        assert.equal(certs.read(name .. ".pem"), fetch({"localhost", port}))
        peer:join()
      end)
  end

  it("verifies with the authorities given [A-07]", function()
    local ca = certs.path("ca.pem")
    for _, arguments in ipairs({{ca_certs = ca},
      {ca_certs = ca, timeout = pair.LIMIT,
        ssl_version = ssl.PROTOCOL_TLS_CLIENT}}) do
      local peer <close>, port = server(pair.server_context())
      assert.equal(certs.read("server.pem"),
        fetch({"localhost", port}, arguments))
      peer:join()
    end
    local peer <close>, port = server(pair.server_context())
    assert.equal(certs.read("server.pem"), fetch({"localhost", port},
      ssl.PROTOCOL_TLS_CLIENT, ca, pair.LIMIT))
    peer:join()
  end)

  it("refuses another authority's, and another name's, then [A-07]", function()
    for name, code in pairs({stranger = 20, ["wrong-host"] = 62,
      expired = 10}) do
      local peer <close>, port = server(pair.server_context(name))
      local err = raised(ssl.SSLCertVerificationError, fetch,
        {"localhost", port}, {ca_certs = certs.path("ca.pem")})
      assert.equal(code, err.verify_code)
      peer:join()
    end
  end)

  it("speaks the version that it is told to [A-07]", function()
    local peer <close>, port = server(pair.server_context())
    fetch({"127.0.0.1", port}, ssl.PROTOCOL_TLSv1_2)
    assert.equal("TLSv1.2", peer:join())
  end)

  it("works over IPv6 [A-07]", function()
    local peer <close>, port = server(pair.server_context(), "::1")
    assert.equal(certs.read("server.pem"),
      fetch({"::1", port}, {ca_certs = certs.path("ca.pem")}))
    peer:join()
  end)

  for _, version in ipairs({"-tls1_2", "-tls1_3"}) do
    it("works with openssl s_server " .. version .. " [A-07]", function()
      local peer <close> = peers.s_server("server-rsa", {version})
      assert.equal(certs.read("server-rsa.pem"),
        fetch({"127.0.0.1", peer.port}))
    end)
  end

  it("asks for the host by its name [A-07]", function()
    local more = {"-servername", "localhost", "-cert2",
      certs.path("wrong-host.pem"), "-key2", certs.path("wrong-host.key")}
    local named <close> = peers.s_server("server", more)
    assert.equal(certs.read("wrong-host.pem"), fetch({"localhost", named.port}))
    local numeric <close> = peers.s_server("server", more)
    assert.equal(certs.read("server.pem"), fetch({"127.0.0.1", numeric.port}))
  end)

  it("waits no longer than it is told to, all in all [A-07]", function()
    local listener, address = silent()
    local err = raised(ssl.TimeoutError, fetch, address, {timeout = 0.05})
    assert.matches("timed out", err.message)
    raised(ssl.ValueError, fetch, address, {timeout = 0})
    raised(ssl.ValueError, fetch, address, {timeout = -1})
    raised.text("bad value for option 'timeout' (number expected, got string)",
      fetch, address, {timeout = "1"})
    listener:close()
  end)

  it("raises OSError where nobody listens [A-07]", function()
    local listener, address = silent()
    listener:close()
    local err = raised(ssl.OSError, fetch, address)
    assert.equal("ECONNREFUSED", err.name)
    assert.matches(("127.0.0.1:%d: Connection refused"):format(address[2]),
      err.message, 1, true)
  end)

  it("raises SSLError for a server's protocol [A-07]", function()
    local listener, address = silent()
    local err = raised(ssl.SSLError, fetch, address, ssl.PROTOCOL_TLS_SERVER)
    assert.matches("client socket", err.message)
    listener:close()
  end)

  it("raises ValueError for what is no host and port [A-07] [I-115]",
    function()
      for _, addr in ipairs({"x", "localhost:443", 5, {"localhost"}, {nil, 443},
        {}, {"localhost", "https"}, {"localhost", -1}, {"localhost", 65536},
        {5, 443}, {"a\0b", 443}}) do
        raised(ssl.ValueError, fetch, addr, {})
      end
      raised(ssl.ValueError, fetch)
      raised(ssl.ValueError, fetch, "localhost", 443)
    end)

  it("raises what is wrong with the other arguments [A-07]", function()
    local address = {"127.0.0.1", 1}
    local err = raised(ssl.OSError, fetch, address,
      {ca_certs = "/no-such-file"})
    assert.equal("ENOENT", err.name)
    raised(ssl.ValueError, fetch, address, 99)
    for _, value in ipairs({5, true, {cadata = "x"}}) do
      raised.text("(string expected, got " .. type(value) .. ")", fetch,
        address, {ca_certs = value})
    end
    for _, version in ipairs({"x", false, 1.5, print}) do
      raised.text("(integer expected, got " .. type(version) .. ")", fetch,
        address, version)
    end
    err = raised(ssl.TypeError, fetch, address, {ca_cert = "x"})
    assert.equal("unknown option 'ca_cert'", err.message)
    raised(ssl.TypeError, fetch, address, nil, nil, nil, 5)
  end)
end)
