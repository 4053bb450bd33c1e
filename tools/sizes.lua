--- Checks sizes (style.md, section 2): a C file has at most 700 lines, a Lua
-- file 400, a C function 60. Says how long functions are on the whole.
-- Usage: lua tools/sizes.lua FILE...
local LIMITS = {c = 700, h = 700, lua = 400}
local FUNCTION_LIMIT = 60

local failures = 0

local function complain(format, ...)
  failures = failures + 1
  io.stderr:write(format:format(...), "\n")
end

local function check_file(file)
  local lines = 0
  for _ in io.lines(file) do lines = lines + 1 end
  local limit = LIMITS[file:match("%.(%w+)$")]
  if lines > limit then
    complain("%s: %d lines, at most %d", file, lines, limit)
  end
end

-- The lengths of the functions in C files, by ctags.
local function functions(files)
  local lengths = {}
  local command = "ctags --languages=C --langmap=C:.c --kinds-C=f "
    .. "--fields=+ne -f - " .. table.concat(files, " ")
  local pipe = assert(io.popen(command))
  for tag in pipe:lines() do
    local name, file = tag:match("^(%S+)\t(%S+)\t")
    local first, last = tag:match("line:(%d+)"), tag:match("end:(%d+)")
    local length = last - first + 1
    lengths[#lengths + 1] = length
    if length > FUNCTION_LIMIT then
      complain("%s:%d: %s has %d lines, at most %d", file, first, name, length,
        FUNCTION_LIMIT)
    end
  end
  if not pipe:close() then complain("ctags failed") end
  return lengths
end

local c_files = {}
for _, file in ipairs(arg) do
  check_file(file)
  if file:find("%.c$") then c_files[#c_files + 1] = "'" .. file .. "'" end
end
if #c_files > 0 then
  local lengths = functions(c_files)
  table.sort(lengths)
  local n = #lengths
  if n == 0 then complain("ctags found no function") end
  io.write(("%d C functions: median %d lines, nine in ten at most %d, longest %d\n")
    :format(n, lengths[math.ceil(n / 2)] or 0, lengths[math.ceil(n * 0.9)] or 0,
    lengths[n] or 0))
end
os.exit(failures == 0)
