-- ctx:load_pkcs12: a key, its certificate and chain out of one file, as several
-- programs write it.
local certs = require "support.certs"
local pair = require "support.pair"
local peers = require "support.peers"
local process = require "support.process"
local raised = require "support.raised"
local ssl = require "pyssl"

local function run(...)
  return process.check({...}, {cwd = certs.dir})
end

local function write(name, text)
  local file <close> = assert(io.open(certs.path(name), "wb"))
  file:write(text)
end

-- A file made by openssl of leaf.pem and its key; `more` are its options.
local function export(password, ...)
  return run("openssl", "pkcs12", "-export", "-inkey", "leaf.key",
    "-in", "leaf.pem", "-passout", "pass:" .. (password or "secret"), ...)
end

-- The common names that a server presents.
local function presented(ctx)
  local client, server = pair.connected(nil, ctx)
  local names = {}
  for i, cert in ipairs(client:get_unverified_chain(true)) do
    names[i] = cert:info().subject[1][1][2]
  end
  pair.close(client, server)
  return table.concat(names, ", ")
end

local function new_context()
  local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  return ctx
end

local FULL = "localhost, Test Intermediate"

-- load_pkcs12's arguments.
local FORMS = {
  ["a file and a password"] = function(path) return path, "secret" end,
  ["keywords"] = function(path)
    return {file = path, password = "secret"}
  end,
  ["a file, and the password by keyword"] = function(path)
    return path, {password = "secret"}
  end,
  ["bytes"] = function(_, bytes)
    return {data = bytes, password = "secret"}
  end,
  ["a buffer"] = function(_, bytes)
    return {data = ssl.buffer(bytes), password = ssl.buffer "secret"}
  end,
  ["a password function"] = function(path)
    return path, function() return "secret" end
  end,
}

-- Programs that write such files: each gives the bytes, the password is
-- "secret".
local WRITERS = {
  ["openssl"] = function() return export() end,
  ["openssl, with its options for the strongest"] = function()
    return export("secret", "-keypbe", "AES-256-CBC", "-certpbe",
      "AES-256-CBC", "-macalg", "sha512", "-iter", "10000")
  end,
  ["openssl, with certificates that are not encrypted"] = function()
    return export("secret", "-certpbe", "NONE")
  end,
  ["openssl, without a MAC"] = function() return export("secret", "-nomac") end,
  ["openssl, with a friendly name"] = function()
    return export("secret", "-name", "Zertifikat für localhost")
  end,
  ["GnuTLS"] = function()
    run("certtool", "--to-p12", "--load-certificate", "leaf.pem",
      "--load-privkey", "leaf.key", "--p12-name", "x", "--password", "secret",
      "--outder", "--outfile", "gnutls.p12")
    return certs.read "gnutls.p12"
  end,
}

