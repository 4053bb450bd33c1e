--- Other programs: the one place of the suite that starts them (curl, python3,
-- openssl, gnutls-cli, lua5.4). What the sanitizers put in our environment is
-- kept from them, no descriptor of ours leaks to them, SIGPIPE is as by
-- default, and whoever is left over is killed after the spec. Waits on events,
-- never on a clock.
--
--     local server <close> = process.spawn({"openssl", "s_server", ...})
--     server:expect("ACCEPT", 10)
--     ...
--     local kind, code = server:wait()
local native = require "native"
local scale = require "support.scale"
local vm = require "support.vm"

local process = {}
process.__index = process

local live = {} -- pid to process; what process.reap_all looks at

-- Programs of ours talk to the loopback only.
local PROXIES = {
  "http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY",
}

local SANITIZERS = {
  "LD_PRELOAD", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
}

--- The environment of a child as a list of "NAME=value". `changes` is a table
-- of names to values, false to remove; `options.sanitizers` keeps LD_PRELOAD
-- and the like (for a lua that loads our core under `make asan`).
local function environment(options)
  local variables = native.environ()
  for _, name in ipairs(PROXIES) do variables[name] = nil end
  if not options.sanitizers then
    for _, name in ipairs(SANITIZERS) do variables[name] = nil end
  end
  for name, value in pairs(options.env or {}) do
    variables[name] = value or nil
  end
  local list = {}
  for name, value in pairs(variables) do
    list[#list + 1] = name .. "=" .. value
  end
  return list
end

--- One of its three standard streams: gives the descriptor for the child and,
-- for a pipe, ours. Both must be closed.
local function stream(kind, write)
  if kind == "null" then
    return assert(native.open("/dev/null", write and "w" or "r"))
  elseif kind == "pipe" and write then
    local ours, theirs = native.pipe()
    return theirs, ours
  elseif kind == "pipe" then -- a socket: writing to it never gives SIGPIPE
    local ours, theirs = native.socketpair()
    return theirs, ours
  end
  return assert(native.dup(kind))
end

--- Start a program. `options`: stdin ("null"), stdout ("pipe") and stderr
-- ("null") are each "null", "pipe", a descriptor number, and stderr also
-- "stdout"; `give`, a list of descriptors that become its 3, 4, ...; `env`,
-- `sanitizers` as above; `cwd`.
-- Raises where the program cannot be started.
function process.spawn(argv, options)
  options = options or {}
  local theirs, ours, variables = {}, {}, environment(options)
  for i = 1, #argv do assert(type(argv[i]) == "string", "argv: strings") end
  argv = vm.argv(argv)
  theirs[1], ours.stdin = stream(options.stdin or "null", false)
  theirs[2], ours.stdout = stream(options.stdout or "pipe", true)
  if options.stderr == "stdout" then
    theirs[3] = native.dup(theirs[2])
  else
    theirs[3], ours.stderr = stream(options.stderr or "null", true)
  end
  local given = {theirs[1], theirs[2], theirs[3]}
  for _, fd in ipairs(options.give or {}) do given[#given + 1] = fd end
  local pid, err = native.spawn(argv, variables, given, options.cwd)
  for _, fd in ipairs(theirs) do native.close(fd) end
  local self = setmetatable({
    pid = pid, name = argv[1], fds = ours, unread = {stdout = "", stderr = ""},
  }, process)
  if not pid then
    self:close_streams()
    error(argv[1] .. ": " .. err, 2)
  end
  live[pid] = self
  return self
end

--- Run a program to its end. Returns its exit status (nil where a signal ended
-- it), its standard output and standard error. `options.input` is its input.
function process.run(argv, options)
  local o = {stdout = "pipe", stderr = "pipe"}
  for name, value in pairs(options or {}) do o[name] = value end
  o.stdin = o.stdin or o.input and "pipe"
  local self <close> = process.spawn(argv, o)
  self:drain(nil, o.input)
  local kind, code = self:wait()
  local out, err = self.unread.stdout, self.unread.stderr
  return kind == "exited" and code or nil, out, err
end

--- The same, raising what it said unless it exits with 0. Returns its output.
function process.check(argv, options)
  local code, out, err = process.run(argv, options)
  if code ~= 0 then
    error(("%s ended with %s:\n%s%s"):format(table.concat(argv, " "),
      tostring(code), out, err), 2)
  end
  return out
end

--- The Lua that runs the suite, for scripts in a process of their own.
process.lua = os.getenv("PYSSL_LUA") or "lua5.4"

--- Read what there is on `fd`; at its end forget it.
local function fetch(self, fd)
  local name = fd == self.fds.stdout and "stdout" or "stderr"
  local data = native.read(fd, 65536) or "" -- EIO, ECONNRESET: its end, too
  if data == "" then
    native.close(fd)
    self.fds[name] = nil
  end
  self.unread[name] = self.unread[name] .. data
end

--- Wait until one of its streams is ready, and return that.
local function await(self, readers, writers, timeout)
  local fd, err = native.poll(readers, writers, timeout)
  if fd then return fd end
  error(("%s said nothing for %g s (%s); so far: %s"):format(self.name,
    timeout, err, self.unread.stdout .. self.unread.stderr), 3)
end

--- Seconds to wait for a program, by default.
local function patience(timeout)
  return scale.tolerance(timeout or 10)
end

--- The next line of its output without the newline, or nil at the end.
-- `which` is "stdout" or "stderr". Raises when `timeout` seconds (10) pass.
function process:read_line(timeout, which)
  which = which or "stdout"
  while true do
    local line, rest = self.unread[which]:match("^([^\n]*)\n(.*)$")
    if line or not self.fds[which] then
      line = line or self.unread[which]
      self.unread[which] = rest or ""
      return (rest or line ~= "") and line or nil
    end
    fetch(self, await(self, {self.fds[which]}, {}, patience(timeout)))
  end
end

--- Read lines until one matches the Lua pattern; returns its captures. Raises
-- at the end of the output.
function process:expect(pattern, timeout, which)
  local seen = {}
  for line in function() return self:read_line(timeout, which) end do
    if line:find(pattern) then return line:match(pattern) end
    seen[#seen + 1] = line
  end
  error(("%s ended without %q; it said:\n%s"):format(self.name, pattern,
    table.concat(seen, "\n")), 2)
end

--- Write `input` where there is one, close its input, and read all that it
-- says, to the end, at the same time: neither side waits for the other.
function process:drain(timeout, input)
  input = input or ""
  if self.fds.stdin then native.nonblocking(self.fds.stdin, true) end
  repeat
    if input == "" then self:close_input() end
    local readers = {self.fds.stdout}
    readers[#readers + 1] = self.fds.stderr
    local fd = await(self, readers, {self.fds.stdin}, patience(timeout or 60))
    if fd == self.fds.stdin then
      local n = native.write(fd, input)
      input = n and input:sub(n + 1) or "" -- gone: it wanted no more
    else
      fetch(self, fd)
    end
  until not (self.fds.stdout or self.fds.stderr)
  return self.unread.stdout, self.unread.stderr
end

--- Write all bytes to its input; a program that is gone is no error.
function process:write(bytes)
  while #bytes > 0 do
    local n = native.write(self.fds.stdin, bytes)
    if not n then return false end
    bytes = bytes:sub(n + 1)
  end
  return true
end

function process:close_input()
  if self.fds.stdin then native.close(self.fds.stdin) end
  self.fds.stdin = nil
end

function process:close_streams()
  for name, fd in pairs(self.fds) do
    native.close(fd)
    self.fds[name] = nil
  end
end

--- Wait for its end: "exited" and the status, or "signaled" and the number.
-- May be repeated. The deadline of the spec bounds it.
function process:wait()
  if not self.kind then
    self.kind, self.code = native.wait(self.pid)
    if not self.kind then error(self.name .. ": wait: " .. self.code, 2) end
    live[self.pid] = nil
  end
  self:close_streams()
  return self.kind, self.code
end

--- Whether it still runs.
function process:running()
  if self.kind then return false end
  local kind, code = native.wait(self.pid, true)
  if kind == "running" then return true end
  self.kind, self.code = kind, code
  live[self.pid] = nil
  return false
end

function process:kill(signal)
  if not self.kind then native.kill(self.pid, signal or "SIGTERM") end
end

--- Kill it if it runs, wait for it, close what is open. Idempotent.
function process:close()
  self:kill("SIGKILL")
  self:wait()
end

process.__close = process.close

--- Take note of a child that was made in another way (support/child.lua).
function process.adopt(pid, name)
  local self = setmetatable({
    pid = pid, name = name, fds = {}, unread = {stdout = "", stderr = ""},
  }, process)
  live[pid] = self
  return self
end

--- In a forked child: the parent's children are not ours.
function process.forget_all()
  live = {}
end

--- The names of the children that were not waited for, by process id.
function process.live()
  local names = {}
  for pid, self in pairs(live) do names[pid] = self.name end
  return names
end

--- Kill and wait for those children except the ones in `kept`.
function process.reap_all(kept)
  for pid, self in pairs(live) do
    if not kept[pid] then self:close() end
  end
end

return process
