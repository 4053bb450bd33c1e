-- Certificate revocation lists.
local accepts = require "support.accepts"
local certs = require "support.certs"
local pair = require "support.pair"
local ssl = require "pyssl"

local function path(name)
  return certs.path(name)
end

describe("a certificate revocation list", function()
  local FLAG = {leaf = ssl.VERIFY_CRL_CHECK_LEAF,
                chain = ssl.VERIFY_CRL_CHECK_CHAIN}

  local function context(cafile, flag)
    local ctx = pair.client_context()
    ctx:load_verify_locations(path(cafile))
    ctx.verify_flags = ctx.verify_flags | (flag or 0)
    return ctx
  end

  it("does nothing until a flag asks for it [H-17]", function()
    local ctx <close> = context("crl.pem")
    assert.is_true(accepts(ctx, "revoked"))
  end)

  for _, cafile in ipairs {"crl.pem", "ca-crl.pem"} do
    for name, flag in pairs(FLAG) do
      it(("in %s revokes with the flag for the %s [H-17]"):format(cafile, name),
        function()
          local ctx <close> = context(cafile, flag)
          assert.equal(1, ctx:cert_store_stats().crl)
          assert.is_true(accepts(ctx, "server"))
          local ok, err = accepts(ctx, "revoked")
          assert.is_false(ok)
          assert.equal(ssl.SSLCertVerificationError, err.class)
          assert.equal(23, err.verify_code)
        end)
    end
  end

  it("must be there where a flag asks for it [H-17]", function()
    local ctx <close> = context("ca.pem", FLAG.leaf)
    local ok, err = accepts(ctx)
    assert.is_false(ok)
    assert.equal(3, err.verify_code)
  end)

  it("must be there for every authority where the whole chain is asked for [H-17]",
    function()
      local server_ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
      server_ctx:load_cert_chain(path "chain.pem", path "leaf.key")
      local ctx <close> = context("crl.pem", FLAG.chain)
      ctx.verify_flags = ctx.verify_flags & ~ssl.VERIFY_X509_PARTIAL_CHAIN
      assert.equal(3, pair.refused(ctx, server_ctx).verify_code)
    end)

  it("is asked about by servers, too [H-17]", function()
    local server_ctx <close> = pair.server_context()
    server_ctx:load_verify_locations(path "ca-crl.pem")
    server_ctx.verify_mode = ssl.CERT_REQUIRED
    server_ctx.verify_flags = server_ctx.verify_flags | FLAG.leaf
    local client_ctx <close> = pair.client_context()
    client_ctx:load_cert_chain(path "revoked.pem", path "revoked.key")
    local _, err = pair.refused(client_ctx, server_ctx)
    assert.equal(23, err.verify_code)
  end)
end)
