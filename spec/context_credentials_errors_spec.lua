-- load_cert_chain: what it refuses, and how. Whatever failed, the context is as
-- it was before: each failure is tried on a server that has a certificate.
local certs = require "support.certs"
local pair = require "support.pair"
local process = require "support.process"
local raised = require "support.raised"
local ssl = require "pyssl"

local function path(name)
  return certs.path(name)
end

local ctx -- a server's, with server.pem

local function presented()
  local client, server = pair.connected(nil, ctx)
  local certificate = client:getpeercert(true)
  pair.close(client, server)
  return certificate
end

-- An error object of that class, after which the server still does its work.
local function refused(class, ...)
  local err = raised(ssl[class], ctx.load_cert_chain, ctx, ...)
  assert.equal(ssl.PEM_cert_to_DER_cert(certs.read "server.pem"), presented())
  return err
end

local function refused_type(text, ...)
  raised.text(text, ctx.load_cert_chain, ctx, ...)
  assert.equal(ssl.PEM_cert_to_DER_cert(certs.read "server.pem"), presented())
end

describe("load_cert_chain", function()
  before_each(function() ctx = pair.server_context() end)
  after_each(function() ctx:close() end)

  it("needs a certificate [D-20, I-38]", function()
    refused("TypeError")
    refused("TypeError", nil)
    refused("TypeError", {})
    refused("TypeError", nil, path "server.key")
    refused("TypeError", {keyfile = path "server.key"})
    refused("TypeError", {keydata = certs.read "server.key"})
  end)

  it("takes one certificate and one key [D-20]", function()
    refused("TypeError", path "server.pem", {certdata = certs.read "server.pem"})
    refused("TypeError", path "server.pem", path "server.key",
      {keydata = certs.read "server.key"})
  end)

  it("takes a path for a certificate [D-20, I-38]", function()
    refused_type("(string expected, got number)", 5)
    refused_type("string expected, got boolean", true)
    refused_type("bad value for option 'certfile' (string expected, got number)",
      {certfile = 5})
    refused_type("bad value for option 'certdata' (string, buffer or "
      .. "ssl.certificate expected, got number)", {certdata = 5})
  end)

  it("takes a path for a key [D-20, I-39]", function()
    refused_type("string expected, got number", path "server.pem", 5)
    refused_type("bad value for option 'keyfile' (string expected, got number)",
      path "server.pem", {keyfile = 5})
    refused_type("bad value for option 'keydata' (string, buffer or "
      .. "ssl.privatekey expected",
      path "server.pem", {keydata = true})
  end)

  it("refuses an unknown option [D-20]", function()
    local ok, err = pcall(ctx.load_cert_chain, ctx, path "server.pem",
      {pasword = "secret"})
    assert.is_false(ok)
    assert.matches("pasword", tostring(err))
  end)

  it("refuses a path with a NUL [D-20]", function()
    refused("ValueError", path "server.pem" .. "\0")
    refused("ValueError", path "server.pem", path "server.key" .. "\0x")
  end)

  local UNREADABLE = {
    {"I-40", "ENOENT", "missing.pem"}, {"I-40", "ENOENT", "server.pem", "missing.key"},
    {"I-41", "EISDIR", "capath"}, {"I-41", "EISDIR", "server.pem", "capath"},
  }

  for _, case in ipairs(UNREADABLE) do
    it(("says that %s is not to be read: %s [D-20, %s]"):format(
      case[4] or case[3], case[2], case[1]), function()
      local err = refused("OSError", path(case[3]), case[4] and path(case[4]))
      assert.equal(case[2], err.name)
      assert.is_truthy(err.message:find(path(case[4] or case[3]), 1, true))
      assert.is_nil(err.library)
    end)
  end

  it("takes an empty path for a file that is not there [D-20, I-40]", function()
    assert.equal("ENOENT", refused("OSError", "").name)
    assert.equal("ENOENT", refused("OSError", path "server.pem", "").name)
  end)

  local UNUSABLE = {
    {"broken.pem", "server.key"}, {"empty.pem"}, {"empty.pem", "server.key"},
    {"server.pem"}, {"server.key"}, {"server.pem", "empty.pem"},
    {"server.pem", "broken.pem"}, {"server.der", "server.key"},
    {"dh.pem", "server.key"}, {"crl.pem", "server.key"},
  }

  for _, case in ipairs(UNUSABLE) do
    it(("cannot use %s [D-20, I-42]"):format(table.concat(case, " and ")),
      function()
        local err = refused("SSLError", path(case[1]), case[2] and path(case[2]))
        assert.equal("SSL", err.library)
        assert.is_nil(err.reason)
        assert.equal(524297, err.errno) -- ERR_R_PEM_LIB
        assert.matches("^PEM lib", err.message)
      end)
  end

  it("cannot use a key that is broken, nor a broken chain [D-20, I-42]", function()
    local key = certs.read "server.key"
    local err = refused("SSLError", path "server.pem",
      {keydata = key:gsub("\n....", "\nAAAA", 1)})
    assert.same({"SSL", nil}, {err.library, err.reason})
    err = refused("SSLError", {
      certdata = certs.read "leaf.pem" .. certs.read "broken.pem",
      keyfile = path "leaf.key"})
    assert.same({"SSL", nil}, {err.library, err.reason})
  end)

  it("cannot use DER that is cut off or has more behind it [D-20, I-42]", function()
    local der = certs.read "server.der"
    for _, data in ipairs {"", "x", der:sub(1, -2), der .. "x", der:sub(2)} do
      local err = refused("SSLError", {certdata = data,
        keyfile = path "server.key"})
      assert.equal("SSL", err.library)
    end
    refused("SSLError", {certdata = der}) -- and no key
    refused("SSLError", {certdata = der, keydata = "x"})
  end)

  it("refuses another certificate's key [D-20, I-43]", function()
    local err = refused("SSLError", path "leaf.pem", path "client.key")
    assert.same({"X509", "KEY_VALUES_MISMATCH", 116},
      {err.library, err.reason, err.errno})
  end)

  it("refuses a key of another type [D-20, I-43]", function()
    local err = refused("SSLError", path "server-rsa.pem", path "client.key")
    assert.same({"X509", "KEY_TYPE_MISMATCH", 115},
      {err.library, err.reason, err.errno})
  end)

  it("refuses a key that is too weak for the security level [D-20]", function()
    ctx:set_ciphers("ALL:@SECLEVEL=4")
    local err = raised(ssl.SSLError, ctx.load_cert_chain, ctx,
      path "server.pem", path "server.key")
    assert.same({"SSL", "EE_KEY_TOO_SMALL"}, {err.library, err.reason})
  end)
end)

