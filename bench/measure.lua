--- measure - what a work costs a peer: instructions, or CPU seconds.
-- Calls: shell, works. Called by: run, check.
local shell = require "bench.shell"
local works = require "bench.works"

local measure = {
  LIMIT = 120, -- seconds that a run may take; it takes a few
}

-- Without it valgrind counts each byte of a long copy as an instruction.
local TUNABLE =
  "GLIBC_TUNABLES=glibc.cpu.x86_rep_movsb_threshold=100000000"
local VALGRIND = "valgrind --tool=cachegrind --cache-sim=no "
  .. "--cachegrind-out-file=/dev/null"

local function command(peer, work, n, server)
  return ("%s %s %d %d %s"):format(peer.command, work.work or work.id, n,
                                   server.port, shell.quote(server.dir))
end

local function count(peer, work, n, server)
  local text = shell.output(("env %s %s %s"):format(
    TUNABLE, VALGRIND, command(peer, work, n, server)), measure.LIMIT)
  local refs = text:match("I +refs: +([%d,]+)")
  if not refs then
    error("valgrind does not say what it counted\n" .. text, 0)
  end
  return tonumber((refs:gsub(",", "")))
end

--- Instructions for doing a work once: two sizes of run, subtracted.
-- Raises where a run fails, or takes too long.
-- @tparam[opt=1] number share  of the usual difference of the sizes
function measure.instructions(peer, work, server, share)
  local small, large = work.sizes[1], work.sizes[2]
  large = small + math.max(1, math.floor((large - small) * (share or 1)))
  local difference = count(peer, work, large, server)
    - count(peer, work, small, server)
  return difference / (large - small)
end

local function median(values)
  table.sort(values)
  local middle = (#values + 1) // 2
  return (values[middle] + values[#values + 1 - middle]) / 2
end

-- The CPU seconds that doing a work n times took.
local function take_time(peer, work, n, server)
  local text = shell.output("env " .. TUNABLE .. " "
    .. shell.pinned(0, command(peer, work, n, server)), measure.LIMIT)
  return tonumber(text) or error("does not say what it took\n" .. text, 0)
end

--- CPU seconds for doing a work once, for each of the peers: medians of rounds,
-- in each of which everyone has a turn, so that a machine that gets slower does
-- so for all. Who fails, or takes too long, has no further turn.
-- @tparam number share  of the work's usual count
-- @treturn table  by peer
-- @treturn table  by peer that failed: the message
function measure.cpu(list, work, server, rounds, share)
  local n = math.max(1, math.floor(work.cpu * share))
  local times, medians, failures = {}, {}, {}
  for _ = 1, rounds do
    for _, peer in ipairs(list) do
      if works.has(work, peer.id) and not failures[peer.id] then
        local ok, result = shell.attempt(take_time, peer, work, n, server)
        times[peer.id] = times[peer.id] or {}
        if ok then table.insert(times[peer.id], result / n) end
        if not ok then failures[peer.id] = result end
      end
    end
  end
  for id, values in pairs(times) do
    if not failures[id] then medians[id] = median(values) end
  end
  return medians, failures
end

return measure
