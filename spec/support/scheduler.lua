--- A scheduler of coroutines, as small as one can be: poll(2), and nothing else.
--
--     local loop = scheduler.new()
--     conn.waiter = loop.waiter
--     local task = loop:spawn(function() return conn:recv(10) end)
--     loop:run()
--     assert.equal("hello", task[1])
--
-- A task is a table: `done`, then either `ok` and its results from 1 on, or
-- `err`; until then `wait` is what it waits for ({fd, mode, deadline, object}).
-- Calls: native, scale. Called by: specs about waiters.
local native = require "native"
local scale = require "support.scale"

local scheduler = {LIMIT = 20} -- seconds that a run may take

local loop = {}
loop.__index = loop

--- A loop of its own. Its field `waiter` is the waiter, `waits` how often that
-- was called, `wakes` how often a task was resumed.
function scheduler.new()
  local self = setmetatable({tasks = {}, waits = 0, wakes = 0}, loop)
  function self.waiter(object, mode, timeout)
    self.waits = self.waits + 1
    return coroutine.yield {
      fd = object:getfd(), mode = mode, object = object, timeout = timeout,
      deadline = timeout and native.now() + timeout,
    }
  end
  return self
end

local function finish(task, ok, ...)
  if coroutine.status(task.co) == "suspended" then
    task.wait = ...
    return
  end
  task.done, task.wait, task.ok = true, nil, ok
  if not ok then
    task.err = ...
    return
  end
  for i = 1, select("#", ...) do task[i] = (select(i, ...)) end
end

--- Let a task go on, with what its waiter is to return.
function loop:resume(task, ...)
  if task.dropped or task.done then return end
  finish(task, coroutine.resume(task.co, ...))
  if task.done then
    for i, each in ipairs(self.tasks) do
      if each == task then table.remove(self.tasks, i) end
    end
  end
end

--- Start f(...) in a coroutine at once; the task.
function loop:spawn(f, ...)
  local task = {co = coroutine.create(f)}
  self.tasks[#self.tasks + 1] = task
  self:resume(task, ...)
  return task
end

--- Forget a task in the middle of its wait: nobody resumes it ever. The
-- coroutine itself stays in task.co until the caller lets go of it.
function loop:drop(task)
  task.dropped = true
  for i, each in ipairs(self.tasks) do
    if each == task then table.remove(self.tasks, i) end
  end
end

--- Stop waiting in C: a yield out of a waiter, to be resumed by hand.
function scheduler.pause()
  return coroutine.yield {}
end

local function is_ready(wait)
  if not wait.fd or wait.fd < 0 then return false end
  local fds = {wait.fd}
  local none = {}
  return native.poll(wait.mode == "r" and fds or none,
                     wait.mode == "w" and fds or none, 0) ~= nil
end

-- Poll all descriptors for at most `seconds`.
local function poll(self, seconds)
  local readers, writers = {}, {}
  for _, task in ipairs(self.tasks) do
    local wait = task.wait
    local list = wait.mode == "r" and readers or writers
    if wait.fd and wait.fd >= 0 then list[#list + 1] = wait.fd end
    if wait.deadline then
      seconds = math.max(0, math.min(seconds, wait.deadline - native.now()))
    end
  end
  native.poll(readers, writers, seconds)
end

--- Poll once, for at most `seconds` (0), and resume who is ready or late.
-- @return how many were resumed
function loop:step(seconds)
  poll(self, seconds or 0)
  local now, ready = native.now(), {}
  for _, task in ipairs(self.tasks) do
    local wait = task.wait
    if is_ready(wait) then
      ready[#ready + 1] = {task, true}
    elseif wait.deadline and wait.deadline <= now then
      ready[#ready + 1] = {task, false}
    end
  end
  for _, each in ipairs(ready) do
    self.wakes = self.wakes + 1
    self:resume(each[1], each[2])
  end
  return #ready
end

--- Go on until the given tasks, or all, have ended.
-- @raise where they have not after LIMIT seconds
function loop:run(...)
  local wanted = {...}
  local limit = native.now() + scheduler.LIMIT * scale.factor
  local function goes_on()
    if #wanted == 0 then return #self.tasks > 0 end
    for _, task in ipairs(wanted) do
      if not task.done then return true end
    end
    return false
  end
  while goes_on() do
    if native.now() > limit then error("the tasks are stuck", 2) end
    self:step(1)
  end
end

--- Go on until nobody is ready: everybody waits for something to come.
function loop:settle()
  repeat until self:step(0) == 0
end

--- Run functions side by side, in a loop of their own, to their end; the tasks.
-- Each is given the loop.
function scheduler.run(...)
  local self, tasks = scheduler.new(), {}
  for i, f in ipairs {...} do tasks[i] = self:spawn(f, self) end
  self:run()
  return (table.unpack or unpack)(tasks) -- luacheck: ignore
end

--- The results of a task; raises its error.
function scheduler.results(task)
  assert(task.done, "the task has not ended")
  if not task.ok then error(task.err, 0) end
  return (table.unpack or unpack)(task) -- luacheck: ignore
end

return scheduler
