-- ctx.read_ahead: connections receive more than they are asked for, and nothing
-- of it is lost, nor forgotten by who waits.
local native = require "native"
local pair = require "support.pair"
local raised = require "support.raised"
local wire = require "support.wire"
local ssl = require "pyssl"

-- A wire whose server reads ahead.
local function lay(version, options)
  local settings = {minimum_version = version, maximum_version = version}
  return wire.new(pair.merge({
    client = pair.client_context(settings),
    server = pair.server_context("server", pair.merge({read_ahead = true},
                                                      settings)),
  }, options))
end

-- Is there anything on the descriptor itself?
local function is_readable(conn)
  return native.poll({conn:fileno()}, {}, 0) ~= nil
end

-- Send each text as a record of its own.
local function send_records(w, texts)
  for _, text in ipairs(texts) do w.client:sendall(text) end
  w:move()
end

-- What the modes of waiting do to a connection.
local MODES = {
  {"that blocks", function(conn) conn:settimeout(nil) end},
  {"with a time limit", function(conn) conn:settimeout(pair.LIMIT) end},
  {"that never waits", function(conn) conn:settimeout(0) end},
  {"with a waiter", function(conn)
    conn.waiter = function(sock, mode, timeout)
      assert(is_readable(sock), "it waits for what it has already")
      return ssl.wait(sock, mode, timeout)
    end
  end},
}

local SIZES = {1, 100, 1023, 1024, 1025, 5000, 16384}

