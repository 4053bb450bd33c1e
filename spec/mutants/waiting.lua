-- mutants/waiting - waiters, methods that wait, and event loops.
return {
  -- event loops
  {
    file = "lua/pyssl/loop/cqueues.lua", spec = "loop_cqueues",
    breaks = "cqueues is not told that a descriptor's number may come again",
    find = "core.tell_closing(cqueues.cancel)", replace = "",
  }, {
    file = "src/bind/socket.c", spec = "loop_cqueues",
    breaks = "an event loop is not told that a socket closes",
    find = "  closing_tell(L, fd);\n  net_close", replace = "  net_close",
  }, {
    file = "src/bind/socket.c", spec = "loop_cqueues",
    breaks = "an event loop is not told that a descriptor is given away",
    find = "  if (fd >= 0) closing_tell(L, fd);\n", replace = "",
  }, {
    file = "src/bind/socket_connect.c", spec = "loop_cqueues",
    breaks = "an event loop is not told that connect drops a descriptor",
    find = "  closing_tell(L, fd);\n", replace = "",
  }, {
    file = "src/bind/resolver.c", spec = "loop_cqueues",
    breaks = "an event loop is not told that a look-up closes",
    find = "  if (lookup != NULL) closing_tell(L, r->fd);",
    replace = "  (void)L;",
  }, {
    file = "src/bind/ringer.c", spec = "loop_cqueues",
    breaks = "an event loop is not told that a bell closes",
    find = "  closing_tell(L, r->bell.fd);\n", replace = "",
  }, {
    file = "src/bind/closing.c", spec = "loop_cqueues",
    breaks = "a child process tells its parent's event loop",
    find = " && c->owner == getpid()", replace = "",
  }, {
    file = "src/bind/closing.c", spec = "loop_cqueues",
    breaks = "an interrupt keeps an event loop from being told",
    find = "  if (hook != NULL) lua_sethook(L, NULL, 0, 0);\n",
    replace = "",
  }, {
    file = "lua/pyssl/loop/luv.lua", spec = "loop_luv",
    breaks = "a coroutine that was closed leaves its handle",
    find = "function ticket.__gc(self) finish(self.task, true) end",
    replace = "",
  }, {
    file = "lua/pyssl/loop/luv.lua", spec = "loop_luv",
    breaks = "an error in a coroutine vanishes",
    find = "if failed then error(failed, 0) end", replace = "",
  }, {
    file = "lua/pyssl/loop/copas.lua", spec = "loop_copas",
    breaks = "copas does not look at time limits",
    find = "return core.left(self.deadline) == 0 end",
    replace = "return false end",
  }, {
    file = "lua/pyssl/file.lua", spec = "loop_luv",
    breaks = "a file that nobody holds is closed while it is read",
    find = "  return keep(self, state.reader:read(formats))\nend",
    replace = "  return state.reader:read(formats)\nend",
  },

  -- waiters
  {
    file = "src/bind/turn.c", spec = "waiter_coroutines",
    breaks = "a second reader is not refused",
    find = "if (co != NULL && is_alive(co)) return true;",
    replace = "if (co != NULL && is_alive(co)) return false;",
  }, {
    file = "src/bind/turn.c", spec = "waiter_abandoned",
    breaks = "a coroutine that has died keeps its turn",
    find = "if (co != NULL && is_alive(co)) return true;",
    replace = "if (co != NULL) return true;",
  }, {
    file = "src/bind/socket_wait.c", spec = "waiter_coroutines",
    breaks = "nobody rings for those who wait for the same",
    find = "if (turn_end(L, &c->turn)) ringer_ring(L, c);",
    replace = "turn_end(L, &c->turn);",
  }, {
    file = "src/bind/socket_wait.c", spec = "waiter_coroutines",
    breaks = "one coroutine takes what another waits for",
    find = "if (is_barred(L, s)) return false;", replace = "(void)is_barred;",
  }, {
    file = "src/bind/socket.c", spec = "waiter_abandoned",
    breaks = "close wakes nobody",
    find = "(void)!net_shutdown(fd, SHUT_RDWR);", replace = "",
  }, {
    file = "src/bind/socket.c", spec = "waiter_abandoned",
    breaks = "a descriptor is closed under those who wait on it",
    find = "  s->parting = fd;\n", replace = "  net_close(fd);\n",
  }, {
    file = "src/bind/socket.c", spec = "waiter_resolver",
    breaks = "close does not wake who looks a name up",
    find = "if (!lua_isnil(L, -1)) resolver_cancel(L, -1);", replace = "",
  }, {
    file = "lua/pyssl/op.lua", spec = "waiter",
    breaks = "each wait has the whole time",
    find = "mode, limit) and deadline or OVER",
    replace = "mode, limit) and core.deadline(self.timeout) or OVER",
  }, {
    file = "lua/pyssl/op.lua", spec = "waiter_abandoned",
    breaks = "an interrupt of connect keeps the turn",
    find = "  core.resume(self)\n  error(..., 0)", replace = "  error(..., 0)",
  }, {
    file = "lua/pyssl/callback.lua", spec = "handshake_callback",
    breaks = "who has asked a callback waits for it ever after",
    find = "  core.resume(conn)\n  core.answer", replace = "  core.answer",
  }, {
    file = "lua/pyssl/callback.lua", spec = "handshake_callback",
    breaks = "who finds no callback to ask waits for it ever after",
    find = "  core.resume(conn)\nend", replace = "end",
  }, {
    file = "src/bind/socket_wait.c", spec = "waiter_handshake",
    breaks = "the handshake of what was accepted takes as long as it likes",
    find = "lua_pushnumber(L, s->io.deadline);\n  return 5;",
    replace = "lua_pushnumber(L, s->deadline);\n  return 5;",
  }, {
    file = "src/bind/socket_wait.c", spec = "waiter_handshake",
    breaks = "handshake_timeout bounds what follows the handshake, too",
    find = "if (s->base.engine.handshaken) s->io.deadline = s->deadline;",
    replace = "",
  }, {
    file = "src/bind/socket_listen.c", spec = "waiter",
    breaks = "what was accepted does not wait through the listener's waiter",
    find = "lua_setiuservalue(L, -2, VALUE_WAITER);",
    replace = "lua_pop(L, 1);",
  }, {
    file = "src/bind/waiter.c", spec = "waiter",
    breaks = "the default waiter comes before the context's",
    find = "lua_getiuservalue(L, -1, CONTEXT_WAITER);\n"
      .. "  if (!lua_isnil(L, -1)) return 1;",
    replace = "",
  }, {
    file = "lua/pyssl/waiter.lua", spec = "waiter_bad_input",
    breaks = "a waiter may answer anything",
    find = "if ready ~= false then", replace = "if false then",
  }, {
    file = "lua/pyssl/socket.lua", spec = "waiter_bad_input waiter_abandoned",
    breaks = "an attempt to connect whose wait fails is forgotten",
    find = "pending[self] = attempt -- where", replace = "-- where",
  }, {
    file = "lua/pyssl/address.lua", spec = "waiter_resolver",
    breaks = "a look-up whose wait fails keeps its descriptor",
    find = "core.drop_lookup(conn, lookup)", replace = "",
  },

  -- methods, and who runs
  {
    file = "src/bind/socket.h", spec = "waiter",
    breaks = "a default waiter is not asked where a step is plain",
    find = "!*s->has_default_waiter && s->io", replace = "s->io",
  }, {
    file = "src/bind/socket.h", spec = "waiter",
    breaks = "a context's waiter is not asked where a step is plain",
    find = "!s->has_waiter && !s->base.context->has_waiter &&",
    replace = "!s->has_waiter &&",
  }, {
    file = "lua/pyssl/waiter.lua", spec = "waiter_bad_input",
    breaks = "a time-out without a time limit is one",
    find = "if timeout == nil then", replace = "if false then",
  }, {
    file = "src/bind/method.c", spec = "waiter",
    breaks = "where a step is called again it has other arguments",
    find = "for (int i = given; i < METHOD_MOST; i++)",
    replace = "for (int i = given; i < 0; i++)",
  }, {
    file = "src/bind/method.c", spec = "waiter",
    breaks = "where a step is called again its arguments are its receiver",
    find = "    lua_pushvalue(L, i);\n  for",
    replace = "    lua_pushvalue(L, 1 + 0 * i);\n  for",
  }, {
    file = "src/bind/method.c", spec = "waiter",
    breaks = "what a method gives is what its step asked for",
    find = "return finish(L, status, base + n);",
    replace = "return finish(L, status, base);",
  }, {
    file = "src/bind/method.c", spec = "waiter_abandoned",
    breaks = "an interrupt before the loop's first instruction keeps the turn",
    find = "  lua_call(L, 1, 0);\n", replace = "  lua_pop(L, 2);\n",
  }, {
    file = "src/bind/object.c", spec = "handshake_callback",
    breaks = "a second coroutine is asked the same",
    find = "if (turn_is_held(L, t, TURN_CONTROL) || turn_is_asked(L, t))",
    replace = "if (false)",
  }, {
    file = "lua/pyssl/protect.lua", spec = "loop_copas loop_luv", vm = "5.1",
    breaks = "a loop resumes the coroutine inside a protected call",
    find = "while outer[co] do co = outer[co] end", replace = "",
  }, {
    file = "lua/pyssl/protect.lua", spec = "waiter_coroutines", vm = "5.1",
    breaks = "on Lua 5.1 nothing yields through a protected call",
    find = "if not caller then return", replace = "if caller then return",
  },
}
