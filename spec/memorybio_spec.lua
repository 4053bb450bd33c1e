local memory = require "support.memory"
local raised = require "support.raised"
local ssl = require "pyssl"

describe("a MemoryBIO", function()
  it("gives back what was written, in order, as much as is asked for [F.2]", function()
    local bio = ssl.MemoryBIO()
    assert.equal(0, bio.pending)
    assert.equal(5, bio:write("hello"))
    assert.equal(6, bio:write(" world"))
    assert.equal(11, bio.pending)
    assert.equal("", bio:read(0))
    assert.equal("hel", bio:read(3))
    assert.equal("lo ", bio:read(3.0))
    assert.equal(5, bio.pending)
    assert.equal("world", bio:read(100))
    assert.equal("", bio:read())
    bio:write("rest")
    assert.equal("rest", bio:read(-1))
    bio:write("all")
    assert.equal("all", bio:read())
    assert.equal(0, bio.pending)
  end)

  it("stores any bytes, and those of a buffer as well [F.2]", function()
    local bio, all = ssl.MemoryBIO(), {}
    for i = 0, 255 do all[#all + 1] = string.char(i) end
    local bytes = table.concat(all)
    assert.equal(256, bio:write(bytes))
    assert.equal(3, bio:write(ssl.buffer("\0\1\2")))
    assert.equal(0, bio:write(""))
    assert.equal(0, bio:write(ssl.buffer(0)))
    assert.equal(bytes .. "\0\1\2", bio:read())
  end)

  it("keeps the order however writes and reads mix [F.2]", function()
    local bio, put, got, n = ssl.MemoryBIO(), {}, {}, 1
    for round = 1, 300 do
      n = n * 16807 % 2147483647
      local text = ("%d,"):format(n):rep(n % 97 + 1)
      put[#put + 1] = text
      bio:write(text)
      got[#got + 1] = bio:read(n % (round % 7 == 0 and 3000 or 400))
    end
    local written, stored = table.concat(put), bio.pending
    got[#got + 1] = bio:read()
    assert.equal(stored, #got[#got])
    assert.equal(written, table.concat(got))
  end)

  it("is at its end when write_eof was called and all is read [F.2]", function()
    local bio = ssl.MemoryBIO()
    assert.is_false(bio.eof)
    bio:write("x")
    assert.is_true(bio:write_eof())
    assert.is_true(bio:write_eof())
    assert.is_false(bio.eof)
    assert.equal("x", bio:read())
    assert.is_true(bio.eof)
    assert.equal("", bio:read())
    assert.is_true(bio.eof)
  end)

  it("takes nothing after write_eof, not even nothing [I-98]", function()
    local bio = ssl.MemoryBIO()
    bio:write("kept")
    bio:write_eof()
    for _, data in ipairs {"x", "", ssl.buffer(1)} do
      local err = raised(ssl.SSLError, bio.write, bio, data)
      assert.equal("cannot write() after write_eof()", err.message)
    end
    assert.equal("kept", bio:read())
  end)

  it("refuses what is no integer, no bytes, or too much [I-99]", function()
    local bio = ssl.MemoryBIO()
    bio:write("kept")
    raised.text("integer expected, got nil", bio.read, bio, nil)
    raised.text("integer expected, got string", bio.read, bio, "1")
    raised.text("integer expected, got number", bio.read, bio, 1.5)
    raised.text("integer expected, got table", bio.read, bio, {n = 1})
    raised(ssl.TypeError, bio.read, bio, 1, 1)
    raised.text("string or buffer expected, got number", bio.write, bio, 5)
    raised.text("string or buffer expected, got nil", bio.write, bio, nil)
    raised.text("string or buffer expected, got table", bio.write, bio, {"x"})
    raised(ssl.TypeError, ssl.MemoryBIO, 5)
    raised(ssl.TypeError, ssl.MemoryBIO, {size = 5})
    assert.equal("kept", bio:read())
  end)

  it("has attributes for reading only [F.2]", function()
    local bio = ssl.MemoryBIO()
    for _, name in ipairs {"pending", "eof"} do
      local err = raised(ssl.AttributeError, function() bio[name] = 1 end)
      assert.equal(("attribute '%s' is read-only"):format(name), err.message)
    end
  end)

  it("is empty, not ended, to a connection until write_eof says so [F.2]", function()
    local ends <close> = memory.connected()
    raised(ssl.SSLWantReadError, ends.client.read, ends.client, 1)
    ends.client_in:write_eof()
    raised(ssl.SSLEOFError, ends.client.read, ends.client, 1)
  end)

  it("takes what a connection writes after its end was set [F.2]", function()
    local ends <close> = memory.connected()
    ends.client_out:write_eof()
    assert.equal(5, ends.client:write("still"))
    assert.is_true(ends.client_out.pending > 5)
    ends:carry("client")
    assert.equal("still", ends.server:read())
  end)

  it("can be closed, which ends no connection on it [F.2]", function()
    local ends <close> = memory.connected()
    ends.server:write("stored")
    ends:carry("server")
    for _ = 1, 2 do assert.is_true(ends.client_in:close()) end
    for name, arguments in pairs {read = {}, write = {"x"}, write_eof = {}} do
      raised(ssl.ValueError, ends.client_in[name], ends.client_in,
        table.unpack(arguments))
    end
    raised(ssl.ValueError, function() return ends.client_in.pending end)
    raised(ssl.ValueError, function() return ends.client_in.eof end)
    assert.matches("^ssl.memorybio: ", tostring(ends.client_in))
    assert.equal("stored", ends.client:read())
    raised(ssl.ValueError, ends.client.context.wrap_bio, ends.client.context,
      ends.client_in, ends.client_out, {server_hostname = "localhost"})
  end)

  it("lives as long as a connection on it", function()
    local ends <close> = memory.connected()
    local client = ends.client
    ends.server:write("stored")
    ends:carry("server")
    ends.client_in, ends.client_out = nil, nil
    collectgarbage()
    collectgarbage()
    assert.equal("stored", client:read())
    assert.equal(4, client:write("more"))
  end)
end)
