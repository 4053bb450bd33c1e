--- shell - running programs: with their output, in the background on a leash,
-- with a progress line beside.
-- Calls: nothing. Called by: every other file of the benchmark.
local shell = {}

--- A value as one word of a command.
function shell.quote(value)
  return "'" .. tostring(value):gsub("'", "'\\''") .. "'"
end

--- What a command prints; raises where it fails, with that.
function shell.output(command)
  local pipe = assert(io.popen("exec 2>&1; " .. command))
  local text = pipe:read("a")
  if not pipe:close() then
    error(("%s\nfailed:\n%s"):format(command, text), 0)
  end
  return text
end

--- The same, or nil where it fails.
function shell.try(command)
  local ok, text = pcall(shell.output, command)
  return ok and text or nil
end

function shell.exists(program)
  return shell.try("command -v " .. shell.quote(program)) ~= nil
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
-- @treturn table  `read()` gives its next line, `ask(line)` writes it one and
-- gives its answer, `stop()` ends it
function shell.start(dir, command)
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
  if not line then error(self.command .. "\nended before its time", 0) end
  return line
end

function background.ask(self, line)
  self.input:write(line, "\n")
  return self:read()
end

function background.stop(self)
  self.input:close()
  self.output:close()
end

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

--- How to run something on a core of its own, where there are two: 1 for
-- the servers, 0 for what is measured.
function shell.pinned(core, command)
  shell.cores = shell.cores or tonumber(shell.try("nproc") or 1)
  if shell.cores < 2 or not shell.exists("taskset") then return command end
  return ("taskset -c %d %s"):format(core, command)
end

return shell
