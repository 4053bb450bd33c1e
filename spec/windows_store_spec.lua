-- The certificate stores of Windows. Three views of them: here, where there are
-- none; the functions of Lua over a store made up (support/winstore_fake.c);
-- and the file that reads stores, built for Windows and run by Wine.
local certs = require "support.certs"
local process = require "support.process"
local raised = require "support.raised"
local ssl = require "pyssl"

local CC = "x86_64-w64-mingw32-gcc"
local BUILD = os.getenv "PYSSL_BUILD" or "build"
local FUNCTIONS = {"enum_certificates", "enum_crls"}

local function have(program)
  return process.run({"sh", "-c", 'command -v "$0"', program}) == 0
end

describe("a store of Windows, elsewhere", function()
  it("is not there, and the error says so [A-11, A-12, C.11]", function()
    for _, name in ipairs(FUNCTIONS) do
      for _, store in ipairs({"ROOT", "CA", {store_name = "MY"}}) do
        local err = raised(ssl.NotImplementedError, ssl[name], store)
        assert.equal(name .. " is for Windows only", err.message)
      end
    end
  end)
end)

describe("a store of Windows, as Lua sees it", function()
  local directory

  -- pyssl.core again, but for one object; it has the libraries from the other.
  setup(function()
    directory = certs.path "faked"
    process.check({"mkdir", "-p", directory .. "/pyssl"})
    process.check({"sh", "-c", [[
      build=$0 out=$1
      set -- spec/support/winstore_fake.c "$build"/pyssl/core.so
      for source in src/*/*.c; do
        [ "$source" = src/sys/winstore.c ] && continue
        object=${source#src/}
        set -- "$@" "$build/obj/${object%.c}.o"
      done
      exec ${CC:-cc} -D_GNU_SOURCE -fPIC -shared -o "$out" \
        -Wl,--no-as-needed "$@"
    ]], BUILD, directory .. "/pyssl/core.so"})
  end)

  local function run(code)
    local status, _, err = process.run({process.lua, "-e", [[
      ssl = require "pyssl"
      function list(found)
        local lines = {}
        for i, entry in ipairs(found) do
          assert(#entry == 3)
          local trust = entry[3]
          if type(trust) == "table" then trust = table.concat(trust, "+") end
          lines[i] = ("%s %s %s"):format(entry[1], entry[2], tostring(trust))
        end
        return table.concat(lines, "; ")
      end
      function equal(expected, got)
        if expected ~= got then
          error(("expected %s, got %s"):format(expected, tostring(got)), 2)
        end
      end
      function fails(class, ...)
        local ok, err = ssl.try(...)
        assert(ok == nil and err:is(class), tostring(err))
        return err
      end
    ]] .. code}, {sanitizers = true,
      env = {LUA_CPATH = directory .. "/?.so;"}})
    if status ~= 0 then error(err, 2) end
  end

  it("is a list of bytes, encoding and purposes [A-11]", function()
    run [[
      equal("first x509_asn true; second pkcs_7_asn " ..
        "1.3.6.1.5.5.7.3.1+1.3.6.1.5.5.7.3.2; third 77 ",
        list(ssl.enum_certificates("ROOT")))
      equal("integer", math.type(ssl.enum_certificates("ROOT")[3][2]))
      equal(3, #ssl.enum_certificates{store_name = "ROOT"})
    ]]
  end)

  it("has revocation lists as the same triples [A-12, J-12]", function()
    run [[ equal("list x509_asn true", list(ssl.enum_crls("ROOT"))) ]]
  end)

  it("that cannot be read raises an OSError [A-11, A-12]", function()
    run [[
      for _, name in ipairs {"enum_certificates", "enum_crls"} do
        local err = fails(ssl.OSError, ssl[name], "none")
        equal("ENOENT", err.name)
        equal("cannot read the certificate store 'none': No such file or " ..
          "directory (Windows error 0x2)", err.message)
        equal("EACCES", fails(ssl.OSError, ssl[name], "DENIED").name)
        fails(ssl.ValueError, ssl[name], "RO\0OT")
        for _, wrong in ipairs {5, true, {}} do
          assert(not pcall(ssl[name], wrong))
        end
        assert(not pcall(ssl[name]))
      end
    ]]
  end)
end)

describe("a store of Windows, on Windows", function()
  local wine, program

  local function build()
    if program then return end
    program = certs.path "winstore.exe"
    process.check({CC, "-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion",
      "-Wshadow", "-Wundef", "-Werror", "-o", program, "src/sys/winstore.c",
      "spec/support/winstore_main.c", "-lcrypt32"})
  end

  -- Run a program of Wine; its status and the lines it said. Wine leaves a
  -- server behind for the next one, which is not to have a pipe of ours.
  local function run(...)
    local options = {cwd = certs.dir, env = {
      WINEPREFIX = certs.path "wine", HOME = certs.dir, WINEDEBUG = "-all",
      WINEDLLOVERRIDES = "mscoree,mshtml=;winemenubuilder.exe=d",
      DISPLAY = false}}
    local status = process.run({"sh", "-c", 'exec "$0" "$@" >lines 2>errors',
      ...}, options)
    local lines = {}
    for line in certs.read("lines"):gmatch "[^\r\n]+" do
      lines[#lines + 1] = line
    end
    return status, lines
  end

  local function winstore(...)
    local status, lines = run("wine", "winstore.exe", ...)
    if status ~= 0 then error(table.concat(lines, "\n"), 2) end
    return lines
  end

  local function hex(bytes)
    return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
  end

  -- The file of the suite in DER; its line where it has such purposes.
  local function der(name)
    local kind = name:find "crl" and "crl" or "x509"
    process.check({"openssl", kind, "-in", name .. ".pem", "-outform", "DER",
      "-out", name .. ".der"}, {cwd = certs.dir})
    return function(purposes)
      return ("1 %s %s"):format(purposes, hex(certs.read(name .. ".der")))
    end
  end

  local compiles = have(CC)
  wine = compiles and have "wine" and have "wineserver"
  local there, run_there = compiles and it or pending, wine and it or pending

  teardown(function()
    if wine then
      run("wineserver", "-k")
      run("wineserver", "-w")
    end
  end)

  there("is read by one file, without Lua and OpenSSL [A-11]", function()
    build()
    local includes = {}
    for line in io.lines "src/sys/winstore.c" do
      includes[#includes + 1] = line:match '^#include (.+)$'
    end
    assert.same({'"winstore.h"', "<errno.h>", "<stdlib.h>", "<string.h>"},
      includes)
  end)

  run_there("has the system's authorities [A-11]", function()
    build()
    local roots = winstore("list", "certificates", "ROOT")
    assert.is_true(#roots > 0)
    local bytes, seen = roots[1]:match "^1 all (%x+)$", {}
    local der_bytes = bytes:gsub("%x%x", function(h)
      return string.char(tonumber(h, 16))
    end)
    assert.is_truthy(ssl.certificate(der_bytes))
    for _, line in ipairs(roots) do
      assert.is_nil(seen[line])
      seen[line] = true
    end
  end)

  run_there("tells what each certificate is good for [A-11]", function()
    build()
    local server, ca = der "server", der "ca"
    winstore("add", "Pyssl", "server.der")
    winstore("add", "Pyssl", "ca.der")
    winstore("add", "Limited", "ca.der", "1.3.6.1.5.5.7.3.1")
    winstore("add", "Limited", "server.der", "1.3.6.1.5.5.7.3.2")
    local both = {ca "all", server "1.3.6.1.5.5.7.3.1,1.3.6.1.5.5.7.3.2,"}
    local limited = {ca "1.3.6.1.5.5.7.3.1,", server "1.3.6.1.5.5.7.3.2,"}
    for store, expected in pairs({Pyssl = both, Limited = limited}) do
      local lines = winstore("list", "certificates", store)
      table.sort(lines)
      table.sort(expected)
      assert.same(expected, lines)
      assert.same({}, winstore("list", "crls", store))
    end
  end)

  run_there("has revocation lists [A-12]", function()
    build()
    local crl = der "crl"
    winstore("addcrl", "Lists", "crl.der")
    assert.same({crl "all"}, winstore("list", "crls", "Lists"))
    assert.same({}, winstore("list", "certificates", "Lists"))
  end)

  run_there("that nobody has made is an error [A-11, A-12]", function()
    build()
    for _, kind in ipairs({"certificates", "crls"}) do
      local status, lines = run("wine", "winstore.exe", "list", kind, "None")
      assert.equal(1, status)
      assert.same({"errno 2, 0 entries, Windows error 2"}, lines)
    end
  end)
end)
