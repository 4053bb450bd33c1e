-- Certificate revocation lists from memory: ctx:load_crl.
local accepts = require "support.accepts"
local certs = require "support.certs"
local pair = require "support.pair"
local process = require "support.process"
local raised = require "support.raised"
local ssl = require "pyssl"

local LEAF, CHAIN = ssl.VERIFY_CRL_CHECK_LEAF, ssl.VERIFY_CRL_CHECK_CHAIN

local function openssl(...)
  return process.check({"openssl", ...}, {cwd = certs.dir})
end

local function to_der(pem)
  return process.check({"openssl", "crl", "-outform", "DER"}, {input = pem})
end

-- A client's context that trusts the suite's root and asks for lists.
local function new_context(flags)
  local ctx = pair.client_context()
  ctx.verify_flags = ctx.verify_flags | (flags or LEAF)
  return ctx
end

-- What a verification of that server says: 0, or the code.
local function verdict(ctx, server)
  local ok, err = accepts(ctx, server)
  return ok and 0 or err.verify_code
end

-- The same of a server that sends an intermediate certificate.
local function verdict_of_chain(ctx)
  local server_ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  server_ctx:load_cert_chain(certs.path "chain.pem", certs.path "leaf.key")
  local err = pair.refused(ctx, server_ctx)
  return err and err.verify_code or 0
end

-- A list by the authority `ca`, valid from so many seconds from now on; the
-- serial numbers are revoked in it.
local function make_list(ca, from, serials)
  local lines = {}
  for _, serial in ipairs(serials or {}) do
    lines[#lines + 1] = table.concat({"R", "491231235959Z", "200101000000Z",
      serial, "unknown", "/CN=x"}, "\t") .. "\n"
  end
  local function stamp(offset)
    return os.date("!%Y%m%d%H%M%SZ", os.time() + offset)
  end
  for name, text in pairs {
    ["list.txt"] = table.concat(lines), ["list.txt.attr"] = "",
    ["list.cnf"] = "[ca]\ndefault_ca = d\n[d]\ndatabase = list.txt\n"
      .. "default_md = sha256\n",
  } do
    local file <close> = assert(io.open(certs.path(name), "w"))
    file:write(text)
  end
  return openssl("ca", "-gencrl", "-config", "list.cnf", "-cert", ca .. ".pem",
    "-keyfile", ca .. ".key", "-crl_lastupdate", stamp(from),
    "-crl_nextupdate", stamp(from + 1000000))
end

local function serial_of(name)
  return openssl("x509", "-noout", "-serial", "-in", name .. ".pem")
    :match("=(%x+)")
end

local FORMS = {
  ["PEM"] = function() return certs.read "crl.pem" end,
  ["DER"] = function() return to_der(certs.read "crl.pem") end,
  ["a buffer of PEM"] = function() return ssl.buffer(certs.read "crl.pem") end,
  ["a buffer of DER"] = function()
    return ssl.buffer(to_der(certs.read "crl.pem"))
  end,
  ["PEM with text, a key and certificates around it"] = function()
    return "a list\n" .. certs.read "other-ca.pem" .. certs.read "ca.key"
      .. certs.read "crl.pem" .. "that was it"
  end,
}

