-- errors.lua - the error classes, for the modules written in Lua.
-- Calling a class builds an error object: error(errors.ValueError("text"), 0).
return require("pyssl.core").errors
