-- Java's TLS as a peer: both ends verified, ALPN, sessions. Where there is Java.
local certs = require "support.certs"
local pair = require "support.pair"
local peers = require "support.peers"
local process = require "support.process"
local scale = require "support.scale"
local ssl = require "pyssl"

local PROGRAM = "spec/support/JavaPeer.java"
local LIMIT = scale.tolerance(60) -- it is compiled first

local VERSIONS = {TLSv1_2 = "TLSv1.2", TLSv1_3 = "TLSv1.3"}

local function keys_of(name)
  local file = certs.path(name .. "-java.p12")
  process.check {"openssl", "pkcs12", "-export", "-in", certs.path(name .. ".pem"),
    "-inkey", certs.path(name .. ".key"), "-passout", "pass:secret", "-out", file}
  return file
end

local function start(role, name, version, port)
  return process.spawn({"java", PROGRAM, role, certs.path "ca.pem", keys_of(name),
    version, tostring(port or 0)}, {stderr = 2})
end

describe("Java", function()
  if process.run {"sh", "-c", "command -v java"} ~= 0 then
    pending "needs Java"
    return
  end

  for member, version in pairs(VERSIONS) do
    it("talks to a server over " .. version .. ", and resumes its sessions", function()
      local ctx <close> = pair.server_context("server", {
        verify_mode = ssl.CERT_REQUIRED, maximum_version = ssl.TLSVersion[member]})
      ctx:load_verify_locations(certs.path "ca.pem")
      ctx:set_alpn_protocols {"h2"}
      local listener <close>, port = peers.listen(ctx)
      listener:settimeout(LIMIT)
      local java <close> = start("client", "client", version, port)
      for i = 1, 3 do
        local conn <close> = listener:accept()
        conn:settimeout(pair.LIMIT)
        assert.equal(version .. " h2 CN=localhost\n", conn:recv(100))
        assert.equal("h2", conn:selected_alpn_protocol())
        assert.equal("client", conn:getpeercert().subject[1][1][2])
        assert.equal(i > 1, conn.session_reused)
        conn:sendall "fine\n"
        assert.equal("", conn:recv(1))
      end
      assert.same({"exited", 0}, {java:wait()})
    end)

    it("serves a client over " .. version .. ", which resumes its sessions", function()
      local java <close> = start("server", "server", version)
      local port = tonumber(java:read_line(LIMIT))
      local ctx <close> = pair.client_context()
      ctx:load_cert_chain(certs.path "client.pem", certs.path "client.key")
      ctx:set_alpn_protocols {"h2"}
      ctx.auto_resume = true
      for i = 1, 3 do
        local conn <close> = ctx:connect("127.0.0.1", port,
          {timeout = pair.LIMIT, server_hostname = "localhost"})
        assert.equal(version .. " h2 CN=client\n", conn:recv(100))
        assert.equal("h2", conn:selected_alpn_protocol())
        assert.equal(i > 1, conn.session_reused)
        conn:sendall "fine\n"
        assert.equal("", conn:recv(1))
      end
      assert.same({"exited", 0}, {java:wait()})
    end)
  end
end)
