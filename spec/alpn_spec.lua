-- Application protocols: what is offered, what is chosen, what is refused.
local negotiation = require "support.negotiation"
local pair = require "support.pair"
local raised = require "support.raised"
local wire = require "support.wire"
local ssl = require "pyssl"

-- What both ends say has been chosen of two lists; nil offers nothing.
local function negotiate(version, offered, taken)
  local client_ctx <close>, server_ctx = negotiation.contexts(version)
  local _ <close> = server_ctx
  if offered then assert.is_true(client_ctx:set_alpn_protocols(offered)) end
  if taken then assert.is_true(server_ctx:set_alpn_protocols(taken)) end
  return negotiation.ask(client_ctx, server_ctx, function(client, server)
    local chosen = client:selected_alpn_protocol()
    assert.equal(chosen, server:selected_alpn_protocol())
    assert.equal(1, select("#", client:selected_alpn_protocol()))
    client:sendall("still works")
    assert.equal("still works", server:recv())
    return chosen
  end)
end

for _, version in ipairs(negotiation.VERSIONS) do
  describe("ALPN over " .. negotiation.version_name(version), function()
    for _, case in ipairs {
      {{"h2"}, {"h2"}, "h2"},
      {{"h2", "http/1.1"}, {"http/1.1", "h2"}, "http/1.1"},
      {{"http/1.1", "h2"}, {"h2", "http/1.1"}, "h2"},
      {{"foo", "http/1.1"}, {"h2", "http/1.1", "foo"}, "http/1.1"},
      {{"spdy/3.1", "ftp"}, {"imap", "ftp"}, "ftp"},
      {{"h2c", "h"}, {"h2"}, nil},
    } do
      it(("of %s with a server of %s gives %s: the server's order decides [D-33, E-23]")
         :format(table.concat(case[1], ","), table.concat(case[2], ","), case[3]),
        function()
          assert.equal(case[3], negotiate(version, case[1], case[2]))
        end)
    end

    it("is ignored with nothing in common, and the handshake goes on [D-33, E-23]", function()
      assert.is_nil(negotiate(version, {"h2", "http/1.1"}, {"imap", "pop3"}))
    end)

    it("gives nothing where only one side has a list [D-33, E-23]", function()
      assert.is_nil(negotiate(version, {"h2"}, nil))
      assert.is_nil(negotiate(version, nil, {"h2"}))
      assert.is_nil(negotiate(version, {"h2"}, {}))
      assert.is_nil(negotiate(version, {}, {"h2"}))
      assert.is_nil(negotiate(version, {}, {}))
    end)

    it("takes names of one and of 255 bytes, and any ASCII in them [D-33, I-30]", function()
      local long, odd = ("x"):rep(255), "\0\1 :,\127"
      assert.equal(long, negotiate(version, {"a", long}, {long}))
      assert.equal("a", negotiate(version, {"a", long}, {"a"}))
      assert.equal(odd, negotiate(version, {"a", odd}, {odd}))
    end)
  end)
end

