-- mutants/connection - connections, whoever their peer is.
return {
  -- errors
  {
    file = "src/tls/tlserr.c", spec = "error_mapping interop_alert",
    breaks = "the number of a peer's alert is wrong",
    find = "e->alert = reason - SSL_AD_REASON_OFFSET;",
    replace = "e->alert = reason;",
  }, {
    file = "src/tls/tlserr.c", spec = "error_mapping",
    breaks = "reasons are not in capitals",
    find = "(char)(isalnum(c) ? toupper(c) : '_')",
    replace = "(char)(isalnum(c) ? c : '_')",
  }, {
    file = "src/bind/error.c", spec = "errors",
    breaks = "a verification error is no ValueError",
    find = "{ERROR_SSL, ERROR_VALUE}}", replace = "{ERROR_SSL, -1}}",
  }, {
    file = "src/bind/error.c", spec = "error_mapping",
    breaks = "SSLWantReadError has SSLWantWriteError's number",
    find = "{ERROR_WANT_READ, 2,", replace = "{ERROR_WANT_READ, 3,",
  }, {
    file = "src/tls/outcome.c", spec = "error_mapping",
    breaks = "the verify code is lost",
    find = "error->verify_code = (int)code;",
    replace = "error->verify_code = 1;",
  }, {
    file = "src/tls/outcome.c", spec = "error_mapping failing_safe",
    breaks = "an alert that was sent is not told of",
    find = "if (error->alert == TLS_ERROR_NONE) error->alert = e->alert;",
    replace = "",
  }, {
    file = "src/tls/outcome.c", spec = "error_mapping socket_read",
    breaks = "a truncated stream is no SSLEOFError",
    find = "if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) "
      .. "return fail_eof(e, error);",
    replace = "",
  }, {
    file = "src/tls/outcome.c", spec = "hostile_record",
    breaks = "a failure waits until the alert about it can go out",
    find = "if (want == SSL_WRITING && has_failed(e)) break;", replace = "",
  }, {
    file = "src/tls/outcome.c", spec = "guest",
    breaks = "a write that breaks tells of what a stranger left in the queue",
    find = "return strcmp(SSL_state_string(e->ssl), \"SSLERR\") == 0 &&",
    replace = "return ",
  },

  -- the end of a stream
  {
    file = "src/tls/outcome.c", spec = "socket_read",
    breaks = "an end without close_notify counts as clean",
    find = "e->end = ENGINE_RAGGED;\n  error->class = ERROR_EOF;",
    replace = "e->end = ENGINE_CLEAN;\n  error->class = ERROR_EOF;",
  }, {
    file = "src/tls/fdbio.c", spec = "socket_read error_mapping",
    breaks = "OpenSSL is not told of the end of the descriptor",
    find = "return io->wire.event == WIRE_END;", replace = "return 0;",
  }, {
    file = "src/bind/socket_read.c", spec = "socket_read",
    breaks = "an end in the handshake is suppressed",
    find = "s->base.engine.handshaken && s->base.engine.end == ENGINE_RAGGED;",
    replace = "s->base.engine.end == ENGINE_RAGGED;",
  }, {
    file = "src/sys/fdio.c", spec = "socket_read",
    breaks = "a reset reads as an end the second time",
    find = "return io->lost != 0 ? stop_error(io, io->lost) "
      .. ": stop(io, WIRE_END);",
    replace = "return stop(io, WIRE_END);",
  },

  -- interrupted writes, deadlines
  {
    file = "src/tls/step.c", spec = "interrupted_write",
    breaks = "a write does not finish the interrupted one before it",
    find = "if (e->held == NULL) return STEP_DONE;",
    replace = "return STEP_DONE;",
  }, {
    file = "src/bind/socket_write.c", spec = "interrupted_write",
    breaks = "a new write begins before the record that is held",
    find = "return step == STEP_DONE ? "
      .. "engine_flush(&s->base.engine, e) : step;",
    replace = "return step;",
  }, {
    file = "src/tls/step.c", spec = "interrupted_write",
    breaks = "a record that is held does not count as accepted",
    find = "*accepted = step == STEP_DONE || is_held(step);",
    replace = "*accepted = step == STEP_DONE;",
  }, {
    file = "src/bind/unfinished.c", spec = "interrupted_write",
    breaks = "other data counts as a retry",
    find = "return same ? accepted : 0;",
    replace = "(void)same;\n  return accepted;",
  }, {
    file = "src/tls/step.c", spec = "interrupted_write",
    breaks = "close_notify goes out before the record that is held",
    find = [[SSL_SENT_SHUTDOWN) return STEP_DONE;
  enum step step = flush_held(e, error);]],
    replace = [[SSL_SENT_SHUTDOWN) return STEP_DONE;
  enum step step = STEP_DONE;]],
  }, {
    file = "src/bind/socket_wait.c", spec = "interrupt connect",
    breaks = "a signal begins the time limit anew",
    find = "lua_type(L, STEP_DEADLINE) == LUA_TNUMBER",
    replace = "lua_type(L, STEP_DEADLINE) == LUA_TTHREAD",
  }, {
    file = "src/sys/fdio.c", spec = "socket_timeout",
    breaks = "a flood outlasts the deadline",
    find = "if (is_late(io)) return stop(io, WIRE_TIMEOUT);",
    replace = "(void)is_late;",
  }, {
    file = "src/bind/socket.c", spec = "socket_timeout",
    breaks = "NaN is taken for a timeout",
    find = "if (!(seconds >= 0)) /* NaN too */", replace = "if (seconds < 0)",
  }, {
    file = "lua/pyssl/socket.lua", spec = "accept hostile_stall",
    breaks = "handshake_timeout is ignored",
    find = "handshake(conn, core.deadline(timeout))",
    replace = "handshake(conn, core.deadline(5))",
  }, {
    file = "src/bind/socket_wait.c", spec = "wrap_socket context_connect",
    breaks = "a connection whose handshake failed stays open",
    find = "if (s->close_on_failure && !s->base.engine.handshaken) "
      .. "socket_release(L, s);",
    replace = "",
  }, {
    file = "src/bind/socket_wait.c", spec = "context_connect",
    breaks = "a connection is closed when a read times out",
    find = "if (s->close_on_failure && !s->base.engine.handshaken)",
    replace = "if (s->close_on_failure)",
  },

  -- arguments
  {
    file = "src/bind/args.c", spec = "wrap_socket",
    breaks = "an unknown option is ignored",
    find = "    int i = check_key(a);",
    replace = [[    if (lua_isstring(L, -1) && find_name(a, lua_tostring(L, -1)) < 0) {
      lua_pop(L, 2);
      continue;
    }
    int i = check_key(a);]],
  }, {
    file = "src/bind/args.c", spec = "context_attributes",
    breaks = "nil switches a check off",
    find = [[if (!lua_isboolean(L, 3)) attribute_type_error(L, "boolean");]],
    replace = "",
  }, {
    file = "src/bind/args.c", spec = "wrap_socket",
    breaks = "an option that is no boolean counts as true",
    find = "if (!lua_isboolean(a->L, a->first + i)) "
      .. [[args_type_error(a, i, "boolean");]],
    replace = "",
  }, {
    file = "src/bind/buffer.c", spec = "buffer",
    breaks = "bytes are put behind a buffer's end",
    find = "from.length > all.length - (size_t)(at - 1))",
    replace = "from.length > all.length)",
  }, {
    file = "src/bind/socket_read.c", spec = "socket_read",
    breaks = "nbytes beyond a buffer's size is not cut",
    find = "return n <= 0 || (lua_Unsigned)n > b->length ? b->length",
    replace = "return n <= 0 || (lua_Unsigned)n > b->length + 8 ? b->length",
  },

  -- the process and its descriptors
  {
    file = "src/sys/fdio.c", spec = "sigpipe",
    breaks = "a peer that is gone kills by SIGPIPE",
    find = "int flags = wait_flags(io) | MSG_NOSIGNAL;",
    replace = "int flags = wait_flags(io);",
  }, {
    file = "src/sys/net.c", spec = "accept",
    breaks = "an accepted descriptor goes to other programs",
    find = "accept4(fd, &peer->u.sa, &peer->length, SOCK_CLOEXEC)",
    replace = "accept4(fd, &peer->u.sa, &peer->length, 0)",
  }, {
    file = "src/sys/net.c", spec = "accept connect",
    breaks = "a socket of ours goes to other programs",
    find = "socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)",
    replace = "socket(family, SOCK_STREAM, 0)",
  }, {
    file = "src/sys/net.c", spec = "adopt",
    breaks = "a descriptor that was adopted goes to other programs",
    find = "(void)fcntl(fd, F_SETFD, FD_CLOEXEC);", replace = "",
  }, {
    file = "src/sys/net.c", spec = "accept",
    breaks = "an address is not free again at once",
    find = "int error = turn_on(fd, SOL_SOCKET, SO_REUSEADDR);",
    replace = "int error = 0;",
  },

  -- what is negotiated
  {
    file = "src/tls/alpn.c", spec = "alpn",
    breaks = "the client's order decides the protocol",
    find = [[a->list, a->length, theirs,
                                     theirs_length);]],
    replace = "theirs, theirs_length, a->list,\n"
      .. "                                     a->length);",
  }, {
    file = "src/tls/alpn.c", spec = "alpn",
    breaks = "no common protocol ends the handshake",
    find = ": SSL_TLSEXT_ERR_NOACK",
    replace = ": SSL_TLSEXT_ERR_ALERT_FATAL",
  }, {
    file = "src/tls/channelbinding.c", spec = "channel_binding",
    breaks = "tls-unique of a resumed session is the wrong message",
    find = "*length = client != resumed", replace = "(void)resumed;\n"
      .. "  *length = client",
  }, {
    file = "src/tls/channelbinding.c", spec = "channel_binding",
    breaks = "tls-exporter is given without the extended master secret",
    find = "if (extended == 0) return", replace = "if (extended == -9) return",
  }, {
    file = "src/tls/channelbinding.c", spec = "channel_binding",
    breaks = "tls-server-end-point takes SHA-1 where that is the signature's",
    find = "if (nid == NID_md5 || nid == NID_sha1) nid = NID_sha256;",
    replace = "",
  },

  -- switching contexts
  {
    file = "src/bind/context_message.c", spec = "sni_message",
    breaks = "a context that is switched from tells of the hello",
    find = "if (!m->sent && ", replace = "if (m->sent && ",
  }, {
    file = "src/bind/question.c", spec = "sni_message",
    breaks = "the hello is told of twice to a context that is switched to",
    find = "  connection_forget_messages(L);\n  return",
    replace = "  return",
  }, {
    file = "src/bind/question.c", spec = "sni_message",
    breaks = "nobody is told of a hello at which sni_callback raises",
    find = "engine_question(&c->engine) != QUESTION_HELLO",
    replace = "false",
  },

  -- callbacks of the handshake
  {
    file = "src/tls/certask.c", spec = "cert_callback",
    breaks = "cert_callback is asked again behind a HelloRetryRequest",
    find = "if (!SSL_is_server(ssl)) a->state = CERTASK_UNASKED;",
    replace = "a->state = CERTASK_UNASKED;",
  }, {
    file = "src/tls/certask.c", spec = "cert_callback",
    breaks = "the handshake goes on where cert_callback has raised",
    find = "if (a->refused) return 0;", replace = "",
  }, {
    file = "src/bind/question.c", spec = "client_hello_callback",
    breaks = "client_hello_callback is asked for ever",
    find = "c->offered = true;", replace = "c->offered = c->parked;",
  }, {
    file = "src/bind/question.c", spec = "sni_answer",
    breaks = "an answer that is no alert accepts the name",
    find = "if (lua_type(L, RESULT) != LUA_TNUMBER) "
      .. "return SSL_AD_INTERNAL_ERROR;",
    replace = "if (lua_type(L, RESULT) != LUA_TNUMBER) return HELLO_ACCEPTED;",
  }, {
    file = "src/bind/call.c", spec = "callback",
    breaks = "the second error of a callback comes out, not the first",
    find = "lua_pop(c->caller, 1);\n    return;",
    replace = "lua_setiuservalue(c->caller, 1, VALUE_PARKED);\n    return;",
  }, {
    file = "src/tls/offer.c", spec = "client_hello_callback",
    breaks = "a hello may have an extension twice",
    find = "if (mark(seen, type)) *alert =",
    replace = "if (mark(seen, type) && type > 65535) *alert =",
  }, {
    file = "src/tls/hello.c", spec = "sni_replay sni_hostile",
    breaks = "a second hello may have another name than was answered for",
    find = "return same ? HELLO_ACCEPTED : SSL_AD_ILLEGAL_PARAMETER;",
    replace = "return same ? HELLO_ACCEPTED : HELLO_ACCEPTED;",
  },

  -- errors that are shared
  {
    file = "src/bind/error.c", spec = "error_mapping",
    breaks = "each want is an object of its own",
    find = "lua_rawsetp(L, LUA_REGISTRYINDEX, key);",
    replace = "lua_pop(L, 1);",
  }, {
    file = "src/bind/error.c", spec = "error_mapping",
    breaks = "a want to write is the one to read",
    find = "return &shared_keys[class][i];",
    replace = "return &shared_keys[class & 0][i];",
  }, {
    file = "src/bind/error.c", spec = "error_mapping",
    breaks = "a want of another operation is told",
    find = "return &shared_keys[class][i];",
    replace = "return &shared_keys[class][i & 0];",
  },

  -- reading ahead, buffers
  {
    file = "src/bind/socket.c", spec = "read_ahead",
    breaks = "pending does not count what was read ahead",
    find = "  look(L, s);\n  if (s->base.engine.ssl != NULL) count =",
    replace = "  if (s->base.engine.ssl != NULL) count =",
  }, {
    file = "src/bind/socket.c", spec = "read_ahead",
    breaks = "half a record counts",
    find = "ahead = fdio_has_record(&s->io);",
    replace = "ahead = fdio_buffered(&s->io) > 0;",
  }, {
    file = "src/tls/step.c", spec = "read_ahead",
    breaks = "an error that a look has met is lost",
    find = "if (!SSL_peek_ex(e->ssl, &byte, 1, &got)) note_late(e);",
    replace = "(void)note_late;\n  SSL_peek_ex(e->ssl, &byte, 1, &got);",
  }, {
    file = "src/bind/connection.c", spec = "read_ahead",
    breaks = "what the context says of reading ahead is ignored",
    find = "engine_tune(&s->engine, c->release_buffers, c->read_ahead);",
    replace = "engine_tune(&s->engine, c->release_buffers, false);",
  }, {
    file = "src/tls/engine.c", spec = "release_buffers",
    breaks = "buffers are never given back",
    find = "SSL_set_mode(e->ssl, SSL_MODE_RELEASE_BUFFERS);",
    replace = "SSL_clear_mode(e->ssl, SSL_MODE_RELEASE_BUFFERS);",
  },

  -- what callbacks take away
  {
    file = "src/bind/gather.c", spec = "callback_data",
    breaks = "a piece that a callback takes out of a list is sent all the same",
    find = "g->anchor = lua_gettop(g->L);", replace = "lua_pop(g->L, 1);",
  }, {
    file = "src/bind/socket_write.c", spec = "callback_data",
    breaks = "a file that a callback has closed is read on",
    find = "if (f->file != NULL) (void)file_test(f->L, f->index, &f->file);",
    replace = "(void)f;",
  }, {
    file = "src/bind/socket_wait.c", spec = "interrupted_write",
    breaks = "a read that times out forgets a write that is to come again",
    find = "if (sent > 0) unfinished_forget(L, &s->base);",
    replace = "unfinished_forget(L, &s->base);",
  }, {
    file = "src/bind/socket_wait.c", spec = "waiter_handshake",
    breaks = "a read has no time of its own behind a handshake",
    find = "if (s->base.engine.handshaken && s->io.deadline < s->deadline)",
    replace = "if (s->parting > 1 << 30)",
  },

  -- where each instruction counts
  {
    file = "src/bind/socket_write.c", spec = "interrupted_write",
    breaks = "a plain write begins anew what was interrupted",
    find = "s->base.unfinished == 0 && socket_is_plain(s);",
    replace = "socket_is_plain(s);",
  }, {
    file = "src/tls/fdbio.c", spec = "socket_read",
    breaks = "an end behind a wait is a wait",
    find = "BIO_clear_retry_flags(bio);\n  if (may_retry(io))",
    replace = "if (may_retry(io))",
  },

  -- objects without a metatable's look
  {
    file = "src/bind/class.h", spec = "receivers",
    breaks = "a copy of a socket's bytes is a socket",
    find = "found.address == mark.address && found.class == mark.class;",
    replace = "found.class == mark.class;",
  }, {
    file = "src/bind/class.c", spec = "receivers",
    breaks = "whatever has a metatable is a socket",
    find = "bool same = lua_rawequal(L, -1, lua_upvalueindex(1));",
    replace = "bool same = !lua_isnil(L, -1);",
  },
}
