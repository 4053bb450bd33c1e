--- scale - many connections at once: the memory that each takes, what it costs to
-- wake the few that speak, and requests under load.
-- Calls: shell, peers. Called by: run.
local peers = require "bench.peers"
local shell = require "bench.shell"

local scale = {}

-- Who keeps connections (servers/*: hold), serves them on a loop (idle), and
-- answers requests (https).
scale.holders = {
  {id = "pyssl", command = peers.script "servers/pyssl.lua"},
  {id = "luasec", command = peers.script "servers/luasec.lua"},
  {id = "luaossl", command = peers.script "servers/luaossl.lua"},
  {id = "cpython", command = "/usr/bin/python3 bench/servers/cpython.py"},
}
scale.loops = {
  {id = "floor"},
  {id = "pyssl", command = peers.script "servers/pyssl.lua"},
  {id = "luaossl", command = peers.script "servers/luaossl.lua"},
}

-- Seconds that a server, or what speaks to it, may take; it takes some ten.
local LIMIT = 300

local function start_server(dir, command)
  return shell.start(dir, shell.pinned(1, command), LIMIT)
end

local function start_crowd(dir, port)
  local crowd = shell.start(dir, shell.pinned(0, ("%s %d %s"):format(
    peers.program("crowd"), port, shell.quote(dir))), LIMIT)
  crowd:read()
  return crowd
end

--- Bytes of memory for each connection that a server keeps: what `count` more of
-- them add to what `count / 4` took before.
-- @tparam table holder  one of scale.holders
-- @treturn number
function scale.hold(holder, dir, count)
  local few = count // 4
  local server <close> = start_server(dir, ("%s hold %s %d %d"):format(
    holder.command, shell.quote(dir), few, count))
  local crowd <close> = start_crowd(dir, server:number())
  crowd:ask("open " .. few)
  local before = server:number()
  crowd:ask("open " .. count)
  return (server:number() - before) / count
end

--- Connections that idle on a loop, of which one in a hundred speaks.
-- @tparam table loop  one of scale.loops
-- @treturn table  memory: bytes for each connection; wake: CPU seconds of the
-- server for each message
function scale.idle(loop, dir, count, rounds)
  local few = count // 4
  local command = loop.command
    and ("%s idle %s"):format(loop.command, shell.quote(dir))
    or peers.program("idle") .. " " .. shell.quote(dir)
  local server <close> = start_server(dir, command)
  local crowd <close> = start_crowd(dir, server:number())
  crowd:ask("open " .. few)
  local before = server:ask("memory")
  crowd:ask("open " .. count - few)
  local after = server:ask("memory")
  local start = server:ask("cpu")
  local messages = crowd:ask("speak " .. rounds)
  local stop = server:ask("cpu")
  return {memory = (after - before) / (count - few),
          wake = (stop - start) / messages}
end

local NGINX = [[
daemon off;
master_process off;
worker_processes 1;
pid %s/nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off;
  default_type text/plain;
  keepalive_requests 1000000000;
  client_body_temp_path %s; proxy_temp_path %s; fastcgi_temp_path %s;
  uwsgi_temp_path %s; scgi_temp_path %s;
  server {
    listen 127.0.0.1:%d ssl;
    ssl_certificate %s/server.pem;
    ssl_certificate_key %s/server.key;
    ssl_protocols TLSv1.3;
    location / { return 200 "Hello, world\n"; }
  }
}
]]

-- A port that was free a moment ago, for one who cannot choose by itself.
local function free_port()
  local socket = require "socket"
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  listener:close()
  return tonumber(port)
end

-- nginx, which ends when `stop` is called or its keeper's input ends.
local function start_nginx(dir, port)
  local path = dir .. "/nginx.conf"
  local file = assert(io.open(path, "w"))
  file:write((NGINX:gsub("%%s", (dir:gsub("%%", "%%%%"))):format(port)))
  file:close()
  local keeper = ("sh -c %s"):format(shell.quote(
    ("nginx -p %s -c %s </dev/null >/dev/null & echo started; cat >/dev/null; "
     .. "kill $!; wait"):format(shell.quote(dir), shell.quote(path))))
  local server = start_server(dir, keeper)
  server:read()
  return server
end

-- Wait until it answers.
local function await_answer(port)
  local probe = "for i in 1 2 3 4 5 6 7 8 9 10; do "
    .. "curl -sk -m 5 https://127.0.0.1:%d/ && exit; sleep 0.1; done; exit 1"
  shell.output(probe:format(port))
end

local function start_https(name, dir, port)
  if name == "nginx" then return start_nginx(dir, port) end
  for _, loop in ipairs(scale.loops) do
    if loop.id == name then
      return start_server(dir, ("%s https %s"):format(loop.command,
                                                      shell.quote(dir)))
    end
  end
end

local function seconds(text)
  local number, unit = text:match("([%d.]+)(%a+)")
  return tonumber(number) * ({us = 1e-6, ms = 1e-3, s = 1, m = 60})[unit]
end

-- What wrk says: answers a second, and the time that 99 % of them took at most.
local function wrk(port, duration, closing)
  local text = shell.output(shell.pinned(0, ("wrk -t1 -c64 -d%ds --latency %s "
    .. "https://127.0.0.1:%d/"):format(duration,
      closing and "-H 'Connection: close'" or "", port)), LIMIT)
  local rate = tonumber(text:match("Requests/sec: +([%d.]+)"))
  local p99 = text:match("99%% +(%S+)")
  if not (rate and p99) or text:find("Non-2xx", 1, true) then
    error("wrk had no good answers\n" .. text, 0)
  end
  return rate, seconds(p99)
end

--- An HTTPS server under load.
-- @tparam string name  "nginx", or the id of one of scale.loops
-- @treturn table  requests, requests_p99 (one connection after another kept),
-- connections, connections_p99 (one for each request)
function scale.https(name, dir, duration)
  local port = name == "nginx" and free_port()
  local server <close> = start_https(name, dir, port)
  port = port or server:number()
  await_answer(port)
  local row = {}
  row.requests, row.requests_p99 = wrk(port, duration, false)
  row.connections, row.connections_p99 = wrk(port, duration, true)
  return row
end

return scale
