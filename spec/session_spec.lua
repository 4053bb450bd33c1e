-- ssl.session, what it tells, and what conn.session takes and refuses.
local pair = require "support.pair"
local resumption = require "support.resumption"
local ssl = require "pyssl"

after_each(resumption.close)

local TLS12, TLS13 = resumption.KINDS[3], resumption.KINDS[1]

-- The error of a call: an object or a string.
local function failure(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return err
end

local function assign(object, name, value)
  return failure(function() object[name] = value end)
end

local function is_value_error(err, text)
  assert.equal(ssl.ValueError, err.class)
  assert.truthy(err.message:find(text, 1, true), err.message)
end

describe("a session", function()
  it("has id, time, timeout and what is known of its ticket [F.3, E-04]",
     function()
    local session <close> = resumption.session(resumption.contexts(TLS12))
    assert.equal(32, #session.id)
    assert.equal("integer", math.type(session.time))
    assert.is_true(math.abs(os.time() - session.time) < 3600)
    assert.equal(7200, session.timeout)
    assert.equal(7200, session.ticket_lifetime_hint)
    assert.is_true(session.has_ticket)
    assert.truthy(tostring(session):find("^ssl%.session: "))
  end)

  it("has neither ticket nor hint where the server remembers it [F.3]",
     function()
    local client_ctx, server_ctx = resumption.contexts(resumption.KINDS[4])
    local session = resumption.session(client_ctx, server_ctx)
    assert.equal(32, #session.id)
    assert.is_false(session.has_ticket)
    assert.equal(0, session.ticket_lifetime_hint)
    assert.equal(1, server_ctx:session_stats().number)
  end)

  it("of TLS 1.3 has its ticket once the client has read something "
     .. "[F.3, E-04, H-15]", function()
    local client, server =
      resumption.connected(resumption.contexts(TLS13))
    local early = client.session
    assert.equal("", early.id)
    assert.is_false(early.has_ticket)
    resumption.exchange(client, server)
    assert.equal(32, #client.session.id)
    assert.is_true(client.session.has_ticket)
    assert.equal("", early.id)
    assert.are_not.equal(early, client.session)
  end)

  it("is a new object each time, equal by its id [F.3]", function()
    local contexts = {resumption.contexts(TLS12)}
    local client = resumption.connected(table.unpack(contexts))
    local one, two = client.session, client.session
    assert.is_false(rawequal(one, two))
    assert.is_true(one == two)
    local other = resumption.session(table.unpack(contexts))
    assert.is_false(one == other)
    assert.is_true(one ~= other)
    assert.is_false(one == ssl.buffer(1))
    assert.is_false(one == one.id)
    assert.is_false(pcall(function() return one < two end))
  end)

  it("is read-only and has no constructor [F.3, I-81]", function()
    local session = resumption.session(resumption.contexts(TLS12))
    for _, name in ipairs {"id", "time", "timeout", "ticket_lifetime_hint",
                           "has_ticket"} do
      assert.equal(ssl.AttributeError, assign(session, name, 1).class)
    end
    assert.equal(ssl.TypeError, failure(ssl.SSLSession).class)
  end)

  it("can be closed, and says so then", function()
    local client_ctx, server_ctx = resumption.contexts(TLS12)
    local session = resumption.session(client_ctx, server_ctx)
    assert.is_true(session:close())
    assert.is_true(session:close())
    is_value_error(failure(function() return session.id end), "closed session")
    is_value_error(failure(session.export, session), "closed session")
    is_value_error(failure(resumption.connected, client_ctx, server_ctx,
                           {client = {session = session}}), "closed session")
    assert.is_false(session == resumption.session(client_ctx, server_ctx))
  end)

  it("is not there before the handshake, nor without TLS [E-04, E-05]",
     function()
    local ctx = pair.client_context()
    local conn = ctx:wrap_socket(nil, {server_hostname = "localhost"})
    assert.is_nil(conn.session)
    assert.is_nil(conn.session_reused)
    assert.is_nil(conn:identity())
    conn:close()
    assert.is_nil(conn.session)
    local client, server = resumption.tcp(ctx, pair.server_context())
    assert.is_nil(client.session)
    assert.is_false(client.session_reused)
    assert.is_false(server.session_reused)
  end)
end)

describe("conn.session and session=", function()
  local client_ctx, server_ctx, session

  setup(function()
    client_ctx, server_ctx = resumption.contexts(TLS12)
    session = resumption.session(client_ctx, server_ctx)
  end)

  local function bios()
    return ssl.MemoryBIO(), ssl.MemoryBIO()
  end

  it("take nothing but a session [I-77, F.3]", function()
    local conn <close> =
      client_ctx:wrap_socket(nil, {server_hostname = "localhost"})
    for _, value in ipairs {5, "x", {}, ssl.buffer(1), false} do
      local text = assign(conn, "session", value)
      assert.truthy(text:find("attribute 'session' (ssl.session expected", 1,
                              true), text)
      local options = {server_hostname = "localhost", session = value}
      text = failure(client_ctx.wrap_socket, client_ctx, nil, options)
      assert.truthy(text:find("'session' (ssl.session expected", 1, true), text)
      local a, b = bios()
      text = failure(client_ctx.wrap_bio, client_ctx, a, b, options)
      assert.truthy(text:find("'session' (ssl.session expected", 1, true), text)
    end
    assert.truthy(assign(conn, "session", nil):find("got nil", 1, true))
  end)

  it("refuse a session of another context [I-78, F.3]", function()
    local other = pair.client_context()
    other.maximum_version = TLS12.version
    local text = "another SSLContext"
    is_value_error(failure(resumption.connected, other, server_ctx,
                           {client = {session = session}}), text)
    local a, b = bios()
    is_value_error(failure(other.wrap_bio, other, a, b,
      {server_hostname = "localhost", session = session}), text)
    local client, server = resumption.tcp(other, server_ctx)
    is_value_error(assign(client, "session", session), text)
    assert.is_false(server.session_reused)
  end)

  it("check the context before the side, and that before the rest [F.3]",
     function()
    local client, server = resumption.connected(client_ctx, server_ctx)
    is_value_error(assign(server, "session", session), "another SSLContext")
    is_value_error(assign(server, "session", server.session), "clients only")
    is_value_error(assign(client, "session", session), "handshake has begun")
  end)

  it("are for clients [I-65, I-79]", function()
    local listener <close> = server_ctx:wrap_socket(nil, {server_side = true})
    is_value_error(assign(listener, "session", session), "clients only")
    local text = "session can only be specified in client mode"
    local options = {server_side = true, session = session}
    is_value_error(failure(server_ctx.wrap_socket, server_ctx, nil, options),
                   text)
    local a, b = bios()
    is_value_error(failure(server_ctx.wrap_bio, server_ctx, a, b, options),
                   text)
  end)

  it("come too late once the handshake has begun [I-80]", function()
    local a, b = bios()
    local object <close> = client_ctx:wrap_bio(a, b,
      {server_hostname = "localhost"})
    object.session = session
    assert.is_true(pair.is_want(failure(object.do_handshake, object)))
    is_value_error(assign(object, "session", session), "handshake has begun")
  end)

  it("are kept while the socket is not connected [E-04, D-38]", function()
    local listener <close> = resumption.listen(server_ctx)
    local function connect(ctx, set)
      local client <close> = ctx:wrap_socket(nil,
        {server_hostname = "localhost", do_handshake_on_connect = false,
          session = not set and session or nil})
      if set then client.session = session end
      assert.is_nil(client.session)
      client:connect(listener:getsockname())
      assert.is_true(client.session == session)
    end
    connect(client_ctx, false)
    connect(client_ctx, true)
    local other = pair.client_context()
    is_value_error(failure(connect, other, true), "another SSLContext")
  end)

  it("do for ctx:connect [D-38]", function()
    local listener <close> = resumption.listen(server_ctx)
    local _, port = listener:getsockname()
    local client <close> = client_ctx:connect("localhost", port,
      {session = session, do_handshake_on_connect = false})
    assert.is_true(client.session == session)
    is_value_error(failure(client_ctx.connect, client_ctx, "127.0.0.1", port,
      {session = session, do_handshake_on_connect = false}), "server_hostname")
  end)
end)

describe("ctx:session_stats", function()
  it("counts eleven things [D-40]", function()
    local client_ctx, server_ctx = resumption.contexts(resumption.KINDS[4])
    local stats = server_ctx:session_stats()
    for _, name in ipairs {
      "number", "connect", "connect_good", "connect_renegotiate", "accept",
      "accept_good", "accept_renegotiate", "hits", "misses", "timeouts",
      "cache_full"} do
      assert.equal(0, stats[name])
      stats[name] = nil
    end
    assert.same({}, stats)
    local session = resumption.session(client_ctx, server_ctx)
    resumption.session(client_ctx, server_ctx, {session = session})
    stats = server_ctx:session_stats()
    assert.same({2, 2, 1, 1}, {stats.accept, stats.accept_good, stats.hits,
                               stats.number})
    stats = client_ctx:session_stats()
    assert.same({2, 2, 1}, {stats.connect, stats.connect_good, stats.hits})
  end)
end)

describe("num_tickets", function()
  it("is how many tickets a TLS 1.3 server sends [D-07, H-15]", function()
    local client_ctx, server_ctx = resumption.contexts(TLS13)
    assert.equal(2, server_ctx.num_tickets)
    server_ctx.num_tickets = 0
    local session = resumption.session(client_ctx, server_ctx)
    assert.equal("", session.id)
    assert.is_false(session.has_ticket)
    server_ctx.num_tickets = 1.0
    assert.is_true(resumption.session(client_ctx, server_ctx).has_ticket)
    assert.equal(1, server_ctx.num_tickets)
  end)

  it("is refused where it makes no sense [I-14, I-15, I-16, D-07]", function()
    local server_ctx, client_ctx = pair.server_context(), pair.client_context()
    is_value_error(assign(server_ctx, "num_tickets", -1), "negative")
    is_value_error(assign(client_ctx, "num_tickets", -1), "negative")
    is_value_error(assign(client_ctx, "num_tickets", 1), "PROTOCOL_TLS_SERVER")
    is_value_error(assign(ssl.SSLContext(ssl.PROTOCOL_TLS), "num_tickets", 1),
                   "PROTOCOL_TLS_SERVER")
    assert.equal(ssl.OverflowError,
                 assign(server_ctx, "num_tickets", 2.0 ^ 70).class)
    assert.truthy(assign(server_ctx, "num_tickets", "2")
                    :find("integer expected, got string", 1, true))
    assert.equal(2, server_ctx.num_tickets)
    assert.equal(2, client_ctx.num_tickets)
  end)
end)
