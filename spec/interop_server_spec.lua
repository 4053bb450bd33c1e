-- Servers of ours against clients that are not ours.
local certs = require "support.certs"
local native = require "native"
local pair = require "support.pair"
local peers = require "support.peers"
local ssl = require "pyssl"

-- What the programs call the versions.
local VERSIONS = {
  {name = "TLSv1.2", openssl = "-tls1_2", gnutls = "VERS-TLS1.2",
    curl = {"--tls-max", "1.2"}},
  {name = "TLSv1.3", openssl = "-tls1_3", gnutls = "VERS-TLS1.3",
    curl = {"--tlsv1.3"}},
}
local KEYS = {{name = "ECDSA", files = "server"},
  {name = "RSA", files = "server-rsa"}}

-- Every combination of a version and a kind of key.
local function each_case(body)
  for _, version in ipairs(VERSIONS) do
    for _, key in ipairs(KEYS) do body(version, key) end
  end
end

local function server_context(files, asks)
  local ctx = pair.server_context(files)
  if asks then
    ctx.verify_mode = ssl.CERT_REQUIRED
    ctx:load_verify_locations(certs.path "ca.pem")
  end
  return ctx
end

local function accept(listener)
  local conn = listener:accept()
  conn:settimeout(pair.LIMIT)
  return conn
end

local function hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

describe("a server of Python's client", function()
  local function client(port, version, more)
    return peers.python("client", pair.merge({port = port, version = version,
      ca = certs.path "ca.pem"}, more))
  end

  local function talk(version, files, asks)
    local listener <close>, port = peers.listen(server_context(files, asks))
    local peer <close> = client(port, version, {
      cert = asks and certs.path "client.pem", key = certs.path "client.key",
      send = peers.SIZE, receive = peers.SIZE})
    local conn <close> = accept(listener)
    local said = peers.report(peer, "handshake")
    assert.equal(version, conn:version())
    assert.equal(said.version, conn:version())
    assert.same(said.cipher, {conn:cipher()})
    assert.equal(said.unique, hex(conn:get_channel_binding "tls-unique"))
    assert.equal("localhost", said.cert.subject[1][1][2])
    local theirs = conn:getpeercert()
    assert.equal(asks and "client" or nil, theirs and theirs.subject[1][1][2])
    peers.collect(peer, conn)
    peers.deliver(peer, conn)
    assert.equal("", conn:recv(1))
    assert.equal("clean", conn:eof())
    conn:close()
    assert.equal("unwrap", peers.report(peer, "end"))
  end

  each_case(function(version, key)
    it(("talks %s with an %s certificate, and agrees on all it can tell "
        .. "[E-16, E-22, E-27]"):format(version.name, key.name), function()
      talk(version.name, key.files, false)
    end)

    it(("sees its certificate over %s with an %s one of its own [E-13]")
       :format(version.name, key.name), function()
      talk(version.name, key.files, true)
    end)
  end)
end)

describe("how a stream ends, to Python's client", function()
  local function await(ending)
    local listener <close>, port = peers.listen(server_context())
    local peer <close> = peers.python("client", {port = port,
      ca = certs.path "ca.pem", ["end"] = "await"})
    local conn <close> = accept(listener)
    ending(conn)
    peers.report(peer, "handshake")
    return peers.report(peer, "end")
  end

  it("is clean where we close", function()
    assert.equal("clean", await(function(conn) conn:close() end))
  end)

  it("is clean where we close for writing only", function()
    assert.equal("clean", await(function(conn)
      conn:close_write()
      assert.equal("", conn:recv(1))
    end))
  end)

  it("is truncated where our descriptor closes and nothing is said", function()
    assert.equal("ragged", await(function(conn) native.close(conn:detach()) end))
  end)
end)