describe("Reading ahead", function()
  it("is a boolean of the context, off at first", function()
    local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    assert.is_false(ctx.read_ahead)
    ctx.read_ahead = true
    assert.is_true(ctx.read_ahead)
    raised.text("bad value for attribute 'read_ahead' (boolean expected, got nil)",
               function() ctx.read_ahead = nil end)
    assert.is_true(ctx.read_ahead)
  end)

  it("begins with the connections that are made from then on", function()
    local ctx = pair.server_context()
    local w <close> = wire.new {server = ctx}
    ctx.read_ahead = true
    send_records(w, {"one", "two"})
    assert.equal("one", w.server:recv())
    assert.is_true(is_readable(w.server))
    assert.is_false(w.server:dirty())
  end)

  for _, version in ipairs(wire.VERSIONS) do
    describe("in " .. ssl.TLSVersion[version], function()
      for _, mode in ipairs(MODES) do
        it("gives a connection " .. mode[1] .. " record after record", function()
          local w <close> = lay(version)
          mode[2](w.server)
          for _, size in ipairs(SIZES) do
            local texts = {}
            for i = 1, 5 do texts[i] = string.char(64 + i):rep(size) end
            send_records(w, texts)
            for i = 1, 5 do
              w:move() -- what there was no room for
              assert.equal(texts[i], w.server:recv(16384))
            end
            assert.equal(0, w.server:pending())
            assert.is_false(w.server:dirty())
          end
        end)
      end

      it("counts a record that waits undecrypted", function()
        local w <close> = lay(version)
        send_records(w, {"first", "second"})
        assert.equal("first", w.server:recv())
        assert.is_false(is_readable(w.server))
        assert.is_true(w.server:dirty())
        assert.equal(6, w.server:pending())
        assert.equal("sec", w.server:recv(3))
        assert.equal(3, w.server:pending())
        assert.equal("ond", w.server:recv())
        assert.is_false(w.server:dirty())
        assert.equal(0, w.server:pending())
      end)

      it("does not count half a record, nor lose it", function()
        local w <close> = lay(version)
        w.client:sendall("first")
        w.client:sendall("second")
        local bytes = w:take("client")
        w.server:settimeout(0)
        for cut = 1, 3 do
          w:put("client", bytes:sub(1, -1 - cut))
          assert.equal("first", w.server:recv())
          assert.is_false(w.server:dirty())
          assert.equal(0, w.server:pending())
          raised(ssl.SSLWantReadError, w.server.recv, w.server)
          assert.equal(0, w.server:pending())
          w:put("client", bytes:sub(-cut))
          assert.equal("second", w.server:recv())
          w.client:sendall("first")
          w.client:sendall("second")
          bytes = w:take("client")
        end
      end)

      it("tells of a close_notify behind the data", function()
        local w <close> = lay(version)
        send_records(w, {"last"})
        w.client:close_write()
        w:move()
        assert.equal("last", w.server:recv())
        assert.is_false(is_readable(w.server))
        assert.is_true(w.server:dirty())
        assert.equal(0, w.server:pending())
        assert.is_true(w.server:dirty())
        assert.is_nil(w.server:eof())
        assert.equal("", w.server:recv())
        assert.equal("clean", w.server:eof())
        assert.is_false(w.server:dirty())
      end)

      it("leaves what follows the close_notify to the plain stream", function()
        local w <close> = lay(version)
        w.client:settimeout(0)
        w.server:settimeout(0)
        send_records(w, {"over TLS"})
        raised(ssl.SSLWantReadError, w.client.unwrap, w.client)
        w:put("client", w:take("client") .. "in plain")
        assert.equal("over TLS", w.server:recv())
        assert.equal("", w.server:recv())
        local plain = w.server:unwrap()
        assert.is_true(plain:dirty())
        assert.equal(8, plain:pending())
        assert.equal("in plain", plain:recv())
        w:put("client", "more")
        assert.equal("mo", plain:recv(2))
        assert.equal(0, plain:pending())
        assert.is_true(is_readable(plain))
      end)

      it("tells of a broken record when that is read", function()
        local w <close> = lay(version)
        w.client:sendall("good")
        w.client:sendall("bad")
        local bytes = w:take("client")
        w:put("client", bytes:sub(1, -2)
                          .. string.char(bytes:byte(-1) ~ 1))
        assert.equal("good", w.server:recv())
        assert.is_true(w.server:dirty())
        assert.equal(0, w.server:pending())
        assert.is_true(w.server:dirty())
        local err = raised(ssl.SSLError, w.server.recv, w.server)
        assert.equal("DECRYPTION_FAILED_OR_BAD_RECORD_MAC", err.reason)
        raised(ssl.SSLEOFError, w.server.recv, w.server)
      end)

      it("tells of a stream that is cut off", function()
        local w <close> = lay(version, {wrap = {suppress_ragged_eofs = false}})
        send_records(w, {"whole", "also"})
        w:cut("client")
        assert.equal("whole", w.server:recv())
        assert.equal(4, w.server:pending())
        assert.equal("also", w.server:recv())
        raised(ssl.SSLEOFError, w.server.recv, w.server)
        assert.equal("ragged", w.server:eof())
      end)
    end)
  end

  it("finds nothing where nothing is, and then what came", function()
    local w <close> = lay(ssl.TLSVersion.TLSv1_3)
    w.server:settimeout(0)
    for _, text in ipairs {"a", ("b"):rep(3000), "c"} do
      for _ = 1, 3 do
        raised(ssl.SSLWantReadError, w.server.recv, w.server)
      end
      send_records(w, {text})
      assert.equal(text, w.server:recv(16384))
    end
  end)

  it("does not take a message of TLS's own for data", function()
    local settings = {minimum_version = ssl.TLSVersion.TLSv1_3}
    local ctx = pair.client_context(pair.merge({read_ahead = true}, settings))
    local w <close> = wire.new {client = ctx, server = pair.server_context(),
                                handshake = false}
    for _, result in ipairs(w:drive({w.client.do_handshake, w.client},
                                    {w.server.do_handshake, w.server})) do
      assert.is_true(result[1])
    end
    w.server:sendall("data") -- behind two tickets
    w:move()
    assert.equal("data", w.client:recv())
    assert.is_false(w.client:dirty())
    assert.equal(0, w.client:pending())
    raised(ssl.SSLWantReadError, w.client.recv, w.client)
  end)

  it("follows the context that a server switches to", function()
    local ctx = pair.server_context()
    local other = pair.server_context("server", {read_ahead = true})
    ctx.sni_callback = function(conn) conn.context = other end
    local w <close> = wire.new {server = ctx}
    send_records(w, {"one", "two"})
    assert.equal("one", w.server:recv())
    assert.is_false(is_readable(w.server))
    assert.equal(3, w.server:pending())
  end)

  it("takes nothing more out of a memory than before", function()
    local incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    local client = pair.client_context {read_ahead = true}
      :wrap_bio(incoming, outgoing, {server_hostname = "localhost"})
    local server = pair.server_context("server", {read_ahead = true})
      :wrap_bio(outgoing, incoming, {server_side = true})
    for _, result in ipairs(pair.drive({client.do_handshake, client},
                                       {server.do_handshake, server})) do
      assert.is_true(result[1])
    end
    client:write("first")
    client:write("second")
    local all = outgoing.pending
    assert.equal("first", server:read())
    assert.is_true(outgoing.pending > 0 and outgoing.pending < all)
    assert.equal(0, server:pending())
    assert.equal("second", server:read())
    pair.close(client, server)
  end)
end)
