--- The event loops under one face, for support/loopcases.lua. Each has
--   name, wait     what pyssl.loop.NAME gives
--   spawn(f)       run f in a coroutine of the loop
--   run()          turn the loop until all that was spawned has ended
--   rest(seconds)  turn it for so long; how many turns these were
--   abandon(f)     begin f in a coroutine that nobody goes on with
local native = require "native"

local drivers = {}

local function rest(turn, seconds)
  local over, turns = native.now() + seconds, 0
  repeat
    turn(over - native.now())
    turns = turns + 1
  until native.now() >= over
  return turns
end

function drivers.cqueues()
  local cqueues = require "cqueues"
  local controller = cqueues.new()
  local function step(loop, seconds)
    local ok, err = loop:step(seconds)
    if not ok then error(err, 0) end
  end
  local loop = {}
  function loop.spawn(f) controller:wrap(f) end
  function loop.run()
    while not controller:empty() do step(controller) end
  end
  function loop.rest(seconds)
    return rest(function(left) step(controller, left) end, seconds)
  end
  function loop.abandon(f)
    local another = cqueues.new()
    another:wrap(f)
    step(another, 0)
    another:close()
    collectgarbage()
    collectgarbage()
  end
  return loop
end

local function close_first(start)
  return function(f)
    local co = start(f)
    coroutine.close(co)
    collectgarbage()
    collectgarbage()
  end
end

function drivers.luv()
  local uv = require "luv"
  local loop, turns = {}, 0
  local prepare = uv.new_prepare()
  prepare:start(function() turns = turns + 1 end)
  prepare:unref()
  local function start(f)
    local co = coroutine.create(f)
    assert(coroutine.resume(co))
    return co
  end
  loop.spawn, loop.abandon = start, close_first(start)
  function loop.run() uv.run() end
  function loop.rest(seconds)
    local before, timer = turns, uv.new_timer()
    timer:start(math.floor(seconds * 1000), 0, function()
      timer:close()
      uv.stop()
    end)
    uv.run()
    return turns - before
  end
  return loop
end

local TURN = 0.01 -- seconds: how often copas 1.2 looks at time limits

-- Debian has it for Lua 5.1 and 5.2; it is plain Lua.
local function load_copas()
  local ok, copas = pcall(require, "copas")
  if ok then return copas end
  package.path = package.path .. ";/usr/share/lua/5.1/?.lua"
  return require "copas"
end

function drivers.copas()
  local copas = load_copas()
  local loop, live, failed = {}, 0, nil
  local function start(f)
    live = live + 1
    return copas.addthread(function()
      copas.setErrorHandler(function(err) failed = err end)
      f()
      live = live - 1
    end)
  end
  local function step(seconds)
    copas.step(seconds)
    if failed then error(failed, 0) end
  end
  loop.spawn = start
  loop.abandon = close_first(function(f)
    return copas.addthread(function() f() end)
  end)
  function loop.run()
    while live > 0 do step(TURN) end
  end
  function loop.rest(seconds) return rest(step, seconds) end
  return loop
end

--- The driver of a loop; raises where that is not installed.
function drivers.load(name)
  local loop = drivers[name]()
  local adapter = require("pyssl.loop." .. name)
  loop.name, loop.wait, loop.install = name, adapter.wait, adapter.install
  return loop
end

return drivers
