-- The authorities that the system trusts: where they are looked for, and what is
-- said when there are none.
local accepts = require "support.accepts"
local certs = require "support.certs"
local child = require "support.child"
local native = require "native"
local ssl = require "pyssl"

local function path(name)
  return certs.path(name)
end

local function new_context()
  return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
end

local function stats(ctx)
  local s = ctx:cert_store_stats()
  return ("%d %d %d"):format(s.x509, s.x509_ca, s.crl)
end

-- In a fork, for the environment is the process's.
local function with_environment(variables, body)
  local peer <close> = child.run(function()
    for name, value in pairs(variables) do native.setenv(name, value) end
    return body()
  end)
  return peer:join()
end

describe("the system's trust", function()
  local FILE = function() return {SSL_CERT_FILE = path "ca.pem"} end
  local DIRECTORY = function() return {SSL_CERT_DIR = path "capath"} end
  local NONE = function()
    return {SSL_CERT_FILE = path "missing.pem", SSL_CERT_DIR = path "missing"}
  end

  local LOADERS = {
    ["create_default_context"] = function()
      return ssl.create_default_context()
    end,
    ["load_default_certs"] = function()
      local ctx = new_context()
      assert(ctx:load_default_certs() == true)
      return ctx
    end,
    ["load_default_certs with a purpose"] = function()
      local ctx = new_context()
      assert(ctx:load_default_certs(ssl.Purpose.SERVER_AUTH) == true)
      assert(ctx:load_default_certs {purpose = ssl.Purpose.CLIENT_AUTH} == true)
      return ctx
    end,
    ["set_default_verify_paths"] = function()
      local ctx = new_context()
      assert(ctx:set_default_verify_paths() == true)
      return ctx
    end,
  }

  for name, load in pairs(LOADERS) do
    it(("is where the environment says, for %s [D-21, D-23, A-01]"):format(name),
      function()
        for _, variables in ipairs {FILE(), DIRECTORY()} do
          assert.equal("true", with_environment(variables, function()
            return (accepts(load()))
          end))
        end
      end)

    it(("is no error where there is none, for %s [D-21, D-23, A-01]"):format(name),
      function()
        assert.equal("20", with_environment(NONE(), function()
          local _, err = accepts(load())
          return err.verify_code
        end))
      end)
  end

  it("is counted and listed before it was used [D-21, D-24, D-25]", function()
    assert.equal("1 1 0, 1", with_environment({SSL_CERT_FILE = path "ca.pem",
      SSL_CERT_DIR = path "missing"}, function()
        local ctx = ssl.create_default_context()
        return stats(ctx) .. ", " .. #ctx:get_ca_certs()
      end))
  end)

  it("is not asked where authorities are named [A-01]", function()
    assert.equal("20", with_environment(FILE(), function()
      local ctx = ssl.create_default_context {cafile = path "other-ca.pem"}
      local _, err = accepts(ctx)
      return err.verify_code
    end))
  end)

  it("adds to what is named [D-22, D-23]", function()
    assert.equal("true true", with_environment(FILE(), function()
      local ctx = ssl.create_default_context()
      ctx:load_verify_locations(path "other-ca.pem")
      return tostring((accepts(ctx))) .. " " .. tostring((accepts(ctx, "stranger")))
    end))
  end)

  it("is told by its paths where a verification fails for want of any [D-23]",
    function()
      local text = with_environment(NONE(), function()
        local _, err = accepts(ssl.create_default_context())
        return tostring(err)
      end)
      for _, name in ipairs {"missing.pem", "missing"} do
        assert.is_truthy(text:find(path(name), 1, true), text)
      end
    end)

  it("is not spoken of where there are authorities, or it was not asked [D-23]",
    function()
      local text = with_environment({SSL_CERT_FILE = path "other-ca.pem",
        SSL_CERT_DIR = path "missing"}, function()
          local _, err = accepts(ssl.create_default_context())
          return tostring(err)
        end)
      assert.is_nil(text:find(path "missing", 1, true))
      text = with_environment(NONE(), function()
        local _, err = accepts(new_context())
        return tostring(err)
      end)
      assert.is_nil(text:find(path "missing", 1, true))
    end)
end)
