--- object - the methods of ssl.object that a callback can stop.
-- Calls: op. Called by: pyssl.

local core = require "pyssl.core"
local op = require "pyssl.op"

local object = core.methods.object

-- Documented where they are: src/bind/object.c.
for _, name in ipairs {"do_handshake", "read", "write", "unwrap"} do
  object[name] = op.method(object[name])
end
