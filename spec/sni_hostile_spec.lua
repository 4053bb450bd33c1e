-- The SNI callback and hellos that no honest client sends.
local memory = require "support.memory"
local pair = require "support.pair"
local raised = require "support.raised"
local ssl = require "pyssl"

local ctx, other, client_ctx, asked

before_each(function()
  ctx, other = pair.server_context(), pair.server_context("server-rsa")
  client_ctx = pair.client_context()
  asked = {}
  ctx.sni_callback = function(conn, name)
    asked[#asked + 1] = name or "none"
    if name == "b.example.test" then conn.context = other end
  end
end)
after_each(function()
  for _, each in ipairs {ctx, other, client_ctx} do each:close() end
end)

local function client_hello()
  local ends <close> = memory.new(client_ctx, ctx)
  pcall(ends.client.do_handshake, ends.client)
  return ends.client_out:read()
end

-- A hello whose extension server_name has these bytes: lengths are made to fit.
local function hello_with(bytes)
  local hello = client_hello()
  local name = (">s2"):pack((">s2"):pack("\0" .. (">s2"):pack("localhost")))
  local from = assert(hello:find("\0\0" .. name, 1, true))
  local more = #bytes + 2 - #name
  -- record: type, version, length; handshake: type, length of 3; then version,
  -- random, session id, ciphers, compressions, extensions
  local at = 5 + 4 + 2 + 32 + 1
  at = at + 1 + hello:byte(at)
  at = at + 2 + (">I2"):unpack(hello, at)
  at = at + 1 + hello:byte(at)
  local extensions = (">I2"):unpack(hello, at)
  return hello:sub(1, 3) .. (">I2"):pack(#hello - 5 + more) .. "\1"
    .. (">I3"):pack(#hello - 9 + more) .. hello:sub(10, at - 1)
    .. (">I2"):pack(extensions + more) .. hello:sub(at + 2, from + 1)
    .. (">s2"):pack(bytes) .. hello:sub(from + 2 + #name)
end

local function names(...)
  return (">s2"):pack(table.concat {...})
end

local function name(text, kind)
  return string.char(kind or 0) .. (">s2"):pack(text)
end

-- What the server makes of bytes: its error.
local function answer(bytes)
  local ends <close> = memory.new(client_ctx, ctx)
  ends.server_in:write(bytes)
  return raised(ssl.SSLError, ends.server.do_handshake, ends.server)
end

describe("a hello with", function()
  local DECODE, UNRECOGNIZED, INTERNAL = 50, 112, 80
  for _, case in ipairs {
    {"an empty extension", "", DECODE},
    {"half a length", "\0", DECODE},
    {"an empty list", names(), DECODE},
    {"a list cut off behind the type", names "\0", DECODE},
    {"a list cut off in the name's length", names "\0\0", DECODE},
    {"a name of no bytes", names(name ""), DECODE},
    {"a list longer than the extension", "\0\13" .. name "localhost", DECODE},
    {"a list far longer than the extension", "\255\255" .. name "localhost", DECODE},
    {"a list shorter than the extension", "\0\11" .. name "localhost", DECODE},
    {"a name longer than the list", names "\0\0\10localhost", DECODE},
    {"a name far longer than the list", names "\0\255\255localhost", DECODE},
    {"a name shorter than the list", names "\0\0\8localhost", DECODE},
    {"another type of name", names(name("localhost", 1)), DECODE},
    {"two names", names(name "a.example.test", name "b.example.test"), DECODE},
    {"two names, the second of another type",
      names(name "b.example.test", name("x", 1)), DECODE},
    {"a NUL in the name", names(name "b.example.test\0.evil"), UNRECOGNIZED},
    {"a NUL as the name", names(name "\0"), UNRECOGNIZED},
    {"a name of 256 bytes", names(name(("a"):rep(256))), UNRECOGNIZED},
    {"a name of 10000 bytes", names(name(("a"):rep(10000))), UNRECOGNIZED},
    {"a name that is not ASCII", names(name "b\195\188cher.example"), INTERNAL},
  } do
    local what, bytes, alert = table.unpack(case)
    it(what .. " is refused, and nobody is asked [D-44]", function()
      local err = answer(hello_with(bytes))
      assert.equal("SSL", err.library)
      assert.equal(alert, err.alert)
      assert.same({}, asked)
    end)
  end

  it("a name of 255 bytes is asked about as it is [D-44]", function()
    local long = ("a"):rep(255)
    local ends <close> = memory.new(client_ctx, ctx)
    ends.server_in:write(hello_with(names(name(long))))
    raised(ssl.SSLWantReadError, ends.server.do_handshake, ends.server)
    assert.same({long}, asked)
  end)

  it("two extensions of the name is refused, and nobody is asked [D-44]", function()
    local hello = client_hello()
    -- extension 35 (session ticket, empty) becomes a second, empty one
    local at = assert(hello:find("\0\35\0\0", 1, true))
    local err = answer(hello:sub(1, at - 1) .. "\0\0" .. hello:sub(at + 2))
    assert.equal("BAD_EXTENSION", err.reason)
    assert.same({}, asked)
  end)

  it("no end ends at 128 KiB, for good [D-44]", function()
    local ends <close> = memory.new(client_ctx, ctx)
    ends.server_in:write("\22\3\1\0\4\1\1\251\208") -- 130000 bytes are to come
    local record = "\22\3\1\0\1x" -- one a record
    ends.server_in:write(record:rep(21000))
    raised(ssl.SSLWantReadError, ends.server.do_handshake, ends.server)
    ends.server_in:write(record:rep(1000))
    for _ = 1, 3 do
      local err = raised(ssl.OSError, ends.server.do_handshake, ends.server)
      assert.equal("EMSGSIZE", err.name)
    end
    assert.same({}, asked)
  end)

  it("an end in the middle of it is the end of the connection [D-44]", function()
    local hello = client_hello()
    local ends <close> = memory.new(client_ctx, ctx)
    ends.server_in:write(hello:sub(1, -2))
    raised(ssl.SSLWantReadError, ends.server.do_handshake, ends.server)
    ends.server_in:write_eof()
    raised(ssl.SSLEOFError, ends.server.do_handshake, ends.server)
    assert.same({}, asked)
  end)
end)
