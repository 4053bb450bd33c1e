--- report - results as text: tables in Markdown, for the terminal and for
-- results.md.
-- Calls: bars, footnotes, peers, works. Called by: run.
local bars = require "bench.bars"
local footnotes = require "bench.footnotes"
local peers = require "bench.peers"
local works = require "bench.works"

local report = {}

local function slurp(path)
  local file = assert(io.open(path))
  local text = file:read("a")
  file:close()
  return text
end

-- Columns as wide as their widest cell; all but the first to the right.
local function layout(rows)
  local widths = {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do
      widths[i] = math.max(widths[i] or 3, utf8.len(cell))
    end
  end
  local lines = {}
  for n, row in ipairs(rows) do
    local cells = {}
    for i, cell in ipairs(row) do
      local space = (" "):rep(widths[i] - utf8.len(cell))
      cells[i] = i == 1 and cell .. space or space .. cell
    end
    lines[#lines + 1] = "| " .. table.concat(cells, " | ") .. " |"
    if n == 1 then
      local rule = {}
      for i, width in ipairs(widths) do
        rule[i] = i == 1 and ("-"):rep(width) or ("-"):rep(width - 1) .. ":"
      end
      lines[#lines + 1] = "| " .. table.concat(rule, " | ") .. " |"
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

local function number(value)
  return bars.show("total", value)
end

local function microseconds(value)
  return ("%.2f µs"):format(value * 1e6)
end

-- C's figure as it is, the others' over it.
local function ratio_row(title, figures, format)
  local row = {title}
  for i, peer in ipairs(peers) do
    local value = figures[peer.id]
    if not value then
      row[i + 1] = footnotes.mark(figures, peer.id)
    elseif peer.id == "floor" or not figures.floor then
      row[i + 1] = format(value)
    else
      row[i + 1] = ("%.3f"):format(value / figures.floor)
    end
  end
  return row
end

local function ratio_table(results, format)
  local head = {"work"}
  for i, peer in ipairs(peers) do head[i + 1] = peer.title end
  local rows = {head}
  for _, work in ipairs(works) do
    if results[work.id] then
      rows[#rows + 1] = ratio_row(work.title, results[work.id], format)
    end
  end
  return layout(rows)
end

local function bars_table(results)
  local rows = {{"work", "measure", "pyssl", "at most", "kept"}}
  for _, row in ipairs((bars.compare(bars.read("bench/bars.txt"), results))) do
    local bar = row.bar
    local measure = bar.measure
    if measure == "ratio" then
      measure = bar.other and "over pyssl's: " .. works[bar.other].title
        or "over C's"
    elseif measure == "beyond" then
      measure = bar.other and "beyond C's: " .. works[bar.other].title
        or "beyond C's"
    end
    rows[#rows + 1] = {
      works[bar.work].title, measure, bars.show(bar.measure, row.value),
      bars.show(bar.measure, bar.limit), row.ok and "yes" or "**no**",
    }
  end
  return layout(rows)
end

-- What a server kept for a connection, and how much more than C's.
local function memory_row(title, figures, id, value, floor)
  return {title, value and number(value) or footnotes.mark(figures, id),
          value and floor and number(value - floor) or "-"}
end

local function memory_table(results)
  local rows = {{"server", "bytes a connection", "more than C"}}
  local floor = results.idle.floor and results.idle.floor.memory
  rows[2] = memory_row("C, epoll, released buffers", results.idle, "floor",
                       floor)
  for _, peer in ipairs(peers) do
    if footnotes.known(results.hold, peer.id) then
      rows[#rows + 1] = memory_row(peer.title, results.hold, peer.id,
                                   results.hold[peer.id], floor)
    end
  end
  return layout(rows)
end

local function idle_table(results)
  local rows = {{"server", "bytes a connection", "CPU for a message", "over C"}}
  local floor = results.idle.floor
  for _, peer in ipairs(peers) do
    local value = results.idle[peer.id]
    if value then
      rows[#rows + 1] = {
        peer.title, number(value.memory), microseconds(value.wake),
        floor and ("%.2f"):format(value.wake / floor.wake) or "-",
      }
    elseif footnotes.known(results.idle, peer.id) then
      rows[#rows + 1] = {peer.title, footnotes.mark(results.idle, peer.id),
                         "-", "-"}
    end
  end
  return layout(rows)
end

local function https_table(results)
  local function milliseconds(value)
    return ("%.1f ms"):format(value * 1e3)
  end
  local rows = {{"server", "requests/s", "99 % within", "connections/s",
                 "99 % within"}}
  for _, name in ipairs {"nginx", "pyssl", "luaossl"} do
    local value = results.https[name]
    local title = peers[name] and peers[name].title or name
    if value then
      rows[#rows + 1] = {
        title, number(value.requests), milliseconds(value.requests_p99),
        number(value.connections), milliseconds(value.connections_p99),
      }
    elseif footnotes.known(results.https, name) then
      rows[#rows + 1] = {title, footnotes.mark(results.https, name),
                         "-", "-", "-"}
    end
  end
  return layout(rows)
end

-- What a resumed visit costs of a full one, for everybody who resumes.
local function resumed_table(results)
  local rows = {{"cost of a resumed one over a full one", "instructions", "CPU"}}
  for _, peer in ipairs(peers) do
    if works.has(works.visit_resumed, peer.id) then
      local row = {peer.title}
      for i, of in ipairs {results.instructions, results.cpu} do
        local full, resumed = of.visit_full[peer.id], of.visit_resumed[peer.id]
        row[i + 1] = full and resumed and ("%.3f"):format(resumed / full) or "-"
      end
      rows[#rows + 1] = row
    end
  end
  return layout(rows)
end

local function versions()
  local rows = {{"", "version"}}
  for _, peer in ipairs(peers) do
    rows[#rows + 1] = {peer.title, peer.version()}
  end
  return layout(rows)
end

--- The results as sections: a list of {title, text}.
-- @tparam table results  instructions[work][peer], cpu[work][peer] (seconds),
-- hold[peer] (bytes), idle[peer] (memory, wake), https[name], count, quick
function report.sections(results)
  local sections = {
    {"Versions", versions()},
    {"Instructions, for C as they are, for the others over C's",
     ratio_table(results.instructions, number)},
    {"What pyssl may cost at most, in instructions",
     bars_table(results.instructions)},
    {"CPU seconds, for C as they are, for the others over C's",
     ratio_table(results.cpu, microseconds)},
    {"Resumed handshakes, with one byte exchanged", resumed_table(results)},
    {("Memory of a server that keeps %d idle connections"):format(results.count),
     memory_table(results)},
    {("%d connections on an event loop, of which one in a hundred speaks")
       :format(results.count), idle_table(results)},
    {"An HTTPS server under wrk, 64 connections", https_table(results)},
  }
  if #footnotes.list > 0 then
    sections[#sections + 1] = {"What could not be measured", footnotes.text()}
  end
  return sections
end

--- The whole of results.md.
function report.markdown(results, sections)
  local parts = {slurp("bench/method.md")}
  if results.quick then
    parts[#parts + 1] = "This was a quick run: short, less exact, and with "
      .. "instructions counted for C and pyssl only.\n"
  end
  parts[#parts + 1] = "![Instructions over C's](results.svg)\n"
  for _, section in ipairs(sections) do
    parts[#parts + 1] = "## " .. section[1] .. "\n\n" .. section[2]
  end
  return table.concat(parts, "\n")
end

return report
