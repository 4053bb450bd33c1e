-- A write that does not come to its end: the peer gets each byte that was
-- accepted once and in order, whatever is written next.
local native = require "native"
local pair = require "support.pair"
local raised = require "support.raised"
local scale = require "support.scale"
local wire = require "support.wire"
local ssl = require "pyssl"

local RECORD = 16384
local BUFFER = 4608 -- the least that a socket's send buffer can be

local VERSIONS = {ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3}

-- A wire whose client's writes block soon, for nothing is moved by itself.
local function narrow(version)
  local settings = {minimum_version = version, maximum_version = version}
  local w = wire.new {
    client = pair.client_context(settings),
    server = pair.server_context("server", settings),
  }
  w.client:setsockopt("SOL_SOCKET", "SO_SNDBUF", BUFFER)
  w.server:settimeout(0)
  return w
end

-- Bytes that tell where they stand.
local function text(length, name)
  local parts = {}
  for i = 1, length // 8 + 1 do parts[i] = ("%s%07d"):format(name, i) end
  return table.concat(parts):sub(1, length)
end

-- The same bytes in the other forms that writes take.
local FORMS = {
  string = function(s) return s end,
  buffer = ssl.buffer,
  array = function(s)
    local pieces = {}
    for i = 1, #s, 1000 do
      local piece = s:sub(i, i + 999)
      pieces[#pieces + 1] = i % 2000 == 1 and ssl.buffer(piece) or piece
    end
    return pieces
  end,
}

-- Take one record, if one has arrived.
local function receive_one(w, got)
  w:move()
  local ok, data = pcall(w.server.recv, w.server, RECORD)
  if not ok and not pair.is_want(data) then error(data, 0) end
  if ok then got[#got + 1] = data end
  return ok
end

-- Try f(...) without waiting until it succeeds, and receive meanwhile.
local function carry_out(w, got, f, ...)
  local deadline = native.now() + pair.LIMIT
  local ok, err
  w.client:settimeout(0)
  repeat
    assert(native.now() < deadline, "the write is stuck")
    receive_one(w, got)
    ok, err = pcall(f, ...)
    if not ok and not pair.is_want(err) then error(err, 0) end
  until ok
end

local function receive(w, got, length)
  local deadline = native.now() + pair.LIMIT
  while #table.concat(got) < length do
    assert(native.now() < deadline, "not everything arrived")
    receive_one(w, got)
  end
  assert.is_false(receive_one(w, got), "more arrived than was sent")
  return table.concat(got)
end

-- The ways in which a write ends early: each gives the number of bytes that
-- were accepted.
local INTERRUPTIONS = {
  ["a want"] = function(client, data, size)
    client:settimeout(0)
    raised(ssl.SSLWantWriteError, client.send, client, data)
    return math.min(size, RECORD)
  end,
  ["a time-out"] = function(client, data, size)
    client:settimeout(0.005)
    local err = raised(ssl.TimeoutError, client.sendall, client, data)
    assert.equal(math.min(size, RECORD), err.sent)
    assert.equal("write", err.op)
    return err.sent
  end,
  ["an interrupt"] = function(client, data, size)
    client:settimeout(pair.LIMIT)
    native.deadline(scale.tolerance(0.02), "interrupted!")
    raised.text("interrupted!", client.send, client, data)
    native.deadline(scale.tolerance(60))
    return math.min(size, RECORD)
  end,
}

local SIZES = {10000, 50000}

local function lengths(size)
  return {size - 1, size, size + 1}
end

local function each_case(run)
  for _, version in ipairs(VERSIONS) do
    for form, make in pairs(FORMS) do
      for _, size in ipairs(SIZES) do run(version, form, make, size) end
    end
  end
end

for how, interrupt in pairs(INTERRUPTIONS) do
  describe("A write that ends in " .. how, function()
    each_case(function(version, form, make, size)
      local what = ("(%s of %d bytes, %s)"):format(form, size,
        ssl.TLSVersion[version])

      it("is followed by other data of any length " .. what .. " [H-01]", function()
        for _, length in ipairs(lengths(size)) do
          local w <close> = narrow(version)
          local old, new, got = text(size, "a"), text(length, "b"), {}
          local accepted = interrupt(w.client, make(old), size)
          carry_out(w, got, w.client.send, w.client, make(new))
          assert.equal(old:sub(1, accepted) .. new,
                       receive(w, got, accepted + length))
        end
      end)

      if how ~= "a time-out" then
        it("sends the same data once when it is tried again " .. what .. " [H-01]",
          function()
            local w <close> = narrow(version)
            local old, got = text(size, "a"), {}
            interrupt(w.client, make(old), size)
            carry_out(w, got, w.client.send, w.client, make(old))
            carry_out(w, got, w.client.send, w.client, "end")
            assert.equal(old .. "end", receive(w, got, size + 3))
          end)
      else
        it("goes on behind what was sent " .. what .. " [H-02]", function()
          local w <close> = narrow(version)
          local old, got = text(size, "a"), {}
          local sent = interrupt(w.client, make(old), size)
          carry_out(w, got, w.client.sendall, w.client, make(old:sub(sent + 1)))
          assert.equal(old, receive(w, got, size))
        end)
      end
    end)
  end)
end

describe("An interrupted write", function()
  local old = text(10000, "a")

  local function interrupted(version)
    local w = narrow(version or ssl.TLSVersion.TLSv1_3)
    INTERRUPTIONS["a want"](w.client, old, #old)
    return w
  end

  it("may be tried again with more behind the same data [H-01]", function()
    local w <close> = interrupted()
    local got = {}
    carry_out(w, got, w.client.send, w.client, {old, "more"})
    assert.equal(old .. "more", receive(w, got, #old + 4))
  end)

  it("counts all of the data when it is tried again [E.3 send]", function()
    local w <close> = interrupted()
    local count
    carry_out(w, {}, function() count = w.client:send(old) end)
    assert.equal(#old, count)
  end)

  it("is tried again after a write of other data was refused, too", function()
    local w <close> = interrupted()
    local got, new = {}, text(20000, "b")
    for _ = 1, 2 do
      raised(ssl.SSLWantWriteError, w.client.send, w.client, new)
      raised(ssl.SSLWantWriteError, w.client.send, w.client, old)
    end
    carry_out(w, got, w.client.send, w.client, old)
    carry_out(w, got, w.client.send, w.client, new)
    assert.equal(old .. new, receive(w, got, #old + #new))
  end)

  it("is sent once where the connection waits when it is tried again", function()
    local w <close> = narrow(ssl.TLSVersion.TLSv1_3)
    local got, short, count = {}, text(1000, "a"), 0
    w.client:settimeout(0)
    while pcall(w.client.send, w.client, short) do count = count + 1 end
    while receive_one(w, got) do end
    w.client:settimeout(nil) -- there is room by now
    assert.equal(#short, w.client:send(short))
    local all = short:rep(count + 1)
    assert.equal(all, receive(w, got, #all))
  end)

  it("is sent once although other operations time out meanwhile", function()
    local w <close> = interrupted()
    local got = {}
    w.client:settimeout(0.005)
    raised(ssl.TimeoutError, w.client.recv, w.client)
    local err = raised(ssl.TimeoutError, w.client.send, w.client, "new")
    assert.equal(0, err.sent)
    carry_out(w, got, w.client.send, w.client, old)
    carry_out(w, got, w.client.send, w.client, "end")
    assert.equal(old .. "end", receive(w, got, #old + 3))
  end)

  it("stays whole when a time-out follows [H-02]", function()
    local w <close> = interrupted()
    local got, new = {}, text(300, "b")
    w.client:settimeout(0.005)
    local err = raised(ssl.TimeoutError, w.client.send, w.client, new)
    assert.equal(0, err.sent)
    carry_out(w, got, w.client.send, w.client, new)
    assert.equal(old .. new, receive(w, got, #old + #new))
  end)

  it("counts from its beginning in the time-out of a retry [H-02]", function()
    local w <close> = narrow(ssl.TLSVersion.TLSv1_3)
    local long, got = text(50000, "a"), {}
    INTERRUPTIONS["a want"](w.client, long, #long)
    while not receive_one(w, got) do
      raised(ssl.SSLWantWriteError, w.client.send, w.client, long)
    end
    w.client:settimeout(0.005)
    local err = raised(ssl.TimeoutError, w.client.send, w.client, long)
    assert.equal(2 * RECORD, err.sent)
    carry_out(w, got, w.client.send, w.client, long:sub(err.sent + 1))
    assert.equal(long, receive(w, got, #long))
  end)

  it("does not stop reading", function()
    local w <close> = interrupted()
    w.server:send("from the server")
    w:move()
    assert.equal("from the server", w.client:recv())
    carry_out(w, {}, w.client.send, w.client, old)
  end)

  for _, version in ipairs(VERSIONS) do
    local name = ssl.TLSVersion[version]

    it("is sent before close_notify (" .. name .. ")", function()
      local w <close> = interrupted(version)
      local got = {}
      raised(ssl.SSLWantWriteError, w.client.close_write, w.client)
      carry_out(w, got, w.client.close_write, w.client)
      while got[#got] ~= "" do receive_one(w, got) end
      assert.equal(old, table.concat(got))
      assert.equal("clean", w.server:eof())
    end)

    it("is sent before unwrap says goodbye (" .. name .. ") [H-06]", function()
      local w <close> = interrupted(version)
      local got = {}
      raised(ssl.SSLWantWriteError, w.client.unwrap, w.client)
      w:drive({w.client.unwrap, w.client}, {function()
        repeat
          local data = w.server:recv(RECORD)
          got[#got + 1] = data
        until data == ""
        w.server:unwrap()
      end})
      assert.equal(old, table.concat(got))
    end)
  end

  it("is sent before a file is [E.3 sendfile]", function()
    local w <close> = interrupted()
    local file <close> = assert(io.tmpfile())
    file:write("the file")
    w.client:settimeout(0.005)
    local err = raised(ssl.TimeoutError, w.client.sendfile, w.client, file)
    assert.equal(0, err.sent)
    local got = {}
    carry_out(w, got, function()
      w.client:settimeout(0.005)
      local ok, failure = ssl.try(w.client.sendfile, w.client, file)
      if not ok then error(ssl.SSLWantWriteError(failure.message), 0) end
    end)
    assert.equal(old .. "the file", receive(w, got, #old + 8))
  end)
end)