describe("set_alpn_protocols", function()
  local ctx, client_ctx

  before_each(function()
    ctx, client_ctx = pair.server_context(), pair.client_context()
    client_ctx:set_alpn_protocols {"h2", "http/1.1"}
  end)
  after_each(function()
    ctx:close()
    client_ctx:close()
  end)

  local function chosen()
    return negotiation.ask(client_ctx, ctx, function(client)
      return client:selected_alpn_protocol()
    end)
  end

  it("replaces the list, and {} takes it back, on both sides [D-33]", function()
    ctx:set_alpn_protocols {"h2"}
    ctx:set_alpn_protocols {"http/1.1"}
    assert.equal("http/1.1", chosen())
    ctx:set_alpn_protocols {}
    assert.is_nil(chosen())
    ctx:set_alpn_protocols {"h2"}
    assert.equal("h2", chosen())
    client_ctx:set_alpn_protocols {}
    assert.is_nil(chosen())
  end)

  it("keeps a copy: the table may change afterwards [D-33]", function()
    local list = {"h2"}
    ctx:set_alpn_protocols(list)
    list[1] = "imap"
    assert.equal("h2", chosen())
  end)

  local LONG = ("x"):rep(255)
  local MANY = {}
  for i = 1, 256 do MANY[i] = LONG end -- three bytes too many

  for _, case in ipairs {
    {"an empty name", {""}, ssl.SSLError, "1 to 255", "I-30"},
    {"an empty name behind others", {"h2", "imap", ""}, ssl.SSLError, "1 to 255",
      "I-30"},
    {"a name of 256 bytes", {"imap", LONG .. "x"}, ssl.SSLError, "1 to 255", "I-30"},
    {"a list beyond 65533 bytes", MANY, ssl.SSLError, "65533", "I-30"},
    {"a name with a byte above 127", {"imap", "h\195\188"}, ssl.ValueError,
      "%[2%] is not ASCII", "I-31"},
    {"the byte 128", {"\128"}, ssl.ValueError, "%[1%] is not ASCII", "I-31"},
  } do
    local what, list, class, text, row = table.unpack(case)
    it(("refuses %s and leaves the list as it was [D-33, %s]"):format(what, row),
      function()
        ctx:set_alpn_protocols {"http/1.1"}
        local err = raised(class, ctx.set_alpn_protocols, ctx, list)
        assert.matches(text, err.message)
        assert.same({}, {err.errno, err.library, err.reason})
        assert.equal("http/1.1", chosen())
        raised(class, client_ctx.set_alpn_protocols, client_ctx, list)
        assert.equal("http/1.1", chosen())
      end)
  end

  it("takes a list of exactly 65533 bytes [D-33, I-30]", function()
    local list = {"h2", ("x"):rep(249)} -- 3 and 250, behind them 255 of 256
    for _ = 1, 255 do list[#list + 1] = LONG end
    assert.is_true(ctx:set_alpn_protocols(list))
    assert.equal("h2", chosen())
    list[2] = list[2] .. "x"
    raised(ssl.SSLError, ctx.set_alpn_protocols, ctx, list)
  end)

  for what, case in pairs {
    ["nil"] = {nil, "table expected, got nil"},
    ["a number"] = {5, "table expected, got number"},
    ["a string, which is no list of letters"] = {"h2", "table expected, got string"},
    ["a function"] = {print, "table expected, got function"},
    ["a number in the list"] = {{"h2", 5}, "string expected at [2], got number"},
    ["a list in the list"] = {{{"h2"}}, "string expected at [1], got table"},
    ["a key that is no position"] = {{"h2", more = "imap"}, "array of strings expected"},
    ["keys and no list"] = {{protocols = {"h2"}}, "array of strings expected"},
    ["a list with a hole"] = {{"h2", nil, "imap"}, "array of strings expected"},
  } do
    it("calls " .. what .. " a wrong type [D-33, I-32]", function()
      ctx:set_alpn_protocols {"http/1.1"}
      raised.text(case[2], ctx.set_alpn_protocols, ctx, case[1])
      assert.equal("http/1.1", chosen())
    end)
  end

  it("names the place of a wrong type [I-32]", function()
    local err = raised.text("bad argument #1 to 'set_alpn_protocols'",
      function() ctx:set_alpn_protocols(5) end)
    assert.matches("alpn_spec", err)
  end)

  it("raises on a closed context [D-33]", function()
    local closed = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    closed:close()
    raised(ssl.ValueError, closed.set_alpn_protocols, closed, {"h2"})
  end)
end)

describe("the list of protocols", function()
  it("outlives the context while a connection needs it [D-33]", function()
    local client_ctx, server_ctx = pair.client_context(), pair.server_context()
    client_ctx:set_alpn_protocols {"imap", "h2"}
    server_ctx:set_alpn_protocols {"h2"}
    local w <close> = wire.new {client = client_ctx, server = server_ctx,
      handshake = false}
    client_ctx:close()
    server_ctx:close()
    collectgarbage()
    w:handshake()
    assert.equal("h2", w.client:selected_alpn_protocol())
    assert.equal("h2", w.server:selected_alpn_protocol())
  end)

  it("can be replaced while a handshake is under way [D-33]", function()
    local client_ctx <close>, server_ctx = pair.client_context(), pair.server_context()
    local _ <close> = server_ctx
    client_ctx:set_alpn_protocols {"imap", "h2"}
    server_ctx:set_alpn_protocols {"h2"}
    local w <close> = wire.new {client = client_ctx, server = server_ctx,
      handshake = false}
    pcall(w.client.do_handshake, w.client)
    for i = 1, 50 do server_ctx:set_alpn_protocols {"x" .. i, "imap"} end
    collectgarbage()
    w:handshake()
    assert.equal("imap", w.client:selected_alpn_protocol())
    assert.equal("imap", w.server:selected_alpn_protocol())
  end)
end)

describe("selected_alpn_protocol", function()
  it("is nil before the handshake and without a connection [E-23, E.5]", function()
    local client_ctx <close>, server_ctx = pair.client_context(), pair.server_context()
    local _ <close> = server_ctx
    client_ctx:set_alpn_protocols {"h2"}
    server_ctx:set_alpn_protocols {"h2"}
    local idle <close> = client_ctx:wrap_socket(nil, {server_hostname = "localhost"})
    assert.is_nil(idle:selected_alpn_protocol())
    local w <close> = wire.new {client = client_ctx, server = server_ctx,
      handshake = false}
    assert.is_nil(w.client:selected_alpn_protocol())
    pcall(w.client.do_handshake, w.client)
    assert.is_nil(w.client:selected_alpn_protocol())
    w:handshake()
    assert.equal("h2", w.client:selected_alpn_protocol())
    w:unwrap()
    assert.is_nil(w.client:selected_alpn_protocol())
    w.server:close()
    assert.is_nil(w.server:selected_alpn_protocol())
  end)
end)

describe("set_npn_protocols", function()
  local ctx

  before_each(function() ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) end)
  after_each(function() ctx:close() end)

  it("raises NotImplementedError, for NPN is gone [D-34, I-33]", function()
    assert.is_false(ssl.HAS_NPN)
    for _, list in ipairs {{"h2"}, {"h2", "spdy/3"}, {}} do
      local err = raised(ssl.NotImplementedError, ctx.set_npn_protocols, ctx, list)
      assert.matches("NPN is not supported", err.message)
    end
  end)

  it("looks at the lengths first, as set_alpn_protocols [D-34, I-33]", function()
    for _, name in ipairs {"", ("x"):rep(256)} do
      local err = raised(ssl.SSLError, ctx.set_npn_protocols, ctx, {"h2", name})
      assert.matches("NPN protocols must be 1 to 255", err.message)
    end
    raised(ssl.ValueError, ctx.set_npn_protocols, ctx, {"\255"})
    raised.text("table expected", ctx.set_npn_protocols, ctx, "h2")
  end)

  it("warns once [D-34]", function()
    local process = require "support.process"
    local code, _, err = process.run({process.lua, "-W", "-e", [[
      local ssl = require "pyssl"
      local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
      pcall(ctx.set_npn_protocols, ctx, {"h2"})
      pcall(ctx.set_npn_protocols, ctx, {""})
    ]]}, {sanitizers = true})
    assert.equal(0, code)
    assert.equal("Lua warning: pyssl: set_npn_protocols is deprecated\n", err)
  end)
end)
