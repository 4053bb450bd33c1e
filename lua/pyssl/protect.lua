--- protect - pcall that what it calls may yield through, on every VM.
-- Lua 5.1 cannot yield across pcall: there the call gets a coroutine of its own,
-- whose yields are passed on.
-- Calls: nothing. Called by: the modules beside it, loop adapters.

local protect = {}

-- Can pcall itself be yielded across? Not on Lua 5.1.
local probe = coroutine.create(function() pcall(coroutine.yield) end)
coroutine.resume(probe)
protect.native = coroutine.status(probe) == "suspended"

-- The present coroutine; nil on the main thread, and where it cannot yield.
local can_yield = coroutine.isyieldable -- since 5.3, and in LuaJIT
local function running()
  local co, main = coroutine.running()
  if not main and (not can_yield or can_yield()) then return co end
end

if protect.native then
  protect.call, protect.running = pcall, running
  return protect
end

-- Which coroutine runs the one that a call was given. Both are held weakly.
local outer = setmetatable({}, {__mode = "kv"})

-- The results of a coroutine that has ended; what it yields goes on up.
local function go_on(co, ok, ...)
  if coroutine.status(co) ~= "suspended" then return ok, ... end
  return go_on(co, coroutine.resume(co, coroutine.yield(...)))
end

--- Call f(...) as pcall does.
-- @tparam function f  may yield
-- @return as pcall
function protect.call(f, ...)
  local caller = coroutine.running()
  if not caller then return pcall(f, ...) end
  local co = coroutine.create(function(...) return f(...) end)
  outer[co] = caller
  return go_on(co, coroutine.resume(co, ...))
end

--- The coroutine that an event loop is to resume: the outermost one.
-- @treturn ?thread  nil on the main thread, and where nothing can yield
function protect.running()
  local co = running()
  while outer[co] do co = outer[co] end
  return co
end

return protect
