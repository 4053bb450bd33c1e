-- An HTTPS client: lua5.4 https_client.lua HOST [PORT [CAFILE]]
-- The server must prove that it is HOST to an authority of this system, or of
-- CAFILE.

local ssl = require "pyssl"

local host, port, cafile = arg[1], tonumber(arg[2] or 443), arg[3]

local ctx = ssl.create_default_context {cafile = cafile}
local conn <close> = ctx:connect(host, port, {timeout = 10})
conn:sendall {"GET / HTTP/1.1\r\nHost: ", host, "\r\nConnection: close\r\n\r\n"}

local page <close> = conn:makefile("r")
for line in page:lines() do print(line) end
