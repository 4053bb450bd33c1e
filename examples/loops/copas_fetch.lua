-- Ten pages at once, on copas: lua5.1 copas_fetch.lua HOST [PORT [CAFILE]]
-- Lua 5.1 has no <close>: what fails is left to the collector.

local copas = require "copas"
local ssl = require "pyssl"
require("pyssl.loop.copas").install()

local host, port, cafile = arg[1], tonumber(arg[2] or 443), arg[3]
local ctx = ssl.create_default_context {cafile = cafile}

local function fetch(path)
  local conn = ctx:connect(host, port, {timeout = 10})
  conn:sendall {"GET ", path, " HTTP/1.0\r\nHost: ", host, "\r\n\r\n"}
  local page = conn:makefile("r")
  print(path, page:read("l"), #page:read("a") .. " bytes")
  page:close()
  conn:close()
end

local left = 10
for i = 1, left do
  copas.addthread(function()
    local _, err = ssl.try(fetch, "/" .. i)
    if err then print("/" .. i, err) end
    left = left - 1
  end)
end
while left > 0 do copas.step(1) end
