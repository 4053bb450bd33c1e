-- TLS inside TLS: lua5.4 tls_in_tls.lua PROXY PORT HOST [CA.pem]
-- An HTTPS proxy is reached through TLS; inside that connection it is asked for
-- HOST:443, and a second TLS connection, with HOST, runs through the first. The
-- proxy sees only the outer one.
--
-- The outer connection is an ssl.socket. The inner one is an ssl.object: it has
-- no descriptor, it takes what comes from one ssl.MemoryBIO and leaves what has
-- to go in another, and the function `call` below carries the bytes.

local ssl = require "pyssl"

local proxy, port, host, cafile = arg[1], tonumber(arg[2]), arg[3], arg[4]

local ctx = ssl.create_default_context {cafile = cafile}

-- Until the empty line; a byte at a time, for what follows is not ours to read.
local function read_head(conn)
  local head = ""
  while not head:find("\r\n\r\n", 1, true) do
    local byte = conn:recv(1)
    if byte == "" then error("the proxy ends the connection") end
    head = head .. byte
  end
  return head
end

local outer <close> = ctx:connect(proxy, port, {timeout = 30})
outer:sendall(("CONNECT %s:443 HTTP/1.0\r\n\r\n"):format(host))
local status = read_head(outer):match("^[^\r]*")
print("outer", outer:version(), status)
assert(status:match("^HTTP/1%.%d 200"), "the proxy refuses")

local incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
local inner <close> = ctx:wrap_bio(incoming, outgoing, {server_hostname = host})

-- Call a method of `inner` and carry bytes until it is done.
local function call(method, ...)
  while true do
    local result, err = ssl.try(inner[method], inner, ...)
    if outgoing.pending > 0 then outer:sendall(outgoing:read()) end
    if err == nil then return result end
    if not err:is(ssl.SSLWantReadError) then error(err, 0) end
    local bytes = outer:recv(16384)
    if bytes == "" then incoming:write_eof() else incoming:write(bytes) end
  end
end

call("do_handshake")
print("inner", inner:version(), inner:getpeercert().subject[1][1][2])

call("write", ("GET / HTTP/1.0\r\nHost: %s\r\n\r\n"):format(host))
repeat
  local data = call("read", 16384)
  io.write(data)
until data == ""
print()
call("unwrap")
