-- `make check` runs luacheck with this.
max_line_length = 100
cache = false

-- The module is written so that it also runs on 5.1 and LuaJIT: what they lack
-- is named here, so that it is used on purpose.
std = "min"
read_globals = {
  "warn", "unpack", "utf8",
  table = {fields = {"unpack", "pack", "move"}},
  math = {fields = {"type", "tointeger"}},
  coroutine = {fields = {"isyieldable"}},
  string = {fields = {"pack", "unpack"}},
}

files["spec"] = {std = "lua54+busted"}
-- These run on every VM, too, or fill in for what one lacks.
for _, name in ipairs {"vm", "vmlib", "translate", "tokens"} do
  files["spec/support/" .. name .. ".lua"] = {std = "max"}
end
files["spec/support/wrk.lua"] = {std = "luajit", globals = {"setup", "init", "delay", "response", "done",
  "total", "right", "wrong", "workers", "pids", "wrk"}}
files["examples/nginx"] = {std = "ngx_lua"}
files["tools"] = {std = "lua54"}
files["examples"] = {std = "lua54"}
files["bench"] = {std = "lua54"}
