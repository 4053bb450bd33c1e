--- What cqueues is told of descriptors that close. See support/loopcase.lua.
-- A controller that is not told fails: it takes back what it told the kernel of
-- a number, which is another connection's by then, or nobody's.
local case = require "support.loopcase"
local core = require "pyssl.core"
local native = require "native"
local pair = require "support.pair"
local protect = require "pyssl.protect"
local scale = require "support.scale"

local equal, try = case.equal, case.try

local cases = {}

-- The descriptor `fd` has been closed: serve another one that has its number.
local function serve_again(loop, fd)
  local near, far = native.socketpair()
  if far == fd then near, far = far, near end
  equal(fd, near)
  loop.spawn(function()
    local server = pair.server_context():wrap_socket(far, {server_side = true})
    server:sendall(server:recv(1))
    server:close()
  end)
  local client = pair.client_context():wrap_socket(near,
    {server_hostname = "localhost"})
  client:sendall("y")
  equal("y", client:recv(1))
  client:close()
end

local function collect()
  for _ = 1, 3 do collectgarbage() end
end

-- What ends the use of ends.client's descriptor in the slice in which `await`
-- came back. What is to be collected is held by `ends` alone.
local WAYS = {
  {"close", function(ends) ends.client:close() end},
  {"collect", function(ends)
    ends.client = nil
    collect()
  end},
  {"detach", function(ends) native.close(ends.client:detach()) end},
  {"drop", function(ends) core.steps.drop_descriptor(ends.client) end},
  {"bell", function(ends)
    local bell = core.bell(ends.client)
    ends.fd = bell:fileno()
    equal(false, ends.loop.wait(bell, "r", 0.001))
  end, function(ends)
    ends.client = nil
    collect()
  end},
}

local function await(ends)
  ends.loop.spawn(function() ends.server:sendall("x") end)
  equal("x", ends.client:recv(1))
end

local function close_so(loop, way)
  local ends = {loop = loop}
  ends.client, ends.server = pair.connected()
  ends.fd = ends.client:fileno()
  await(ends)
  way[2](ends)
  if way[3] then way[3](ends) end
  equal(nil, native.fds()[ends.fd])
  serve_again(loop, ends.fd)
  if ends.client then ends.client:close() end
  ends.server:close()
end

function cases.closing(loop)
  local served = ""
  loop.spawn(function()
    for _, way in ipairs(WAYS) do
      close_so(loop, way)
      served = served .. " " .. way[1]
    end
  end)
  loop.run()
  equal(" close collect detach drop bell", served)
end

-- What is raised between a wake and the end of a wait, as by Ctrl-C.
function cases.closing_interrupted(loop)
  local cqueues = require "cqueues"
  local poll, served = cqueues.poll, false
  loop.spawn(function()
    local client, server = pair.connected()
    local fd = client:fileno()
    loop.spawn(function() server:sendall("x") end)
    function cqueues.poll(...)
      cqueues.poll = poll
      poll(...)
      error("interrupted", 0)
    end
    local _, err = protect.call(client.recv, client, 1)
    equal("interrupted", err)
    client:close()
    serve_again(loop, fd)
    server:close()
    served = true
  end)
  loop.run()
  equal(true, served)
end

-- An interrupt does not come while it is told.
function cases.closing_hook(loop)
  local cancel = require("cqueues").cancel
  local served, called = false, 0
  loop.spawn(function()
    local ends = {loop = loop}
    ends.client, ends.server = pair.connected()
    local fd = ends.client:fileno()
    await(ends)
    debug.sethook(function()
      called = called + 1
      if debug.getinfo(2, "f").func == cancel then error("interrupted", 0) end
    end, "c")
    ends.client:close()
    local hook = debug.gethook()
    debug.sethook()
    equal("function", type(hook))
    serve_again(loop, fd)
    ends.server:close()
    served = true
  end)
  loop.run()
  equal(true, served)
  equal(true, called > 0)
end

-- All controllers are told, not only the one that runs.
function cases.closing_controllers(loop)
  local cqueues = require "cqueues"
  local other = cqueues.new()
  local client, server = pair.connected()
  local fd, woken, served = client:fileno(), false, false
  other:wrap(function()
    cqueues.poll({pollfd = fd, events = "r"}, scale.tolerance(5))
    woken = true
    serve_again({spawn = function(f) other:wrap(f) end}, fd)
    served = true
  end)
  assert(other:step(0))
  loop.spawn(function()
    equal("x", client:recv(1))
    client:close()
  end)
  loop.rest(0.001)
  server:sendall("x")
  loop.run()
  equal(nil, native.fds()[fd])
  while not other:empty() do assert(other:step()) end
  equal(true, woken and served)
  server:close()
end

-- One coroutine reads and another one writes; the last of them to leave closes.
function cases.closing_shared(loop)
  local client, server = pair.connected()
  local fd, served = client:fileno(), 0
  client:settimeout(nil)
  loop.spawn(function()
    equal("x", client:recv(1))
    client:close()
    served = served + 1
  end)
  loop.spawn(function()
    equal("EBADF", try(client, "sendall", case.BULK:rep(4)).name)
    equal(nil, native.fds()[fd])
    serve_again(loop, fd)
    served = served + 1
  end)
  loop.rest(0.001)
  server:sendall("x")
  loop.run()
  equal(2, served)
  server:close()
end

-- A child process has the parent's epoll descriptor: it is to leave that alone.
function cases.closing_forked(loop)
  local client, server = pair.connected()
  local got
  loop.spawn(function() got = client:recv(1) end)
  loop.rest(0.001)
  local pid = native.fork()
  if pid == 0 then return end -- all is collected
  equal("exited", (native.wait(pid)))
  server:sendall("x")
  client:settimeout(scale.tolerance(5))
  loop.run()
  equal("x", got)
  pair.close(client, server)
end

return cases
