-- The collector may run wherever Lua makes something: what a call looks at may be
-- closed by a finaliser in the middle of it.
local certs = require "support.certs"
local memory = require "support.memory"
local pair = require "support.pair"
local raised = require "support.raised"
local ssl = require "pyssl"
local vm = require "support.vm"

-- Call object:method(...) and close `victim` in the first collection there.
local function call_and_close(victim, object, method, ...)
  local closed = false
  local f = object[method]
  collectgarbage("stop")
  setmetatable({}, {__gc = function() closed = victim:close() end})
  collectgarbage("restart")
  pcall(f, object, ...)
  collectgarbage()
  assert.is_true(closed, method)
end

vm.describe_needs("generations", "what a finaliser closes", function()
  before_each(function() collectgarbage("generational") end)
  after_each(function()
    collectgarbage("restart")
    collectgarbage("incremental")
  end)

  it("may be the connection that is looked at [H-21]", function()
    for _, call in ipairs {
      {"getpeercert"}, {"getpeercert", true}, {"shared_ciphers"}, {"cipher"},
      {"get_verified_chain"}, {"get_unverified_chain", true}, {"version"},
      {"selected_alpn_protocol"}, {"group"}, {"server_sigalg"}, {"identity"},
      {"get_channel_binding"}, {"export_keying_material", "EXPERIMENTAL", 32},
    } do
      for _, side in ipairs {"client", "server"} do
        local client_ctx, server_ctx = pair.client_context(), pair.server_context()
        local ends <close> = memory.connected(client_ctx, server_ctx)
        client_ctx:close()
        server_ctx:close()
        call_and_close(ends[side], ends[side], table.unpack(call))
      end
    end
  end)

  it("may be the certificate that is looked at [H-21]", function()
    local pem = certs.read "server.pem"
    for _, call in ipairs {{"info"}, {"public_bytes"}, {"fingerprint"},
                           {"check_host", "localhost"}} do
      local cert = ssl.certificate(pem)
      call_and_close(cert, cert, table.unpack(call))
    end
  end)

  it("may be the context whose connection gets a certificate [H-21]", function()
    local ctx = pair.server_context()
    local conn <close> = ctx:wrap_socket(nil, {server_side = true})
    local closed = false
    collectgarbage("stop")
    local err = raised(ssl.ValueError, conn.load_cert_chain, conn, {
      certfile = certs.path "server.pem", keyfile = certs.path "encrypted.key",
      password = function() -- what is made next is the connection's settings
        setmetatable({}, {__gc = function() closed = ctx:close() end})
        collectgarbage("restart")
        return "secret"
      end,
    })
    assert.equal("operation on a closed context", err.message)
    assert.is_true(closed)
  end)
end)
