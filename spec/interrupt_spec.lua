-- Ctrl-C ends a script that waits, with Lua's own error and at once.
local certs = require "support.certs"
local child = require "support.child"
local native = require "native"
local pair = require "support.pair"
local process = require "support.process"
local raised = require "support.raised"
local scale = require "support.scale"
local vm = require "support.vm"
local wire = require "support.wire"
local ssl = require "pyssl"

-- What scripts begin with: the descriptor 3 is a socket, arg[1] the timeout.
local PRELUDE = [[
local ssl = require "pyssl"
local timeout = tonumber(arg[1])
local ctx = ssl.create_default_context {cafile = arg[2]}
local function client()
  local conn = ctx:wrap_socket(3, {server_hostname = "localhost",
    do_handshake_on_connect = false})
  conn:settimeout(timeout)
  return conn
end
local function connected()
  local conn = client()
  conn:settimeout(nil)
  conn:do_handshake()
  conn:settimeout(timeout)
  return conn
end
local function ready() io.stdout:write("ready\n"); io.stdout:flush() end
]]

local SCRIPTS = {
  recv = {handshake = true, script = [[
    local conn = connected()
    ready()
    conn:recv()]]},
  recv_into = {handshake = true, script = [[
    local conn = connected()
    ready()
    conn:recv_into(ssl.buffer(10))]]},
  ["a file's read"] = {handshake = true, script = [[
    local file = connected():makefile("r")
    ready()
    file:read("a", "l")]]},
  sendall = {handshake = true, script = [[
    local conn = connected()
    ready()
    conn:sendall(("x"):rep(10000000))]]},
  sendfile = {handshake = true, script = [[
    local conn = connected()
    local file = io.open("/dev/zero")
    ready()
    conn:sendfile(file)]]},
  ["a file's flush"] = {handshake = true, script = [[
    local file = connected():makefile("w", 20000000)
    file:write(("x"):rep(10000000))
    ready()
    file:flush()]]},
  unwrap = {handshake = true, script = [[
    local conn = connected()
    ready()
    conn:unwrap()]]},
  ["a handshake"] = {script = [[
    local conn = client()
    ready()
    conn:do_handshake()]]},
  accept = {script = [[
    local server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
      :wrap_socket(nil, {server_side = true})
    server:bind("127.0.0.1", 0)
    server:listen()
    server:settimeout(timeout)
    ready()
    server:accept()]]},
  connect = {port = true, script = [[
    local conn = ctx:wrap_socket(nil, {server_hostname = "localhost"})
    conn:settimeout(timeout)
    ready()
    conn:connect("127.0.0.1", tonumber(arg[3]))]]},
  ["context:connect"] = {port = true, script = [[
    ready()
    ctx:connect("127.0.0.1", tonumber(arg[3]), {timeout = timeout})]]},
}

local function spawn(case, timeout, fd, port)
  return process.spawn({
    os.getenv("PYSSL_LUA") or "lua5.4", "-e", "arg = arg or {}", "-",
    timeout, certs.path "ca.pem", tostring(port),
  }, {stdin = "pipe", stdout = "pipe", stderr = "stdout", give = {fd},
      sanitizers = true}), PRELUDE .. case.script
end

-- Wait until the process sleeps: after "ready" that is the wait in question.
local function await_sleep(pid)
  local deadline = native.now() + scale.tolerance(20)
  local state
  repeat
    assert(native.now() < deadline, "it does not sleep")
    local file <close> = assert(io.open(("/proc/%d/stat"):format(pid)))
    state = file:read("a"):match("%) (%a)")
  until state == "S"
end

-- A port on which connect waits without end: a listener whose queue is full.
local function full_listener()
  local listener = pair.server_context():wrap_socket(nil, {server_side = true})
  listener:bind("127.0.0.1", 0)
  listener:listen(0)
  local host, port = listener:getsockname()
  local waiting = {listener}
  for i = 1, 3 do
    local s = pair.client_context():wrap_socket(nil,
      {server_hostname = "localhost", do_handshake_on_connect = false})
    s:settimeout(0)
    s:connect_ex(host, port)
    waiting[i + 1] = s
  end
  return port, waiting
end

