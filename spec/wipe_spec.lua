-- Secrets do not stay in memory: another process looks for them in ours, as a
-- core dump or an over-read would. The process that holds them never has them
-- in a Lua string, which nobody wipes.
local certs = require "support.certs"
local process = require "support.process"

local LARGEST = 0x4000000 -- bytes; what sanitizers map is larger

-- The writable memory of a process, a string for each mapping.
local function each_mapping(pid)
  local memory = assert(io.open(("/proc/%d/mem"):format(pid), "rb"))
  local maps = assert(io.open(("/proc/%d/maps"):format(pid)))
  local contents = {}
  for line in maps:lines() do
    local from, to = line:match("^(%x+)%-(%x+) rw")
    from, to = tonumber(from or "0", 16), tonumber(to or "0", 16)
    if to > from and to - from < LARGEST and memory:seek("set", from) then
      contents[#contents + 1] = memory:read(to - from)
    end
  end
  maps:close()
  memory:close()
  return ipairs(contents)
end

-- How many of the needles are in the memory of the process?
local function count(pid, needles)
  local found = {}
  for _, content in each_mapping(pid) do
    for _, needle in ipairs(needles) do
      if content:find(needle, 1, true) then found[needle] = true end
    end
  end
  local n = 0
  for _ in pairs(found) do n = n + 1 end
  return n
end

-- A process that runs the text and says "ready" at each `pause()`.
local function spawn(text)
  return process.spawn({process.lua, "-e", [[
    io.stdout:setvbuf("no")
    local function pause()
      print("ready")
      io.read()
    end
    local ssl = require "pyssl"
  ]] .. text}, {stdin = "pipe", sanitizers = true})
end

-- What stands around the ends of its lines: OpenSSL looks at single lines, and
-- those are its own to wipe.
local function ends_of_lines(text)
  local ends = {}
  for at in text:gmatch("()\n") do
    if at > 100 and at < #text - 100 then
      ends[#ends + 1] = text:sub(at - 20, at + 20)
    end
  end
  return ends
end

local SECRET = {}
for i = 1, 64 do SECRET[i] = string.char((i * i + 37 * i + 11) % 256) end
SECRET = table.concat(SECRET)

describe("what was secret is not in memory", function()
  it("once a buffer is closed", function()
    local child <close> = spawn [[
      local b = ssl.buffer(64)
      for i = 1, 64 do b:put(i, string.char((i * i + 37 * i + 11) % 256)) end
      pause()
      b:close()
      pause()
    ]]
    child:expect("^ready")
    assert.equal(1, count(child.pid, {SECRET}))
    child:write("\n")
    child:expect("^ready")
    assert.equal(0, count(child.pid, {SECRET}))
    child:write("\n")
    assert.same({"exited", 0}, {child:wait()})
  end)

  it("once a key was loaded from a file", function()
    local needles = ends_of_lines(certs.read("server-rsa.key"))
    assert(#needles > 10)
    local child <close> = spawn(([[
      local ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
      ctx:load_cert_chain(%q, %q)
      pause()
    ]]):format(certs.path("server-rsa.pem"), certs.path("server-rsa.key")))
    child:expect("^ready")
    assert.equal(0, count(child.pid, needles))
    child:write("\n")
    assert.same({"exited", 0}, {child:wait()})
  end)
end)
