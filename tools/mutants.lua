--- Breaks the sources in the places that spec/mutants/ lists, one at a time,
-- and runs the spec files that are to notice. It works on copies of the tree in
-- a temporary directory, two at once.
-- Usage, in the root: lua tools/mutants.lua [PATTERN], where the Lua pattern
-- chooses entries by their list, their file or what breaks. Fails where a
-- mutant survives, where an entry's text is not found exactly once, where the
-- specs fail before anything is broken, and where a mutant does not compile.
-- With --check it only looks for the texts.
-- Environment: MAKE.
--
-- Each list returns an array of entries: in `file` the text `find`, which stands
-- there once, becomes `replace`, so that `breaks` is true; the specs of the
-- subjects in `spec` are to fail then, on Lua `vm` where that is given.
local LISTS = "spec/mutants/*.lua"
local BUILD_LIMIT, SPEC_LIMIT, BASELINE_LIMIT = 300, 180, 900 -- seconds
local TIMED_OUT = 124 -- the status of timeout(1)
local COPIES = 2

local make = os.getenv("MAKE") or "make"

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("a")
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  assert(file:close())
end

-- What a shell command says, and its exit status.
local function run(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local output = pipe:read("a")
  local _, _, status = pipe:close()
  return status, output
end

local function check_run(what, command)
  local status, output = run(command)
  if status ~= 0 then error(what .. " failed:\n" .. output, 0) end
  return output
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- make in the copy at `root`, for a VM; what the outer make says to inner ones
-- is not meant for it. No spec of the lists needs what nginx loads.
local function command_of(root, limit, vm, arguments)
  local outer = "env -u MAKEFLAGS -u MFLAGS" .. (vm and " -u LUA" or "")
  return ("cd %s && %s timeout %d %s -s nginx_core= %s %s"):format(quote(root),
    outer, limit, make, vm and "LUA_VERSION=" .. vm or "", arguments)
end

local function build(root, vm)
  return run(command_of(root, BUILD_LIMIT, vm, "build native"))
end

-- Run spec files up to the first failure: the others may each take their time.
local function run_specs(root, vm, specs, limit)
  return run(command_of(root, limit, vm,
    "suite ARGS=" .. quote("--no-keep-going " .. specs)))
end

-- ---- the list ----

-- The entry's position in its file's text. Raises unless there is just one.
local function find(entry, text)
  local from, to = text:find(entry.find, 1, true)
  if not from then
    error(("%s: not found (%s):\n%s"):format(entry.file, entry.breaks,
      entry.find), 0)
  end
  if text:find(entry.find, from + 1, true) then
    error(("%s: found more than once (%s):\n%s"):format(entry.file,
      entry.breaks, entry.find), 0)
  end
  return from, to
end

local function mutate(entry, text)
  local from, to = find(entry, text)
  return text:sub(1, from - 1) .. entry.replace .. text:sub(to + 1)
end

local function is_chosen(entry, pattern)
  return not pattern or entry.list:find(pattern) or entry.file:find(pattern)
    or entry.breaks:find(pattern)
end

-- All entries, those of each file in their order.
local function read_lists()
  local all = {}
  for path in check_run("ls", "ls " .. LISTS):gmatch("%S+") do
    for _, entry in ipairs(dofile(path)) do
      entry.list = path
      all[#all + 1] = entry
    end
  end
  return all
end

-- The chosen entries. All of them are looked for in the sources.
local function load_list(pattern)
  local chosen, faults = {}, {}
  for _, entry in ipairs(read_lists()) do
    local ok, fault = pcall(find, entry, read(entry.file))
    if not ok then faults[#faults + 1] = fault end
    if is_chosen(entry, pattern) then chosen[#chosen + 1] = entry end
  end
  if #faults > 0 then error(table.concat(faults, "\n"), 0) end
  if #chosen == 0 then error("no entry is chosen", 0) end
  return chosen
end

-- The files of entry.spec, which names subjects.
local function spec_files(entry)
  return (entry.spec:gsub("%S+", "spec/%0_spec.lua"))
end

-- ---- one mutant ----

-- The name of the first spec that failed.
local function first_failure(output)
  return output:match("Failure %-> [^\n]*\n([^\n]*)")
    or output:match("Error %-> [^\n]*\n([^\n]*)")
    or output:match("([^\n]*ran longer than[^\n]*)")
    or output:match("([^\n]+)\n*$") or "?"
end

-- "caught", "SURVIVED" or "BROKEN", and what there is to say.
local function try(entry)
  local chunk, fault = loadfile(entry.file)
  if entry.file:find("%.lua$") and not chunk then return "BROKEN", fault end
  local status, output = build(".", entry.vm)
  if status ~= 0 then return "BROKEN", output end
  status, output = run_specs(".", entry.vm, spec_files(entry), SPEC_LIMIT)
  if status == 0 then return "SURVIVED", spec_files(entry) end
  if status == TIMED_OUT then return "caught", "by the time limit" end
  return "caught", first_failure(output)
end

local function judge(entry)
  local text = read(entry.file)
  write(entry.file, mutate(entry, text))
  local verdict, detail = try(entry)
  write(entry.file, text)
  return verdict, detail
end

-- A worker, in its copy: judges the entries of its share, a line each.
local function work(share, pattern)
  io.stdout:setvbuf("line")
  for i, entry in ipairs(load_list(pattern)) do
    if i % COPIES == share then
      local verdict, detail = judge(entry)
      print(("%s\t%s: %s [%s]"):format(verdict, entry.file, entry.breaks,
        (detail:gsub("%s+", " "))))
    end
  end
end

-- ---- all of them ----

local function copy_tree(root)
  check_run("copying", ("mkdir -p %s && tar -cf - --exclude=./.git "
    .. "--exclude=./build --exclude='./build-*' . | tar -xf - -C %s"):format(
    quote(root), quote(root)))
end

-- The spec files of the entries for a VM, each once.
local function specs_for(list, vm)
  local specs, seen = {}, {}
  for _, entry in ipairs(list) do
    for spec in spec_files(entry):gmatch("%S+") do
      if entry.vm == vm and not seen[spec] then
        specs[#specs + 1] = spec
        seen[spec] = true
      end
    end
  end
  return specs
end

-- Unbroken, the specs pass on a VM.
local function check_specs(root, list, vm)
  local specs = specs_for(list, vm)
  if #specs == 0 then return end
  local status, output = build(root, vm)
  if status ~= 0 then error("building failed:\n" .. output, 0) end
  status, output = run_specs(root, vm, table.concat(specs, " "), BASELINE_LIMIT)
  if status ~= 0 then error("without a mutant:\n" .. output, 0) end
  print(("%d spec files pass without a mutant%s"):format(#specs,
    vm and " on Lua " .. vm or ""))
end

local function check_baseline(root, list)
  local vms = {}
  for _, entry in ipairs(list) do
    if entry.vm then vms[entry.vm] = true end
  end
  check_specs(root, list)
  for vm in pairs(vms) do check_specs(root, list, vm) end
end

local function start_worker(root, share, pattern)
  return assert(io.popen(("cd %s && %s tools/mutants.lua --work %d %s"):format(
    quote(root), quote(arg[-1]), share, pattern and quote(pattern) or "")))
end

-- Pass on what the workers say, in turn; how often they said what.
local function collect(pipes)
  local count = {caught = 0, SURVIVED = 0, BROKEN = 0}
  while #pipes > 0 do
    for i = #pipes, 1, -1 do
      local line = pipes[i]:read()
      if line then
        print(line)
        local verdict = line:match("^%a+")
        count[verdict] = count[verdict] + 1
      else
        pipes[i]:close()
        table.remove(pipes, i)
      end
    end
  end
  return count
end

local function main(directory, pattern)
  local list = load_list(pattern)
  local pipes = {}
  copy_tree(directory .. "/0")
  check_baseline(directory .. "/0", list)
  for share = 1, COPIES - 1 do
    check_run("copying", ("cp -a %s/0 %s/%d"):format(directory, directory,
      share))
  end
  for share = 0, COPIES - 1 do
    pipes[#pipes + 1] =
      start_worker(directory .. "/" .. share, share, pattern)
  end
  local count = collect(pipes)
  print(("mutants: %d of %d caught, %d survived, %d do not compile"):format(
    count.caught, #list, count.SURVIVED, count.BROKEN))
  return count.caught == #list
end

if arg[1] == "--work" then
  work(tonumber(arg[2]), arg[3])
elseif arg[1] == "--check" then
  local ok, list = pcall(load_list)
  if not ok then io.stderr:write(list, "\n") end
  if ok then print(("%d mutants, each in its place"):format(#list)) end
  os.exit(ok)
else
  local directory = check_run("mktemp", "mktemp -d"):match("%S+")
  io.stdout:setvbuf("line")
  local ok, passed = pcall(main, directory, arg[1])
  os.execute("rm -rf " .. quote(directory))
  if not ok then io.stderr:write(passed, "\n") end
  os.exit(ok and passed)
end
