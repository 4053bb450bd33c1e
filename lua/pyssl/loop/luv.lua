--- loop.luv - waiting for sockets in luv's event loop.
-- libuv takes one handle for a descriptor: coroutines that wait for the same one
-- share it, and it is closed when the last of them goes on. What a coroutine
-- raises comes out of uv.run as luv reports it.
-- Calls: errors, protect, waiter. Called by: programs.

local core = require "pyssl.core"
local errors = require "pyssl.errors"
local protect = require "pyssl.protect"
local uv = require "luv"
local waiter = require "pyssl.waiter"

local loop = {}

local polls = {} -- by descriptor: {fd, handle, callback, tasks}

-- The events that somebody waits for.
local function events_of(poll)
  local r, w = "", ""
  for task in pairs(poll.tasks) do
    if task.mode == "r" then r = "r" else w = "w" end
  end
  return r .. w
end

local function update(poll)
  local events = events_of(poll)
  if events ~= "" then return assert(poll.handle:start(events, poll.callback)) end
  polls[poll.fd] = nil
  poll.handle:close()
end

-- The wait of a task is over, if it was not.
local function finish(task, ready)
  local poll = task.poll
  if not poll.tasks[task] then return end
  poll.tasks[task] = nil
  task.ready = ready
  if task.timer then task.timer:close() end
  update(poll)
end

-- Let the coroutines of tasks go on; the first error counts.
local function resume(tasks)
  local failed
  for _, task in ipairs(tasks) do
    if task.yielded and coroutine.status(task.co) == "suspended" then
      local ok, err = coroutine.resume(task.co)
      if not ok then
        failed = failed or debug.traceback(task.co, tostring(err))
      end
    end
  end
  if failed then error(failed, 0) end
end

local function on_event(poll, err, events)
  local ready = {}
  for task in pairs(poll.tasks) do
    if err or events:find(task.mode, 1, true) then ready[#ready + 1] = task end
  end
  for _, task in ipairs(ready) do finish(task, true) end
  resume(ready)
end

local function poll_of(fd)
  if polls[fd] then return polls[fd] end
  local handle, message, name = uv.new_poll(fd)
  if not handle then
    error(errors.OSError(message, {name = name, op = "wait"}), 0)
  end
  local poll = {fd = fd, handle = handle, tasks = {}}
  function poll.callback(err, events) on_event(poll, err, events) end
  polls[fd] = poll
  return poll
end

local LONGEST = 1e9 -- seconds; more is no limit

local function start_timer(task, timeout)
  if not timeout or timeout > LONGEST then return end
  task.timer = uv.new_timer()
  uv.update_time() -- libuv counts from when it last looked
  task.timer:start(math.ceil(timeout * 1000) + 1, 0, function()
    finish(task, false)
    resume {task}
  end)
end

-- Held by the coroutine that waits, and by nothing else: where that is closed,
-- the collector ends the wait.
local ticket = {}
function ticket.__gc(self) finish(self.task, true) end

--- A waiter (see ssl.wait) that yields in coroutines.
function loop.wait(sock, mode, timeout)
  local fd = waiter.check(sock, mode, timeout)
  local co = protect.running()
  if fd < 0 or not co then return waiter.poll(sock, mode, timeout) end
  local task = {co = co, mode = mode, poll = poll_of(fd)}
  local mine = setmetatable({task = task}, ticket)
  task.poll.tasks[task] = true
  update(task.poll)
  start_timer(task, timeout)
  task.yielded = true
  coroutine.yield()
  task.yielded = false
  finish(mine.task, true) -- somebody else may have resumed it
  return task.ready
end

--- Have all sockets wait so that have no waiter of their own or their context's.
-- @treturn boolean  true
function loop.install()
  return core.set_default_waiter(loop.wait)
end

return loop
