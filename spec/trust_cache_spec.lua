-- Trust that contexts share: a file is read once, a changed file is noticed,
-- and nothing that is done to one context shows in another.
local accepts = require "support.accepts"
local certs = require "support.certs"
local pair = require "support.pair"
local process = require "support.process"
local ssl = require "pyssl"

local LONG_AGO = "2001-02-03 04:05:06"

local directory

local function path(name)
  return directory .. "/" .. name
end

local function write(name, contents)
  local file <close> = assert(io.open(path(name), "wb"))
  file:write(contents)
end

-- With a time of modification: of a file just written, a second look would not
-- tell whether it has been written again meanwhile.
local function write_dated(name, contents, date)
  write(name, contents)
  process.check({"touch", "-d", date or LONG_AGO, path(name)})
end

local function context(cafile)
  local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
  ctx:load_verify_locations(cafile)
  return ctx
end

local function roots(ctx)
  local names = {}
  for i, certificate in ipairs(ctx:get_ca_certs()) do
    names[i] = certificate.subject[1][1][2]
  end
  table.sort(names)
  return table.concat(names, ", ")
end

-- Text of the same length, so that a file's size tells nothing.
local function same_length(a, b)
  local length = math.max(#a, #b)
  return a .. ("\n"):rep(length - #a), b .. ("\n"):rep(length - #b)
end

describe("a file of authorities", function()
  local ca, other

  before_each(function()
    directory = process.check({"mktemp", "-d"}):match("[^\n]+")
    ca, other = same_length(certs.read "ca.pem", certs.read "other-ca.pem")
  end)
  after_each(function() process.check({"rm", "-rf", "--", directory}) end)

  it("is read by the first context, and not by the next [D-22]", function()
    write_dated("ca.pem", ca)
    local first <close> = context(path "ca.pem")
    write_dated("ca.pem", other) -- the same file, size and time
    local second <close> = context(path "ca.pem")
    assert.equal("Test Root", roots(first))
    assert.equal("Test Root", roots(second))
  end)

  it("stays known when no context uses it any more [D-22]", function()
    write_dated("ca.pem", ca)
    context(path "ca.pem"):close()
    collectgarbage()
    write_dated("ca.pem", other)
    local second <close> = context(path "ca.pem")
    assert.equal("Test Root", roots(second))
  end)

  it("is read again when its time has changed [D-22]", function()
    write_dated("ca.pem", ca)
    local first <close> = context(path "ca.pem")
    write_dated("ca.pem", other, "2001-02-03 04:05:07")
    local second <close> = context(path "ca.pem")
    assert.equal("Test Root", roots(first))
    assert.equal("Other Root", roots(second))
    assert.is_false(accepts(second, "server"))
    assert.is_true(accepts(second, "stranger"))
  end)

  it("is read again when its size has changed [D-22]", function()
    write_dated("ca.pem", ca)
    local first <close> = context(path "ca.pem")
    write_dated("ca.pem", ca .. other)
    local second <close> = context(path "ca.pem")
    assert.equal("Test Root", roots(first))
    assert.equal("Other Root, Test Root", roots(second))
  end)

  it("is read again when another one has taken its place [D-22]", function()
    write_dated("ca.pem", ca)
    local first <close> = context(path "ca.pem")
    write_dated("new.pem", other)
    assert(os.rename(path "new.pem", path "ca.pem"))
    local second <close> = context(path "ca.pem")
    assert.equal("Test Root", roots(first))
    assert.equal("Other Root", roots(second))
  end)

  it("is told by its contents while it is new [D-22]", function()
    -- The same file, size and time, which is not past as the clock goes on.
    local soon = "@" .. os.time() + 3600
    write_dated("ca.pem", ca, soon)
    local first <close> = context(path "ca.pem")
    write_dated("ca.pem", other, soon)
    local second <close> = context(path "ca.pem")
    assert.equal("Test Root", roots(first))
    assert.equal("Other Root", roots(second))
    assert.is_false(accepts(second, "server"))
    assert.is_true(accepts(second, "stranger"))
  end)

  it("is an error when it is gone, though it is known [D-22]", function()
    write_dated("ca.pem", ca)
    local first <close> = context(path "ca.pem")
    assert(os.remove(path "ca.pem"))
    local ok, err = pcall(context, path "ca.pem")
    assert.is_false(ok)
    assert.equal("ENOENT", err.name)
    assert.is_true(accepts(first))
  end)

  it("is not known by a file that could not be loaded [D-22]", function()
    write_dated("ca.pem", (ca:gsub("CERTIFICATE", "CERTIFICATO")))
    assert.is_false((pcall(context, path "ca.pem")))
    write_dated("ca.pem", ca, "2001-02-03 04:05:07")
    local second <close> = context(path "ca.pem")
    assert.equal("Test Root", roots(second))
  end)
end)

describe("an addition to one context", function()
  it("does not show in others that loaded the same [D-22, D-24, D-25]", function()
    local first <close> = context(certs.path "ca.pem")
    local second <close> = context(certs.path "ca.pem")
    first:load_verify_locations(certs.path "other-ca.pem")
    local third <close> = context(certs.path "ca.pem")
    assert.equal("Other Root, Test Root", roots(first))
    assert.equal(2, first:cert_store_stats().x509)
    assert.is_true(accepts(first, "stranger"))
    for _, ctx in ipairs {second, third} do
      assert.equal("Test Root", roots(ctx))
      assert.equal(1, ctx:cert_store_stats().x509)
      assert.is_true(accepts(ctx))
      assert.is_false(accepts(ctx, "stranger"))
    end
  end)

  it("of data, of a list, of a directory does not either [D-22]", function()
    local first <close> = context(certs.path "ca.pem")
    local second <close> = context(certs.path "ca.pem")
    first:load_verify_locations {cadata = certs.read "other-ca.pem"}
    first:load_verify_locations(certs.path "crl.pem")
    first:load_verify_locations {capath = certs.path "capath"}
    assert.same({x509 = 2, x509_ca = 2, crl = 1}, first:cert_store_stats())
    assert.same({x509 = 1, x509_ca = 1, crl = 0}, second:cert_store_stats())
  end)

  it("leaves the directories that the context looked into [D-22]", function()
    local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx:load_verify_locations {capath = certs.path "capath"}
    ctx:load_verify_locations(certs.path "other-ca.pem")
    assert.is_true(accepts(ctx))
    assert.is_true(accepts(ctx, "stranger"))
  end)

  it("shows in contexts of another base as theirs and it [D-22]", function()
    local first <close> = context(certs.path "ca.pem")
    local second <close> = context(certs.path "other-ca.pem")
    for _, ctx in ipairs {first, second} do
      ctx:load_verify_locations(certs.path "intermediate.pem")
    end
    assert.equal("Test Intermediate, Test Root", roots(first))
    assert.equal("Other Root, Test Intermediate", roots(second))
    assert.is_true(accepts(first))
    assert.is_false(accepts(first, "stranger"))
    assert.is_false(accepts(second))
    assert.is_true(accepts(second, "stranger"))
  end)

  it("that fails changes neither [D-22]", function()
    local first <close> = context(certs.path "ca.pem")
    local second <close> = context(certs.path "ca.pem")
    assert.is_false((pcall(first.load_verify_locations, first,
      certs.path "other-ca.pem", nil, "garbage")))
    for _, ctx in ipairs {first, second} do
      assert.equal("Test Root", roots(ctx))
    end
  end)

  it("counts for connections to come, not for those that are there [D-22]", function()
    local ctx <close> = context(certs.path "ca.pem")
    local server_ctx <close> = pair.server_context("stranger")
    local client, server = pair.tcp(ctx, server_ctx)
    ctx:load_verify_locations(certs.path "other-ca.pem")
    local results = pair.drive({client.do_handshake, client},
                               {server.do_handshake, server})
    pair.close(client, server)
    assert.is_boolean(results[1][1]) -- either will do: it must only be safe
    assert.is_true(accepts(ctx, "stranger"))
  end)
end)

describe("contexts that trust alike", function()
  it("live when the others are closed [D-22]", function()
    local first = context(certs.path "ca.pem")
    local second <close> = context(certs.path "ca.pem")
    first:close()
    collectgarbage()
    assert.equal("Test Root", roots(second))
    assert.is_true(accepts(second))
  end)
end)
