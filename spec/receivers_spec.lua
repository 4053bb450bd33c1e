--- Every method, attribute and metamethod of every class, called by hand with
-- what it is not for. What is called is found in the metatables.
local child = require "support.child"
local memory = require "support.memory"
local native = require "native"
local objects = require "support.objects"
local pair = require "support.pair"
local raised = require "support.raised"
local ssl = require "pyssl"
local core = require "pyssl.core"
local vm = require "support.vm"

-- The metatables of all userdata, those that no user ever sees among them.
local function metatables()
  local out = {}
  for name, value in pairs(debug.getregistry()) do
    if type(name) == "string" and name:find("^ssl%.")
       and type(value) == "table" and value.__newindex then
      out[name] = value
    end
  end
  return out
end

-- Tables of methods and of attributes are upvalues of __index and __newindex.
local function upvalue_tables(f)
  local out, i = {}, 1
  while debug.getupvalue(f, i) do
    local _, value = debug.getupvalue(f, i)
    if type(value) == "table" then out[#out + 1] = value end
    i = i + 1
  end
  return out
end

local function add_functions(out, functions, prefix)
  for name, f in pairs(functions) do
    if type(f) == "function" then out[prefix .. name] = f end
  end
end

-- All functions of a class that take a receiver: name to function. __index
-- gives a method to whoever asks; what it gives checks.
local function functions_of(name, metatable)
  local out = {}
  add_functions(out, metatable, name .. ".")
  out[name .. ".__index"] = nil
  for _, f in ipairs({metatable.__index, metatable.__newindex}) do
    for i, functions in ipairs(upvalue_tables(f)) do
      if functions ~= metatable then
        add_functions(out, functions, ("%s[%d]."):format(name, i))
      end
    end
  end
  return out
end

-- A table with the metatable of class `name`, which the collector does not
-- finalize: that would raise, on some VMs out of any function.
local function forged(name)
  local metatable = debug.getregistry()[name]
  local finalizer = metatable.__gc
  metatable.__gc = nil
  local out = setmetatable({}, metatable)
  metatable.__gc = finalizer
  return out
end

-- What is no object of class `name`.
local function strangers(name, all)
  local out = {
    false, 5, 0.5, "text", {}, print, io.stdout, coroutine.create(print),
    forged(name), setmetatable({}, {__name = name}),
  }
  for other, object in pairs(all) do
    if other ~= name then out[#out + 1] = object end
  end
  return out
end

vm.describe_needs("upvalues", "every function of a class", function()
  it("raises when its receiver is another value, or none", function()
    local all, count = objects.all(), 0
    for name, metatable in pairs(metatables()) do
      for place, f in pairs(functions_of(name, metatable)) do
        count = count + 1
        assert.is_false(pcall(f), place)
        for _, other in ipairs(strangers(name, all)) do
          assert.is_false(pcall(f, other), place)
          assert.is_false(pcall(f, other, "x", 1, 2, 3), place)
        end
      end
    end
    assert.is_true(count > 100) -- it does look at them
    objects.close(all)
  end)

  it("is found in every metatable of an object", function()
    local all, known = objects.all(), metatables()
    for name, object in pairs(all) do
      assert.equal(name, getmetatable(object).__name)
      if name ~= "ssl.error" then
        assert.equal(known[name], getmetatable(object))
      end
    end
    objects.close(all)
  end)

  it("names the class that was expected", function()
    for name, metatable in pairs(metatables()) do
      raised.text(name .. " expected, got number", metatable.__tostring, 5)
      raised.text(name .. " expected, got table", metatable.__newindex, {}, "x",
        1)
    end
  end)
end)

describe("what looks like an object", function()
  it("is none: not a copy of its bytes, nor a pointer to them", function()
    local buffer, conn = ssl.buffer(10), objects.all()["ssl.socket"]
    for _, forgery in ipairs {native.copy(conn), native.copy(buffer)} do
      for _, name in ipairs {"recv", "recv_into", "read", "send", "sendall"} do
        raised.text("ssl.socket expected, got userdata", core.steps[name],
          forgery, buffer)
      end
      for _, f in ipairs {buffer.sub, buffer.byte, buffer.put, buffer.close} do
        raised.text("ssl.buffer expected, got userdata", f, forgery, 1, 1)
      end
      raised.text("string expected, got userdata", buffer.put, buffer, 1,
        forgery)
    end
    conn:close()
  end)

  it("works on when it was finalized by hand", function()
    local client, server = pair.connected()
    local buffer = ssl.buffer(4)
    client:sendall("text")
    getmetatable(buffer).__gc(buffer)
    assert.equal(0, #buffer)
    assert.equal(0, server:recv_into(buffer)) -- known by its metatable still
    buffer = ssl.buffer(4)
    assert.equal(4, server:recv_into(buffer))
    assert.equal("text", buffer:sub(1))
    getmetatable(client).__gc(client)
    raised(ssl.OSError, client.sendall, client, "more")
    pair.close(client, server)
  end)
end)

describe("every step that the operation loop drives", function()
  it("raises when its receiver is another value, or none", function()
    local all = objects.all()
    all["ssl.socket"]:close()
    for name, f in pairs(core.steps) do
      assert.is_false(pcall(f), name)
      for _, other in ipairs(strangers("ssl.socket", all)) do
        assert.is_false(pcall(f, other), name)
        assert.is_false(pcall(f, other, "x", 1, 2, 3), name)
      end
    end
    objects.close(all)
  end)
end)

-- ---- what is of the right class, and anything else ----

local TEXT = "x/y" -- where nobody makes a file of that name

local JUNK = {
  false, true, 0, 1, -1, 3, 0.5, 2 ^ 53, 2 ^ 70, math.mininteger,
  math.maxinteger, 0 / 0, 1 / 0, "", TEXT, "a\0b", "/", ("x"):rep(70000), {},
  {1}, {"x", "y"}, {{}}, {x = 1}, print, coroutine.create(print),
}

local function with_objects(list)
  local out = {table.unpack(list)}
  for _, object in pairs(objects.all()) do out[#out + 1] = object end
  return out
end

-- Call f(object, ...) with all kinds of arguments. Nothing waits: a socket
-- given here has timeout 0, and is given it again each time.
local function call_with_junk(f, object, junk)
  local function call(...)
    if core.is_socket(object) then pcall(object.settimeout, object, 0) end
    pcall(f, object, ...)
  end
  call()
  for _, value in ipairs(junk) do
    call(value)
    call(value, value)
    call(nil, value)
    call(value, nil, value)
    call(value, value, value, value)
  end
end

-- What closes comes last.
local LAST = {close = true, __close = true, detach = true, give_up = true,
  __gc = true, unwrap = true, shutdown = true}

-- The names of functions, in the order to call them.
local function in_order(functions)
  local places = {}
  for place in pairs(functions) do places[#places + 1] = place end
  local function is_last(place)
    return LAST[place:match("[%w_]+$")] and 1 or 0
  end
  table.sort(places, function(a, b)
    if is_last(a) ~= is_last(b) then return is_last(a) < is_last(b) end
    return a < b
  end)
  return places
end

-- Run all functions of the object's class, in a process of its own: a crash
-- ends that one.
local function survives(make)
  local peer <close> = child.run(function()
    local object, more = make()
    local metatable = getmetatable(object)
    local junk = with_objects(JUNK)
    local functions = functions_of(metatable.__name, metatable)
    if core.is_socket(object) then
      for name, step in pairs(core.steps) do functions[name] = step end
    end
    local places = in_order(functions)
    for _, place in ipairs(places) do
      call_with_junk(functions[place], object, junk)
    end
    for _, place in ipairs(places) do
      call_with_junk(functions[place], object, {5, TEXT})
    end
    return more and #places or #places -- so long does `more` live
  end)
  assert.is_true(tonumber(peer:join()) > 3)
end

local function closed(make)
  return function()
    local object, more = make()
    object:close()
    return object, more
  end
end

local function connected(side)
  return function()
    local client, server = pair.connected()
    client:settimeout(0)
    server:settimeout(0)
    if side == "client" then return client, server end
    return server, client
  end
end

local MAKERS = {
  context = function() return objects.all()["ssl.context"] end,
  ["server's context"] = function()
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  end,
  buffer = function() return objects.all()["ssl.buffer"] end,
  certificate = function() return objects.all()["ssl.certificate"] end,
  ["private key"] = function() return objects.all()["ssl.privatekey"] end,
  ["memory BIO"] = function() return objects.all()["ssl.memorybio"] end,
  object = function() return objects.all()["ssl.object"] end,
  ["client over memory"] = function()
    local ends = memory.connected()
    return ends.client, ends
  end,
  ["server over memory"] = function()
    local ends = memory.connected()
    return ends.server, ends
  end,
  window = function() return ssl.buffer("0123456789"):slice(3, 5) end,
  socket = function() return objects.all()["ssl.socket"] end,
  client = connected("client"),
  server = connected("server"),
  listener = function()
    local listener = pair.server_context():wrap_socket(nil,
      {server_side = true})
    listener:bind("127.0.0.1", 0)
    listener:listen(1)
    return listener
  end,
  ["unwrapped socket"] = function()
    local client, server = pair.connected()
    client:settimeout(0)
    server:settimeout(0)
    pair.drive({client.unwrap, client}, {server.unwrap, server})
    return client, server
  end,
}

vm.describe_needs("upvalues", "an object survives all that can be asked of it:",
  function()
  for name, make in pairs(MAKERS) do
    it("a " .. name, function() survives(make) end)
    it("a closed " .. name, function() survives(closed(make)) end)
  end

  it("a purpose", function()
    survives(function() return ssl.Purpose.CLIENT_AUTH end)
  end)
end)
