-- The comparison behind `make bench-check`, on made-up results.
local bars = require "bench.bars"

-- Every figure exactly at its bar.
local function results_at(list)
  local results = {}
  local function set(work, peer, value)
    results[work] = results[work] or {}
    results[work][peer] = value
  end
  for _, bar in ipairs(list) do
    local other = bar.other or bar.work
    if bar.measure == "ratio" then
      set(other, bar.other and "pyssl" or "floor", 1000000)
      set(bar.work, "pyssl", bar.limit * 1000000)
    elseif bar.measure == "beyond" then
      set(other, "floor", 1000000)
      set(bar.work, "pyssl", bar.limit + 1000000)
    else
      set(bar.work, "pyssl", bar.limit)
    end
  end
  -- What another bar stands on is there too, and meets its own.
  results.visit_full.pyssl = 1000000
  return results
end

local function failures(rows)
  local failed = {}
  for _, row in ipairs(rows) do
    if not row.ok then failed[#failed + 1] = row.bar.work end
  end
  return failed
end

describe("the guard of the speed bars", function()
  local list = bars.read("bench/bars.txt")

  it("accepts figures that are at their bars", function()
    local rows, all = bars.compare(list, results_at(list))
    assert.is_true(all)
    assert.equal(#list, #rows)
  end)

  for i, bar in ipairs(list) do
    it(("fails where %s costs 5%% more"):format(bar.work), function()
      local results = results_at(list)
      results[bar.work].pyssl = results[bar.work].pyssl * 1.05
      local rows, all = bars.compare(list, results)
      assert.is_false(all)
      assert.same({bar.work}, failures(rows))
      assert.is_true(rows[i].value > bar.limit)
    end)
  end

  it("holds what the project promises, nothing looser", function()
    local promised = bars.parse([[
handshake ratio 1.01
echo_small ratio 1.14
echo_large ratio 1.07
download ratio 1.11
download_into ratio 1.02
upload ratio 1.02
context_second total 1550000
context_first beyond:context_bare_first 5000000
visit_resumed ratio:visit_full 0.45
read_nothing beyond 2000
]])
    local held = {}
    for _, bar in ipairs(list) do held[bar.work] = bar end
    for _, bar in ipairs(promised) do
      local ours = held[bar.work]
      assert.same({bar.measure, bar.other}, {ours.measure, ours.other})
      assert.is_true(ours.limit <= bar.limit, bar.work)
    end
  end)

  it("fails where a figure is missing", function()
    local results = results_at(list)
    results.upload.floor = nil
    local rows, all = bars.compare(list, results)
    assert.is_false(all)
    assert.same({"upload"}, failures(rows))
  end)

  it("knows which figures it needs", function()
    local needed = bars.needed(bars.parse([[
a ratio 1
b ratio:c 1
d beyond:e 1
# f total 1
g total 1
]]))
    assert.same({
      a = {pyssl = true, floor = true}, b = {pyssl = true}, c = {pyssl = true},
      d = {pyssl = true}, e = {floor = true}, g = {pyssl = true},
    }, needed)
  end)

  it("refuses bars that it cannot read", function()
    assert.has_error(function() bars.parse("upload ratio") end)
    assert.has_error(function() bars.parse("upload speed 1.0") end)
  end)
end)

describe("what README.md says of speed", function()
  local function read(path)
    local file <close> = assert(io.open(path))
    return file:read("a")
  end

  -- The cells of a table's rows, in the text behind a title.
  local function rows(text, title)
    local from = select(2, text:find("\n## " .. title, 1, true))
    local part = assert(text:sub(from + 1):match("(.-)\n## "), title)
    local found = {}
    for line in part:gmatch("\n(|[^\n]*)") do
      local row = {}
      for cell in line:gmatch("| *(.-) *%f[|]") do row[#row + 1] = cell end
      found[#found + 1] = row
    end
    return found
  end

  local readme, results = read "README.md", read "bench/results.md"

  -- The cell of a row whose first one begins with `work`.
  local function measured(title, work, column)
    for _, row in ipairs(rows(results, title)) do
      if row[1]:sub(1, #work) == work then return row[column] end
    end
    error("nobody has measured: " .. work)
  end

  it("is what the benchmark has measured", function()
    local told = rows(readme, "How fast it is")
    assert.is_true(#told > 2) -- the first two are the head
    for i = 3, #told do
      local work = told[i][1]:gsub("`", "")
      for column = 2, #told[1] do -- the benchmark's second is C
        assert.equal(measured("Instructions", work, column + 1),
                     told[i][column], work)
      end
    end
  end)

  it("is what memory a connection takes, too", function()
    for _, server in ipairs {"pyssl", "C,"} do
      local bytes = measured("Memory", server, 2):gsub(",", "")
      local told = ("%.1f KB"):format(bytes / 1000)
      assert.truthy(readme:find(told, 1, true), told)
    end
  end)
end)
