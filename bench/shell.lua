--- shell - running programs: with their output, in the background on a leash,
-- with a progress line beside.
-- Calls: nothing. Called by: every other file of the benchmark.
local shell = {}

--- A value as one word of a command.
function shell.quote(value)
  return "'" .. tostring(value):gsub("'", "'\\''") .. "'"
end

-- Seconds until what does not end when told to is killed.
local GRACE = 5
-- What timeout(1) ends with when it had to end the command.
local TOO_LONG = 124

-- A command that takes so many seconds at most. `foreground`: an interrupt from
-- the keyboard reaches it; else what it started ends with it.
local function limited(command, limit, foreground)
  return ("timeout %s--kill-after=%d %s %s"):format(
    foreground and "--foreground " or "", GRACE, limit, command)
end

--- What a command prints; raises where it fails: a line that says how, the
-- command, and what it printed.
-- @tparam[opt] number limit  seconds that the command, one program, may take
function shell.output(command, limit)
  if limit then command = limited(command, limit, true) end
  local pipe = assert(io.popen("exec 2>&1; " .. command))
  local text = pipe:read("a")
  local ok, what, code = pipe:close()
  if ok then return text end
  local how = ("ended with %s %d"):format(what == "exit" and "status" or what,
                                          code)
  if limit and code == TOO_LONG then
    how = ("took longer than %s seconds"):format(limit)
  end
  error(("%s\n%s\n%s"):format(how, command, text), 0)
end

--- pcall with one result, but an interrupt from the keyboard passes through.
function shell.attempt(f, ...)
  local ok, result = pcall(f, ...)
  if not ok and tostring(result):find("interrupted!", 1, true) then
    error(result, 0)
  end
  return ok, result
end

--- What a command prints, or nil where it fails.
function shell.try(command)
  local ok, text = shell.attempt(shell.output, command)
  return ok and text or nil
end

--- A new temporary directory.
function shell.temporary()
  return (shell.output("mktemp -d"):gsub("\n$", ""))
end

--- Remove a directory that `temporary` made.
function shell.remove(dir)
  os.execute("rm -rf " .. shell.quote(dir))
end

local background = {}
background.__index = background

local started = 0

--- Start a program in the background. It prints what is to be known of it, line
-- by line, and ends when its standard input does: with `stop`, or with us. What
-- was started later inherits our ends, so the last one is stopped first.
-- @tparam string dir  a temporary directory
-- @tparam string command
-- @tparam[opt] number limit  seconds after which it is ended in any case
-- @treturn table  `read()` gives its next line, `number()` that as a number,
-- `ask(line)` writes it one and gives its answer, a number, `stop()` ends it;
-- so does closing a variable that holds it
function shell.start(dir, command, limit)
  if limit then command = limited(command, limit) end
  started = started + 1
  local leash = ("%s/leash%d"):format(dir, started)
  shell.output("mkfifo " .. shell.quote(leash))
  local output = assert(io.popen(
    ("ulimit -n $(ulimit -Hn); exec %s <%s"):format(command,
                                                    shell.quote(leash))))
  local input = assert(io.open(leash, "w"))
  input:setvbuf("no")
  return setmetatable({command = command, output = output, input = input},
                      background)
end

function background.read(self)
  local line = self.output:read("l")
  if not line then error("ended before its time\n" .. self.command, 0) end
  return line
end

function background.number(self)
  local line = self:read()
  return tonumber(line) or error(line .. "\n" .. self.command, 0)
end

function background.ask(self, line)
  self.input:write(line .. "\n") -- at once: idle.c reads no further
  return self:number()
end

function background.stop(self)
  self.input:close()
  self.output:close()
end

background.__close = background.stop

-- A terminal gets one line that changes, anything else a line for each step.
local terminal = os.execute("test -t 2")

--- Say what is being done; nothing: done.
function shell.progress(format, ...)
  local text = format and format:format(...) or ""
  if terminal then
    io.stderr:write("\r\27[K", text)
  elseif format then
    io.stderr:write(text, "\n")
  end
  io.stderr:flush()
end

--- How many descriptors a program that we start may have.
function shell.descriptors()
  return tonumber(shell.output("ulimit -Hn")) or math.huge
end

-- May programs be put on the cores 0 and 1?
local pins

--- How to run something on a core of its own, where there are two: 1 for
-- the servers, 0 for what is measured.
function shell.pinned(core, command)
  if pins == nil then
    pins = shell.try("taskset -c 0 true && taskset -c 1 true") ~= nil
  end
  return pins and ("taskset -c %d %s"):format(core, command) or command
end

return shell
