-- Looking names up: every address of a name is tried, the look-up shares the
-- deadline, can be interrupted, and leaves nothing behind. In a process of its
-- own whose getaddrinfo is the suite's (support/lookup_host.c).
local run = require("support.lookuphost").run

describe("a name with several addresses", function()
  it("is connected at the first that answers", function()
    run [[
      local port = sockets({host = "127.0.0.1", listen = 5})
      local conn = connect("both.test", port)
      equal("127.0.0.1", (conn:getpeername()))
      equal("both.test", conn.server_hostname)
      port = sockets({host = "::1", listen = 5}, {host = "127.0.0.1", listen = 5})
      equal("::1", (connect("both.test", port):getpeername()))
      port = sockets({host = "127.0.0.3", listen = 5})
      conn = client()
      conn:connect("three.test", port)
      equal("127.0.0.3", (conn:getpeername()))
    ]]
  end)

  it("says of each address why it failed, in order", function()
    run [[
      local port = sockets({host = "::1"}, {host = "127.0.0.1"})
      local err = fail("both.test", port)
      equal("ECONNREFUSED", err.name)
      equal(("[::1]:%d: Connection refused; 127.0.0.1:%d: Connection refused")
        :format(port, port), err.message)
      equal(true, err:is(ssl.OSError))
    ]]
  end)

  it("says so also when time is up at one of them", function()
    run [[
      local port = sockets({host = "127.0.0.1"},
                                 {host = "127.0.0.2", listen = 0})
      local fillers = {}
      repeat
        local filler = client()
        filler:settimeout(0)
        filler:connect_ex("127.0.0.2", port)
        fillers[#fillers + 1] = filler
      until not native.poll({}, {filler:fileno()}, 0.05)
      local before = native.fd_count()
      local err, seconds = fail("three.test", port, {timeout = 0.1})
      equal(true, err:is(ssl.TimeoutError))
      equal("connect", err.op)
      equal(("127.0.0.1:%d: Connection refused; 127.0.0.2:%d: the connect "
        .. "operation timed out"):format(port, port), err.message)
      on_time(seconds, 0.1)
      settle(before)
    ]]
  end)

  it("is tried in order by a socket that does not block, too", function()
    run [[
      local port = sockets({host = "127.0.0.3", listen = 5})
      local conn = client()
      conn:settimeout(0)
      for _ = 1, 4 do
        local ok, err = ssl.try(conn.connect, conn, "three.test", port)
        if ok then break end
        equal("EINPROGRESS", err.name)
        native.poll({}, {conn:fileno()}, 5)
      end
      equal("127.0.0.3", (conn:getpeername()))
    ]]
  end)

  it("goes with the near end's family, and with the one asked for", function()
    run [[
      local port = sockets({host = "::1", listen = 5},
                           {host = "127.0.0.1", listen = 5})
      equal("127.0.0.1",
        (connect("both.test", port, {family = "inet"}):getpeername()))
      equal("::1", (connect("both.test", port, {bind = {"", 0}}):getpeername()))
      equal("127.0.0.1", (connect("both.test", port, {bind = {"127.0.0.2", 0}})
        :getpeername()))
      equal("::1", (connect("both.test", port, {bind = {"both.test", 0}})
        :getpeername()))
      local conn = client()
      conn:bind("127.0.0.2", 0)
      local fd = conn:fileno()
      conn:connect("both.test", port)
      equal("127.0.0.1", (conn:getpeername()))
      equal("127.0.0.2", (conn:getsockname()))
      equal(fd, conn:fileno())
    ]]
  end)
end)

describe("a look-up", function()
  it("shares the deadline, and frees itself when it is given up", function()
    run [[
      local before = native.fd_count()
      collectgarbage("stop")
      local err, seconds = fail("slow.test", 443, {timeout = 0.1})
      equal(true, err:is(ssl.TimeoutError))
      equal("resolve", err.op)
      on_time(seconds, 0.1)
      local _, calls = lookup.state()
      equal(1, calls)
      lookup.go()
      settle(before)
      local conn = client()
      conn:settimeout(0.05)
      local _, late = ssl.try(conn.connect, conn, "slow.test", 443)
      equal("resolve", late.op)
      lookup.go()
      settle(before)
    ]]
  end)

  it("leaves nothing when it has ended well or failed", function()
    run [[
      local port = sockets({host = "127.0.0.1", listen = 5})
      local before = native.fd_count()
      collectgarbage("stop")
      for _, name in ipairs {"both.test", "three.test"} do
        connect(name, port):close()
      end
      for _, name in ipairs {"again.test", "system.test", "unknown.test"} do
        fail(name, port)
      end
      settle(before)
    ]]
  end)

  it("that fails says why: library DNS, and getaddrinfo's reason", function()
    run [[
      local err = fail("unknown.test", 443)
      equal(true, err:is(ssl.OSError))
      equal("DNS", err.library)
      equal("EAI_NONAME", err.reason)
      equal("resolve", err.op)
      equal("[DNS: EAI_NONAME] " .. err.message, tostring(err))
      equal("EAI_AGAIN", fail("again.test", 443).reason)
      err = fail("system.test", 443)
      equal("EMFILE", err.name)
      equal(nil, err.library)
    ]]
  end)

  it("takes no signal, and lets a signal interrupt who waits for it", function()
    run [[
      local function blocked()
        local file <close> = assert(io.open "/proc/thread-self/status")
        return file:read("a"):match "\nSigBlk:%s*(%x+)"
      end
      local mask, before = blocked(), native.fd_count()
      native.deadline(0.1, "interrupted")
      local started = native.now()
      local ok, err = pcall(connect, "slow.test", 443)
      native.deadline(0)
      equal(false, ok)
      assert(tostring(err):find("interrupted", 1, true), tostring(err))
      assert(native.now() - started < scale.tolerance(5), "it was not interrupted")
      local _, _, unmasked = lookup.state()
      equal(0, unmasked)
      equal(mask, blocked())
      collectgarbage()
      lookup.go()
      settle(before)
    ]]
  end)

  it("is not made for what is an address already", function()
    run [[
      local port = sockets({host = "127.0.0.1", listen = 5},
                           {host = "::1", listen = 5})
      connect("127.0.0.1", port)
      connect("::1", port)
      connect("::1", port, {bind = {"::1", 0}})
      local _, _, _, total = lookup.state()
      equal(0, total)
    ]]
  end)
end)
