--- run - the benchmark: measures everybody, prints tables, and writes results.md
-- and results.svg beside this file. QUICK=1: a short run of everything, with
-- instructions counted for C and pyssl only; written to the directory of what
-- is built. Usage, in the root: lua bench/run.lua
-- Calls: every other file here.
local certs = require "bench.certs"
local chart = require "bench.chart"
local measure = require "bench.measure"
local peers = require "bench.peers"
local report = require "bench.report"
local scale = require "bench.scale"
local shell = require "bench.shell"
local works = require "bench.works"

local quick = os.getenv("QUICK") or ""
quick = quick ~= "" and quick ~= "0"

local sizes = quick
  and {counted = 0.25, rounds = 1, share = 0.1, count = 400, talk = 200, load = 2}
  or {counted = 1, rounds = 7, share = 1, count = 5000, talk = 100, load = 10}

-- A quarter more are open at times, and some other files.
sizes.count = math.floor(math.min(sizes.count,
                                  (shell.descriptors() - 100) / 1.25))

-- Whose instructions are counted?
local function counted(work)
  if not quick then return peers end
  return work.slow and {peers.pyssl} or {peers.floor, peers.pyssl}
end

local function count_instructions(server)
  local results = {}
  for _, work in ipairs(works) do
    results[work.id] = {}
    for _, peer in ipairs(counted(work)) do
      if works.has(work, peer.id) then
        shell.progress("instructions: %s: %s", work.title, peer.title)
        results[work.id][peer.id] =
          measure.instructions(peer, work, server, sizes.counted)
      end
    end
  end
  return results
end

local function take_times(server)
  local results = {}
  for _, work in ipairs(works) do
    if work.cpu > 0 then
      shell.progress("CPU seconds: %s", work.title)
      results[work.id] = measure.cpu(peers, work, server, sizes.rounds,
                                     sizes.share)
    end
  end
  return results
end

local function hold_connections(dir)
  local results = {}
  for _, holder in ipairs(scale.holders) do
    shell.progress("memory: %s", peers[holder.id].title)
    results[holder.id] = scale.hold(holder, dir, sizes.count)
  end
  return results
end

local function idle_connections(dir)
  local results = {}
  for _, loop in ipairs(scale.loops) do
    shell.progress("idle connections: %s", peers[loop.id].title)
    local memory, wake = scale.idle(loop, dir, sizes.count, sizes.talk)
    results[loop.id] = {memory = memory, wake = wake}
  end
  return results
end

local function serve_requests(dir)
  local results = {}
  for _, name in ipairs {"nginx", "pyssl", "luaossl"} do
    shell.progress("HTTPS under load: %s", name)
    results[name] = scale.https(name, dir, sizes.load)
  end
  return results
end

local function measure_all(dir)
  certs.make(dir)
  local server = shell.start(dir, shell.pinned(1, peers.program("server") .. " "
    .. shell.quote(dir)))
  local target = {port = tonumber(server:read()), dir = dir}
  local results = {quick = quick, count = sizes.count}
  results.instructions = count_instructions(target)
  results.cpu = take_times(target)
  server:stop()
  results.hold = hold_connections(dir)
  results.idle = idle_connections(dir)
  results.https = serve_requests(dir)
  shell.progress()
  return results
end

local function write(dir, results)
  local to = quick and peers.directory or "bench"
  local sections = report.sections(results)
  local file = assert(io.open(to .. "/results.md", "w"))
  file:write(report.markdown(results, sections))
  file:close()
  chart.draw(to .. "/results.svg", dir, results.instructions)
  for _, section in ipairs(sections) do
    print(section[1] .. "\n\n" .. section[2])
  end
  print(("written: %s/results.md, results.svg"):format(to))
end

local dir = shell.temporary()
local ok, message = xpcall(function() write(dir, measure_all(dir)) end,
                           debug.traceback)
shell.remove(dir)
if not ok then io.stderr:write("\n", message, "\n") end
os.exit(ok, true)
