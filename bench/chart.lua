--- chart - instructions over C's as an SVG chart, by gnuplot.
-- Calls: peers, shell. Called by: run.
local peers = require "bench.peers"
local shell = require "bench.shell"

local chart = {}

local SHOWN = {
  {"handshake", "handshake"}, {"echo_small", "100-byte\\necho"},
  {"echo_large", "16 KiB\\necho"}, {"download", "recv"},
  {"download_into", "recv\\\\_into"}, {"upload", "upload"},
}

local SCRIPT = [[
set terminal svg size 900,420 font "sans,13" background "white"
set output %s
set title "Instructions over those of a C program (lower is better)"
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.9 border -1
set boxwidth 0.9
set grid ytics
set bmargin 3.5
set yrange [1:*]
set key outside top center horizontal
set datafile missing "-"
plot %s
]]

local COLOURS = {pyssl = "#2a6fbb", luasec = "#d98c2b", luaossl = "#7aa457",
                 cpython = "#a05195"}

-- A line for each work, a column for each peer but the floor.
local function data(results)
  local lines = {}
  for _, shown in ipairs(SHOWN) do
    local figures = results[shown[1]]
    if figures and figures.floor then
      local line = {('"%s"'):format(shown[2])}
      for _, peer in ipairs(peers) do
        if peer.id ~= "floor" then
          local value = figures[peer.id]
          line[#line + 1] = value and ("%.4f"):format(value / figures.floor)
            or "-"
        end
      end
      lines[#lines + 1] = table.concat(line, " ")
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

--- Draw it.
-- @tparam string path  of the picture
-- @tparam string dir  a temporary directory
-- @tparam table results  results[work][peer] in instructions
function chart.draw(path, dir, results)
  local plots = {}
  local column = 1
  for _, peer in ipairs(peers) do
    if peer.id ~= "floor" then
      column = column + 1
      plots[#plots + 1] = ("'%s/chart.dat' using %d:xtic(1) title %q "
        .. "linecolor rgb '%s'"):format(dir, column, peer.title,
                                        COLOURS[peer.id])
    end
  end
  write(dir .. "/chart.dat", data(results))
  write(dir .. "/chart.gp",
        SCRIPT:format(("'%s'"):format(path), table.concat(plots, ", \\\n  ")))
  shell.output("gnuplot " .. shell.quote(dir .. "/chart.gp"))
end

return chart
