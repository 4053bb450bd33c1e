-- TLS inside TLS: an ssl.object whose bytes another TLS connection carries.
local certs = require "support.certs"
local memory = require "support.memory"
local pair = require "support.pair"
local peers = require "support.peers"
local process = require "support.process"
local raised = require "support.raised"
local ssl = require "pyssl"
local json = require "dkjson"
local vm = require "support.vm"

-- Two ssl.objects inside what `outer` connects: step() moves what there is.
local function inside(outer)
  local ends = memory.new()
  return ends, function()
    outer(ends.client_out, ends.server_in, "client")
    outer(ends.server_out, ends.client_in, "server")
  end
end

local OTHER = {client = "server", server = "client"}

-- Carry all of one MemoryBIO to another, through a pair of connections.
local function carrier(conns, method, move)
  return function(from, to, side)
    local bytes = from:read()
    if bytes == "" then return end
    conns[side]:write(bytes)
    if move then move() end
    local left = #bytes
    while left > 0 do
      local part = conns[OTHER[side]][method](conns[OTHER[side]], left)
      assert.is_true(part ~= "")
      to:write(part)
      left = left - #part
    end
  end
end

local function shake_hands(ends, step)
  local done = {}
  repeat
    for side in pairs(OTHER) do
      done[side] = done[side] or memory.try(ends[side].do_handshake, ends[side])
      assert.is_not_false(done[side])
      step()
    end
  until done.client and done.server
end

local function converse(ends, step)
  shake_hands(ends, step)
  local data = ("inside out "):rep(5000)
  ends.client:write(data)
  step()
  local parts = {}
  while #table.concat(parts) < #data do
    parts[#parts + 1] = ends.server:read(16384)
  end
  assert.equal(data, table.concat(parts))
  raised(ssl.SSLWantReadError, ends.client.unwrap, ends.client)
  step()
  assert.equal("", ends.server:read())
  assert.is_true(ends.server:unwrap())
  step()
  assert.is_true(ends.client:unwrap())
end

describe("TLS inside TLS", function()
  it("runs through a connected pair of sockets [F.1]", function()
    local client, server = pair.connected()
    local ends, step = inside(carrier({client = client, server = server},
      "recv"))
    converse(ends, step)
    client:sendall("the outer connection goes on")
    assert.equal("the outer connection goes on", server:recv(100))
    pair.close(client, server, ends)
  end)

  it("runs through another pair over memory, and a third inside [F.1]", function()
    local first <close> = memory.connected()
    local second, step = inside(carrier(first, "read", function()
      first:move()
    end))
    shake_hands(second, step)
    local third, inner_step = inside(carrier(second, "read", step))
    converse(third, inner_step)
    second.client:write("the second goes on")
    step()
    assert.equal("the second goes on", second.server:read())
    pair.close(second, third)
  end)

  it("fails inside, and the outer connection is whole [F.1]", function()
    local client, server = pair.connected()
    local carry = carrier({client = client, server = server}, "recv")
    local ends <close> = memory.new(pair.client_context(),
      pair.server_context("stranger"))
    memory.try(ends.client.do_handshake, ends.client)
    carry(ends.client_out, ends.server_in, "client")
    memory.try(ends.server.do_handshake, ends.server)
    carry(ends.server_out, ends.client_in, "server")
    raised(ssl.SSLCertVerificationError, ends.client.do_handshake, ends.client)
    server:sendall("still there")
    assert.equal("still there", client:recv(100))
    pair.close(client, server)
  end)
end)

describe("the example of TLS inside TLS", function()
  local function run(inside_cert)
    local proxy <close> = process.spawn({"/usr/bin/python3",
      "spec/support/memory_peer.py", "server", json.encode {
        tunnel = true, inside = certs.path(inside_cert),
        cert = certs.path "server-rsa.pem", key = certs.path "server-rsa.key",
      }}, {stderr = 2})
    local port = peers.report(proxy, "port")
    local code, out, err = process.run({process.lua, "examples/tls_in_tls.lua",
      "localhost", tostring(port), "www.example.test", certs.path "ca.pem"},
      {sanitizers = true})
    return code, out, err, proxy:read_line(pair.LIMIT)
  end

  it("reaches a server through a proxy that Python is [F.1]", function()
    local code, out, err, said = run("server")
    assert.equal("", err)
    assert.equal(0, code)
    assert.equal("outer\tTLSv1.3\tHTTP/1.0 200 Connected to www.example.test:443\n"
      .. "inner\tTLSv1.3\tlocalhost\n"
      .. "TLSv1.3: GET / HTTP/1.0\n", out)
    assert.equal("clean", json.decode(said)["end"])
  end)

  vm.it_needs("messages", "trusts nobody inside for being inside [F.1]",
    function()
    local code, _, err, said = run("wrong-host")
    assert.equal(1, code)
    assert.matches("certificate is not valid for 'www.example.test'", err)
    assert.matches("ALERT_BAD_CERTIFICATE", json.decode(said).error.reason)
  end)
end)
