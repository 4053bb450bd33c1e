-- Ten pages at once, on cqueues: lua5.4 cqueues_fetch.lua HOST [PORT [CAFILE]]

local cqueues = require "cqueues"
local ssl = require "pyssl"
require("pyssl.loop.cqueues").install()

local host, port, cafile = arg[1], tonumber(arg[2] or 443), arg[3]
local ctx = ssl.create_default_context {cafile = cafile}

local function fetch(path)
  local conn <close> = ctx:connect(host, port, {timeout = 10})
  conn:sendall {"GET ", path, " HTTP/1.0\r\nHost: ", host, "\r\n\r\n"}
  local page <close> = conn:makefile("r")
  print(path, page:read("l"), #page:read("a") .. " bytes")
end

local controller = cqueues.new()
for i = 1, 10 do
  controller:wrap(function()
    local _, err = ssl.try(fetch, "/" .. i)
    if err then print("/" .. i, err) end
  end)
end
assert(controller:loop())
