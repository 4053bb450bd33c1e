--- check - the regression guard: measures what bars.txt has a limit for, and
-- fails where one is exceeded. Usage, in the root: lua bench/check.lua
-- Calls: bars, certs, measure, peers, shell, works.
local bars = require "bench.bars"
local certs = require "bench.certs"
local measure = require "bench.measure"
local peers = require "bench.peers"
local shell = require "bench.shell"
local works = require "bench.works"

local function measure_all(needed, server)
  local results = {}
  for _, work in ipairs(works) do
    for _, peer in ipairs {peers.floor, peers.pyssl} do
      if needed[work.id] and needed[work.id][peer.id] then
        shell.progress("%s: %s", peer.title, work.title)
        results[work.id] = results[work.id] or {}
        results[work.id][peer.id] = measure.instructions(peer, work, server)
      end
    end
  end
  shell.progress()
  return results
end

local function print_rows(rows)
  print(("%-5s%-16s%-26s%12s%12s"):format("", "work", "measure", "value",
                                          "at most"))
  for _, row in ipairs(rows) do
    local bar = row.bar
    local name = bar.measure .. (bar.other and ":" .. bar.other or "")
    print(("%-5s%-16s%-26s%12s%12s"):format(
      row.ok and "ok" or "FAIL", bar.work, name,
      bars.show(bar.measure, row.value), bars.show(bar.measure, bar.limit)))
  end
end

local dir = shell.temporary()
local ok, result = xpcall(function()
  certs.make(dir)
  local server = shell.start(dir, shell.pinned(1, peers.program("server") .. " "
    .. shell.quote(dir)))
  local list = bars.read("bench/bars.txt")
  local results = measure_all(bars.needed(list),
                              {port = server:number(), dir = dir})
  server:stop()
  local rows, all = bars.compare(list, results)
  print_rows(rows)
  local good = 0
  for _, row in ipairs(rows) do good = good + (row.ok and 1 or 0) end
  print(("bench-check: %d passed, %d failed"):format(good, #rows - good))
  return all
end, debug.traceback)
shell.remove(dir)
if not ok then io.stderr:write(result, "\n") end
os.exit(ok and result, true)
