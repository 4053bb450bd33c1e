-- ctx.auto_resume: clients that resume sessions by themselves.
local certs = require "support.certs"
local memory = require "support.memory"
local pair = require "support.pair"
local process = require "support.process"
local resumption = require "support.resumption"
local ssl = require "pyssl"

after_each(resumption.close)

local TICKETS, TLS12 = resumption.KINDS[1], resumption.KINDS[3]

local function contexts(kind)
  local client_ctx, server_ctx = resumption.contexts(kind)
  client_ctx.auto_resume = true
  return client_ctx, server_ctx
end

local function failure(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return err
end

describe("auto_resume", function()
  it("is off by default, and nothing but a boolean", function()
    local ctx = pair.client_context()
    assert.is_false(ctx.auto_resume)
    ctx.auto_resume = true
    assert.is_true(ctx.auto_resume)
    for _, value in ipairs {1, "true"} do
      assert.truthy(failure(function() ctx.auto_resume = value end)
                      :find("boolean expected", 1, true))
    end
    assert.truthy(failure(function() ctx.auto_resume = nil end)
                    :find("boolean expected", 1, true))
    local server_ctx = pair.server_context()
    assert.equal(ssl.ValueError,
                 failure(function() server_ctx.auto_resume = true end).class)
    server_ctx.auto_resume = false
  end)

  for _, kind in ipairs(resumption.KINDS) do
    it("resumes sessions of " .. kind.name, function()
      local client_ctx, server_ctx = contexts(kind)
      local listener <close> = resumption.listen(server_ctx)
      assert.is_false(resumption.visit(listener, client_ctx))
      for _ = 1, 3 do
        assert.is_true(resumption.visit(listener, client_ctx))
      end
      client_ctx.auto_resume = false
      assert.is_false(resumption.visit(listener, client_ctx))
      client_ctx.auto_resume = true
      assert.is_false(resumption.visit(listener, client_ctx))
    end)
  end

  it("uses a TLS 1.3 ticket once, one of TLS 1.2 again", function()
    local client_ctx, server_ctx = contexts(TICKETS)
    local listener <close> = resumption.listen(server_ctx)
    resumption.visit(listener, client_ctx) -- brings two
    local resumed = {}
    for i = 1, 4 do
      resumed[i] = resumption.visit(listener, client_ctx, nil, true)
    end
    assert.same({true, true, false, false}, resumed)
    client_ctx, server_ctx = contexts(TLS12)
    local other <close> = resumption.listen(server_ctx)
    resumption.visit(other, client_ctx, nil, true)
    for _ = 1, 4 do
      assert.is_true(resumption.visit(other, client_ctx, nil, true))
    end
  end)

  it("gives a TLS 1.3 ticket to one of two that begin at once", function()
    local client_ctx, server_ctx = contexts(TICKETS)
    server_ctx.num_tickets = 1
    resumption.memory(client_ctx, server_ctx)
    local one <close> = memory.new(client_ctx, server_ctx)
    local two <close> = memory.new(client_ctx, server_ctx)
    for _, ends in ipairs {one, two} do -- their hellos are out
      assert.is_false(pcall(ends.client.do_handshake, ends.client))
    end
    one:shake_hands()
    two:shake_hands()
    assert.is_true(one.client.session_reused)
    assert.is_false(two.client.session_reused)
  end)

  it("keeps four tickets of a peer at most", function()
    local client_ctx, server_ctx = contexts(TICKETS)
    server_ctx.num_tickets = 20
    local listener <close> = resumption.listen(server_ctx)
    resumption.visit(listener, client_ctx)
    local count = 0
    while resumption.visit(listener, client_ctx, nil, true) do
      count = count + 1
    end
    assert.equal(4, count)
  end)

  it("keeps ports apart", function()
    local client_ctx, server_ctx = contexts(TLS12)
    local one <close> = resumption.listen(server_ctx)
    local two <close> = resumption.listen(server_ctx)
    resumption.visit(one, client_ctx)
    assert.is_false(resumption.visit(two, client_ctx))
    assert.is_true(resumption.visit(one, client_ctx))
    assert.is_true(resumption.visit(two, client_ctx))
  end)

  it("keeps identities apart", function()
    local client_ctx, server_ctx = contexts(TLS12)
    local listener <close> = resumption.listen(server_ctx)
    resumption.visit(listener, client_ctx)
    local other = {server_hostname = "a.example.test"}
    assert.is_false(resumption.visit(listener, client_ctx, other))
    assert.is_true(resumption.visit(listener, client_ctx, other))
    client_ctx:load_verify_locations(certs.path "other-ca.pem")
    assert.is_false(resumption.visit(listener, client_ctx, other))
    client_ctx.check_hostname = false
    assert.is_false(resumption.visit(listener, client_ctx, other))
    client_ctx.verify_mode = ssl.CERT_NONE
    assert.is_false(resumption.visit(listener, client_ctx, other))
    client_ctx.verify_mode = ssl.CERT_REQUIRED
    assert.is_true(resumption.visit(listener, client_ctx, other))
  end)

  it("never takes over a session that was not verified", function()
    local client_ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    local _, server_ctx = resumption.contexts(TLS12)
    client_ctx.maximum_version = TLS12.version
    client_ctx.auto_resume = true
    client_ctx.check_hostname = false
    client_ctx.verify_mode = ssl.CERT_NONE
    local listener <close> = resumption.listen(server_ctx)
    resumption.visit(listener, client_ctx)
    client_ctx.verify_mode = ssl.CERT_REQUIRED
    assert.equal(ssl.SSLCertVerificationError,
                 failure(resumption.visit, listener, client_ctx).class)
  end)

  it("goes by the peer's address where there is no name", function()
    local client_ctx, server_ctx = contexts(TLS12)
    client_ctx.check_hostname = false
    local function visit(listener)
      local client <close> = client_ctx:wrap_socket(nil,
        {do_handshake_on_connect = false})
      client:connect(listener:getsockname())
      local server <close> = listener:accept()
      client:settimeout(0)
      server:settimeout(0)
      pair.drive({client.do_handshake, client}, {server.do_handshake, server})
      return client.session_reused
    end
    local one <close> = resumption.listen(server_ctx)
    local two <close> = resumption.listen(server_ctx)
    assert.is_false(visit(one))
    assert.is_true(visit(one))
    assert.is_false(visit(two))
  end)

  it("takes memory objects by their name, and leaves those without alone",
     function()
    local client_ctx, server_ctx = contexts(TLS12)
    local function visit(name)
      local up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
      local client <close> = client_ctx:wrap_bio(down, up, false, name)
      local server <close> = server_ctx:wrap_bio(up, down, true)
      pair.drive({client.do_handshake, client}, {server.do_handshake, server})
      return client.session_reused
    end
    assert.is_false(visit("localhost"))
    assert.is_true(visit("localhost"))
    assert.is_false(visit("b.example.test"))
    client_ctx.check_hostname = false
    assert.is_false(visit(nil))
    assert.is_false(visit(nil))
  end)

  it("gives way to a session of the caller's", function()
    local client_ctx, server_ctx = contexts(TLS12)
    local session = resumption.session(client_ctx, server_ctx)
    local client <close> = client_ctx:wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(),
      {server_hostname = "localhost", session = session})
    assert.is_true(client.session == session)
  end)

  it("remembers 256 sessions, and forgets the least recently used", function()
    local client_ctx, server_ctx = contexts(TLS12)
    local function reused(name)
      local client, server = resumption.memory(client_ctx,
        server_ctx, {server_hostname = name})
      assert(client.session_reused == server.session_reused)
      return client.session_reused
    end
    for i = 1, 256 do reused(("n%d.example.test"):format(i)) end
    assert.is_true(reused("n1.example.test"))
    reused("n257.example.test")
    assert.is_false(reused("n2.example.test"))
    assert.is_true(reused("n1.example.test"))
    assert.is_true(reused("n256.example.test"))
  end)

  it("leaves the server's sessions as they are where a context is for both "
     .. "sides", function()
    for _, kind in ipairs {resumption.KINDS[2], resumption.KINDS[4]} do
      local both = ssl.SSLContext(ssl.PROTOCOL_TLS)
      both:load_cert_chain(certs.path "server.pem", certs.path "server.key")
      both.options = both.options | ssl.OP_NO_TICKET
      both.auto_resume = true
      local client_ctx = resumption.contexts(kind)
      local session = resumption.session(client_ctx, both)
      assert.is_true(both:session_stats().number >= 1)
      local client, server = resumption.connected(client_ctx, both,
        {client = {session = session}})
      assert.is_true(client.session_reused)
      assert.is_true(server.session_reused)
    end
  end)

  it("is not inherited by a child process", function()
    local script = [[
      local pair = require "support.pair"
      local resumption = require "support.resumption"
      local native = require "native"
      local client_ctx, server_ctx = resumption.contexts(resumption.KINDS[3])
      client_ctx.auto_resume = true
      local listener = resumption.listen(server_ctx)
      resumption.visit(listener, client_ctx)
      local pid = native.fork()
      if pid == 0 then
        print(resumption.visit(listener, client_ctx))
        io.stdout:flush()
        native.exit(0)
      end
      native.wait(pid)
      print(resumption.visit(listener, client_ctx))]]
    local out = process.check({process.lua, "-e", script}, {sanitizers = true})
    assert.equal("false\ntrue\n", out)
  end)
end)
