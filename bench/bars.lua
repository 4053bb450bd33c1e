--- bars - what pyssl may cost at most, and whether it does: no measuring here.
-- A line of bars.txt is a work, a measure and a limit. The measures, of
-- instructions:
--   total        pyssl's
--   ratio        pyssl's over the C floor's
--   ratio:WORK   pyssl's over its own for another work
--   beyond       pyssl's less the C floor's
--   beyond:WORK  pyssl's less the C floor's for another work
-- Calls: nothing. Called by: check, report.
local bars = {}

-- How each measure is made of figures: figure(work, peer) gives one.
local values = {}

function values.total(figure, bar)
  return figure(bar.work, "pyssl")
end

function values.ratio(figure, bar)
  local other = figure(bar.other or bar.work, bar.other and "pyssl" or "floor")
  return figure(bar.work, "pyssl") / other
end

function values.beyond(figure, bar)
  return figure(bar.work, "pyssl") - figure(bar.other or bar.work, "floor")
end

--- The bars in a text: a list of {work, measure, other, limit}.
function bars.parse(text)
  local list = {}
  for line in text:gmatch("[^\n]+") do
    local work, measure, limit = line:match("^(%S+)%s+(%S+)%s+(%S+)%s*$")
    if work and not line:find("^#") then
      local name, other = measure:match("^(%a+):?(.*)$")
      if not values[name] then error("bars: no such measure: " .. line, 0) end
      list[#list + 1] = {
        work = work, measure = name, other = other ~= "" and other or nil,
        limit = assert(tonumber(limit), line),
      }
    elseif not line:find("^%s*#") then
      error("bars: cannot read: " .. line, 0)
    end
  end
  return list
end

--- The bars in a file.
function bars.read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return bars.parse(text)
end

--- The figures that a list of bars needs: needed[work][peer] is true.
function bars.needed(list)
  local needed = {}
  local function note(work, peer)
    needed[work] = needed[work] or {}
    needed[work][peer] = true
    return 1
  end
  for _, bar in ipairs(list) do values[bar.measure](note, bar) end
  return needed
end

--- Hold figures against bars.
-- @tparam table list  as `read` gives it
-- @tparam table results  results[work][peer] is a number of instructions
-- @treturn table  a list of {bar, value, ok}; value is nil, and ok false, where
-- a figure is missing
-- @treturn boolean  whether all are ok
function bars.compare(list, results)
  local rows, all = {}, true
  local function figure(work, peer)
    return results[work] and results[work][peer] or 0 / 0
  end
  for i, bar in ipairs(list) do
    local value = values[bar.measure](figure, bar)
    local ok = value <= bar.limit -- not so for what is missing: NaN
    rows[i] = {bar = bar, value = value == value and value or nil, ok = ok}
    all = all and ok
  end
  return rows, all
end

--- A value of a measure, as people read it: 1.125, or 1,250,000.
function bars.show(measure, value)
  if value == nil then return "missing" end
  if measure == "ratio" then return ("%.3f"):format(value) end
  local text = ("%d"):format(math.floor(value + 0.5))
  text = text:reverse():gsub("(%d%d%d)", "%1,"):reverse()
  return (text:gsub("^(%-?),", "%1"))
end

return bars