describe("how a stream of Python's client ends", function()
  local DATA = 50000

  local function read_all(ending, version, options)
    local listener <close>, port = peers.listen(server_context(), options)
    local _ <close> = peers.python("client", {port = port, version = version,
      ca = certs.path "ca.pem", send = DATA, receive = 1, ["end"] = ending})
    local conn <close> = accept(listener)
    conn:send "x" -- it has read our tickets then: its end is no reset
    assert.equal(DATA, #peers.read(conn, DATA))
    local last, err = ssl.try(conn.recv, conn, 1)
    return conn:eof(), last, err
  end

  for _, version in ipairs(VERSIONS) do
    it("is clean after close_notify, over " .. version.name .. " [H-03]", function()
      assert.same({"clean", ""}, {read_all("unwrap", version.name)})
    end)

    it("is ragged without, over " .. version.name .. " [H-03]", function()
      assert.same({"ragged", ""}, {read_all("close", version.name)})
    end)

    it("is an error without, unless suppressed, over " .. version.name .. " [H-03]",
       function()
      local how, _, err = read_all("close", version.name,
        {suppress_ragged_eofs = false})
      assert.equal("ragged", how)
      assert.is_true(err:is(ssl.SSLEOFError), tostring(err))
    end)
  end
end)

describe("a server of openssl s_client", function()
  -- See interop_client_spec.lua: digits are no commands.
  local function each_line(seed, body)
    local data = peers.payload(seed, "0123456789abcdef")
    for at = 1, #data, 8192 do body(data:sub(at, at + 8191) .. "\n") end
  end

  -- The line, which s_client's own may stand before.
  local function await_line(peer, line)
    repeat
      local said = assert(peer:read_line())
    until said .. "\n" == line
  end

  each_case(function(version, key)
    it(("talks %s with an %s certificate"):format(version.name, key.name), function()
      local listener <close>, port = peers.listen(server_context(key.files))
      local peer <close> = peers.s_client(port, {version.openssl})
      local conn <close> = accept(listener)
      peer:expect "^Verification: OK"
      assert.same({version.name, (conn:cipher())},
        {peer:expect "^New, ([%w.]+), Cipher is ([%w_-]+)"})
      assert.equal(version.name, conn:version())
      peer:expect "Verify return code: 0"
      each_line(4, function(line)
        peer:write(line)
        assert.equal(line, peers.read(conn, #line))
      end)
      each_line(5, function(line)
        conn:sendall(line)
        await_line(peer, line)
      end)
      conn:close()
      peer:expect "^closed"
      assert.same({"exited", 0}, {peer:wait()})
    end)
  end)

  it("sees its certificate", function()
    local listener <close>, port = peers.listen(server_context("server", true))
    local peer <close> = peers.s_client(port, {"-cert", certs.path "client.pem",
      "-key", certs.path "client.key"})
    local conn <close> = accept(listener)
    assert.equal("client", conn:getpeercert().subject[1][1][2])
    peer:close_input()
    assert.equal("", conn:recv(1))
    assert.equal("clean", conn:eof())
  end)
end)

describe("a server of gnutls-cli", function()
  local function talk(version, files, asks)
    local listener <close>, port = peers.listen(server_context(files, asks))
    local more = {"--priority", "NORMAL:-VERS-ALL:+" .. version.gnutls}
    if asks then
      for _, word in ipairs{"--x509certfile", certs.path "client.pem",
        "--x509keyfile", certs.path "client.key"} do more[#more + 1] = word end
    end
    local peer <close> = peers.gnutls_cli(port, more)
    local conn <close> = accept(listener)
    peer:expect "^%- Status: The certificate is trusted"
    assert.equal(version.name:gsub("v", ""),
      (peer:expect "^%- Description: %((TLS[%d.]+)"))
    peer:expect "^%- Simple Client Mode"
    assert.equal(version.name, conn:version())
    for n = 1, peers.SIZE // 4000 + 1 do
      local line = ("%d "):format(n):rep(4000):sub(1, 3999) .. "\n"
      peer:write(line)
      assert.equal(line, peers.read(conn, #line))
      conn:sendall(line)
      repeat
        local said = peer:read_line()
      until said .. "\n" == line
    end
    peer:close_input()
    assert.equal("", conn:recv(1))
    assert.equal("clean", conn:eof())
    return conn:getpeercert()
  end

  each_case(function(version, key)
    it(("talks %s with an %s certificate"):format(version.name, key.name), function()
      assert.is_nil(talk(version, key.files))
    end)
  end)

  it("sees its certificate", function()
    local cert = talk(VERSIONS[2], "server", true)
    assert.equal("client", cert.subject[1][1][2])
  end)
end)

describe("a server of curl", function()
  -- Read a request, and answer with its body behind ours.
  local function serve(conn, body)
    local file <close> = conn:makefile("rw")
    local request, length = file:read "l", 0
    repeat
      local header = file:read("l"):gsub("\r$", "")
      length = tonumber(header:match "^[Cc]ontent%-[Ll]ength: *(%d+)") or length
    until header == ""
    local upload = length > 0 and file:read(length) or ""
    file:write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ",
      tostring(#body), "\r\n\r\n", body)
    file:flush()
    return request, upload
  end

  each_case(function(version, key)
    it(("serves it %s with an %s certificate"):format(version.name, key.name), function()
      local listener <close>, port = peers.listen(server_context(key.files))
      local body, sent = peers.payload(6), peers.payload(7)
      local argv = {"--data-binary", "@-", "-H", "Expect:"}
      for _, word in ipairs(version.curl) do argv[#argv + 1] = word end
      local peer <close> = peers.curl(port, argv)
      peer:write(sent) -- it reads all of it before it connects
      peer:close_input()
      local conn <close> = accept(listener)
      local request, upload = serve(conn, body)
      conn:close()
      local out, err = peer:drain()
      assert.equal("POST / HTTP/1.1\r", request)
      assert.equal(peers.digest(sent), peers.digest(upload))
      assert.equal("", err)
      assert.equal(peers.digest(body), peers.digest(out))
      assert.same({"exited", 0}, {peer:wait()})
    end)
  end)

  it("takes its certificate", function()
    local listener <close>, port = peers.listen(server_context("server", true))
    local peer <close> = peers.curl(port, {"--cert", certs.path "client.pem",
      "--key", certs.path "client.key"})
    local conn <close> = accept(listener)
    assert.equal("GET / HTTP/1.1\r", (serve(conn, "hello")))
    conn:close()
    assert.equal("hello", (peer:drain()))
    assert.same({"exited", 0}, {peer:wait()})
  end)

  for _, name in ipairs{"wrong-host", "stranger", "expired"} do
    it("is refused by it with a bad certificate: " .. name, function()
      local listener <close>, port = peers.listen(server_context(name))
      local peer <close> = peers.curl(port)
      local ok, conn = pcall(accept, listener) -- it looks at the name later
      if ok then conn:close() end
      peer:drain()
      assert.same({"exited", 60}, {peer:wait()})
    end)
  end
end)
