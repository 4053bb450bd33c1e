--- What the objects of all classes have in common: attributes that are not
-- there or cannot be set, freeing by hand, and what tostring says.
local objects = require "support.objects"
local pair = require "support.pair"
local raised = require "support.raised"
local ssl = require "pyssl"

describe("an attribute", function()
  it("is nil where there is none, and cannot be made", function()
    local all = objects.all()
    for name, object in pairs(all) do
      for _, key in ipairs({"", "nothing", "__gc", 1, 0.5, true, {}, function() end}) do
        assert.is_nil(object[key], name)
        if name ~= "ssl.error" then
          local err = raised(ssl.AttributeError, function()
            object[key] = 1
          end)
          assert.equal(("no attribute '%s'"):format(tostring(key)), err.message)
        end
      end
    end
    objects.close(all)
  end)

  it("that is for reading only says so", function()
    local all = objects.all()
    for name, attributes in pairs({
      ["ssl.context"] = {"protocol", "security_level"},
      ["ssl.socket"] = {"server_side", "server_hostname", "family", "type",
        "proto", "timeout"},
      ["ssl.object"] = {"server_side", "server_hostname"},
      ["ssl.memorybio"] = {"pending", "eof"},
      ["ssl.purpose"] = {"nid", "shortname", "longname", "oid"},
    }) do
      for _, attribute in ipairs(attributes) do
        local err = raised(ssl.AttributeError, function()
          all[name][attribute] = 1
        end)
        assert.equal(("attribute '%s' is read-only"):format(attribute),
          err.message)
      end
    end
    objects.close(all)
  end)

  it("is no method's name", function()
    local all = objects.all()
    for _, case in ipairs({{"ssl.context", "wrap_socket"},
      {"ssl.socket", "recv"}, {"ssl.buffer", "sub"}, {"ssl.object", "read"},
      {"ssl.memorybio", "read"}}) do
      raised(ssl.AttributeError, function() all[case[1]][case[2]] = print end)
    end
    objects.close(all)
  end)
end)

describe("an object that the user frees by hand", function()
  it("is closed, and harms nobody who uses it still", function()
    local client, server = pair.connected()
    local ctx = client.context
    getmetatable(ctx).__gc(ctx)
    client:sendall("still there")
    assert.equal("still there", server:recv(100))
    raised(ssl.ValueError, function() return ctx.verify_mode end)
    raised(ssl.ValueError, ctx.wrap_socket, ctx, nil)
    getmetatable(client).__gc(client)
    getmetatable(client).__gc(client)
    raised(ssl.OSError, client.recv, client, 1)
    assert.equal(-1, client:fileno())
    pair.close(client, server)
  end)

  it("closes at the end of its block", function()
    local kept
    do
      local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
      local conn <close> = ctx:wrap_socket(nil, {server_hostname = "a.test"})
      local buffer <close> = ssl.buffer(5)
      kept = {ctx, conn, buffer}
    end
    raised(ssl.ValueError, function() return kept[1].options end)
    raised(ssl.OSError, kept[2].connect, kept[2], "127.0.0.1", 1)
    assert.equal(0, #kept[3])
    for _, each in ipairs(kept) do assert.is_true(each:close()) end
  end)

  it("says what it is, closed or not", function()
    local all = objects.all()
    for _ = 1, 2 do
      for name, object in pairs(all) do
        if name ~= "ssl.error" then
          assert.matches("^" .. name .. ": ", tostring(object))
        end
      end
      objects.close(all)
    end
  end)
end)
