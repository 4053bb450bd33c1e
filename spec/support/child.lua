--- A peer in a process of its own: a function that runs in a fork of this one,
-- with a packet channel to the parent. Made for blocking servers and clients.
--
--     local peer <close> = child.run(function(channel)
--       local listener = ...
--       channel:send(tostring(port))
--       return serve(listener)
--     end)
--     local port = peer:receive()
--     assert.equal("hello", peer:join())
--
-- The child leaves by _exit: what runs at exit, leak checks among it, runs in
-- the parent only. An error in it is raised, as text, by receive and join.
local native = require "native"
local process = require "support.process"
local scale = require "support.scale"

local child = {}

local MOST = 65536 -- bytes of a packet

-- The first byte of a packet: what it is.
local MESSAGE, RESULT, ERROR = "m", "r", "e"

local function send(fd, kind, text)
  assert(#text < MOST, "packet too long")
  local n, err = native.write(fd, kind .. text)
  return n ~= nil, err
end

-- Returns the kind and the text of the next packet; nil at the end.
local function receive(fd, timeout)
  local _, err = native.poll({fd}, {}, scale.tolerance(timeout or 30))
  if err then error("no packet came: " .. err, 3) end
  local packet = native.read(fd, MOST) or ""
  return packet:match("^(.)(.*)$")
end

--- Both ends have send(text) and receive([timeout]); nil is the end.
local channel = {}
channel.__index = channel

function channel:send(text)
  return send(self.fd, MESSAGE, text)
end

function channel:receive(timeout)
  local _, text = receive(self.fd, timeout)
  return text
end

local function describe(err)
  return debug.traceback(tostring(err), 2)
end

local function run_child(fd, body)
  process.forget_all()
  native.deadline(scale.tolerance(60), "the child ran longer than its time")
  local ok, result = xpcall(body, describe, setmetatable({fd = fd}, channel))
  native.deadline(0)
  send(fd, ok and RESULT or ERROR,
    tostring(result == nil and "" or result):sub(1, MOST - 2))
  io.stdout:flush()
  native.exit(0)
end

local peer = {}
peer.__index = peer

-- A look-up's thread may be about to end. Let it: a sanitizer's allocator that it
-- has locked stays locked in the child.
local function wait_for_threads()
  for _ = 1, 100 do
    local status = io.open("/proc/self/status")
    local threads = status and status:read("a"):match("Threads:%s*(%d+)")
    if status then status:close() end
    if threads == nil or threads == "1" then return end
    native.poll({}, {}, 0.002)
  end
end

--- Fork, and run body(channel) in the child. Returns the parent's end.
function child.run(body)
  wait_for_threads()
  local ours, theirs = native.socketpair("seqpacket")
  io.stdout:flush() -- or the child would say it again
  io.stderr:flush()
  local pid = assert(native.fork())
  if pid == 0 then
    native.close(ours)
    run_child(theirs, body)
  end
  native.close(theirs)
  return setmetatable({
    fd = ours, pid = pid, process = process.adopt(pid, "child.run"),
  }, peer)
end

function peer:send(text)
  return send(self.fd, MESSAGE, text)
end

-- A packet that is no message ends the conversation; join asks for it.
local function accept(self, timeout)
  if self.kind or not self.fd then return nil end
  local kind, text = receive(self.fd, timeout)
  if kind == MESSAGE then return text end
  self.kind, self.text = kind or "lost", text
  if kind == ERROR then error("in the child: " .. text, 3) end
  return nil
end

--- The next message, or nil when the function has returned.
function peer:receive(timeout)
  return accept(self, timeout)
end

--- Wait for the function's end and return its result as a string; messages
-- that nobody took are dropped. Raises its error, or that it was killed.
function peer:join(timeout)
  local failed
  repeat
    local ok, more = pcall(accept, self, timeout)
    if not ok then failed = more end
  until not ok or more == nil
  if self.kind == nil then self.process:kill("SIGKILL") end -- it stays silent
  local how, code = self.process:wait()
  self:close()
  if failed then error(failed, 2) end
  if self.kind == ERROR then error("in the child: " .. self.text, 2) end
  if self.kind ~= RESULT then
    error(("the child %s with %d"):format(how, code), 2)
  end
  return self.text
end

--- Kill it where it still runs, wait for it, close the channel. Idempotent.
function peer:close()
  self.process:close()
  if self.fd then native.close(self.fd) end
  self.fd = nil
end

peer.__close = peer.close

return child
