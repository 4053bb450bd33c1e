--- run - the benchmark: measures everybody, prints tables, and writes results.md
-- and results.svg beside this file. QUICK=1: a short run of everything, with
-- instructions counted for C and pyssl only; written to the directory of what
-- is built. Fails, having written them, where something could not be measured.
-- Usage, in the root: lua bench/run.lua
-- Calls: every other file here.
local certs = require "bench.certs"
local chart = require "bench.chart"
local footnotes = require "bench.footnotes"
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

-- Measure something of somebody, or note that it could not be done.
local function attempt(figures, id, what, f, ...)
  what = ("%s: %s"):format(what, peers[id] and peers[id].title or id)
  shell.progress("%s", what)
  footnotes.try(figures, id, what, f, ...)
end

local function count_instructions(server)
  local results = {}
  for _, work in ipairs(works) do
    results[work.id] = {}
    for _, peer in ipairs(counted(work)) do
      if works.has(work, peer.id) then
        attempt(results[work.id], peer.id, "instructions: " .. work.title,
                measure.instructions, peer, work, server, sizes.counted)
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
      local figures, failures = measure.cpu(peers, work, server, sizes.rounds,
                                            sizes.share)
      for _, peer in ipairs(peers) do
        local message = failures[peer.id]
        if message then
          footnotes.add(figures, peer.id, ("CPU seconds: %s: %s"):format(
            work.title, peer.title), message)
        end
      end
      results[work.id] = figures
    end
  end
  return results
end

local function hold_connections(dir)
  local results = {}
  for _, holder in ipairs(scale.holders) do
    attempt(results, holder.id, "memory", scale.hold, holder, dir, sizes.count)
  end
  return results
end

local function idle_connections(dir)
  local results = {}
  for _, loop in ipairs(scale.loops) do
    attempt(results, loop.id, "idle connections", scale.idle, loop, dir,
            sizes.count, sizes.talk)
  end
  return results
end

local function serve_requests(dir)
  local results = {}
  for _, name in ipairs {"nginx", "pyssl", "luaossl"} do
    attempt(results, name, "HTTPS under load", scale.https, name, dir,
            sizes.load)
  end
  return results
end

local function measure_all(dir)
  certs.make(dir)
  local server = shell.start(dir, shell.pinned(1, peers.program("server") .. " "
    .. shell.quote(dir)))
  local target = {port = server:number(), dir = dir}
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

-- Everything that is known of what failed.
local function complain()
  for i, note in ipairs(footnotes.list) do
    io.stderr:write(("(%d) %s: %s\n"):format(i, note.what, note.message))
  end
end

local dir = shell.temporary()
local ok, message = xpcall(function() write(dir, measure_all(dir)) end,
                           debug.traceback)
shell.remove(dir)
if not ok then io.stderr:write("\n", message, "\n") end
complain()
os.exit(ok and #footnotes.list == 0, true)
