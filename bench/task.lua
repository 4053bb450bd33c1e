--- task - what the peers that are written in Lua share: what they are asked to
-- do, and the clock that takes the time of it.
-- A peer is called as: lua PEER WORK N PORT DIR. It does WORK N times against the
-- test server and prints the CPU seconds that the N took.
-- Calls: nothing. Called by: peers/*.
local task = {
  n = tonumber(arg[2]), port = tonumber(arg[3]), dir = arg[4],
  RECORD = 16384, -- bytes
  PIECES = 100, PIECE = 100, -- how many, of so many bytes
}

--- A list of so many pieces.
function task.pieces()
  local pieces = {}
  for i = 1, task.PIECES do pieces[i] = string.char(i):rep(task.PIECE) end
  return pieces
end

local start

--- The time is taken from here, ...
function task.begin()
  start = os.clock()
end

--- ... to here.
function task.finish()
  print(("%.6f"):format(os.clock() - start))
end

--- Do the work that is asked for.
-- @tparam table work  functions by name
function task.perform(work)
  assert(work[arg[1]], "no such work")()
end

return task
