-- fetch.lua - an HTTPS request from a request handler of nginx. A cosocket
-- carries the bytes, so nothing blocks the worker; pyssl does the TLS.
local ssl = require "pyssl"

local fetch = {}

local context -- one for all requests: its sessions are resumed

--- Trust the certificates in a file; without a call, those of the system.
function fetch.trust(cafile)
  context = ssl.create_default_context {cafile = cafile}
  context.auto_resume = true
  context:set_alpn_protocols {"http/1.1"}
end

-- The body of an answer to HTTP/1.0, which ends with the connection.
local function read_answer(file)
  local status = file:read()
  if not status or not status:find("^HTTP/1%.1 200") then
    error("the server answered: " .. tostring(status))
  end
  repeat local header = file:read() until header == "\r" or header == nil
  return file:read "*a"
end

--- GET `path` from the server `name` at `address`.
-- @return the body, {version =, alpn =, resumed =}
function fetch.get(name, address, port, path)
  if not context then fetch.trust() end
  local cosocket = ngx.socket.tcp()
  cosocket:settimeout(10000) -- milliseconds
  assert(cosocket:connect(address, port))
  local conn = context:wrap_transport(cosocket, {
    server_hostname = name, timeout = 30,
    suppress_ragged_eofs = false, -- an answer that was cut off is an error
  })
  conn:sendall {"GET ", path, " HTTP/1.0\r\nHost: ", name, "\r\n\r\n"}
  local file = conn:makefile "r"
  local body = read_answer(file)
  local about = {
    version = conn:version(), alpn = conn:selected_alpn_protocol() or "none",
    resumed = conn.session_reused,
  }
  file:close()
  conn:close()
  return body, about
end

return fetch
