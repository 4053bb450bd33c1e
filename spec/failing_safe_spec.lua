-- After a fatal error nothing works any more, and nothing ever goes out in
-- plaintext: a raw peer sees TLS records, whatever the script calls.
local native = require "native"
local pair = require "support.pair"
local raised = require "support.raised"
local wire = require "support.wire"
local ssl = require "pyssl"

local SECRET = "the secret that must not be seen"

-- Everything that a script may try on a connection.
local function try_everything(s)
  local results = {}
  local file <close> = assert(io.tmpfile())
  file:write(SECRET)
  local calls = {
    {"send", SECRET}, {"sendall", {SECRET}}, {"write", SECRET},
    {"sendfile", file}, {"sendto", SECRET, {"127.0.0.1", 1}},
    {"do_handshake"}, {"recv"}, {"recv_into", ssl.buffer(10)}, {"read"},
    {"close_write"}, {"unwrap"}, {"send", ""}, {"send", SECRET},
  }
  for round = 1, 2 do
    s:settimeout(round == 1 and pair.LIMIT or 0)
    for _, call in ipairs(calls) do
      local name = call[1]
      if not (name == "sendfile" and round == 2) then
        local ok, err = pcall(s[name], s, table.unpack(call, 2))
        results[#results + 1] = {name, ok, err}
      end
    end
  end
  local f = s:makefile("rw", 0)
  results[#results + 1] = {"file:write", pcall(f.write, f, SECRET)}
  results[#results + 1] = {"file:flush", pcall(f.flush, f)}
  results[#results + 1] = {"file:close", pcall(f.close, f)}
  return results
end

local function assert_all_failed(results)
  for _, result in ipairs(results) do
    local name, ok, err = table.unpack(result, 1, 3)
    assert(not ok, name .. " succeeded")
    assert(type(err) == "table" and (err:is(ssl.OSError) or err:is(ssl.ValueError)),
      name .. " raised " .. tostring(err))
    assert(not pair.is_want(err), name .. " wants to be called again")
  end
end

-- Only records with a known type and version, and no secret in them.
local function assert_only_records(bytes)
  assert.is_nil(bytes:find(SECRET, 1, true))
  assert.is_nil(bytes:find(SECRET:sub(1, 10), 1, true))
  local records, rest = wire.records(bytes)
  assert.equal("", rest)
  for _, record in ipairs(records) do
    assert(record.type >= 20 and record.type <= 23, "type " .. record.type)
    assert(record.version >= 0x301 and record.version <= 0x303)
  end
end

-- A client in front of a raw peer that answers with `answer`.
local function raw_client(answer)
  local ours, theirs = native.socketpair()
  native.nonblocking(theirs, true)
  local client = pair.client_context():wrap_socket(ours, {
    server_hostname = "localhost", do_handshake_on_connect = false})
  client:settimeout(pair.LIMIT)
  native.write(theirs, answer)
  return client, theirs
end

local ANSWERS = {
  ["plaintext"] = "HTTP/1.0 400 Bad Request\r\n\r\n",
  ["zeros"] = ("\0"):rep(100),
  ["an alert"] = "\21\3\3\0\2\2\40",
  ["application data"] = "\23\3\3\0\5hello",
  ["a broken ServerHello"] = "\22\3\3\0\6\2\0\0\2\3\3",
  ["a record that is too long"] = "\22\3\3\255\255" .. ("x"):rep(1000),
}

describe("A client whose handshake failed at", function()
  for name, answer in pairs(ANSWERS) do
    it(name .. " does nothing more, and sends records only [H-19]", function()
      local client <close>, theirs = raw_client(answer)
      raised(ssl.SSLError, client.do_handshake, client)
      assert_all_failed(try_everything(client))
      assert.is_nil(client:version())
      client:shutdown(ssl.SHUT_WR)
      assert.has_error(function() client:send(SECRET) end)
      client:close()
      local sent, ended = wire.read_all(theirs)
      native.close(theirs)
      assert.is_true(ended)
      assert_only_records(sent)
      assert.is_true(#wire.records(sent) >= 1)
    end)
  end

  it("the peer's end does nothing more, and sends records only [H-19]", function()
    local client <close>, theirs = raw_client("")
    client:settimeout(0)
    raised(ssl.SSLWantReadError, client.do_handshake, client)
    local sent = wire.read_all(theirs)
    native.close(theirs)
    client:settimeout(pair.LIMIT)
    raised(ssl.SSLEOFError, client.do_handshake, client)
    assert_all_failed(try_everything(client))
    assert_only_records(sent)
  end)
end)

for _, version in ipairs {ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3} do
  describe("With " .. ssl.TLSVersion[version], function()
    it("a client that refuses the server's certificate sends no data", function()
      local client = ssl.create_default_context()
      client.maximum_version = version
      client:load_verify_locations(require "support.certs".path "other-ca.pem")
      local w <close> = wire.new {client = client, handshake = false}
      local results = w:drive({w.client.do_handshake, w.client}, {function()
        -- It may succeed at its own end.
        pcall(w.server.do_handshake, w.server)
      end})
      assert.equal(ssl.SSLCertVerificationError, results[1][2].class)
      assert_all_failed(try_everything(w.client))
      w:move()
      assert_only_records(w.log.client)
    end)

    it("a connection that broke does nothing more [H-03]", function()
      local settings = {minimum_version = version, maximum_version = version}
      local w <close> = wire.new {
        client = pair.client_context(settings), server = pair.server_context(nil, settings),
      }
      w.client:send("to be broken")
      local record = w:take("client")
      w:put("client", record:sub(1, -2) .. string.char(record:byte(-1) ~ 1))
      w.log.server = ""
      local err = raised(ssl.SSLError, w.server.recv, w.server)
      assert.equal("SSL", err.library)
      assert.equal("DECRYPTION_FAILED_OR_BAD_RECORD_MAC", err.reason)
      assert.equal(1, err.errno)
      assert_all_failed(try_everything(w.server))
      for _, name in ipairs {"recv", "read", "send", "do_handshake"} do
        local argument = name == "send" and "x" or nil
        local later = raised(ssl.SSLEOFError, w.server[name], w.server, argument)
        assert.equal(8, later.errno)
        assert.is_nil(later.library)
      end
      assert.is_nil(w.server:eof())
      w.server:close()
      w:move()
      assert_only_records(w.log.server)
      assert.equal(1, #wire.records(w.log.server)) -- the alert
      err = raised(ssl.SSLError, w.client.recv, w.client)
      assert.equal(20, err.alert)
    end)

    it("an alert from the peer ends both ways [H-03]", function()
      local settings = {minimum_version = version, maximum_version = version}
      local w <close> = wire.new {
        client = pair.client_context(settings), server = pair.server_context(nil, settings),
      }
      w:put("client", "\23\3\3\0\40" .. ("x"):rep(40))
      raised(ssl.SSLError, w.server.recv, w.server)
      w:move()
      raised(ssl.SSLError, w.client.recv, w.client)
      w.log.client = ""
      assert_all_failed(try_everything(w.client))
      w.client:close()
      w:move()
      assert_only_records(w.log.client)
    end)
  end)
end

describe("A timed-out handshake", function()
  it("goes on where it was, and carries no plaintext meanwhile", function()
    local client <close>, theirs = raw_client("")
    client:settimeout(0.005)
    raised(ssl.TimeoutError, client.do_handshake, client)
    raised(ssl.TimeoutError, client.send, client, SECRET)
    raised(ssl.TimeoutError, client.sendall, client, SECRET)
    raised(ssl.SSLError, client.unwrap, client)
    client:close()
    local sent = wire.read_all(theirs)
    native.close(theirs)
    assert_only_records(sent)
    assert.equal(1, #wire.records(sent))
  end)
end)
