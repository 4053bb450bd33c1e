-- Memory that fails at every request in turn: nothing is lost, whatever was
-- being made. Under the sanitizers the leak checker also counts what pyssl
-- itself allocates.
local certs = require "support.certs"
local process = require "support.process"
local vm = require "support.vm"

local HOST = os.getenv("PYSSL_BUILD") .. "/spec/oom_host"
local CASES = package.searchpath("support.oom_cases", package.path)

describe("memory that fails", function()
  vm.it_needs("memory",
    "from the first request on, the second, and every other leaks nothing [D.1]", function()
    local code, out, err = process.run({HOST, CASES}, {
      sanitizers = true,
      env = {
        OOM_CERTS = certs.dir, SSL_CERT_FILE = certs.path "ca.pem",
        GLIBC_TUNABLES = "glibc.malloc.tcache_count=0", -- or freed is not free
      },
    })
    assert.equal("", err)
    assert.equal(0, code, out)
    local count, total = 0, 0
    for requests in out:gmatch(": (%d+)\n") do
      count, total = count + 1, total + tonumber(requests)
    end
    assert.is_true(count > 40 and total > 400, out)
  end)
end)
