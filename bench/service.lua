--- service - what the servers that are written in Lua share.
-- A server is called as: lua SERVER KIND DIR [A B]. It prints its port, and ends
-- when its standard input does. The kinds:
--   hold   takes A connections and then B more, sends back 100 bytes on each and
--          keeps them; prints the bytes of memory it occupies after A and B
--   idle   on cqueues: sends back what comes, and answers lines of its input:
--          "cpu" with the CPU seconds it has used, "memory" with the bytes it
--          occupies
--   https  on cqueues: answers requests
-- Calls: nothing. Called by: servers/*.
local service = {dir = arg[2]}

--- To every request.
service.ANSWER = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
  .. "Content-Length: 13\r\n\r\nHello, world\n"

--- Print, at once.
function service.say(value)
  print(value)
  io.stdout:flush()
end

-- Bytes of memory that the process occupies now, without garbage.
local function resident()
  collectgarbage()
  collectgarbage()
  local file = assert(io.open("/proc/self/statm"))
  local _, pages = file:read("n", "n")
  file:close()
  return pages * 4096
end

--- The kind hold; `take` takes a connection, has served it once and returns it.
function service.hold(take)
  local connections = {}
  for _, count in ipairs {tonumber(arg[3]), tonumber(arg[4])} do
    for _ = 1, count do connections[#connections + 1] = take() end
    service.say(resident())
  end
  io.read("a")
end

--- Answer the lines of the input, in a coroutine of cqueues of its own; the
-- process ends with them.
function service.obey()
  local cqueues = require "cqueues"
  while true do
    cqueues.poll {pollfd = 0, events = "r"}
    local line = io.read("l")
    if not line then os.exit() end
    service.say(line == "cpu" and ("%.6f"):format(os.clock()) or resident())
  end
end

--- Serve as the kind that is asked for.
-- @tparam table server  functions by kind
function service.run(server)
  assert(server[arg[1]], "no such kind")()
end

return service
