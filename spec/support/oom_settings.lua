--- More cases for oom_cases.lua: settings of one connection.
local ssl = require "pyssl"

local case = require "support.oom_case"
local read, simple = case.read, case.simple

local ctx = ssl.create_default_context {cafile = case.path "ca.pem"}
local OWN = {server_hostname = "localhost", certificate = read "server.pem",
  private_key = read "server.key", trust = read "ca.pem",
  verify_mode = ssl.CERT_REQUIRED, alpn_protocols = {"h2", "http/1.1"}}

local function open(options)
  return ctx:wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), options)
end

simple("settings of a connection", function() open(OWN):close() end)
simple("a key of a connection that does not match", function()
  pcall(open, {server_hostname = "localhost", certificate = read "server.pem",
               private_key = read "leaf.key"})
end)
simple("load_cert_chain of a connection", function()
  local conn <close> = open(OWN)
  conn:load_cert_chain(case.path "server-rsa.pem", case.path "server-rsa.key")
end)
