--- Runs before and after every spec (see .busted): each has a deadline, and
-- each must leave as many open descriptors and child processes as it found.
--
-- The modules loaded here stay loaded: busted forgets, after each file, what
-- the file has required. So there is one pyssl and one set of certificates.
local busted = require "busted"
require("support.vm").install_in_busted() -- before the specs' other modules
local native = require "native"
local certs = require "support.certs"
local process = require "support.process"
local scale = require "support.scale"
require "support.child"
pcall(require, "pyssl") -- where it fails, the specs say so

local LIMIT = 60 -- seconds a spec may take, times PYSSL_SCALE
local PATIENCE = 2 -- seconds for helper threads to end, likewise

local before -- what was open when the present spec began

-- The innermost names of the spec that runs, for messages.
local function spec_name(element)
  local names = {}
  while element and element.name and element.descriptor ~= "file" do
    table.insert(names, 1, element.name)
    element = busted.parent(element)
  end
  return table.concat(names, " ")
end

local running = "?"

local function set_deadline()
  local limit = scale.tolerance(LIMIT)
  native.deadline(limit, ("ran longer than %g s: %s"):format(limit, running))
end

busted.subscribe({"test", "start"}, function(element)
  running = spec_name(element)
  set_deadline()
  return nil, true -- other subscribers are to hear of it, too
end)

local function collect()
  collectgarbage()
  collectgarbage()
end

-- A thread or a peer may be about to end: give it a moment. Polling nothing is
-- no sleep that a result depends on; it only bounds how long an audit looks.
local function settle()
  local until_then = native.now() + scale.tolerance(PATIENCE)
  while native.fd_count() ~= before.count and native.now() < until_then do
    native.poll({}, {}, 0.02)
    collect()
  end
end

local function list_new_fds(complaints)
  for fd, target in pairs(native.fds()) do
    if before.fds[fd] ~= target then
      complaints[#complaints + 1] = ("descriptor %d: %s"):format(fd, target)
    end
  end
end

local function list_new_children(complaints)
  local live = process.live()
  for pid, name in pairs(live) do
    if not before.children[pid] then
      complaints[#complaints + 1] = ("process %d: %s"):format(pid, name)
    end
  end
  if next(live) == nil and not before.unknown and native.has_children() then
    complaints[#complaints + 1] = "a process that support.process did not start"
  end
end

local function remember()
  local children = process.live()
  before = {
    count = native.fd_count(), fds = native.fds(), children = children,
    unknown = next(children) == nil and native.has_children(),
  }
end

local function audit()
  native.deadline(0)
  collect()
  settle()
  local complaints = {}
  if native.fd_count() ~= before.count then list_new_fds(complaints) end
  list_new_children(complaints)
  process.reap_all(before.children)
  if native.fd_count() < before.count then
    complaints[#complaints + 1] = ("%d descriptors open, %d before"):format(
      native.fd_count(), before.count)
  end
  if #complaints > 0 then
    error(("left over by %q:\n  %s"):format(running,
      table.concat(complaints, "\n  ")), 0)
  end
end

busted.before_each(function()
  running = "what stands before a spec, after " .. running
  set_deadline()
  collect()
  remember()
end)
busted.after_each(audit)

busted.subscribe({"suite", "start"}, function()
  certs.make()
  return nil, true
end)
busted.subscribe({"exit"}, function()
  certs.remove()
  return nil, true
end)
