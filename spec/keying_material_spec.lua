-- export_keying_material: secrets that both ends derive from a connection.
local exporter = require "support.exporter"
local pair = require "support.pair"
local peers = require "support.peers"
local raised = require "support.raised"
local wire = require "support.wire"
local ssl = require "pyssl"

local LABEL = "EXPERIMENTAL-pyssl"
local VERSIONS = {"TLSv1_2", "TLSv1_3"}

-- Before TLS 1.3 OpenSSL 3.0 takes 958 bytes of label and context.
local MOST = {TLSv1_2 = 958 - #LABEL, TLSv1_3 = 65535}

local function cases(version)
  return {
    {LABEL, 32}, {LABEL, 32, ""}, {LABEL, 32, "context"}, {LABEL, 1},
    {LABEL, 8160}, {("x"):rep(249), 20}, {"\0\255", 20, "a\0b"},
    {LABEL, 20, ("y"):rep(MOST[version])},
  }
end

for _, version in ipairs(VERSIONS) do
  local is_13 = version == "TLSv1_3"

  describe("Keying material of " .. version, function()
    it("is what the RFC computes from the secrets, on both ends", function()
      local w, expect = exporter.new(ssl.TLSVersion[version])
      local _ <close> = w
      local list = cases(version)
      for i, bytes in ipairs(expect(list)) do
        local label, length, context = table.unpack(list[i], 1, 3)
        assert.equal(length, #bytes)
        for _, s in ipairs {w.client, w.server} do
          assert.equal(bytes, s:export_keying_material(label, length, context))
        end
      end
    end)

    it("keeps no context and an empty one apart, as the version does", function()
      local w <close> = exporter.new(ssl.TLSVersion[version])
      local s = w.server
      local none = s:export_keying_material(LABEL, 32)
      local empty = s:export_keying_material(LABEL, 32, "")
      assert.equal(is_13, none == empty)
      assert.equal(none, s:export_keying_material(LABEL, 32, nil))
      assert.equal(empty, s:export_keying_material {label = LABEL, length = 32,
                                                    context = ""})
      assert.not_equal(empty, s:export_keying_material(LABEL, 32, "\0"))
    end)

    it("is another one for each connection and label", function()
      local a <close> = exporter.new(ssl.TLSVersion[version])
      local b <close> = exporter.new(ssl.TLSVersion[version])
      local bytes = a.client:export_keying_material(LABEL, 32)
      assert.not_equal(bytes, b.client:export_keying_material(LABEL, 32))
      assert.not_equal(bytes, a.client:export_keying_material(LABEL .. "x", 32))
    end)

    it("is not to be had before the handshake is done", function()
      local limit = {maximum_version = ssl.TLSVersion[version]}
      local w <close> = wire.new {client = pair.client_context(limit),
                                  handshake = false}
      for _ = 1, 2 do
        for _, s in ipairs {w.client, w.server} do
          local err = raised(ssl.ValueError, s.export_keying_material, s, LABEL, 32)
          assert.matches("handshake not done yet", err.message, 1, true)
        end
        raised(ssl.SSLWantReadError, w.client.do_handshake, w.client)
        w:move()
        raised(ssl.SSLWantReadError, w.server.do_handshake, w.server)
      end
      w:handshake()
      assert.equal(w.client:export_keying_material(LABEL, 32),
                   w.server:export_keying_material(LABEL, 32))
    end)

    it("has limits that are the same for every version", function()
      local w <close> = exporter.new(ssl.TLSVersion[version])
      for _, case in ipairs {
        {"label", "", 32}, {"label", ("x"):rep(250), 32},
        {"length", LABEL, 0}, {"length", LABEL, -1}, {"length", LABEL, 8161},
        {"length", LABEL, math.maxinteger}, {"length", LABEL, math.mininteger},
        {"context", LABEL, 32, ("y"):rep(65536)},
      } do
        local err = raised(ssl.ValueError, w.client.export_keying_material,
                           w.client, table.unpack(case, 2, 4))
        assert.matches("the " .. case[1] .. " must be", err.message, 1, true)
      end
    end)
  end)
end

describe("Keying material", function()
  it("is the same for OpenSSL's client, the most bytes of the shortest hash", function()
    local listener <close>, port = peers.listen(pair.server_context())
    local client <close> = peers.s_client(port, {"-ciphersuites",
      "TLS_AES_128_GCM_SHA256", "-keymatexport", LABEL, "-keymatexportlen", "8160"})
    local server <close> = listener:accept()
    local bytes = server:export_keying_material(LABEL, 8160)
    assert.equal(exporter.hex(bytes),
      client:expect("Keying material: (%x+)"):lower())
  end)

  it("is the same for OpenSSL's server, in TLS 1.2", function()
    local server <close> = peers.s_server("server",
      {"-tls1_2", "-keymatexport", LABEL, "-keymatexportlen", "40"})
    local client <close> = pair.client_context():connect("127.0.0.1", server.port,
      {server_hostname = "localhost", timeout = pair.LIMIT})
    assert.equal(exporter.hex(client:export_keying_material(LABEL, 40)),
      server:expect("Keying material: (%x+)"):lower())
  end)

  it("is the same for GnuTLS's client, in both versions", function()
    for _, version in ipairs(VERSIONS) do
      local listener <close>, port = peers.listen(pair.server_context("server",
        {maximum_version = ssl.TLSVersion[version]}))
      local client <close> = peers.gnutls_cli(port,
        {"--keymatexport=" .. LABEL, "--keymatexportsize=32"})
      local server <close> = listener:accept()
      assert.equal(exporter.hex(server:export_keying_material(LABEL, 32)),
        client:expect("Key material: (%x+)"))
    end
  end)

  it("says so where TLS 1.2 has no room for the context", function()
    local w <close> = exporter.new(ssl.TLSVersion.TLSv1_2)
    for _, length in ipairs {MOST.TLSv1_2 + 1, 65535} do
      local ok, got = pcall(w.client.export_keying_material, w.client, LABEL, 32,
                            ("y"):rep(length))
      if ok then -- a later OpenSSL
        assert.equal(32, #got)
      else
        assert.is_true(got:is(ssl.ValueError))
        assert.matches("the context is too long", got.message, 1, true)
      end
    end
  end)

  it("is not to be had under a label that TLS 1.2 itself uses", function()
    local w <close> = exporter.new(ssl.TLSVersion.TLSv1_2)
    for _, label in ipairs {"master secret", "key expansion", "client finished"} do
      local err = raised(ssl.SSLError, w.client.export_keying_material, w.client,
                         label, 48)
      assert.equal("TLS_ILLEGAL_EXPORTER_LABEL", err.reason)
    end
    assert.equal(48, #w.client:export_keying_material(LABEL, 48))
  end)

  it("can still be had after the connection has ended, not once it is closed",
    function()
      local w <close> = wire.new()
      local bytes = w.client:export_keying_material(LABEL, 32)
      w.server:close_write()
      w:move()
      assert.equal("", w.client:recv())
      assert.equal(bytes, w.client:export_keying_material(LABEL, 32))
      w:put("client", ("x"):rep(100))
      raised(ssl.SSLError, w.server.recv, w.server)
      assert.equal(bytes, w.server:export_keying_material(LABEL, 32))
      w.client:close()
      raised(ssl.ValueError, w.client.export_keying_material, w.client, LABEL, 32)
    end)

  it("needs a label and a length of the right types", function()
    local w <close> = wire.new()
    local s = w.client
    for _, case in ipairs {
      {"string expected, got nil"}, {"string expected, got number", 5, 32},
      {"integer expected, got nil", LABEL},
      {"integer expected, got string", LABEL, "32"},
      {"integer expected", LABEL, 1.5},
      {"string expected, got boolean", LABEL, 32, false},
    } do
      raised.text(case[1], s.export_keying_material, s, table.unpack(case, 2, 4))
    end
    raised(ssl.OverflowError, s.export_keying_material, s, LABEL, 1e300)
    raised(ssl.TypeError, s.export_keying_material, s, {label = LABEL, size = 3})
    assert.equal(32, #s:export_keying_material(LABEL, 32.0))
    raised.text("ssl.socket", s.export_keying_material, io.stdout, LABEL, 32)
  end)

  it("is not to be had from a socket that is not connected", function()
    local s <close> = pair.client_context():wrap_socket(nil,
      {server_hostname = "localhost"})
    raised(ssl.ValueError, s.export_keying_material, s, LABEL, 32)
  end)
end)
