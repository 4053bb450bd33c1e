-- mutants/transport - connections over an object that sends and receives.
return {
  -- queues and steps
  {
    file = "src/sys/fdio.c", spec = "transport",
    breaks = "what the object does not take is queued without end",
    find = "size_t room = FDIO_QUEUED - m->out.length;",
    replace = "size_t room = SIZE_MAX - m->out.length;",
  }, {
    file = "src/bind/transport.c", spec = "transport",
    breaks = "bytes that were received before are dropped",
    find = "feed_bytes(s, initial, length);", replace = "(void)initial;",
  }, {
    file = "src/bind/transport.c", spec = "transport_coroutines",
    breaks = "the object is given back while a coroutine waits on it",
    find = "socket_check_alone(L, s);", replace = "",
  }, {
    file = "src/bind/turn.c", spec = "transport_coroutines",
    breaks = "who waits for the one that sends takes another's turn",
    find = "if (is_own(L, t, kind)) t->needs[kind] = NEED_BELL;",
    replace = "turn_wait(L, t, TURN_WRITE, NEED_BELL);",
  }, {
    file = "src/bind/socket_wait.c", spec = "transport transport_bad_input",
    breaks = "a step is done although its bytes are still here",
    find = "step == STEP_DONE && fdio_unsent(&s->io) > 0",
    replace = "step == STEP_DONE && s == NULL",
  }, {
    file = "src/bind/socket_read.c", spec = "transport socket_read",
    breaks = "suppress_ragged_eofs cannot be turned off",
    find = "s->suppress_ragged_eofs &&\n", replace = "true &&\n",
  }, {
    file = "lua/pyssl/transport.lua", spec = "transport",
    breaks = "the alert of a step that failed stays in the queue",
    find = "pump.flush(conn, state)\n    if ok and mode",
    replace = "nil, nil\n    if ok and mode",
  }, {
    file = "lua/pyssl/transport.lua", spec = "transport_bad_input",
    breaks = "a failure to send hides how the step ended",
    find = 'if ok and mode == "error" and op ~= "read"',
    replace = 'if mode == "error"',
  }, {
    file = "lua/pyssl/transport.lua", spec = "waiter_abandoned",
    breaks = "an interrupt keeps the turn",
    find = "finish(self, op, drive_safely(", replace = "finish(self, op, drive(",
  }, {
    file = "lua/pyssl/transport.lua", spec = "transport",
    breaks = "an object stays open where the first handshake fails",
    find = "protect.call(conn.close, conn)", replace = "",
  }, {
    file = "lua/pyssl/transport.lua", spec = "transport_loop",
    breaks = "close wakes nobody who waits on the object",
    find = "protect.call(last.shutdown, last, both)", replace = "",
  }, {
    file = "lua/pyssl/transport.lua", spec = "transport_loop",
    breaks = "an object stays open where the last to leave waited for the bell",
    find = "  come_back(conn)\n  state.wanted = nil",
    replace = "  state.wanted = nil",
  }, {
    file = "lua/pyssl/transport.lua", spec = "transport_coroutines",
    breaks = "an object that was busy when it was closed stays open",
    find = "if state.parting and not steps.is_awaited(conn) then",
    replace = "if false then",
  }, {
    file = "lua/pyssl/transport.lua", spec = "transport_bad_input",
    breaks = "a transport's methods take a socket",
    find = "steps.state(self) -- the receiver's class", replace = "--",
  },

  -- what an object may answer
  {
    file = "lua/pyssl/pump.lua", spec = "transport",
    breaks = "an end that the object tells as 'closed' is a failure",
    find = 'if err == "closed" then return steps.finish(conn) end',
    replace = "",
  }, {
    file = "lua/pyssl/pump.lua", spec = "transport_bad_input",
    breaks = "an object has taken more than it was given",
    find = "if count >= 0 and count <= most and count % 1 == 0 then",
    replace = "if count >= 0 then",
  }, {
    file = "lua/pyssl/pump.lua", spec = "transport_bad_input",
    breaks = "an object gives more than it was asked for",
    find = "if #data > MOST then", replace = "if false then",
  }, {
    file = "lua/pyssl/pump.lua", spec = "transport_bad_input",
    breaks = "bytes that came with a time-out are dropped",
    find = "if partial ~= nil then got", replace = "if false then got",
  }, {
    file = "lua/pyssl/pump.lua", spec = "transport_bad_input",
    breaks = "an object that has failed is asked again",
    find = 'if state.input_error then return "error", state.input_error end',
    replace = "",
  }, {
    file = "lua/pyssl/pump.lua", spec = "transport",
    breaks = "an object that waits is offered other bytes",
    find = "state.chunk = taken == 0 and chunk or nil",
    replace = "state.chunk = nil",
  }, {
    file = "lua/pyssl/pump.lua", spec = "transport_bad_input",
    breaks = "bytes go out behind those that are lost",
    find = "state.output_error = err\n  steps.refuse(conn)",
    replace = "",
  },

  -- coroutines
  {
    file = "lua/pyssl/pump.lua", spec = "transport_coroutines",
    breaks = "bytes go out behind a coroutine that died while it sent",
    find = "fail_output(conn, state, errors.OSError(LOST))", replace = "",
  }, {
    file = "lua/pyssl/pump.lua", spec = "transport_coroutines",
    breaks = "two coroutines send at once",
    find = 'if pump.is_sending(conn, state) then return "busy" end',
    replace = "",
  }, {
    file = "lua/pyssl/pump.lua", spec = "transport_coroutines",
    breaks = "nobody rings when the sending has ended",
    find = "if not flag then steps.ring(conn) end", replace = "",
  },
}
