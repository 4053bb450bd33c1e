--- footnotes - what could not be measured, and why: a figure that is missing has
-- a mark in its place, and the rest goes on.
-- Calls: shell. Called by: run, report.
local shell = require "bench.shell"

local footnotes = {}

--- What failed so far: a list of {what, message}.
footnotes.list = {}

--- Say why a figure is missing.
-- @tparam table figures  by peer; its field `failed` has the footnotes
-- @tparam string id  of the peer
-- @tparam string what  was to be measured
-- @tparam string message  its first line says what happened
function footnotes.add(figures, id, what, message)
  local list = footnotes.list
  list[#list + 1] = {what = what, message = tostring(message)}
  figures.failed = figures.failed or {}
  figures.failed[id] = #list
end

--- Have figures[id] measured by a function: it is what that returns, or missing
-- where it raises.
function footnotes.try(figures, id, what, f, ...)
  local ok, result = shell.attempt(f, ...)
  if ok then
    figures[id] = result
  else
    footnotes.add(figures, id, what, result)
  end
end

--- What stands where a figure is missing.
function footnotes.mark(figures, id)
  local number = figures.failed and figures.failed[id]
  return number and ("- (%d)"):format(number) or "-"
end

--- Is there a figure, or a footnote?
function footnotes.known(figures, id)
  return figures[id] ~= nil or (figures.failed and figures.failed[id]) ~= nil
end

--- The footnotes as text, a line for each.
function footnotes.text()
  local lines = {}
  for i, note in ipairs(footnotes.list) do
    lines[i] = ("- (%d) %s: %s\n"):format(i, note.what,
                                         note.message:match("[^\n]*"))
  end
  return table.concat(lines)
end

return footnotes