describe("a password", function()
  before_each(function() ctx = pair.server_context() end)
  after_each(function() ctx:close() end)

  local function locked(password)
    return path "server.pem", path "encrypted.key", password
  end

  for _, password in ipairs {"wrong", "", "\0secret", ("x"):rep(1024)} do
    it(("that is wrong (%d bytes) does not open the key [D-20, I-44]"):format(
      #password), function()
      for _, form in ipairs {password, function() return password end} do
        local err = refused("SSLError", locked(form))
        assert.same({"SSL", nil}, {err.library, err.reason})
        assert.matches("^PEM lib", err.message)
      end
    end)
  end

  for _, password in ipairs {5, true, {"secret"}, io.stdout} do
    it(("is not a %s, needed or not [D-20, I-45]"):format(type(password)),
      function()
        local text = "(string, buffer or function expected, got "
        refused_type(text, locked(password))
        refused_type(text, path "server.pem", path "server.key", password)
        refused_type("bad value for option 'password' " .. text,
          {certfile = path "combined.pem", password = password})
      end)
  end

  it("is not an empty table [D-20, I-45]", function()
    refused_type("string, buffer or function expected, got table",
      {certfile = path "combined.pem", password = {}})
  end)

  it("has no more than 1024 bytes [D-20, I-46]", function()
    local long = ("x"):rep(1025)
    for _, password in ipairs {long, function() return long end,
                               function() return ssl.buffer(long) end} do
      local err = refused("ValueError", locked(password))
      assert.matches("longer than 1024 bytes", err.message)
    end
    refused("ValueError", {certfile = path "server.pem",
      keyfile = path "encrypted.key", password = ssl.buffer(long)})
  end)

  for _, result in ipairs {5, true, {}, print} do
    it(("function must not give a %s [D-20, I-47]"):format(type(result)),
      function()
        refused_type("(string or buffer expected, got " .. type(result),
          locked(function() return result end))
      end)
  end

  it("function must give something [D-20, I-47]", function()
    refused_type("string or buffer expected, got nil",
      locked(function() return nil end))
    refused_type("string or buffer expected, got nil", locked(function() end))
  end)

  it("function's error comes out unchanged, after one call [D-20, I-48]", function()
    for _, thrown in ipairs {{}, "as it is", 42, ssl.ValueError("mine"), true} do
      local calls = 0
      local ok, err = pcall(ctx.load_cert_chain, ctx, locked(function()
        calls = calls + 1
        error(thrown, 0)
      end))
      assert.is_false(ok)
      assert.equal(thrown, err)
      assert.equal(1, calls)
    end
    assert.is_truthy(presented())
  end)

  it("that is missing is an error that says so [D-20, I-44]", function()
    for _, key in ipairs {certs.read "encrypted.key",
      process.check({"openssl", "ec", "-in", path "server.key", "-aes256",
                     "-passout", "pass:secret"}),
      process.check({"openssl", "pkcs8", "-topk8", "-in", path "server.key",
                     "-outform", "DER", "-passout", "pass:secret"}),
    } do
      local err = refused("SSLError", path "server.pem", {keydata = key})
      assert.same({"PEM", "BAD_PASSWORD_READ", 104},
        {err.library, err.reason, err.errno})
      assert.matches("password is needed", err.message)
    end
  end)
end)

-- A terminal that nobody types at: whoever asks for a password there, waits.
local PTY = [[
import os, pty, sys
status = pty.spawn(sys.argv[1:])
sys.exit(os.waitstatus_to_exitcode(status))
]]

local LOAD = [[
local ssl, directory = require "pyssl", ...
local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
local function load(name, ...)
  local _, err = ssl.try(ctx[name], ctx, ...)
  return err and err.class.name
end
local server, locked = directory .. "/server.pem", directory .. "/locked.pem"
print(load("load_cert_chain", server, directory .. "/encrypted.key"))
print(load("load_cert_chain", locked, directory .. "/server.key"))
load("load_verify_locations", locked)
load("load_verify_locations", {cadata = io.open(locked):read("*a")})
load("load_dh_params", directory .. "/locked-dh.pem")
print("done")
]]

local ANSWER = "SSLError\nSSLError\ndone\n"

describe("nobody is asked for a password on the terminal", function()
  local HEADER = "%1\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,"
    .. ("0123456789ABCDEF"):rep(2) .. "\n"

  -- A block that claims to be encrypted, as a certificate never is.
  local function lock(from, to)
    local file <close> = assert(io.open(certs.dir .. "/" .. to, "wb"))
    file:write((certs.read(from):gsub("(%-%-%-%-%-BEGIN[%w ]+%-%-%-%-%-)", HEADER)))
  end

  before_each(function()
    lock("server.pem", "locked.pem")
    lock("dh.pem", "locked-dh.pem")
  end)

  local function script()
    local name = certs.dir .. "/load.lua"
    local file <close> = assert(io.open(name, "wb"))
    file:write(LOAD)
    return {process.lua, name, certs.dir}
  end

  it("that the process has [D-20]", function()
    local argv = {"python3", "-c", PTY}
    table.move(script(), 1, 3, #argv + 1, argv)
    local code, out = process.run(argv, {sanitizers = true})
    assert.equal(ANSWER, (out:gsub("\r", "")))
    assert.equal(0, code)
  end)

  it("nor where there is no input [D-20]", function()
    local code, out = process.run(script(), {stdin = "null", sanitizers = true})
    assert.equal(ANSWER, out)
    assert.equal(0, code)
  end)
end)
