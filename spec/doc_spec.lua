-- The reference in doc/ against the live module, the contract, and itself.
local carry = require "support.carry"
local certs = require "support.certs"
local pages = require "support.pages"
local pair = require "support.pair"
local process = require "support.process"
local resumption = require "support.resumption"
local ssl = require "pyssl"
local vm = require "support.vm"

local PORT = "8443" -- what the examples say

local function sorted_keys(set)
  local keys = {}
  for key in pairs(set) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

-- ---- what there is ----

local names = {} -- a set of entries as pages.entries gives them

local function add(prefix, t)
  for name in pairs(t) do
    if type(name) == "string" then names[prefix .. name] = true end
  end
end

-- A class of C keeps its methods and getters in upvalues of its __index.
local function members_of(metatable)
  local index = metatable.__index
  if type(index) ~= "function" then return {}, {} end
  local _, methods = debug.getupvalue(index, 2)
  local _, getters = debug.getupvalue(index, 3)
  return methods or {}, getters or {}
end

local seen = {} -- the metatables of these classes

local function add_class(receiver, object)
  seen[getmetatable(object)] = true
  local methods, getters = members_of(getmetatable(object))
  add(receiver .. ":", methods)
  add(receiver .. ".", getters)
end

-- What waiters are given in a connection's place: it answers as that does.
local POLLABLES = {["ssl.bell"] = true, ["ssl.resolver"] = true}

-- Classes that have something to be called or read, and that nobody looks at.
local function overlooked()
  local list = {}
  for name, metatable in pairs(debug.getregistry()) do
    if type(name) == "string" and name:find("^ssl%.") and not POLLABLES[name]
       and type(metatable) == "table" and not seen[metatable] then
      local methods, getters = members_of(metatable)
      if next(methods) or next(getters) then list[#list + 1] = name end
    end
  end
  return list
end

local function add_file()
  local conn = {recv = function() end, sendall = function() end}
  local hold = {acquire = function() end, release = function() end}
  local file <close> = require("pyssl.file").new(conn, "rw", nil, hold)
  add("file:", getmetatable(file).__index)
end

local function collect_names()
  add("ssl.", ssl)
  for _, enum in ipairs {"TLSVersion", "Purpose"} do
    add("ssl." .. enum .. ".", (function()
      local members = {}
      for name in vm.pairs(ssl[enum]) do members[name] = true end
      return members
    end)())
  end
  local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  local conn <close> = ctx:wrap_socket(nil, {server_side = true})
  local buffer <close> = ssl.buffer(1)
  add_class("ctx", ctx)
  add_class("conn", conn)
  add_class("buffer", buffer)
  add_class("conn", carry.wrapped()) -- an ssl.transport: the same names
  add_class("bio", ssl.MemoryBIO())
  add_class("object", ctx:wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), true))
  add_class("certificate", ssl.certificate(certs.read "server.pem"))
  add_class("privatekey", ssl.private_key(certs.read "server.key"))
  add_class("session", resumption.session(pair.client_context(),
                                          pair.server_context()))
  add_class("purpose", ssl.Purpose.SERVER_AUTH)
  add_file()
end

