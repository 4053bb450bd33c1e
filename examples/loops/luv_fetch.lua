-- Ten pages at once, on luv: lua5.4 luv_fetch.lua HOST [PORT [CAFILE]]

local ssl = require "pyssl"
local uv = require "luv"
require("pyssl.loop.luv").install()

local host, port, cafile = arg[1], tonumber(arg[2] or 443), arg[3]
local ctx = ssl.create_default_context {cafile = cafile}

local function fetch(path)
  local conn <close> = ctx:connect(host, port, {timeout = 10})
  conn:sendall {"GET ", path, " HTTP/1.0\r\nHost: ", host, "\r\n\r\n"}
  local page <close> = conn:makefile("r")
  print(path, page:read("l"), #page:read("a") .. " bytes")
end

for i = 1, 10 do
  coroutine.wrap(function()
    local _, err = ssl.try(fetch, "/" .. i)
    if err then print("/" .. i, err) end
  end)()
end
uv.run()
