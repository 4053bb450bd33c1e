local certs = require "support.certs"
local child = require "support.child"
local native = require "native"
local pair = require "support.pair"
local raised = require "support.raised"
local ssl = require "pyssl"

-- What every error of a table of expectations is to have; false is nil.
local function assert_fields(expected, err)
  for name, value in pairs(expected) do
    assert.same(value or nil, err[name], name)
  end
end

-- A pair whose handshake is done; the client's other end is closed in the way
-- that `close(server)` does it.
local function client_of(close, options)
  local client, server = pair.connected(nil, nil, options)
  close(server)
  return client
end

-- The end of TCP without close_notify.
local function cut(server)
  native.close(server:detach())
end

-- A connection is reset where it is closed with something unread.
local function reset_pair()
  local client, server = pair.connected()
  client:sendall("unread")
  cut(server)
  return client
end

local TLS12 = {maximum_version = ssl.TLSVersion.TLSv1_2}

describe("an operation that cannot be done at once", function()
  it("raises SSLWantReadError on a non-blocking socket [B-03, B.3]", function()
    local client, server = pair.tcp(pair.client_context(),
      pair.server_context())
    local calls = {
      handshake = {server.do_handshake, server}, write = {server.send, server,
      "x"}, read = {server.recv, server, 1},
    }
    for op, call in pairs(calls) do
      local err = raised(ssl.SSLWantReadError, table.unpack(call))
      assert.equal(2, err.errno)
      assert.matches("did not complete (read)", err.message, 1, true)
      -- What writes or reads begins with the handshake.
      assert.equal(op, err.op)
    end
    pair.close(client, server)
  end)

  it("raises SSLWantWriteError where nobody reads [B-04, B.3]", function()
    local client, server = pair.connected()
    client:settimeout(0)
    local block = ("x"):rep(65536)
    local err = raised(ssl.SSLWantWriteError, function()
      while true do client:send(block) end
    end)
    assert_fields({errno = 3, op = "write", library = false, reason = false},
      err)
    assert.matches("did not complete (write)", err.message, 1, true)
    pair.close(client, server)
  end)

  it("raises the same object again, for it is an everyday event", function()
    local client, server = pair.connected()
    client:settimeout(0)
    local first = raised(ssl.SSLWantReadError, client.recv, client, 1)
    assert.equal(first, raised(ssl.SSLWantReadError, client.recv, client, 1))
    pair.close(client, server)
  end)

  it("raises TimeoutError when the time is over [B.3]", function()
    local client, server = pair.connected()
    client:settimeout(0.02)
    local err = raised(ssl.TimeoutError, client.recv, client, 1)
    assert_fields({errno = false, op = "read", library = false, sent = false},
      err)
    assert.matches("timed out", err.message)
    assert.is_true(err:is(ssl.OSError))
    assert.is_false(err:is(ssl.SSLError))
    pair.close(client, server)
  end)

  it("tells how many bytes a write that failed has taken [B.3]", function()
    local client, server = pair.connected()
    client:settimeout(0.05)
    local data = ("x"):rep(64 * 1024 * 1024)
    local err = raised(ssl.TimeoutError, client.sendall, client, data)
    assert.equal("write", err.op)
    assert.is_true(err.sent > 0 and err.sent < #data)
    pair.close(client, server)
  end)

  it("is done, without an error, by a blocking socket [B.3]", function()
    local client, server = pair.connected()
    local peer <close> = child.run(function(channel)
      channel:receive()
      server:sendall("late")
      return server:recv(10)
    end)
    client:settimeout(nil)
    peer:send("go")
    assert.equal("late", client:recv(10))
    client:sendall("answer")
    assert.equal("answer", peer:join())
    pair.close(client, server)
  end)
end)

describe("the end of a stream", function()
  it("reads as an empty string when the peer closed cleanly [B.3]", function()
    local client = client_of(function(server) server:close() end)
    assert.equal("", client:recv(10))
    assert.equal("", client:recv(10))
    assert.equal(0, client:recv_into(ssl.buffer(5)))
    client:close()
  end)

  it("raises SSLZeroReturnError once both ends are closed [B-02, B.3]",
    function()
      local client = client_of(function(server) server:close() end)
      assert.equal("", client:recv(10))
      client:close_write()
      local err = raised(ssl.SSLZeroReturnError, client.recv, client, 10)
      assert_fields({errno = 6, op = "read", library = false, reason = false},
        err)
      client:close()
    end)

  for _, name in ipairs({"TLSv1_2", "TLSv1_3"}) do
    it("without close_notify is SSLEOFError in " .. name .. " [B-06, B.3]",
      function()
        local options = {client = {suppress_ragged_eofs = false}}
        local client, server = pair.connected(pair.client_context(
          {maximum_version = ssl.TLSVersion[name]}), nil, options)
        cut(server)
        local err = raised(ssl.SSLEOFError, client.recv, client, 10)
        assert_fields({errno = 8, op = "read", library = "SSL",
          reason = "UNEXPECTED_EOF_WHILE_READING", verify_code = false}, err)
        assert.matches("^%[SSL: UNEXPECTED_EOF_WHILE_READING%] ", tostring(err))
        client:close()
      end)
  end

  it("in a handshake is SSLEOFError [B-06, B.3]", function()
    local client, server = pair.tcp(pair.client_context(),
      pair.server_context())
    client:settimeout(pair.LIMIT)
    local fd = server:detach()
    local peer <close> = child.run(function()
      native.read(fd, 65536) -- the whole ClientHello, or TCP resets
      native.close(fd)
    end)
    native.close(fd)
    local err = raised(ssl.SSLEOFError, client.do_handshake, client)
    assert_fields({errno = 8, op = "handshake", library = "SSL",
      reason = "UNEXPECTED_EOF_WHILE_READING"}, err)
    peer:join()
    client:close()
  end)
end)

describe("a failure of the system", function()
  it("is an OSError, no SSLError: a reset [B-05, B.3]", function()
    local client = reset_pair()
    local err = raised(ssl.OSError, client.recv, client, 10)
    assert_fields({name = "ECONNRESET", errno = 104, op = "read",
      library = false, reason = false}, err)
    assert.matches("reset", err.message)
    client:close()
  end)

  it("is an OSError: a write that nobody can read [B-05, B.3]", function()
    local client = reset_pair()
    client:settimeout(pair.LIMIT)
    raised(ssl.OSError, client.recv, client, 10)
    local err = raised(ssl.OSError, client.sendall, client, "x")
    assert_fields({name = "EPIPE", errno = 32, op = "write", library = false},
      err)
    client:close()
  end)

  it("is an OSError: no such file [B.2, B.3]", function()
    local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    local err = raised(ssl.OSError, ctx.load_verify_locations, ctx,
      certs.dir .. "/no-such-file")
    assert_fields({name = "ENOENT", errno = 2, library = false}, err)
  end)

  it("is an OSError: a socket that is not connected", function()
    local conn = pair.client_context():wrap_socket(nil,
      {server_hostname = "localhost"})
    local err = raised(ssl.OSError, conn.recv, conn, 1)
    assert_fields({name = "ENOTCONN", errno = 107, library = false}, err)
    conn:close()
  end)
end)

-- A handshake whose client says no: what is wrong, the code, the alert that
-- the server sees, the depth of the certificate at fault.
local REFUSED = {
  {what = "an unknown issuer", cert = "stranger", code = 20,
    message = "unable to get local issuer certificate",
    reason = "TLSV1_ALERT_UNKNOWN_CA", alert = 48, cn = "stranger"},
  {what = "a certificate by itself", cert = "self-signed", code = 18,
    message = "self%-signed certificate", reason = "TLSV1_ALERT_UNKNOWN_CA",
    alert = 48, cn = "localhost"},
  {what = "a certificate that is over", cert = "expired", code = 10,
    message = "certificate has expired",
    reason = "SSLV3_ALERT_CERTIFICATE_EXPIRED", alert = 45, cn = "localhost"},
  {what = "another host's certificate", cert = "wrong-host", code = 62,
    message = "Hostname mismatch, certificate is not valid for 'localhost'",
    reason = "SSLV3_ALERT_BAD_CERTIFICATE", alert = 42,
    cn = "wrong.example.org"},
  {what = "another address's certificate", cert = "wrong-host", code = 64,
    hostname = "127.0.0.9",
    message = "IP address mismatch, certificate is not valid for '127.0.0.9'",
    reason = "SSLV3_ALERT_BAD_CERTIFICATE", alert = 42,
    cn = "wrong.example.org"},
}

describe("a certificate that is refused", function()
  for _, case in ipairs(REFUSED) do
    it("says all about it: " .. case.what .. " [B-07, B.2, B.3]", function()
      local name = case.hostname or "localhost"
      local err = pair.refused(pair.client_context(),
        pair.server_context(case.cert), {client = {server_hostname = name}})
      assert.equal(ssl.SSLCertVerificationError, err.class)
      assert_fields({errno = 1, library = "SSL", op = "handshake",
        reason = "CERTIFICATE_VERIFY_FAILED", verify_code = case.code,
        depth = 0, hostname = name, alert = case.alert,
        subject = {{{"commonName", case.cn}}}}, err)
      assert.matches("^" .. case.message, err.verify_message)
      assert.matches("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify "
        .. "failed: " .. err.verify_message, tostring(err), 1, true)
    end)

    it("gives the peer the alert: " .. case.what .. " [B.3]", function()
      local _, err = pair.refused(pair.client_context(TLS12),
        pair.server_context(case.cert),
        {client = {server_hostname = case.hostname or "localhost"}})
      assert.equal(ssl.SSLError, err.class)
      assert_fields({errno = 1, library = "SSL", reason = case.reason,
        alert = case.alert, op = "handshake", verify_code = false}, err)
    end)
  end

  it("may be one above the leaf [B.2]", function()
    local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx:load_cert_chain(certs.path("chain.pem"), certs.path("leaf.key"))
    local client = ssl.create_default_context {
      cafile = certs.path("other-ca.pem")}
    local err = pair.refused(client, ctx)
    assert_fields({verify_code = 20, depth = 1,
      subject = {{{"commonName", "Test Intermediate"}}}}, err)
  end)
end)

describe("a failure of the protocol", function()
  it("has OpenSSL's library, reason and text [B-01, B.2, B.3]", function()
    local server_ctx = pair.server_context(nil,
      {minimum_version = ssl.TLSVersion.TLSv1_3})
    local client_err, server_err = pair.refused(pair.client_context(TLS12),
      server_ctx)
    assert.equal(ssl.SSLError, client_err.class)
    assert_fields({errno = 1, library = "SSL", op = "handshake",
      reason = "TLSV1_ALERT_PROTOCOL_VERSION", alert = 70}, client_err)
    assert_fields({errno = 1, library = "SSL", op = "handshake",
      reason = "UNSUPPORTED_PROTOCOL", alert = 70}, server_err)
    assert.equal("[SSL: UNSUPPORTED_PROTOCOL] unsupported protocol",
      tostring(server_err))
  end)

  it("is what a peer says that speaks no TLS [B.3]", function()
    local client, server = pair.tcp(pair.client_context(),
      pair.server_context())
    local fd = server:detach()
    client:settimeout(pair.LIMIT)
    native.write(fd, "HTTP/1.1 400 Bad Request\r\n\r\n")
    local err = raised(ssl.SSLError, client.do_handshake, client)
    assert_fields({errno = 1, reason = "WRONG_VERSION_NUMBER"}, err)
    native.close(fd)
    client:close()
  end)

  it("is followed by SSLEOFError, whatever is tried [B-06, B.3]", function()
    local client, server = pair.tcp(pair.client_context(),
      pair.server_context("stranger"))
    local results = pair.drive({client.do_handshake, client},
      {server.do_handshake, server})
    assert.equal(ssl.SSLCertVerificationError, results[1][2].class)
    for _, call in ipairs({{client.do_handshake, client},
      {client.read, client, 1}, {client.write, client, "x"},
      {client.recv, client, 1}, {client.send, client, "x"}}) do
      local err = raised(ssl.SSLEOFError, table.unpack(call))
      assert_fields({errno = 8, library = false, reason = false}, err)
    end
    local err = raised(ssl.SSLError, client.unwrap, client)
    assert_fields({errno = 1, reason = "SHUTDOWN_WHILE_IN_INIT",
      op = "unwrap"}, err)
    pair.close(client, server)
  end)

  it("leaves no trace on another connection", function()
    local client, server = pair.connected()
    client:settimeout(0)
    pair.refused(pair.client_context(), pair.server_context("stranger"))
    raised(ssl.SSLWantReadError, client.recv, client, 1)
    server:sendall("x")
    client:settimeout(pair.LIMIT)
    assert.equal("x", client:recv(1))
    pair.close(client, server)
  end)
end)

-- Errors of a context: errno is the reason's number, where OpenSSL has one.
local LOADS = {
  {what = "a key of another certificate", library = "X509", errno = 116,
    reason = "KEY_VALUES_MISMATCH", call = function(ctx)
      ctx:load_cert_chain(certs.path("server.pem"), certs.path("client.key"))
    end},
  {what = "an empty file of authorities", library = "X509", errno = 136,
    reason = "NO_CERTIFICATE_OR_CRL_FOUND", call = function(ctx)
      ctx:load_verify_locations(certs.path("empty.pem"))
    end},
  {what = "a file without DH parameters", library = "PEM", errno = 108,
    reason = "NO_START_LINE", call = function(ctx)
      ctx:load_dh_params(certs.path("empty.pem"))
    end},
  {what = "a cipher that there is not", errno = false, library = false,
    reason = false, call = function(ctx) ctx:set_ciphers("nonsense") end},
}

describe("a failure of a context", function()
  for _, case in ipairs(LOADS) do
    it("tells library, reason and number: " .. case.what .. " [B-01, B.2]",
      function()
        local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        local err = raised(ssl.SSLError, case.call, ctx)
        assert_fields({library = case.library, reason = case.reason,
          errno = case.errno}, err)
        assert.is_true(#err.message > 0)
      end)
  end

  it("has the number 0 where the words are ours [B-01, B.2]", function()
    local near, far = native.socketpair()
    local err = raised(ssl.SSLError, function()
      ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER):wrap_socket(near)
    end)
    native.close(far)
    assert_fields({errno = 0, library = false, reason = false}, err)
  end)
end)
