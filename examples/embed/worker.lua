-- What each state of embed.c does: a server for its partner, and a client of
-- it. The first argument behind the numbers is a directory with ca.pem,
-- server.pem and server.key, the second how many connections to make (5).

local number, descriptor, port, directory, count = ...
local ssl = require "pyssl"

count = tonumber(count) or 5

local SECONDS = 30 -- no state waits for ever if its partner fails

-- Contexts belong to this state. Whom they trust belongs to the process: it is
-- loaded by the first state that asks, and all others find it there.
local client_ctx = ssl.create_default_context {cafile = directory .. "/ca.pem"}
local server_ctx = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
server_ctx:load_cert_chain(directory .. "/server.pem",
                           directory .. "/server.key")

-- The descriptor was made in C; from here on the object owns it.
local listener = server_ctx:wrap_socket(descriptor, {server_side = true})
listener:settimeout(SECONDS)

local function serve()
  for _ = 1, count do
    local conn = listener:accept()
    conn:settimeout(SECONDS)
    conn:sendall(conn:recv():upper())
    conn:unwrap():close()
  end
end

-- The server remembers nothing: a session is the client's to keep.
local function ask()
  local resumed, session = 0, nil
  for _ = 1, count do
    local conn = client_ctx:connect("127.0.0.1", port,
      {server_hostname = "localhost", timeout = SECONDS, session = session})
    conn:sendall(("hello from %d"):format(number))
    local answer = conn:recv()
    assert(answer == ("HELLO FROM %d"):format(number), answer)
    session = conn.session
    resumed = resumed + (conn.session_reused and 1 or 0)
    conn:unwrap():close()
  end
  return resumed
end

-- Of two partners, one serves first and the other asks first.
local resumed
if number % 2 == 0 then
  serve()
  resumed = ask()
else
  resumed = ask()
  serve()
end
listener:close()

return ("served %d connections and made %d, %d of them resumed"):format(
  count, count, resumed)
