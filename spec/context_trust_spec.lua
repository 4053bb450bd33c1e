-- Whom a context trusts: load_verify_locations, and what is then listed.
local accepts = require "support.accepts"
local certs = require "support.certs"
local native = require "native"
local raised = require "support.raised"
local ssl = require "pyssl"

local function path(name)
  return certs.path(name)
end

local function der(name)
  return (ssl.PEM_cert_to_DER_cert(certs.read(name)))
end

local function new_context()
  return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
end

local function stats(ctx)
  local s = ctx:cert_store_stats()
  return ("%d %d %d"):format(s.x509, s.x509_ca, s.crl)
end

-- Each gives load_verify_locations' arguments; ca.pem is then trusted.
local FORMS = {
  ["a file"] = function() return path "ca.pem" end,
  ["a file by keyword"] = function() return {cafile = path "ca.pem"} end,
  ["a directory"] = function() return nil, path "capath" end,
  ["a directory by keyword"] = function() return {capath = path "capath"} end,
  ["two directories, one of which is missing"] = function()
    return {capath = path "missing" .. ":" .. path "capath"}
  end,
  ["PEM in memory"] = function() return nil, nil, certs.read "ca.pem" end,
  ["PEM in memory with other text around it"] = function()
    return {cadata = "a root:\r\n" .. certs.read "ca.pem" .. "that was it"}
  end,
  ["DER in memory"] = function() return {cadata = der "ca.pem"} end,
  ["a buffer of PEM"] = function()
    return {cadata = ssl.buffer(certs.read "ca.pem")}
  end,
  ["a buffer of DER"] = function() return {cadata = ssl.buffer(der "ca.pem")} end,
  ["several at once"] = function()
    return path "other-ca.pem", path "capath", certs.read "no-usage-ca.pem"
  end,
}

