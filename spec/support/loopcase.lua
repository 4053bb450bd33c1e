--- What the cases of event loops (loopcases, loopservers, looponly, loopclosing)
-- have in common. Their arguments are LOOP CASE CERTIFICATES; both ends of each
-- connection are in this process, in coroutines of the loop.
local dir = arg[3]
package.preload["support.certs"] = function()
  return {dir = dir, path = function(name) return dir .. "/" .. name end}
end

local scale = require "support.scale"
local ssl = require "pyssl"

local case = {}

--- 4 MiB: more than the system takes from a writer.
case.BULK = ("0123456789abcdef"):rep(262144)

function case.equal(wanted, found)
  if wanted ~= found then
    error(("%s expected, got %s"):format(tostring(wanted), tostring(found)), 2)
  end
end

function case.is_a(class, err)
  if type(err) ~= "table" or not err:is(class) then
    error(("%s expected, got %s"):format(class.name, tostring(err)), 2)
  end
end

function case.try(conn, method, ...)
  local _, err = ssl.try(conn[method], conn, ...)
  return err
end

--- How often it was waited, by mode, since `count`: all sockets wait through it.
case.waits = {r = 0, w = 0}

function case.count(loop)
  ssl.set_default_waiter(function(sock, mode, timeout)
    case.waits[mode] = case.waits[mode] + 1
    return loop.wait(sock, mode, timeout)
  end)
end

-- Send back what comes, to the end.
function case.echo(conn)
  repeat
    local data = conn:recv(16384)
    conn:sendall(data)
  until data == ""
end

function case.read_all(conn)
  local parts = {}
  repeat
    local data = conn:recv(16384)
    parts[#parts + 1] = data
  until data == ""
  return table.concat(parts)
end

function case.on_time(seconds, limit, late)
  if seconds < limit - 0.001 or seconds > limit + scale.tolerance(late) then
    error(("took %g s, not %g s"):format(seconds, limit), 2)
  end
end

return case