vm.describe_needs("upvalues", "the reference", function()
  setup(collect_names)

  it("has an entry for everything that can be called, read or assigned", function()
    local entries, missing = pages.entries(), {}
    for _, name in ipairs(sorted_keys(names)) do
      if not entries[name] then missing[#missing + 1] = name end
    end
    assert.same({}, missing)
  end)

  it("is held against every class that there is", function()
    assert.same({}, overlooked())
  end)

  it("has the functions of each loop's adapter", function()
    local file <close> = assert(io.open "doc/loops.md")
    local text, count = file:read("a"), 0
    for _, loop in ipairs {"copas", "cqueues", "luv"} do
      assert.truthy(text:find("`pyssl.loop." .. loop .. "`", 1, true))
      for line in io.lines("lua/pyssl/loop/" .. loop .. ".lua") do
        local name = line:match("^function loop%.([%w_]+)")
        if name then
          assert.truthy(text:find("\n| `" .. name .. "(", 1, true), name)
          count = count + 1
        end
      end
    end
    assert.is_true(count >= 6)
  end)

  it("describes nothing that does not exist", function()
    local unknown = {}
    for _, name in ipairs(sorted_keys(pages.entries())) do
      local receiver = name:match("^%l+")
      local other = receiver == "err" or receiver == "cert"
      if not other and not names[name] then unknown[#unknown + 1] = name end
    end
    assert.same({}, unknown)
  end)

  it("names only rows that are in the contract", function()
    local contract, unknown = {}, {}
    for line in io.lines("spec/contract.txt") do
      contract[line:gsub("#.*", ""):match("^%s*(.-)%s*$")] = true
    end
    for _, page in ipairs(pages.all()) do
      for _, id in ipairs(pages.ids(page)) do
        if not contract[id] then unknown[#unknown + 1] = page.name .. ": " .. id end
      end
    end
    assert.same({}, unknown)
  end)

  it("has links that lead somewhere", function()
    local anchors, broken = {}, {}
    for _, page in ipairs(pages.all()) do
      anchors[page.name] = pages.anchors(page)
    end
    for _, page in ipairs(pages.all()) do
      for _, link in ipairs(pages.links(page)) do
        local file = io.open("doc/" .. link.file)
        if file then file:close() end
        local known = anchors[link.file]
        if not file or link.anchor and not (known and known[link.anchor]) then
          broken[#broken + 1] = page.name .. ": " .. link.target
        end
      end
    end
    assert.same({}, broken)
  end)
end)

-- ---- the examples ----

describe("the reference's examples", function()
  local directory, server, port

  -- The programs of a page, those that begin by loading the module, and the
  -- pieces that are no programs.
  local function programs(page)
    local whole, pieces = {}, {}
    for _, block in ipairs(page.blocks) do
      if block.language == "lua" then
        local list = block.text:find('require "pyssl"', 1, true) and whole
                     or pieces
        list[#list + 1] = block.text
      end
    end
    return whole, pieces
  end

  local function page_called(name)
    for _, page in ipairs(pages.all()) do
      if page.name == name then return page end
    end
  end

  -- The commands of README.md make the certificates.
  local function make_certificates()
    for _, block in ipairs(page_called("README.md").blocks) do
      if block.language == "sh" then
        process.check({"sh", "-ec", block.text}, {cwd = directory})
      end
    end
  end

  setup(function()
    directory = process.check({"mktemp", "-d"}):match("[^\n]+")
    make_certificates()
  end)

  teardown(function()
    process.check({"rm", "-rf", "--", directory})
  end)

  -- The first program of socket.md, on a port that is free.
  local function start_server()
    local program = programs(page_called("socket.md"))[1]
    server = process.spawn({process.lua, "-e", (program:gsub(PORT, "0"))},
                           {cwd = directory, sanitizers = true})
    port = server:expect("(%d+)$")
  end

  local function run(program)
    local out = process.check({process.lua, "-e", (program:gsub(PORT, port))},
                              {cwd = directory, sanitizers = true})
    local lines = {}
    for line in out:gmatch("[^\n]+") do
      lines[#lines + 1] = line:gsub("%s+", " ")
    end
    return lines
  end

  before_each(start_server)
  after_each(function()
    if server then server:close() end
  end)

  for _, page in ipairs(pages.all()) do
    it("print what " .. page.name .. " says they print", function()
      local whole, pieces = programs(page)
      for _, piece in ipairs(pieces) do assert(load(piece)) end
      for i, program in ipairs(whole) do
        if page.name ~= "socket.md" or i > 1 then
          assert.same(pages.expected(program), run(program))
        end
      end
      assert(#whole > 0 or #pieces > 0)
    end)
  end
end)
