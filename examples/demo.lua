-- The tour: `make demo`, or `lua5.4 examples/demo.lua` with pyssl installed.
--
-- A TLS server (examples/echo_server.lua, also pyssl) and a client that has
-- never met it; then three connections that must fail, and do; then a server
-- that is not ours. Everything happens on this machine.

local ssl = require "pyssl"

local here = arg[0]:match("^(.*)/[^/]*$") or "."
local lua = arg[-1] or "lua5.4"
package.path = here .. "/?.lua;" .. package.path

local certificates = require "demo.certificates"
local show = require "demo.show"

local function title(text)
  print("\n== " .. text .. " ==\n")
end

-- Start a server as a program of its own. Its first line says where it
-- listens; it ends by itself.
local function start(command)
  local server = assert(io.popen(command, "r"))
  local line
  repeat
    line = assert(server:read("l"), "the server did not start")
  until line:match(":(%d+)$")
  return server, tonumber(line:match(":(%d+)$"))
end

local function echo_server(certificate, connections)
  return start(("%s %s/echo_server.lua %s %s %d"):format(
    lua, here, certificate .. ".pem", certificate .. ".key", connections))
end

----------------------------------------------------------------------------

title("A client and a server")

local directory = certificates.make()
local server, port = echo_server(directory .. "/server", 3)

-- The client trusts one authority. The server's certificate must come from it,
-- be valid now, and be for the name that we ask for: "localhost".
local ctx = ssl.create_default_context {cafile = directory .. "/ca.pem"}
local conn = ctx:connect("127.0.0.1", port, {server_hostname = "localhost"})

print("protocol     " .. conn:version())
print("cipher       " .. conn:cipher())

conn:sendall("Hello, server!\n")
print("echoed       " .. conn:recv())

print("certificate  " .. show(conn:getpeercert()))
conn:close()

----------------------------------------------------------------------------

title("Three connections that must not be")

-- What fails raises an error object; ssl.try gives it as a second result.
local function attempt(what, context, at, options)
  local connection, err = ssl.try(context.connect, context, "127.0.0.1", at,
                                  options)
  assert(not connection, "this connection should have been refused")
  print(what)
  for _, field in ipairs {"library", "reason", "verify_code",
                          "verify_message"} do
    print(("  %-15s%s"):format(field, err[field]))
  end
  print(("  %-15s%s"):format("class", err.class.name))
  print(("  %-15s%s\n"):format("tostring", tostring(err)))
end

-- The certificate is good, but it is not for this name.
attempt("Wrong host name", ctx, port, {server_hostname = "example.org"})

-- Nobody whom this context trusts has signed it.
attempt("Unknown issuer", ssl.create_default_context(), port,
        {server_hostname = "localhost"})

-- It was valid once.
local expired, expired_port = echo_server(directory .. "/expired", 1)
attempt("Expired", ctx, expired_port, {server_hostname = "localhost"})

server:close()
expired:close()

----------------------------------------------------------------------------

title("A server that is not ours: openssl s_server")

local theirs, their_port = start(
  ("exec timeout 60 openssl s_server -accept 127.0.0.1:0 -naccept 1 -www "
   .. "-cert %s/server.pem -key %s/server.key 2>&1 </dev/null")
    :format(directory, directory))

conn = ctx:connect("127.0.0.1", their_port, {server_hostname = "localhost"})
conn:sendall("GET / HTTP/1.0\r\n\r\n")

local page = conn:makefile("r")
print("status       " .. page:read("l"))
for line in page:lines() do
  if line:find("^%s*Protocol") or line:find("Cipher    :") then
    print("it says      " .. line:match("^%s*(.-)%s*$"))
  end
end
page:close()
conn:close()
theirs:close()

certificates.remove(directory)
print("\nDone.")
