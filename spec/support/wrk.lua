-- A script for wrk: looks at each answer of examples/nginx, of so many requests and
-- no more: wrk -s wrk.lua URL -- TOTAL. Says "half" on the way and "all" when the
-- last answer is there; then, when its time is over or it gets SIGINT, how many
-- were right, how many wrong, and how many processes have answered.
local threads, begun = {}, 0

function setup(thread)
  threads[#threads + 1] = thread
end

function init(arguments)
  total, right, wrong, workers, pids = tonumber(arguments[1]), 0, 0, 0, {}
  wrk.headers["Connection"] = "close"
end

-- Milliseconds before a connection's next request.
function delay()
  begun = begun + 1
  return begun > total and 1000000 or 0
end

function response(status, headers, body)
  local fine = status == 200 and body:find("^Hello over TLSv1%.[23]\n$")
    and headers["X-Protocol"] == body:match("TLS%S+") .. " http/1.1"
  if fine then right = right + 1 else wrong = wrong + 1 end
  local pid = headers["X-Worker"] or "?"
  if not pids[pid] then
    workers, pids[pid] = workers + 1, true
  end
  if right + wrong == total / 2 then
    io.stdout:write("half\n")
    io.stdout:flush()
  end
  if right + wrong == total then
    wrk.thread:stop()
    io.stdout:write("all\n")
    io.stdout:flush()
  end
end

function done(summary)
  local thread, errors = threads[1], summary.errors
  print(("right=%d wrong=%d workers=%d lost=%d"):format(
    thread:get("right"), thread:get("wrong"), thread:get("workers"),
    errors.connect + errors.read + errors.write + errors.timeout))
end
