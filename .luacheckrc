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
  string = {fields = {"pack", "unpack"}},
}

files["spec"] = {std = "lua54+busted"}
files["tools"] = {std = "lua54"}
files["examples"] = {std = "lua54"}
