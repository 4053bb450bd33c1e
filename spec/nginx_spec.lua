-- examples/nginx: pyssl on LuaJIT inside nginx, over cosockets.
local certs = require "support.certs"
local native = require "native"
local process = require "support.process"
local scale = require "support.scale"
local socket = require "socket"

local BUILD = os.getenv("PYSSL_BUILD")
local CORE = BUILD:gsub("/build[^/]*$", "/build-luajit")
local MODULES = "/usr/lib/nginx/modules"
local TOTAL = scale.count(1000, 100)

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

-- What is missing, or nil.
local function missing()
  local needed = {
    MODULES .. "/ngx_http_lua_module.so", "/usr/sbin/nginx", "/usr/bin/wrk",
    CORE .. "/pyssl/core.so",
  }
  for _, path in ipairs(needed) do
    if not exists(path) then return path end
  end
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("a")
  file:close()
  return text
end

-- The example's configuration, with these ports and the suite's certificate,
-- trusting the authority in `cafile`.
local function configuration(front, back, cafile)
  local root = BUILD:match("^(.*)/")
  local text = read "examples/nginx/nginx.conf"
  local function change(from, to)
    local count
    text, count = text:gsub(from:gsub("%p", "%%%0"), (to:gsub("%%", "%%%%")))
    assert(count > 0, from)
  end
  change("127.0.0.1:8080", "127.0.0.1:" .. front)
  change("127.0.0.1:8443", "127.0.0.1:" .. back)
  change(", 8443,", (", %d,"):format(back))
  change("$prefix/?.lua", root .. "/examples/nginx/?.lua")
  change("$prefix/../../lua/", root .. "/lua/")
  change("$prefix/../../build-luajit", CORE)
  change('ngx.config.prefix() .. "cert.pem"', ("%q"):format(certs.path(cafile or "ca.pem")))
  change("ssl_certificate cert.pem", "ssl_certificate " .. certs.path "server.pem")
  change("ssl_certificate_key key.pem",
         "ssl_certificate_key " .. certs.path "server.key")
  change('ngx.header["X-Resumed"]',
         'ngx.header["X-Worker"] = ngx.worker.pid()\n ngx.header["X-Resumed"]')
  if native.getuid and native.getuid() == 0 then text = "user root;\n" .. text end
  return text
end

-- nginx with its configuration in `dir`. The ports are bound here and given to it
-- as at an upgrade of nginx, so nobody can take them in between.
local function start(dir, cafile)
  local listeners, ports, fds = {}, {}, {}
  for i = 1, 2 do
    listeners[i] = assert(socket.bind("127.0.0.1", 0, 512))
    ports[i] = select(2, listeners[i]:getsockname())
    fds[i] = listeners[i]:getfd()
  end
  local file = assert(io.open(dir .. "/nginx.conf", "w"))
  file:write((configuration(ports[1], ports[2], cafile)))
  file:close()
  local nginx = process.spawn(
    {"/usr/sbin/nginx", "-p", dir, "-c", dir .. "/nginx.conf", "-g",
     "error_log stderr notice;"},
    {stderr = "pipe", give = fds, env = {NGINX = "3;4;"}})
  for i = 1, 2 do listeners[i]:close() end
  nginx:expect("start worker process ", 10, "stderr")
  return nginx, ("http://127.0.0.1:%d/fetch"):format(ports[1])
end

local function stop(nginx)
  nginx:kill("SIGQUIT")
  local _, errors = nginx:drain(20)
  local kind, code = nginx:wait()
  assert.equal("exited 0", ("%s %d"):format(kind, code))
  return errors
end

-- Run wrk on it; `at_half` is called when half of the answers are there.
local function load_with_requests(url, at_half)
  local wrk <close> = process.spawn(
    {"/usr/bin/wrk", "-t", "1", "-c", "50", "-d", "50s", "--timeout", "30s", "-s",
     "spec/support/wrk.lua", url, "--", tostring(TOTAL)}, {stderr = 2})
  wrk:expect("^half", 50)
  if at_half then at_half() end
  wrk:expect("^all", 50)
  wrk:kill("SIGINT") -- it would sleep to the end of its time
  local right, wrong, workers, lost =
    wrk:expect("right=(%d+) wrong=(%d+) workers=(%d+) lost=(%d+)", 50)
  wrk:wait()
  return {right = tonumber(right), wrong = tonumber(wrong),
          workers = tonumber(workers), lost = tonumber(lost)}
end

local function check_all(result)
  assert.same({TOTAL, 0, 0}, {result.right, result.wrong, result.lost})
end

local function only_errors(text)
  local bad = {}
  for line in text:gmatch("[^\n]+") do
    if line:find("%[%l+%]") and not line:find("%[notice%]") then
      bad[#bad + 1] = line
    end
  end
  return table.concat(bad, "\n")
end

describe("Inside nginx", function()
  local what = missing()
  if what then
    pending("needs " .. what)
    return
  end

  local dir
  before_each(function()
    dir = os.tmpname()
    os.remove(dir)
    process.check {"mkdir", "-p", dir .. "/temp"}
  end)
  after_each(function() process.check {"rm", "-rf", dir} end)

  it("a handler fetches over a wrapped cosocket, verified, with ALPN, and "
     .. "resumes its sessions", function()
    local nginx <close>, url = start(dir)
    local seen = {}
    for _ = 1, 12 do -- there are two workers, and each has its own sessions
      local answer = process.check {"curl", "-si", url}
      assert.matches("200 OK", answer)
      assert.matches("X%-Protocol: TLSv1.3 http/1.1", answer)
      seen[answer:match("X%-Resumed: (%a+)")] = true
    end
    assert.is_true(seen["true"])
    assert.equal("", only_errors(stop(nginx)))
  end)

  it("a handler fetches nothing from a server that it does not trust", function()
    local nginx <close>, url = start(dir, "other-ca.pem")
    local answer = process.check {"curl", "-si", url}
    assert.matches("502 Bad Gateway", answer)
    assert.not_matches("Hello", answer)
    assert.matches("CERTIFICATE_VERIFY_FAILED", only_errors(stop(nginx)))
  end)

  it("every one of many requests is answered, 50 at a time", function()
    local nginx <close>, url = start(dir)
    local result = load_with_requests(url)
    check_all(result)
    assert.equal("", only_errors(stop(nginx)))
  end)

  it("a reload in the middle loses none of them", function()
    local nginx <close>, url = start(dir)
    local result = load_with_requests(url, function() nginx:kill("SIGHUP") end)
    check_all(result)
    assert.is_true(result.workers > 2) -- the new ones have answered, too
    assert.equal("", only_errors(stop(nginx)))
  end)
end)