describe("load_crl", function()
  for what, give in pairs(FORMS) do
    it(("revokes by %s [H-17]"):format(what), function()
      for _, flags in ipairs {LEAF, CHAIN} do
        local ctx <close> = new_context(flags)
        assert.equal(3, verdict(ctx, "server"))
        assert.is_true(ctx:load_crl(give()))
        assert.same({x509 = 1, x509_ca = 1, crl = 1}, ctx:cert_store_stats())
        assert.equal(0, verdict(ctx, "server"))
        assert.equal(23, verdict(ctx, "revoked"))
      end
    end)
  end

  it("does nothing until a flag asks for it [H-17]", function()
    local ctx <close> = new_context(0)
    ctx:load_crl(certs.read "crl.pem")
    assert.equal(0, verdict(ctx, "revoked"))
  end)

  it("trusts nobody: not the certificates beside a list either [H-17]",
    function()
      local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
      ctx:load_crl(certs.read "ca-crl.pem")
      assert.same({x509 = 0, x509_ca = 0, crl = 1}, ctx:cert_store_stats())
      assert.equal(20, verdict(ctx, "server"))
    end)

  it("takes the lists of several authorities, in PEM and in DER [H-17]",
    function()
      local second = make_list("intermediate", -1000)
      for _, data in ipairs {certs.read "crl.pem" .. second,
        to_der(certs.read "crl.pem") .. to_der(second)} do
        local ctx <close> = new_context(CHAIN)
        ctx.verify_flags = ctx.verify_flags & ~ssl.VERIFY_X509_PARTIAL_CHAIN
        ctx:load_crl(data)
        assert.equal(2, ctx:cert_store_stats().crl)
        assert.equal(0, verdict_of_chain(ctx))
        assert.equal(23, verdict(ctx, "revoked"))
      end
    end)

  it("counts the same list once [H-17]", function()
    local ctx <close> = new_context()
    for _ = 1, 3 do ctx:load_crl(certs.read "crl.pem") end
    ctx:load_crl(to_der(certs.read "crl.pem"))
    assert.equal(1, ctx:cert_store_stats().crl)
  end)

  it("believes the newer of two lists, whichever came first [H-17]", function()
    local old = make_list("ca", -5000)
    local new = make_list("ca", -1000, {serial_of "server"})
    for _, order in ipairs {{old, new}, {new, old}} do
      local ctx <close> = new_context()
      for _, list in ipairs(order) do ctx:load_crl(list) end
      assert.equal(23, verdict(ctx, "server"))
    end
    local ctx <close> = new_context()
    ctx:load_crl(old)
    assert.equal(0, verdict(ctx, "server"))
    ctx:load_crl(new)
    assert.equal(23, verdict(ctx, "server"))
  end)

  it("does not believe a list by somebody else [H-17]", function()
    local ctx <close> = new_context()
    ctx:load_crl(make_list("other-ca", -1000, {serial_of "server"}))
    assert.equal(3, verdict(ctx, "server"))
  end)

  it("does not believe a list that is not signed by its issuer [H-17]",
    function()
      local bytes = to_der(certs.read "crl.pem")
      local last = (bytes:byte(-1) + 1) % 256
      local ctx <close> = new_context()
      ctx:load_crl(bytes:sub(1, -2) .. string.char(last))
      assert.equal(8, verdict(ctx, "server"))
    end)

  it("says that a list has expired [H-17]", function()
    local ctx <close> = new_context()
    ctx:load_crl(make_list("ca", -2000000))
    assert.equal(12, verdict(ctx, "server"))
  end)

  it("is for servers' contexts, too [H-17]", function()
    local server_ctx <close> = pair.server_context("server",
      {verify_mode = ssl.CERT_REQUIRED, verify_flags = LEAF})
    server_ctx:load_verify_locations(certs.path "ca.pem")
    server_ctx:load_crl(certs.read "crl.pem")
    local client_ctx <close> = pair.client_context()
    client_ctx:load_cert_chain(certs.path "revoked.pem",
      certs.path "revoked.key")
    local _, err = pair.refused(client_ctx, server_ctx)
    assert.equal(23, err.verify_code)
  end)

  it("is for this context alone [H-17]", function()
    local ctx <close> = new_context()
    local other <close> = new_context()
    ctx:load_crl(certs.read "crl.pem")
    assert.equal(0, verdict(ctx, "server"))
    assert.equal(3, verdict(other, "server"))
    assert.equal(0, other:cert_store_stats().crl)
  end)

  local ERRORS = {
    ["nothing"] = {"ValueError", nil, function() return "" end},
    ["an empty buffer"] = {"ValueError", nil, function()
      return ssl.buffer(0)
    end},
    ["a certificate in PEM"] = {"SSLError", "NO_START_LINE", function()
      return certs.read "ca.pem"
    end},
    ["a certificate in DER"] = {"SSLError", "NOT_ENOUGH_DATA", function()
      return certs.read "server.der"
    end},
    ["garbage"] = {"SSLError", "NOT_ENOUGH_DATA", function() return "x" end},
    ["a list with something behind"] = {"SSLError", "NOT_ENOUGH_DATA",
      function() return to_der(certs.read "crl.pem") .. "x" end},
    ["a list that is cut off"] = {"SSLError", "NOT_ENOUGH_DATA", function()
      return to_der(certs.read "crl.pem"):sub(1, -2)
    end},
    ["a good list and a broken one"] = {"SSLError", "BAD_BASE64_DECODE",
      function()
        return certs.read "crl.pem"
          .. certs.read "broken.pem":gsub("CERTIFICATE", "X509 CRL")
      end},
  }
  for what, case in pairs(ERRORS) do
    it(("refuses %s, and the context is as it was [H-17]"):format(what),
      function()
        local ctx <close> = new_context()
        local err = raised(ssl[case[1]], ctx.load_crl, ctx, case[3]())
        assert.equal(case[2], err.reason)
        assert.same({x509 = 1, x509_ca = 1, crl = 0}, ctx:cert_store_stats())
        assert.equal(3, verdict(ctx, "server"))
        ctx:load_crl(certs.read "crl.pem")
        assert.equal(0, verdict(ctx, "server"))
      end)
  end

  it("refuses another type in Lua's words [H-17]", function()
    local ctx <close> = new_context()
    for _, bad in ipairs {5, true, {}, ssl.certificate(certs.read "ca.pem")} do
      raised.text("string or buffer expected, got", ctx.load_crl, ctx, bad)
    end
    raised.text("string or buffer expected, got n", ctx.load_crl, ctx)
  end)
end)