describe("load_verify_locations", function()
  for name, arguments in pairs(FORMS) do
    it(("trusts %s [D-22]"):format(name), function()
      local ctx <close> = new_context()
      assert.is_false(accepts(ctx))
      assert.is_true(ctx:load_verify_locations(arguments()))
      assert.is_true(accepts(ctx))
      assert.is_false(accepts(ctx, "self-signed"))
    end)
  end

  it("adds to what was loaded before [D-22]", function()
    local ctx <close> = new_context()
    ctx:load_verify_locations(path "ca.pem")
    ctx:load_verify_locations(path "other-ca.pem")
    ctx:load_verify_locations {cadata = certs.read "self-signed.pem"}
    for _, server in ipairs {"server", "stranger", "self-signed"} do
      assert.is_true(accepts(ctx, server))
    end
  end)

  it("takes the certificates out of a file that has a key [D-22]", function()
    local ctx <close> = new_context()
    ctx:load_verify_locations(path "combined.pem")
    assert.equal("1 0 0", stats(ctx))
    ctx:load_verify_locations {cadata = certs.read "ca.key" .. certs.read "ca.pem"}
    assert.equal("2 1 0", stats(ctx))
  end)

  it("loads every certificate of PEM and of DER, each once [D-22, D-24]", function()
    local ctx <close> = new_context()
    local names = {"ca.pem", "other-ca.pem", "ca.pem", "server.pem"}
    local pems, ders = {}, {}
    for i, name in ipairs(names) do
      pems[i], ders[i] = certs.read(name), der(name)
    end
    ctx:load_verify_locations {cadata = table.concat(pems, "text\n")}
    assert.equal("3 2 0", stats(ctx))
    ctx:load_verify_locations {cadata = table.concat(ders)}
    assert.equal("3 2 0", stats(ctx))
  end)

  it("reads a file that is a pipe [D-22]", function()
    local ctx <close> = new_context()
    local reader, writer = native.pipe()
    native.write(writer, certs.read "ca.pem")
    native.close(writer)
    ctx:load_verify_locations("/dev/fd/" .. reader)
    native.close(reader)
    assert.equal("1 1 0", stats(ctx))
  end)

  local NOTHING = {{}, {n = 3}, {{}}, {nil, nil, {}, n = 3}}

  for i, arguments in ipairs(NOTHING) do
    it(("needs one of the three (%d) [D-22, I-49]"):format(i), function()
      local ctx <close> = new_context()
      raised(ssl.TypeError, ctx.load_verify_locations, ctx,
        table.unpack(arguments, 1, arguments.n or #arguments))
    end)
  end

  -- What fails: arguments, class, and the fields of the error.
  local FAILURES = {
    {"I-50", "a file that is missing", {cafile = "missing.pem"}, "OSError",
      {name = "ENOENT"}},
    {"I-50", "a directory for a file", {cafile = "capath"}, "OSError",
      {name = "EISDIR"}},
    {"I-51", "a file whose PEM is broken", {cafile = "broken.pem"}, "SSLError",
      {library = "X509", errno = 524297}},
    {"I-51", "an empty file", {cafile = "empty.pem"}, "SSLError",
      {library = "X509", reason = "NO_CERTIFICATE_OR_CRL_FOUND", errno = 136}},
    {"I-51", "a file with nothing but a key", {cafile = "server.key"},
      "SSLError", {library = "X509", reason = "NO_CERTIFICATE_OR_CRL_FOUND"}},
    {"I-51", "a file of DER", {cafile = "server.der"}, "SSLError",
      {library = "X509", reason = "NO_CERTIFICATE_OR_CRL_FOUND"}},
    {"I-53", "a file with a NUL in its path", {cafile = "ca.pem\0"},
      "ValueError", {}},
    {"I-53", "a directory with a NUL in its path", {capath = "capath\0"},
      "ValueError", {}},
  }

  for _, case in ipairs(FAILURES) do
    local rows, what, options, class, fields = table.unpack(case)
    it(("refuses %s [D-22, %s]"):format(what, rows), function()
      local ctx <close> = new_context()
      for key, name in pairs(options) do options[key] = path(name) end
      local err = raised(ssl[class], ctx.load_verify_locations, ctx, options)
      for _, field in ipairs {"name", "library", "reason", "errno"} do
        if fields[field] or field ~= "errno" then
          assert.equal(fields[field], err[field])
        end
      end
    end)
  end

  it("refuses an empty path [D-22, I-50, I-55]", function()
    local ctx <close> = new_context()
    local err = raised(ssl.OSError, ctx.load_verify_locations, ctx, "")
    assert.equal("ENOENT", err.name)
    err = raised(ssl.SSLError, ctx.load_verify_locations, ctx, nil, "")
    assert.same({"X509", "INVALID_DIRECTORY"}, {err.library, err.reason})
  end)

  it("takes a directory that is none, and finds nothing there [D-22, I-54]", function()
    local ctx <close> = new_context()
    assert.is_true(ctx:load_verify_locations {capath = path "missing"})
    assert.is_true(ctx:load_verify_locations {capath = path "ca.pem"})
    assert.is_false(accepts(ctx))
  end)

  for _, value in ipairs {5, true, {1}} do
    it(("refuses a %s for a path and for data [D-22, I-52, I-60]"):format(
      type(value)), function()
      local ctx <close> = new_context()
      local got = "expected, got " .. type(value)
      local data = type(value) == "table"
        and "(ssl.certificate expected, got number at [1]"
        or "(string, buffer or ssl.certificate " .. got
      for name, text in pairs {cafile = "(string " .. got,
        capath = "(string " .. got, cadata = data} do
        raised.text(("bad value for option '%s' %s"):format(name, text),
          ctx.load_verify_locations, ctx, {[name] = value})
      end
      raised.text("(string " .. got, ctx.load_verify_locations, ctx, value)
      raised.text(data, ctx.load_verify_locations, ctx, nil, nil, value)
    end)
  end

  it("refuses an unknown option, and adds nothing [D-22]", function()
    local ctx <close> = new_context()
    local ok, err = pcall(ctx.load_verify_locations, ctx,
      {cafile = path "ca.pem", capth = path "capath"})
    assert.is_false(ok)
    assert.matches("capth", tostring(err))
    assert.equal("0 0 0", stats(ctx))
  end)
end)

describe("cadata", function()
  -- By section 0 of the contract text is told from DER by "-----BEGIN".
  local FAILURES = {
    {"I-56", "nothing", function() return "" end, "ValueError"},
    {"I-56", "an empty buffer", function() return ssl.buffer(0) end,
      "ValueError"},
    {"I-57", "PEM without a certificate", function()
      return certs.read "server.key"
    end, "SSLError", "PEM", "NO_START_LINE", "no start line"},
    {"I-57", "PEM that is broken", function() return certs.read "broken.pem" end,
      "SSLError", "PEM", "NO_START_LINE", "no start line"},
    {"I-57", "a CRL", function() return certs.read "crl.pem" end,
      "SSLError", "PEM", "NO_START_LINE", "no start line"},
    {"I-57", "a good certificate and a broken one", function()
      return certs.read "ca.pem" .. certs.read "broken.pem"
    end, "SSLError", "PEM", "BAD_BASE64_DECODE"},
    {"I-58", "garbage", function() return "garbage" end, "SSLError", "ASN1",
      "NOT_ENOUGH_DATA", "not enough data"},
    {"I-58", "text that is not ASCII", function() return "\xc3\xa4" end,
      "SSLError", "ASN1", "NOT_ENOUGH_DATA", "not enough data"},
    {"I-58", "DER that is cut off", function() return der "ca.pem":sub(1, -2) end,
      "SSLError", "ASN1", "NOT_ENOUGH_DATA", "not enough data"},
    {"I-59", "DER with more behind it", function() return der "ca.pem" .. "x" end,
      "SSLError", "ASN1", "NOT_ENOUGH_DATA"},
  }

  for _, case in ipairs(FAILURES) do
    local rows, what, make, class, library, reason, text = table.unpack(case)
    it(("refuses %s, and adds nothing [D-22, %s]"):format(what, rows), function()
      local ctx <close> = new_context()
      ctx:load_verify_locations(path "other-ca.pem")
      local err = raised(ssl[class], ctx.load_verify_locations, ctx,
        {cadata = make()})
      assert.same({library, reason}, {err.library, err.reason})
      if text then assert.matches(text, err.message) end
      assert.equal("1 1 0", stats(ctx))
      assert.is_true(accepts(ctx, "stranger"))
    end)
  end

  it("is not looked for where a file failed [D-22]", function()
    local ctx <close> = new_context()
    raised(ssl.OSError, ctx.load_verify_locations, ctx,
      path "missing.pem", nil, certs.read "ca.pem")
    assert.equal("0 0 0", stats(ctx))
    assert.is_false(accepts(ctx))
  end)
end)

describe("what a context has loaded", function()
  it("is counted: certificates, authorities, CRLs [D-24]", function()
    local ctx <close> = new_context()
    ctx:load_verify_locations(path "ca-crl.pem")
    ctx:load_verify_locations(path "server.pem")
    assert.same({x509 = 2, x509_ca = 1, crl = 1}, ctx:cert_store_stats())
  end)

  it("is listed: authorities only, decoded or as DER [D-25]", function()
    local ctx <close> = new_context()
    ctx:load_verify_locations(path "ca-crl.pem")
    ctx:load_verify_locations(path "server.pem")
    local list = ctx:get_ca_certs()
    assert.equal(1, #list)
    assert.same({{{"commonName", "Test Root"}}}, list[1].subject)
    assert.same(list, ctx:get_ca_certs(false))
    assert.same({der "ca.pem"}, ctx:get_ca_certs(true))
    assert.same({der "ca.pem"}, ctx:get_ca_certs {binary_form = true})
  end)

  it("is listed as true or false asks for it [D-25]", function()
    local ctx <close> = new_context()
    for _, value in ipairs {1, "true"} do
      raised.text("boolean expected", ctx.get_ca_certs, ctx, value)
    end
  end)

  it("shows of a directory what was used [D-22, D-24, D-25]", function()
    local ctx <close> = new_context()
    ctx:load_verify_locations {capath = path "capath"}
    assert.equal("0 0 0", stats(ctx))
    assert.same({}, ctx:get_ca_certs())
    assert.is_true(accepts(ctx))
    assert.equal("1 1 0", stats(ctx))
    assert.same({der "ca.pem"}, ctx:get_ca_certs(true))
  end)
end)
