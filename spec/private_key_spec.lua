-- ssl.private_key: keys that are parsed once. Where they go is in
-- shared_credentials_spec.lua.
local certs = require "support.certs"
local process = require "support.process"
local raised = require "support.raised"
local ssl = require "pyssl"

local function pkcs8(name, ...)
  return process.check({"openssl", "pkcs8", "-topk8", "-in", certs.path(name),
    ...})
end

local function generate(...)
  return process.check({"openssl", "genpkey", ...})
end

-- ssl.private_key's arguments, and what tostring says.
local FORMS = {
  ["PEM"] = function()
    return "EC, 256 bits", certs.read "server.key"
  end,
  ["a buffer"] = function()
    return "RSA, 2048 bits", ssl.buffer(certs.read "server-rsa.key")
  end,
  ["DER"] = function()
    return "EC, 256 bits", pkcs8("server.key", "-nocrypt", "-outform", "DER")
  end,
  ["an Ed25519 key"] = function()
    return "ED25519, 256 bits", generate("-algorithm", "ed25519")
  end,
  ["PEM that has the certificate, too"] = function()
    return "EC, 256 bits", certs.read "server.pem" .. certs.read "server.key"
  end,
  ["an encrypted one and its password"] = function()
    return "EC, 256 bits", certs.read "encrypted.key", "secret"
  end,
  ["an encrypted one and a buffer with its password"] = function()
    return "EC, 256 bits", certs.read "encrypted.key", ssl.buffer "secret"
  end,
  ["an encrypted one and a function"] = function()
    return "EC, 256 bits", certs.read "encrypted.key",
      function() return "secret" end
  end,
  ["an encrypted one in DER"] = function()
    return "EC, 256 bits",
      pkcs8("server.key", "-passout", "pass:secret", "-outform", "DER"), "secret"
  end,
  ["an encrypted one of the old format"] = function()
    return "RSA, 2048 bits", process.check({"openssl", "rsa", "-aes256",
      "-traditional", "-passout", "pass:secret", "-in",
      certs.path "server-rsa.key"}), "secret"
  end,
  ["keywords"] = function()
    return "EC, 256 bits",
      {data = certs.read "encrypted.key", password = "secret"}
  end,
  ["the password by keyword"] = function()
    return "EC, 256 bits", certs.read "encrypted.key", {password = "secret"}
  end,
  ["a password that is not needed"] = function()
    return "EC, 256 bits", certs.read "server.key", "whatever"
  end,
}

describe("ssl.private_key", function()
  for what, arguments in pairs(FORMS) do
    it("takes " .. what, function()
      local list = table.pack(arguments())
      local key <close> = ssl.private_key(table.unpack(list, 2, list.n))
      assert.equal("ssl.privatekey: " .. list[1], tostring(key))
    end)
  end

  it("asks a function for the password once, and only where it is needed",
    function()
      local calls = 0
      local function password()
        calls = calls + 1
        return "secret"
      end
      ssl.private_key(certs.read "server.key", password)
      assert.equal(0, calls)
      ssl.private_key(certs.read "encrypted.key", password)
      assert.equal(1, calls)
    end)

  it("never asks anybody else for one", function()
    for _, text in ipairs {certs.read "encrypted.key",
      pkcs8("server.key", "-passout", "pass:secret", "-outform", "DER")} do
      local err = raised(ssl.SSLError, ssl.private_key, text)
      assert.equal("PEM", err.library)
      assert.equal("BAD_PASSWORD_READ", err.reason)
      assert.matches("password is needed", err.message)
    end
  end)

  it("refuses a wrong password", function()
    for _, wrong in ipairs {"", "Secret", "secret ", ("x"):rep(1024)} do
      assert.equal("SSL", raised(ssl.SSLError, ssl.private_key,
        certs.read "encrypted.key", wrong).library)
    end
    raised(ssl.ValueError, ssl.private_key, certs.read "encrypted.key",
      ("x"):rep(1025))
  end)

  it("passes on what the function raises, unchanged", function()
    local thrown = setmetatable({}, {})
    for _, value in ipairs {thrown, "text", 42} do
      local ok, err = pcall(ssl.private_key, certs.read "encrypted.key",
        function() error(value, 0) end)
      assert.is_false(ok)
      assert.equal(value, err)
    end
    raised.text("bad result of the password function", ssl.private_key,
      certs.read "encrypted.key", function() return 5 end)
  end)

  it("keeps its bytes where the function closes the buffer they came in",
    function()
      local buffer = ssl.buffer(certs.read "encrypted.key")
      local key <close> = ssl.private_key(buffer, function()
        buffer:close()
        return "secret"
      end)
      assert.equal("ssl.privatekey: EC, 256 bits", tostring(key))
    end)

  for what, text in pairs {
    ["nothing"] = function() return "" end,
    ["a certificate"] = function() return certs.read "server.pem" end,
    ["a public key"] = function()
      return process.check({"openssl", "pkey", "-pubout", "-in",
        certs.path "server.key"})
    end,
    ["a key that is cut off"] = function()
      return certs.read "server.key":sub(1, 100)
    end,
    ["garbage"] = function() return "\48\130garbage" end,
  } do
    it("refuses " .. what, function()
      assert.equal("SSL",
        raised(ssl.SSLError, ssl.private_key, text()).library)
    end)
  end

  it("refuses a value of another type in Lua's words", function()
    raised.text("string or buffer expected, got number", ssl.private_key, 5)
    raised.text("string or buffer expected, got nil", ssl.private_key)
    raised.text("string, buffer or function expected, got number",
      ssl.private_key, certs.read "server.key", 5)
    raised.text("bad value for option 'password'", ssl.private_key,
      certs.read "server.key", {password = true})
    raised(ssl.TypeError, ssl.private_key, certs.read "server.key",
      {pasword = "x"})
  end)
end)

describe("a private key", function()
  it("shows nothing of itself but its kind", function()
    local key <close> = ssl.private_key(certs.read "server.key")
    for name in pairs(getmetatable(key)) do
      assert.is_string(name)
    end
    assert.is_nil(key.public_bytes)
    assert.is_nil(key.private_bytes)
    assert.equal("ssl.privatekey: EC, 256 bits", tostring(key))
  end)

  it("is gone once it is closed, which it can be twice", function()
    local key = ssl.private_key(certs.read "server.key")
    assert.is_true(key:close())
    assert.is_true(key:close())
    assert.equal("ssl.privatekey: closed", tostring(key))
  end)
end)
