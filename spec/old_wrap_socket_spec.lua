local certs = require "support.certs"
local child = require "support.child"
local native = require "native"
local pair = require "support.pair"
local raised = require "support.raised"
local ssl = require "pyssl"

local CA, CERT, KEY = "ca.pem", "server.pem", "server.key"

local function server_options(more)
  return pair.merge({server_side = true, certfile = certs.path(CERT),
    keyfile = certs.path(KEY), do_handshake_on_connect = false}, more)
end

-- Both ends of a stream, wrapped by descriptor, with the handshake done.
-- Gives the client, the server, and the errors of both where they failed.
local function connected(client_options, server)
  local near, far = native.socketpair()
  local conn = ssl.wrap_socket(near, pair.merge(
    {do_handshake_on_connect = false}, client_options))
  local other = ssl.wrap_socket(far, server_options(server))
  conn:settimeout(0)
  other:settimeout(0)
  local results = pair.drive({conn.do_handshake, conn},
    {other.do_handshake, other})
  conn:settimeout(pair.LIMIT)
  other:settimeout(pair.LIMIT)
  local function failure(i)
    if results[i][1] then return nil end
    return results[i][2]
  end
  return conn, other, failure(1), failure(2)
end

describe("the module's wrap_socket", function()
  it("wraps both ends of a connection [A-13]", function()
    local client, server = connected()
    client:sendall("question")
    assert.equal("question", server:recv(100))
    server:sendall("answer")
    assert.equal("answer", client:recv(100))
    assert.is_false(client.server_side)
    assert.is_true(server.server_side)
    pair.close(client, server)
  end)

  it("performs the handshake of a connected socket at once [A-13]", function()
    local near, far = native.socketpair()
    local peer <close> = child.run(function()
      native.close(near)
      local conn = ssl.wrap_socket(far, certs.path(KEY), certs.path(CERT), true)
      conn:sendall(conn:version())
      conn:recv(1)
      conn:close()
    end)
    native.close(far)
    local conn = ssl.wrap_socket(near)
    assert.equal("TLSv1.3", conn:version())
    assert.equal("TLSv1.3", conn:recv(100))
    conn:close()
    peer:join()
  end)

  it("takes Python's arguments in Python's order [A-13]", function()
    local near, far = native.socketpair()
    local conn = ssl.wrap_socket(near, certs.path("client.key"),
      certs.path("client.pem"), false, ssl.CERT_REQUIRED, ssl.PROTOCOL_TLSv1_2,
      certs.path(CA), false, false, "ECDHE-ECDSA-AES128-GCM-SHA256")
    assert.is_false(conn.do_handshake_on_connect)
    assert.is_false(conn.suppress_ragged_eofs)
    assert.is_false(conn.server_side)
    assert.equal(ssl.CERT_REQUIRED, conn.context.verify_mode)
    assert.equal(ssl.PROTOCOL_TLSv1_2, conn.context.protocol)
    assert.equal(1, #conn.context:get_ca_certs())
    conn:close()
    native.close(far)
  end)

  it("sets up TLS in connect for a client that is not connected [A-13]",
    function()
      local peer <close> = child.run(function(channel)
        local listener = ssl.wrap_socket(nil, server_options(
          {do_handshake_on_connect = true}))
        listener:bind("127.0.0.1", 0)
        listener:listen(1)
        local _, port = listener:getsockname()
        channel:send(tostring(port))
        -- A listener carries no TLS itself.
        assert(listener:version() == nil)
        local conn = listener:accept()
        conn:sendall("hello")
        conn:recv(1)
        pair.close(conn, listener)
      end)
      local conn = ssl.wrap_socket(nil, {ca_certs = certs.path(CA),
        cert_reqs = ssl.CERT_REQUIRED})
      assert.is_nil(conn:version())
      raised(ssl.OSError, conn.getpeername, conn)
      assert.is_true(conn:connect("127.0.0.1", tonumber(peer:receive())))
      assert.equal("TLSv1.3", conn:version())
      assert.equal("hello", conn:recv(10))
      conn:close()
      peer:join()
    end)

  it("takes a server's socket without a peer for a listener [A-13]", function()
    local plain = pair.server_context():wrap_socket(nil, {server_side = true})
    plain:bind("127.0.0.1", 0)
    plain:listen(1)
    local address = {plain:getsockname()}
    local listener = ssl.wrap_socket(plain:detach(), server_options())
    assert.is_nil(listener:version())
    local client = ssl.wrap_socket(nil, {do_handshake_on_connect = false})
    client:connect(address)
    local server = listener:accept()
    client:settimeout(0)
    server:settimeout(0)
    local results = pair.drive({client.do_handshake, client},
      {server.do_handshake, server})
    assert.is_true(results[1][1] and results[2][1])
    pair.close(client, server, listener)
  end)

  it("verifies nothing by default, and never a name [A-13]", function()
    local client, server, err = connected(nil, {
      certfile = certs.path("self-signed.pem"),
      keyfile = certs.path("self-signed.key")})
    assert.is_nil(err)
    assert.equal(ssl.CERT_NONE, client.context.verify_mode)
    assert.is_false(client.context.check_hostname)
    assert.is_nil(client.server_hostname)
    pair.close(client, server)
    client, server, err = connected(
      {cert_reqs = ssl.CERT_REQUIRED, ca_certs = certs.path(CA)},
      {certfile = certs.path("wrong-host.pem"),
       keyfile = certs.path("wrong-host.key")})
    assert.is_nil(err)
    assert.equal("wrong.example.org",
      client:getpeercert().subject[1][1][2])
    pair.close(client, server)
  end)

  it("verifies the server's chain when told to [A-13]", function()
    local client, server, err = connected(
      {cert_reqs = ssl.CERT_REQUIRED, ca_certs = certs.path(CA)},
      {certfile = certs.path("stranger.pem"),
       keyfile = certs.path("stranger.key")})
    assert.equal(ssl.SSLCertVerificationError, err.class)
    assert.equal(20, err.verify_code)
    pair.close(client, server)
  end)

  it("takes cert_reqs without ca_certs, and then trusts nobody [A-13]",
    function()
      for _, mode in ipairs({ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED}) do
        local client, server, err = connected({cert_reqs = mode})
        assert.equal(ssl.SSLCertVerificationError, err.class)
        assert.matches("no CA certificates are loaded", err.message, 1, true)
        pair.close(client, server)
      end
    end)

  it("asks for the client's certificate when told to [A-13]", function()
    local demand = {cert_reqs = ssl.CERT_REQUIRED, ca_certs = certs.path(CA)}
    local client, server, _, err = connected({
      certfile = certs.path("client.pem"), keyfile = certs.path("client.key")},
      demand)
    assert.is_nil(err)
    assert.equal("client", server:getpeercert().subject[1][1][2])
    pair.close(client, server)
    client, server, _, err = connected(nil, demand)
    assert.equal("PEER_DID_NOT_RETURN_A_CERTIFICATE", err.reason)
    pair.close(client, server)
  end)

  it("finds the key in certfile where no keyfile is named [A-13]", function()
    local near, far = native.socketpair()
    local conn = ssl.wrap_socket(near, {server_side = true,
      certfile = certs.path("combined.pem"), do_handshake_on_connect = false})
    conn:close()
    native.close(far)
  end)

  it("speaks what is safe today, or the version named [A-13]", function()
    local client, server = connected()
    assert.equal(ssl.PROTOCOL_TLS, client.context.protocol)
    assert.equal(ssl.TLSVersion.TLSv1_2, client.context.minimum_version)
    assert.equal("TLSv1.3", client:version())
    pair.close(client, server)
    client, server = connected({ssl_version = ssl.PROTOCOL_TLSv1_2})
    assert.equal("TLSv1.2", server:version())
    pair.close(client, server)
  end)

  it("uses the ciphers named [A-13]", function()
    local client, server = connected({ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256",
      ssl_version = ssl.PROTOCOL_TLSv1_2})
    assert.equal("ECDHE-ECDSA-AES128-GCM-SHA256", (client:cipher()))
    pair.close(client, server)
  end)

  it("raises ValueError where a certfile is missing [A-13] [I-113]", function()
    local err = raised(ssl.ValueError, ssl.wrap_socket, nil,
      {server_side = true})
    assert.matches("specified for server%-side operations", err.message)
    err = raised(ssl.ValueError, ssl.wrap_socket, nil,
      {keyfile = certs.path(KEY)})
    assert.equal("certfile must be specified", err.message)
    raised(ssl.ValueError, ssl.wrap_socket, nil,
      {keyfile = certs.path(KEY), server_side = true})
  end)

  it("raises what is wrong with the other arguments [A-13] [I-114]", function()
    for _, version in ipairs({0, 1, 99, -1}) do
      local err = raised(ssl.ValueError, ssl.wrap_socket, nil,
        {ssl_version = version})
      assert.matches("invalid or unsupported protocol version", err.message)
    end
    for _, mode in ipairs({3, -1}) do
      raised(ssl.ValueError, ssl.wrap_socket, nil, {cert_reqs = mode})
    end
    local err = raised(ssl.SSLError, ssl.wrap_socket, nil,
      {ciphers = "nonsense"})
    assert.matches("[Nn]o cipher can be selected", err.message)
    err = raised(ssl.OSError, ssl.wrap_socket, nil, {certfile = "/nothing"})
    assert.equal("ENOENT", err.name)
    raised(ssl.OSError, ssl.wrap_socket, nil, {ca_certs = "/nothing"})
    err = raised(ssl.TypeError, ssl.wrap_socket, nil,
      {ssl_protocol = ssl.PROTOCOL_TLS})
    assert.equal("unknown option 'ssl_protocol'", err.message)
    -- Contexts of one side serve that side only.
    local near, far = native.socketpair()
    raised(ssl.SSLError, ssl.wrap_socket, near,
      {ssl_version = ssl.PROTOCOL_TLS_SERVER})
    native.close(far)
  end)

  it("names what is of a wrong type [A-13] [I-114]", function()
    for option, expected in pairs({ssl_version = "integer",
      cert_reqs = "integer", ciphers = "string", ca_certs = "string",
      certfile = "string", keyfile = "string", suppress_ragged_eofs = "boolean",
      do_handshake_on_connect = "boolean"}) do
      for _, value in ipairs({{}, print}) do
        raised.text(("(%s expected, got %s)"):format(expected, type(value)),
          ssl.wrap_socket, nil, {certfile = certs.path("combined.pem"),
          [option] = value})
      end
    end
    for _, option in ipairs({"ssl_version", "cert_reqs"}) do
      raised.text("(integer expected, got boolean)", ssl.wrap_socket, nil,
        {[option] = false})
    end
    raised.text("(boolean expected, got number)", ssl.wrap_socket, nil,
      server_options({server_side = 1}))
  end)

  it("leaves the socket alone when it raises before the take-over [A-13]",
    function()
      local near, far = native.socketpair()
      raised(ssl.ValueError, ssl.wrap_socket, near, {server_side = true})
      raised(ssl.OSError, ssl.wrap_socket, near, {ca_certs = "/nothing"})
      assert.equal(1, native.write(near, "x"))
      assert.equal("x", native.read(far, 10))
      native.close(near)
      native.close(far)
    end)
end)