local function interrupt(case, timeout)
  local ours, theirs = native.socketpair()
  local port, waiting
  if case.port then port, waiting = full_listener() end
  local script <close>, text = spawn(case, timeout, theirs, port)
  native.close(theirs)
  script:write(text)
  script:close_input()
  local server
  if case.handshake then
    server = pair.server_context():wrap_socket(ours,
      {server_side = true, do_handshake_on_connect = false})
    server:settimeout(pair.LIMIT)
    server:do_handshake()
  end
  script:expect("^ready")
  await_sleep(script.pid)
  local before = native.now()
  script:kill("SIGINT")
  local said = script:drain(scale.tolerance(10))
  local took = native.now() - before
  assert.same({"exited", 1}, {script:wait()})
  assert.matches("interrupted!", said)
  assert(took < scale.tolerance(1), ("it took %.2f s"):format(took))
  if server then server:close() else native.close(ours) end
  pair.close(table.unpack(waiting or {}))
end

describe("Ctrl-C", function()
  for name, case in pairs(SCRIPTS) do
    it("ends a script that waits in " .. name, function()
      interrupt(case, "1000")
    end)

    vm.it_needs("interrupts", "ends a script that waits for ever in " .. name,
      function() interrupt(case, "none") end)
  end

  it("loses nothing where the script goes on [H-02]", function()
    local w <close> = wire.new()
    w.server:send("what came later")
    local record = w:take("server")
    w:put("server", record:sub(1, 9))
    for _, timeout in ipairs {false, 100} do
      w.client:settimeout(timeout or nil)
      native.deadline(0.005, "interrupted!")
      raised.text("interrupted!", w.client.recv, w.client)
    end
    native.deadline(scale.tolerance(60))
    w:put("server", record:sub(10))
    assert.equal("what came later", w.client:recv())
  end)
end)

describe("A signal that raises nothing", function()
  it("neither ends a wait nor makes it longer [H-02]", function()
    native.signal("SIGUSR1", "catch")
    local pid = native.getpid()
    local ticking <close> = child.run(function()
      while native.kill(pid, "SIGUSR1") do native.poll({}, {}, 0.001) end
    end)
    local w <close> = wire.new()
    local text = ("x"):rep(1000000)
    for _, call in ipairs {{"recv"}, {"send", text}, {"sendall", {text}}} do
      w.client:settimeout(0.05)
      local before = native.now()
      raised(ssl.TimeoutError, w.client[call[1]], w.client, call[2])
      local took = native.now() - before
      assert(took >= 0.05 and took < 0.05 + scale.tolerance(0.05), took)
    end
    native.signal("SIGUSR1", "ignore")
    ticking:close()
    native.signal("SIGUSR1", "default")
  end)

  local function pieces_of(text)
    local pieces = {}
    for i = 1, #text, 7777 do pieces[#pieces + 1] = text:sub(i, i + 7776) end
    return pieces
  end

  local WRITES = {
    ["a string"] = function(conn, text) conn:sendall(text) end,
    ["an array"] = function(conn, text) conn:sendall(pieces_of(text)) end,
    ["a buffer"] = function(conn, text) conn:sendall(ssl.buffer(text)) end,
    ["a file"] = function(conn, text)
      local file <close> = assert(io.tmpfile())
      file:write(text)
      assert(conn:sendfile(file) == #text)
    end,
  }

  for name, write in pairs(WRITES) do
    for _, tls in ipairs {true, false} do
      it(("neither doubles nor loses a byte of %s %s TLS [E.3 sendall]"):format(
        name, tls and "over" or "without"), function()
        local w <close> = wire.new()
        if not tls then w:unwrap() end
        local numbers = {}
        for i = 1, scale.count(200000, 40000) do numbers[i] = ("%07d"):format(i) end
        local text = table.concat(numbers)
        w.client:setsockopt("SOL_SOCKET", "SO_SNDBUF", 4608)
        local writer <close> = child.run(function(channel)
          native.signal("SIGUSR1", "catch")
          channel:send(tostring(native.getpid()))
          w.client:settimeout(nil)
          write(w.client, text)
        end)
        local pid = tonumber(writer:receive())
        local got, length = {}, 0
        w.server:settimeout(0)
        while length < #text do
          native.kill(pid, "SIGUSR1")
          if not w:move() then native.poll({w.fds.client}, {}, 0.001) end
          local ok, data = pcall(w.server.recv, w.server, 16384)
          if ok then
            got[#got + 1] = data
            length = length + #data
          end
        end
        writer:join()
        assert.is_true(table.concat(got) == text)
      end)
    end
  end
end)