describe("load_pkcs12", function()
  local path, bytes
  setup(function()
    bytes = export("secret", "-certfile", certs.path "intermediate.pem")
    path = certs.path "full.p12"
    write("full.p12", bytes)
  end)

  for what, arguments in pairs(FORMS) do
    it(("takes %s [D-20]"):format(what), function()
      local ctx <close> = new_context()
      assert.is_true(ctx:load_pkcs12(arguments(path, bytes)))
      assert.equal(FULL, presented(ctx))
    end)
  end

  for who, make in pairs(WRITERS) do
    it(("reads what is written by %s [D-20]"):format(who), function()
      local ctx <close> = new_context()
      ctx:load_pkcs12 {data = make(), password = "secret"}
      ctx:load_verify_locations(certs.path "intermediate.pem")
      assert.equal(FULL, presented(ctx))
    end)
  end

  it("reads a file without a password, encrypted or not [D-20]", function()
    for _, made in ipairs {
      export(""),
      export("", "-nomac", "-keypbe", "NONE", "-certpbe", "NONE"),
    } do
      for _, password in ipairs {false, "", "not needed"} do
        local calls = 0
        local ctx <close> = new_context()
        ctx:load_pkcs12 {data = made, password = password and function()
          calls = calls + 1
          return password
        end or nil}
        ctx:load_verify_locations(certs.path "intermediate.pem")
        assert.equal(FULL, presented(ctx))
        assert.equal(0, calls)
      end
    end
  end)

  it("puts each issuer behind what it issued, whatever the file's order [D-20]",
    function()
      for _, order in ipairs {{"ca", "intermediate"}, {"intermediate", "ca"},
        {"ca", "other-ca", "intermediate"}} do
        local text = {}
        for i, name in ipairs(order) do text[i] = certs.read(name .. ".pem") end
        write("others.pem", table.concat(text))
        local ctx <close> = new_context()
        ctx:load_pkcs12 {data = export("secret", "-certfile", "others.pem"),
                         password = "secret"}
        assert.equal(FULL .. ", Test Root" .. (order[3] and ", Other Root" or ""),
          presented(ctx))
      end
    end)

  it("trusts nothing of what it reads [D-20]", function()
    local ctx <close> = new_context()
    ctx:load_pkcs12 {data = export("secret", "-certfile",
      certs.path "ca.pem"), password = "secret"}
    assert.same({x509 = 0, x509_ca = 0, crl = 0}, ctx:cert_store_stats())
  end)

  it("loads a client's [D-20]", function()
    local server_ctx <close> = pair.server_context("server",
      {verify_mode = ssl.CERT_REQUIRED})
    server_ctx:load_verify_locations(certs.path "ca.pem")
    local client_ctx <close> = pair.client_context()
    client_ctx:load_pkcs12(path, "secret")
    local client, server = pair.connected(client_ctx, server_ctx)
    assert.equal(3, #server:get_verified_chain())
    pair.close(client, server)
  end)

  it("is what openssl s_client is shown, which verifies it [D-20]", function()
    local ctx <close> = new_context()
    ctx:load_pkcs12(path, "secret")
    local listener <close>, port = peers.listen(ctx)
    local peer <close> = peers.s_client(port, {"-showcerts"})
    local conn <close> = listener:accept()
    conn:sendall("bye\n")
    conn:close()
    local lines = {}
    for line in function() return peer:read_line() end do
      lines[#lines + 1] = line .. "\n"
    end
    local seen = ssl.certificates(table.concat(lines))
    assert.is_true(seen[1] == ssl.certificate(certs.read "leaf.pem"))
    assert.is_true(seen[2] == ssl.certificate(certs.read "intermediate.pem"))
    assert.matches("Verify return code: 0", table.concat(lines), 1, true)
  end)

  describe("that fails", function()
    local ctx
    before_each(function() ctx = pair.server_context() end)
    after_each(function() ctx:close() end)

    -- The server still presents what it did.
    local function refused(class, ...)
      local err = raised(ssl[class], ctx.load_pkcs12, ctx, ...)
      assert.equal("localhost", presented(ctx))
      return err
    end

    it("needs a file, or data, and not both [D-20]", function()
      refused("TypeError")
      refused("TypeError", {password = "secret"})
      refused("TypeError", path, "secret", bytes, 1)
      refused("TypeError", {file = path, data = bytes, password = "secret"})
      refused("TypeError", path, {pasword = "secret"})
    end)

    it("says that a password is needed, and asks nobody [D-20]", function()
      for _, data in ipairs {bytes, export("secret", "-nomac")} do
        local err = refused("SSLError", {data = data})
        assert.equal("PEM", err.library)
        assert.equal("BAD_PASSWORD_READ", err.reason)
        assert.matches("password is needed", err.message)
        assert.equal("load", err.op)
      end
    end)

    it("says that a password is wrong [D-20]", function()
      for _, wrong in ipairs {"", "Secret", "secret ", ("x"):rep(1024)} do
        local err = refused("SSLError", path, wrong)
        assert.equal("PKCS12", err.library)
        assert.equal("MAC_VERIFY_FAILURE", err.reason)
      end
      refused("SSLError", {data = export("secret", "-nomac"),
                           password = "wrong"})
    end)

    it("takes no password with a NUL: OpenSSL would not see its end [D-20]",
      function()
        refused("ValueError", path, "secret\0")
        refused("ValueError", path, "\0secret")
        refused("ValueError", path, ("x"):rep(1025))
      end)

    it("passes on what the password function raises [D-20]", function()
      local thrown = {}
      local ok, err = pcall(ctx.load_pkcs12, ctx, path, function()
        error(thrown)
      end)
      assert.is_false(ok)
      assert.equal(thrown, err)
      raised.text("bad result of the password function", ctx.load_pkcs12,
        ctx, path, function() end)
    end)

    it("is harmless where the password function closes the context [D-20]",
      function()
        local other = new_context()
        raised(ssl.ValueError, other.load_pkcs12, other, path, function()
          other:close()
          return "secret"
        end)
      end)

    it("raises the system's error for a file [D-20]", function()
      assert.equal("ENOENT",
        refused("OSError", certs.path "missing.p12", "x").name)
      assert.equal("EISDIR", refused("OSError", certs.dir, "x").name)
      refused("ValueError", path .. "\0", "secret")
    end)

    it("refuses what is no PKCS #12 [D-20]", function()
      for _, data in ipairs {"", "x", certs.read "leaf.pem",
        certs.read "server.der", bytes:sub(1, -20)} do
        refused("SSLError", {data = data, password = "secret"})
      end
    end)

    it("refuses a file that was changed [D-20]", function()
      local at = #bytes // 2
      local changed = bytes:sub(1, at - 1)
        .. string.char((bytes:byte(at) + 1) % 256) .. bytes:sub(at + 1)
      refused("SSLError", {data = changed, password = "secret"})
    end)

    it("refuses one without a key, and one without its certificate [D-20]",
      function()
        local without_key = run("openssl", "pkcs12", "-export", "-nokeys",
          "-in", "leaf.pem", "-passout", "pass:secret")
        local without_certificate = run("openssl", "pkcs12", "-export",
          "-nocerts", "-inkey", "leaf.key", "-passout", "pass:secret")
        for _, data in ipairs {without_key, without_certificate} do
          local err = refused("SSLError", {data = data, password = "secret"})
          assert.matches("no private key with its certificate", err.message)
        end
      end)

    it("says that an algorithm is too old [D-20]", function()
      local err = refused("SSLError", {data = export("secret", "-legacy"),
                                       password = "secret"})
      assert.matches("legacy provider", err.message)
    end)

    it("refuses other types in Lua's words [D-20]", function()
      raised.text("string expected, got number", ctx.load_pkcs12, ctx, 5)
      raised.text("bad value for option 'data' (string or buffer expected",
        ctx.load_pkcs12, ctx, {data = true})
      raised.text("string, buffer or function expected, got number",
        ctx.load_pkcs12, ctx, path, 5)
    end)
  end)
end)
