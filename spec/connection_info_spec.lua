-- What a connection tells of itself before, during and after its life.
local certs = require "support.certs"
local child = require "support.child"
local native = require "native"
local pair = require "support.pair"
local process = require "support.process"
local raised = require "support.raised"
local wire = require "support.wire"
local ssl = require "pyssl"

local VERSIONS, lay = wire.VERSIONS, wire.lay

for _, version in ipairs(VERSIONS) do
  local is_13 = version == ssl.TLSVersion.TLSv1_3

  describe("A connection of " .. ssl.TLSVersion[version], function()
    it("tells its version once the handshake is done [E-27, H-05]", function()
      local w <close> = lay(version, {handshake = false})
      local expected = is_13 and "TLSv1.3" or "TLSv1.2"
      assert.is_nil(w.client:version())
      raised(ssl.SSLWantReadError, w.client.do_handshake, w.client)
      assert.is_nil(w.client:version())
      w:handshake()
      assert.equal(expected, w.client:version())
      assert.equal(expected, w.server:version())
      w:unwrap()
      assert.is_nil(w.client:version())
    end)

    it("tells no version after a fatal error, but its cipher [E-27, E-16]", function()
      local w <close> = lay(version)
      local name = w.server:cipher()
      w:put("client", "\23\3\3\0\40" .. ("x"):rep(40))
      raised(ssl.SSLError, w.server.recv, w.server)
      assert.is_nil(w.server:version())
      assert.equal(name, (w.server:cipher()))
    end)

    it("tells its cipher: name, protocol, bits [E-16]", function()
      local w <close> = lay(version, {handshake = false})
      assert.is_nil(w.client:cipher())
      w:handshake()
      local name, protocol, bits = w.client:cipher()
      assert.equal(is_13 and "TLSv1.3" or "TLSv1.2", protocol)
      assert.equal(name:find("256", 1, true) and 256 or bits, bits)
      assert.same({name, protocol, bits}, {w.server:cipher()})
      assert.equal(3, select("#", w.client:cipher()))
    end)

    it("lists the ciphers that both sides have, on the server [E-17]", function()
      local client, server = pair.client_context(), pair.server_context()
      client:set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")
      server:set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"
        .. ":ECDHE-ECDSA-CHACHA20-POLY1305")
      client.maximum_version, server.maximum_version = version, version
      local w <close> = wire.new {client = client, server = server, handshake = false}
      assert.is_nil(w.server:shared_ciphers())
      w:handshake()
      assert.is_nil(w.client:shared_ciphers())
      local list, names = w.server:shared_ciphers(), {}
      for _, each in ipairs(list) do
        assert.equal(3, #each)
        if each[2] == "TLSv1.2" then names[#names + 1] = each[1] end
      end
      assert.same({"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"}, names)
      assert.same({"ECDHE-ECDSA-AES256-GCM-SHA384", "TLSv1.2", 256}, list[#list - 1])
    end)

    it("has no compression and no NPN [E-21, E-24]", function()
      local w <close> = lay(version)
      for _, s in ipairs {w.client, w.server} do
        assert.is_nil(s:compression())
        assert.is_nil(s:selected_npn_protocol())
      end
    end)

    it("knows the peer's certificate after the handshake [E-13, I-89]", function()
      local w <close> = lay(version, {handshake = false})
      for _, s in ipairs {w.client, w.server} do
        local err = raised(ssl.ValueError, s.getpeercert, s)
        assert.matches("handshake not done yet", err.message)
        raised(ssl.ValueError, s.getpeercert, s, true)
      end
      w:handshake()
      local cert = w.client:getpeercert()
      assert.same({{{"commonName", "localhost"}}}, cert.subject)
      assert.same(cert, w.client:getpeercert(false))
      assert.same(cert, w.client:getpeercert {binary_form = false})
      assert.equal(certs.read("server.der"), w.client:getpeercert(true))
      assert.equal(certs.read("server.der"), w.client:getpeercert {binary_form = true})
      assert.is_nil(w.server:getpeercert())
      assert.is_nil(w.server:getpeercert(true))
      raised.text("boolean expected, got number", w.client.getpeercert, w.client, 1)
      raised(ssl.TypeError, w.client.getpeercert, w.client, {binary = true})
    end)

    it("shows an unverified certificate as bytes only [E-13]", function()
      local settings = {maximum_version = version, check_hostname = false}
      local client = pair.client_context(settings)
      client.verify_mode = ssl.CERT_NONE
      local w <close> = wire.new {client = client}
      assert.same({}, w.client:getpeercert())
      assert.equal(certs.read("server.der"), w.client:getpeercert(true))
    end)

    for _, mode in ipairs {"CERT_NONE", "CERT_OPTIONAL", "CERT_REQUIRED"} do
      it("shows a client's certificate if the server asks, " .. mode .. " [E-13]", function()
        local client = pair.client_context {maximum_version = version}
        local server = pair.server_context()
        client:load_cert_chain(certs.path "client.pem", certs.path "client.key")
        server:load_verify_locations(certs.path "ca.pem")
        server.verify_mode = ssl[mode]
        local w <close> = wire.new {client = client, server = server}
        local cert = w.server:getpeercert()
        if mode == "CERT_NONE" then
          assert.is_nil(cert)
        else
          assert.same({{{"commonName", "client"}}}, cert.subject)
        end
      end)
    end

    it("does its handshake in the first read or write [H-05, E-10, E-11]", function()
      for _, call in ipairs {{"recv"}, {"read"}, {"send", "x"}, {"write", "x"}} do
        local w <close> = lay(version, {handshake = false})
        local deadline = native.now() + pair.LIMIT
        while not (w.client:version() and w.server:version()) do
          assert(native.now() < deadline, "the handshake is stuck")
          for _, s in ipairs {w.client, w.server} do
            local ok, err = pcall(s[call[1]], s, call[2])
            if not ok and not pair.is_want(err) then error(err, 0) end
            w:move()
          end
        end
      end
    end)

    it("repeats a handshake that is done as nothing [E-12]", function()
      local w <close> = lay(version)
      w.log.client = ""
      for _, block in ipairs {false, true} do
        assert.is_true(w.client:do_handshake())
        assert.is_true(w.client:do_handshake(block))
        assert.is_true(w.client:do_handshake {block = block})
      end
      w:move()
      assert.equal("", w.log.client)
      raised.text("boolean expected, got number", w.client.do_handshake, w.client, 1)
    end)
  end)
end

describe("selected_npn_protocol", function()
  it("warns once that it is deprecated [E-24]", function()
    local code, _, err = process.run({os.getenv("PYSSL_LUA") or "lua5.4", "-W", "-e", [[
      local ssl = require "pyssl"
      local s = ssl.create_default_context():wrap_socket(nil, {server_hostname = "x"})
      for _ = 1, 3 do assert(s:selected_npn_protocol() == nil) end]]},
      {sanitizers = true})
    assert.equal(0, code, err)
    assert.equal(1, select(2, err:gsub("Lua warning: [^\n]*selected_npn_protocol", "")))
  end)
end)

describe("do_handshake", function()
  it("waits where it is told to, and the timeout stays 0 [E-12]", function()
    local w <close> = wire.new {handshake = false}
    raised(ssl.SSLWantReadError, w.client.do_handshake, w.client)
    w:move()
    raised(ssl.SSLWantReadError, w.server.do_handshake, w.server)
    w:move()
    -- Everything the client waits for is there: without waiting it would be
    -- done as well, so let the server wait for what a child moves.
    local peer <close> = child.run(function()
      w.client:settimeout(pair.LIMIT)
      w.client:do_handshake()
      w:move()
    end)
    w.server:do_handshake(true)
    assert.equal(0, w.server:gettimeout())
    assert.is_truthy(w.server:version())
    raised(ssl.SSLWantReadError, w.server.recv, w.server)
    peer:join()
  end)
end)

describe("A socket that is not connected", function()
  local s

  before_each(function()
    s = pair.client_context():wrap_socket(nil, {server_hostname = "localhost"})
  end)

  after_each(function() s:close() end)

  it("tells nothing [E.5, E-16, E-17, E-21, E-22, E-24, E-27, E-28]", function()
    for _, name in ipairs {"cipher", "shared_ciphers", "compression", "version",
                           "get_channel_binding", "selected_npn_protocol", "eof"} do
      assert.is_nil(s[name](s), name)
      assert.equal(1, select("#", s[name](s)), name)
    end
    assert.equal(0, s:pending())
  end)

  local CALLS = {
    {"read", ssl.ValueError}, {"write", ssl.ValueError, nil, "x"},
    {"unwrap", ssl.ValueError}, {"close_write", ssl.ValueError},
    {"get_channel_binding", ssl.ValueError, nil, "tls-none"},
    {"getpeercert", ssl.OSError, "ENOTCONN"},
    {"do_handshake", ssl.OSError, "ENOTCONN"},
    {"recv", ssl.OSError, "ENOTCONN"},
    {"recv_into", ssl.OSError, "ENOTCONN", ssl.buffer(5)},
    {"getpeername", ssl.OSError, "ENOTCONN"},
    {"shutdown", ssl.OSError, "ENOTCONN", 2},
    {"send", ssl.OSError, "EPIPE", "x"},
    {"sendall", ssl.OSError, "EPIPE", "x"},
    {"sendfile", ssl.OSError, "EPIPE", 0},
  }
  for _, call in ipairs(CALLS) do
    local name, class, errno, argument = table.unpack(call, 1, 4)
    it(("raises %s from %s [E.5, I-88, I-89, I-90]"):format(
      errno or class.name, name), function()
      local err = raised(class, s[name], s, argument)
      assert.equal(errno, err.name)
      -- The same with a descriptor that is not connected.
      local bound = pair.client_context():wrap_socket(nil, {server_hostname = "x"})
      bound:bind("127.0.0.1", 0)
      err = raised(class, bound[name], bound, argument)
      assert.equal(errno, err.name)
      bound:close()
    end)
  end
end)

describe("What TLS cannot do", function()
  it("is refused always: dup, sendmsg, recvmsg, recvmsg_into [E.4, I-87]", function()
    local w <close> = wire.new()
    local s <close> = pair.client_context():wrap_socket(nil, {server_hostname = "x"})
    for _, name in ipairs {"dup", "sendmsg", "recvmsg", "recvmsg_into"} do
      local err = raised(ssl.NotImplementedError, w.client[name], w.client)
      assert.matches(name, err.message)
      raised(ssl.NotImplementedError, s[name], s)
    end
  end)

  it("is refused while there is TLS: sendto, recvfrom, recvfrom_into [E.4, I-86]", function()
    local w <close> = wire.new()
    w:take("client")
    for _, call in ipairs {
      {"sendto", "plaintext", {"127.0.0.1", 9}}, {"recvfrom", 10},
      {"recvfrom_into", ssl.buffer(10)},
    } do
      local err = raised(ssl.ValueError, w.client[call[1]], w.client, table.unpack(call, 2))
      assert.matches("not allowed", err.message)
    end
    assert.equal("", w:take("client"))
  end)

  it("works on a plain stream: sendto, recvfrom, recvfrom_into [E.4]", function()
    local client, server = pair.connected()
    client:settimeout(0)
    server:settimeout(0)
    pair.drive({client.unwrap, client}, {server.unwrap, server})
    client:settimeout(pair.LIMIT)
    server:settimeout(pair.LIMIT)
    local address = {client:getsockname()}
    assert.equal(8, client:sendto("hi there", {server:getsockname()}))
    local data, from = server:recvfrom(3)
    assert.equal("hi ", data)
    assert.same(address, from)
    local b = ssl.buffer(5)
    local n, sender = server:recvfrom_into(b)
    assert.equal(5, n)
    assert.same(address, sender)
    assert.equal("there", b:sub(1, -1))
    pair.close(client, server)
  end)
end)
