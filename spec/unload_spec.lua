-- OpenSSL keeps pointers into the module: it stays when a Lua state closes it.
local embed = require "support.embed"
local process = require "support.process"
local scale = require "support.scale"

describe("a host that opens and closes Lua states with pyssl", function()
  it("goes on using OpenSSL, a hundred times, and the module stays", function()
    embed.run(scale.count(100, 20), "use")
  end)
end)

describe("a core that was linked without flags of ours", function()
  local directory

  before_each(function()
    directory = process.check({"mktemp", "-d"}):match "[^\n]+"
    process.check({"mkdir", directory .. "/pyssl"})
    process.check({"sh", "-c", [[cc -shared -o "$1/pyssl/core.so" \
      $(ls src/*/*.c | sed "s|^src|$2/obj|; s|c$|o|") \
      $(pkg-config --libs openssl) -lpthread \
      $([ "$PYSSL_IDN" = 0 ] || pkg-config --libs libidn2)]], "sh", directory, embed.build})
  end)

  after_each(function()
    process.check({"rm", "-rf", "--", directory})
  end)

  it("stays loaded all the same", function()
    assert.not_matches("NODELETE", process.check({"readelf", "-d",
      directory .. "/pyssl/core.so"}))
    embed.run(3, "use", {
      LUA_CPATH = directory .. "/?.so;" .. os.getenv "LUA_CPATH"})
  end)
end)
