--- What the specs of the event loops share: each case of support/loopcases.lua
-- runs in a process of its own, whose getaddrinfo is the suite's
-- (support/lookup_host.c); so do the examples.
local certs = require "support.certs"
local child = require "support.child"
local net = require "support.net"
local process = require "support.process"
local scale = require "support.scale"
local vm = require "support.vm"

local loops = {}

local HOST = require("support.lookuphost").PROGRAM
local CODE = [[require("support.vm").install() require("support.loopcases")()]]

-- Run a case; what it raises is raised here.
function loops.run(loop, case)
  local status, out, err = process.run({HOST, CODE, loop, case, certs.dir},
                                       {sanitizers = true})
  if status ~= 0 then error(out .. err, 2) end
end

--- Is a loop installed for this VM?
function loops.has(name)
  return process.run({process.lua, "-e",
    ("require('support.loopdrivers').load(%q)"):format(name)},
    {sanitizers = true}) == 0
end

--- Sentences for cases, in order. Those that need what a VM lacks are pending.
loops.CASES = {
  {"timeout", "raises TimeoutError when the time is over"},
  {"fallback", "waits in the system outside of coroutines"},
  {"echo", "has one coroutine read while another writes on one socket"},
  {"second_reader", "refuses a second reader with a ValueError"},
  {"close", "wakes the reader of a socket that another coroutine closes"},
  {"reuse", "is not confused by descriptors whose numbers come again"},
  {"failed_connect", "tries the next address on the same socket"},
  {"lookup", "goes on while a name is looked up"},
  {"resolver", "lets the program's own resolver yield"},
  {"accept", "accepts before the handshake: a silent client stops nobody"},
  {"handshake", "bounds the handshake of an accepted connection"},
  {"idle", "costs no wake-up for connections that idle"},
  {"sendall", "sends much data no faster than the peer reads"},
  {"sendfile", "sends files so"},
  {"makefile", "serves files of makefile"},
  {"context", "waits for a context's sockets alone where only that has it"},
  {"many", "serves a hundred connections at once"},
}

--- Specs for all of them.
function loops.describe_cases(name)
  local busted = require "busted"
  for _, case in ipairs(loops.CASES) do
    busted.it(case[2], function() loops.run(name, case[1]) end)
  end
end

--- A spec for one case.
function loops.it(name, case, sentence, feature)
  local function body() loops.run(name, case) end
  if feature then return vm.it_needs(feature, sentence, body) end
  require("busted").it(sentence, body)
end

-- ---- the examples ----

-- Copas is where the driver finds it.
local function environment(name)
  local path = os.getenv "LUA_PATH"
  if name ~= "copas" then return {} end
  return {LUA_PATH = path .. ";/usr/share/lua/5.1/?.lua;"}
end

local function start(name, kind, ...)
  return process.spawn({process.lua, ("examples/loops/%s_%s.lua"):format(name,
    kind), ...}, {env = environment(name), sanitizers = true, stderr = "stdout"})
end

-- A server that answers when all of `n` clients have asked: their paths, sorted.
local function serve_at_once(listener, n)
  local conns, paths = {}, {}
  for i = 1, n do
    conns[i] = listener:accept()
    conns[i]:settimeout(scale.tolerance(10))
  end
  for i, conn in ipairs(conns) do
    local file <close> = conn:makefile("r")
    paths[i] = file:read("l"):match("^GET (%S+) HTTP/1.0\r?$")
    repeat until file:read("l"):gsub("\r", "") == ""
  end
  for i, conn in ipairs(conns) do
    conn:sendall("HTTP/1.0 200 OK\r\n\r\n" .. paths[i])
    conn:close()
  end
  table.sort(paths)
  return table.concat(paths, " ")
end

--- The client fetches ten pages from a server that answers all at once.
function loops.fetch(name)
  local listener <close> = net.listener({})
  listener:settimeout(scale.tolerance(10))
  local _, port = listener:getsockname()
  local server <close> = child.run(function()
    return serve_at_once(listener, 10)
  end)
  listener:close()
  local client <close> = start(name, "fetch", "localhost", tostring(port),
                               certs.path "ca.pem")
  local lines = {}
  for line in client:drain():gmatch("[^\n]+") do lines[#lines + 1] = line end
  table.sort(lines)
  local _, status = client:wait()
  local all = table.concat(lines, "\n")
  assert(status == 0, all)
  assert(server:join() == "/1 /10 /2 /3 /4 /5 /6 /7 /8 /9")
  assert(#lines == 10, all)
  for _, line in ipairs(lines) do
    assert(line:find("^/%d+\tHTTP/1.0 200 OK\r?\t%d+ bytes$"), all)
  end
end

--- The echo server serves ten clients, one of them silent.
function loops.echo(name)
  local server <close> = start(name, "echo", certs.path "server.pem",
                               certs.path "server.key")
  local port = tonumber(server:expect("listening on 127.0.0.1:(%d+)"))
  local silent <close> = net.client {do_handshake_on_connect = false}
  silent:connect("127.0.0.1", port)
  local conns = {}
  for i = 1, 9 do
    conns[i] = net.client_context():connect("localhost", port,
                                            {timeout = scale.tolerance(10)})
  end
  for i, conn in ipairs(conns) do conn:sendall("client " .. i) end
  for i, conn in ipairs(conns) do
    assert(conn:recv(100) == "client " .. i)
    conn:close()
  end
  assert(server:running())
end


return loops
