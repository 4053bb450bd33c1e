-- Pre-shared keys with OpenSSL's own client and server.
local negotiation = require "support.negotiation"
local pair = require "support.pair"
local process = require "support.process"
local psk = require "support.psk"
local ssl = require "pyssl"

local FLAGS = {[ssl.TLSVersion.TLSv1_2] = "-tls1_2", [ssl.TLSVersion.TLSv1_3] = "-tls1_3"}

local function openssl(kind, version, more)
  local argv = {"openssl", kind, FLAGS[version], "-psk", psk.HEX,
    "-psk_identity", psk.IDENTITY}
  if version == ssl.TLSVersion.TLSv1_2 then
    table.move({"-cipher", "PSK"}, 1, 2, #argv + 1, argv)
  end
  table.move(more, 1, #more, #argv + 1, argv)
  return process.spawn(argv, {stdin = "pipe", stderr = "stdout"})
end

for _, version in ipairs(negotiation.VERSIONS) do
  describe("with a pre-shared key in " .. negotiation.version_name(version), function()
    it("a client talks to openssl s_server [D-41, D-43]", function()
      local server <close> = openssl("s_server", version, {"-nocert", "-naccept",
        "1", "-accept", "127.0.0.1:0", "-psk_hint", "whose?"})
      local hint
      local ctx = psk.contexts(version, function(text)
        hint = text
        return psk.IDENTITY, psk.KEY
      end)
      local port = tonumber(server:expect("^ACCEPT .*:(%d+)"))
      local conn <close> = ctx:connect("127.0.0.1", port, {timeout = pair.LIMIT})
      assert.equal(version == ssl.TLSVersion.TLSv1_2 and "whose?" or nil, hint)
      conn:sendall("hello, server\n")
      server:expect("hello, server")
      server:write("hello, client\n")
      assert.equal("hello, client\n", conn:recv())
    end)

    it("a server talks to openssl s_client [D-42, D-43]", function()
      local asked
      local _, ctx = psk.contexts(version, nil, function(identity)
        asked = identity
        return psk.KEY
      end)
      local listener <close> = ctx:wrap_socket(nil, {server_side = true})
      listener:bind("127.0.0.1", 0)
      listener:listen(1)
      listener:settimeout(pair.LIMIT)
      local _, port = listener:getsockname()
      local client <close> = openssl("s_client", version,
        {"-quiet", "-connect", "127.0.0.1:" .. port})
      local conn <close> = listener:accept()
      conn:settimeout(pair.LIMIT)
      assert.equal(psk.IDENTITY, asked)
      conn:sendall("hello, client\n")
      client:expect("hello, client")
      client:write("hello, server\n")
      assert.equal("hello, server\n", conn:recv())
    end)
  end)
end
