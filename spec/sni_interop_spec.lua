-- The SNI callback with clients that are not ours.
local certs = require "support.certs"
local pair = require "support.pair"
local peers = require "support.peers"
local process = require "support.process"
local raised = require "support.raised"
local ssl = require "pyssl"

local HOSTS = {["a.example.test"] = "ECDSA", ["b.example.test"] = "RSA"}

local ctx, other, asked

before_each(function()
  ctx, other = pair.server_context(), pair.server_context("server-rsa")
  asked = nil
  ctx.sni_callback = function(conn, name)
    asked = name or "none"
    if name == "b.example.test" then conn.context = other end
    if name == "none.example.test" then return 112 end
  end
end)
after_each(function()
  ctx:close()
  other:close()
end)

-- A connection that start(port) makes, for talk(conn, peer).
local function serve(start, talk)
  local listener <close>, port = peers.listen(ctx)
  local peer <close> = start(port)
  local conn <close> = listener:accept()
  conn:settimeout(pair.LIMIT)
  talk(conn, peer)
end

local function s_client(port, host, ...)
  return peers.s_client(port, {"-servername", host, "-ign_eof", ...})
end

for _, version in ipairs {"-tls1_2", "-tls1_3"} do
  describe("openssl s_client " .. version, function()
    it("gets the certificate of the name it asks for [D-44]", function()
      for host, kind in pairs(HOSTS) do
        serve(function(port)
          return s_client(port, host, version, "-verify_hostname", host)
        end, function(conn, peer)
          assert.matches(kind == "RSA" and "^RSA" or "^ECDSA",
                         peer:expect "^Peer signature type: (.*)")
          peer:expect "Verify return code: 0"
          assert.equal(host, asked)
          conn:sendall("bye\n")
          peer:expect "bye"
        end)
      end
    end)

    it("resumes a session of either name, and of the other none [D-44]", function()
      local file = certs.path("sni" .. version .. ".sess")
      other:load_verify_locations(certs.path "ca.pem")
      -- What s_client says of the session, once it has read the tickets.
      local function connect(host, way)
        local said
        serve(function(port)
          return s_client(port, host, version, way, file)
        end, function(conn, peer)
          said = peer:expect "^(%u%l+), [%w.]+, Cipher"
          conn:sendall("bye\n")
          peer:expect "bye"
          conn:close()
          peer:drain()
        end)
        return said
      end
      for host in pairs(HOSTS) do
        assert.equal("New", connect(host, "-sess_out"))
        for second in pairs(HOSTS) do
          local expected = second == host and "Reused" or "New"
          assert.equal(expected, connect(second, "-sess_in"), host .. " then " .. second)
        end
      end
      os.remove(file)
    end)

    it("cannot skip the other name's client certificate by a session [D-44]", function()
      local file = certs.path("sni-bypass" .. version .. ".sess")
      other:load_verify_locations(certs.path "ca.pem")
      other.verify_mode = ssl.CERT_REQUIRED
      serve(function(port)
        return s_client(port, "a.example.test", version, "-sess_out", file)
      end, function(conn, peer)
        conn:sendall("bye\n")
        peer:expect "bye"
        conn:close()
        peer:drain()
      end)
      assert.matches("BEGIN SSL SESSION", certs.read("sni-bypass" .. version .. ".sess"))
      local listener <close>, port = peers.listen(ctx)
      local peer <close> = s_client(port, "b.example.test", version, "-sess_in", file)
      local err = raised(ssl.SSLError, listener.accept, listener)
      assert.equal("PEER_DID_NOT_RETURN_A_CERTIFICATE", err.reason)
      peer:drain()
      os.remove(file)
    end)

    it("is told that its name is not known [D-44, I-109]", function()
      local listener <close>, port = peers.listen(ctx)
      local peer <close> = s_client(port, "none.example.test", version)
      local err = raised(ssl.SSLError, listener.accept, listener)
      assert.equal("CALLBACK_FAILED", err.reason)
      peer:expect "unrecognized name"
    end)
  end)
end

describe("openssl s_client", function()
  it("that gives no name is asked about as nobody [D-44]", function()
    serve(function(port)
      return peers.s_client(port, {"-noservername"})
    end, function()
      assert.equal("none", asked)
    end)
  end)

  it("with one group that is retried gets its name's context [D-44]", function()
    ctx:set_groups("secp384r1")
    other:set_groups("secp384r1")
    for host in pairs(HOSTS) do
      serve(function(port)
        return s_client(port, host, "-tls1_3", "-curves", "X25519:P-384")
      end, function(conn, peer)
        assert.equal("secp384r1", conn:group())
        assert.equal(host == "b.example.test" and other or ctx, conn.context)
        conn:sendall("bye\n")
        peer:expect "bye"
      end)
    end
  end)
end)

describe("curl --resolve", function()
  it("gets the page of each host, with its certificate [D-44]", function()
    for host in pairs(HOSTS) do
      serve(function(port)
        return process.spawn({"curl", "-sS", "--cacert", certs.path "ca.pem",
          "--resolve", host .. ":" .. port .. ":127.0.0.1",
          "https://" .. host .. ":" .. port .. "/"}, {stderr = "pipe"})
      end, function(conn, peer)
        local file <close> = conn:makefile("rw")
        repeat until file:read("l") == "\r"
        file:write("HTTP/1.0 200 OK\r\n\r\n", asked)
        file:close()
        conn:close()
        assert.same({host, ""}, {peer:drain()})
      end)
    end
  end)
end)

describe("Python", function()
  it("checks the name against the switched certificate [D-44]", function()
    for host, kind in pairs(HOSTS) do
      serve(function(port)
        return peers.python("client", {port = port, ca = certs.path "ca.pem",
          name = host, receive = 5})
      end, function(conn, peer)
        assert.equal(kind == "RSA" and "rsa_pss_rsae_sha256" or "ecdsa_secp256r1_sha256",
                     conn:server_sigalg())
        assert.equal("TLSv1.3", peers.report(peer, "handshake").version)
        conn:sendall("hello")
        assert.equal(5, peers.report(peer, "received").size)
        assert.equal(conn, conn:unwrap())
      end)
    end
  end)
end)
