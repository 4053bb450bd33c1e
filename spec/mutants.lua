--- What `make mutants` breaks, a place at a time (tools/mutants.lua): in `file`
-- the text `find`, which stands there once, becomes `replace`, so that
-- `breaks` is true; the specs of the subjects in `spec` are to fail then.
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
  },

  -- verification and the check of the name
  {
    file = "src/tls/engine.c", spec = "verification",
    breaks = "every certificate is accepted",
    find = "e->fault_depth = X509_STORE_CTX_get_error_depth(store);\n"
      .. "  return ok;",
    replace = "e->fault_depth = X509_STORE_CTX_get_error_depth(store);\n"
      .. "  return 1;",
  }, {
    file = "src/tls/peername.c", spec = "name_check",
    breaks = "names are not checked",
    find = "if (!check) return true;", replace = "return true;",
  }, {
    file = "src/tls/peername.c", spec = "name_check server_hostname",
    breaks = "addresses are not checked",
    find = "return X509_VERIFY_PARAM_set1_ip_asc(param, name->text) == 1;",
    replace = "return true;",
  }, {
    file = "src/tls/peername.c", spec = "server_hostname",
    breaks = "a NUL in a name cuts it off",
    find = [[if (memchr(text, '\0', length) != NULL) {]],
    replace = [[if (memchr(text, '\0', 0) != NULL) {]],
  }, {
    file = "src/tls/peername.c", spec = "server_hostname",
    breaks = "a trailing dot becomes part of the name",
    find = "size_t bare = length > 0 && text[length - 1] == '.' "
      .. "? length - 1 : length;",
    replace = "size_t bare = length;",
  }, {
    file = "src/tls/peername.c", spec = "server_hostname",
    breaks = "a label of 64 bytes is taken",
    find = "if (++label > LABEL_MAX)", replace = "if (++label > LABEL_MAX + 1)",
  }, {
    file = "src/tls/peername.c", spec = "server_hostname",
    breaks = "an address is sent as a server name",
    find = "if (!name->ip && !SSL_set_tlsext_host_name(ssl, name->text))",
    replace = "if (!SSL_set_tlsext_host_name(ssl, name->text))",
  }, {
    file = "src/bind/context.c", spec = "name_check",
    breaks = "partial wildcards match",
    find = "X509_VERIFY_PARAM_set_hostflags(param, "
      .. "X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);",
    replace = "",
  }, {
    file = "lua/pyssl/hostname.lua", spec = "hostname",
    breaks = "an address matches a host name",
    find = "if not address and match_name(value, name)",
    replace = "if match_name(value, name)",
  }, {
    file = "lua/pyssl/hostname.lua", spec = "hostname",
    breaks = "common names count beside alternative names",
    find = "if #seen == 0 and match_subject",
    replace = "if match_subject",
  },

  -- defaults and settings of contexts
  {
    file = "src/bind/context.c", spec = "context",
    breaks = "TLS 1.1 is spoken by default",
    find = "p->fixed : TLS1_2_VERSION;", replace = "p->fixed : TLS1_1_VERSION;",
  }, {
    file = "src/bind/context.c", spec = "context",
    breaks = "a client's context does not require a certificate",
    find = "p->number == PROTOCOL_TLS_CLIENT ? 2 : 0);",
    replace = "p->number == PROTOCOL_TLS_CLIENT ? 1 : 0);",
  }, {
    file = "src/bind/context.c", spec = "context",
    breaks = "a client's context checks no name",
    find = "c->check_hostname = p->number == PROTOCOL_TLS_CLIENT;",
    replace = "c->check_hostname = false;",
  }, {
    file = "src/bind/context.c", spec = "context",
    breaks = "the client's order of cipher suites decides",
    find = "SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE)",
    replace = "SSL_OP_NO_COMPRESSION)",
  }, {
    file = "src/bind/context.c", spec = "context",
    breaks = "trusted certificates do not come first",
    find = "X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_TRUSTED_FIRST);",
    replace = "X509_VERIFY_PARAM_clear_flags(param, ~0ul);",
  }, {
    file = "lua/pyssl/defaults.lua", spec = "context default_context",
    breaks = "default contexts are not strict",
    find = "constants.VERIFY_X509_PARTIAL_CHAIN, constants.VERIFY_X509_STRICT,",
    replace = "constants.VERIFY_X509_PARTIAL_CHAIN,",
  }, {
    file = "src/bind/context_attribute.c", spec = "context_attributes",
    breaks = "CERT_NONE can be set while names are checked",
    find = "if (mode == 0 && c->check_hostname)", replace = "if (mode == 3)",
  }, {
    file = "src/bind/context_attribute.c", spec = "context_attributes",
    breaks = "check_hostname does not turn verification on",
    find = "if (check && context_verify_mode(c) == 0) "
      .. "context_set_verify_mode(c, 2);",
    replace = "",
  }, {
    file = "src/bind/context_attribute.c", spec = "context_attributes",
    breaks = "verify_flags that are assigned are added",
    find = "X509_VERIFY_PARAM_clear_flags(param, ~(unsigned long)flags);",
    replace = "",
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
    find = "return step == STEP_DONE ? engine_flush(&s->base.engine, e) : step;",
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
    file = "src/bind/socket_step.c", spec = "interrupt connect",
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
    file = "src/bind/socket_step.c", spec = "wrap_socket context_connect",
    breaks = "a connection whose handshake failed stays open",
    find = "if (s->close_on_failure && !s->base.engine.handshaken) "
      .. "socket_release(L, s);",
    replace = "",
  }, {
    file = "src/bind/socket_step.c", spec = "context_connect",
    breaks = "a connection is closed when a read times out",
    find = "if (s->close_on_failure && !s->base.engine.handshaken)",
    replace = "if (s->close_on_failure)",
  },

  -- secrets
  {
    file = "src/bind/buffer.c", spec = "wipe",
    breaks = "a buffer is not wiped",
    find = "if (b->owner == b) OPENSSL_cleanse(b->memory, b->length);",
    replace = "",
  }, {
    file = "src/sys/file.c", spec = "wipe",
    breaks = "a key's text is not wiped",
    find = "if (length > 0) fill(data, 0, length);", replace = "(void)fill;",
  }, {
    file = "src/tls/keylog.c", spec = "keylog",
    breaks = "others can read the key log",
    find = "S_IRUSR | S_IWUSR", replace = "0644",
  }, {
    file = "src/tls/keylog.c", spec = "keylog",
    breaks = "secrets are written over what a key log has",
    find = "O_WRONLY | O_APPEND | O_CREAT", replace = "O_WRONLY | O_CREAT",
  }, {
    file = "src/bind/credentials.c", spec = "context_credentials_errors",
    breaks = "a password of 1025 bytes is taken",
    find = "if (bytes.length > CERTKEY_PASSWORD_MAX)",
    replace = "if (bytes.length > CERTKEY_PASSWORD_MAX + 1)",
  }, {
    file = "src/bind/credentials.c", spec = "context_credentials_errors",
    breaks = "a NUL in a path cuts it off",
    find = "if (strlen(path) != length)", replace = "if (length == (size_t)-1)",
  },

  -- trust
  {
    file = "src/tls/trust.c", spec = "trust_cache",
    breaks = "what one context adds shows in another",
    find = "bool ok = copy_objects(t->store, base->store);",
    replace = [[bool ok = X509_STORE_up_ref(base->store) == 1;
  X509_STORE_free(t->store);
  t->store = base->store;
  (void)copy_objects;]],
  }, {
    file = "src/tls/trustplan.c", spec = "trust_cache",
    breaks = "a file that has changed is not read again",
    find = [[facts_file(&f, &id);
  if (!facts_text(]],
    replace = "if (!facts_text(",
  }, {
    file = "src/tls/trustplan.c", spec = "trust_cache",
    breaks = "a new file's contents do not count",
    find = "if (!digest(s->data, s->length, f.content)) "
      .. "return out_of_memory(e);",
    replace = "",
  }, {
    file = "src/tls/trust.c", spec = "trust_cache",
    breaks = "what a context had does not count when it gets more",
    find = "memcpy(keys + i * DIGEST, base->parts[i].key, DIGEST);",
    replace = "memset(keys + i * DIGEST, 0, DIGEST);",
  }, {
    file = "src/bind/context.c", spec = "session_identity",
    breaks = "a server resumes sessions made under other trust",
    find = "memcpy(material, trust_digest(c->trust), 32);",
    replace = "memset(material, 0, 32);",
  }, {
    file = "src/bind/context.c", spec = "session_identity resumption",
    breaks = "a server resumes sessions whose client it did not verify",
    find = "memcpy(material + 32, numbers, sizeof numbers);",
    replace = "memset(material + 32, 0, sizeof numbers);",
  }, {
    file = "src/tls/certkey.c", spec = "context_credentials_errors",
    breaks = "a chain that is broken in the middle is taken",
    find = "return at_end();", replace = "return at_end() || true;",
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
    find = "SSL_TLSEXT_ERR_NOACK", replace = "SSL_TLSEXT_ERR_ALERT_FATAL",
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
    find = "if (!m->sent && h != NULL && h->state == HELLO_AWAITED) {",
    replace = "if (m->sent && h != NULL && h->state == HELLO_AWAITED) {",
  }, {
    file = "src/bind/question.c", spec = "sni_message",
    breaks = "the hello is told of twice to a context that is switched to",
    find = "  if (same) return true;\n  connection_forget_messages(L);\n",
    replace = "  if (same) return true;\n",
  }, {
    file = "src/bind/question.c", spec = "sni_message",
    breaks = "nobody is told of a hello at which sni_callback raises",
    find = "engine_question(&c->engine) != QUESTION_HELLO",
    replace = "false",
  },

  -- event loops
  {
    file = "lua/pyssl/loop/cqueues.lua", spec = "loop_cqueues",
    breaks = "cqueues is not told that a descriptor's number may come again",
    find = "  cqueues.cancel(fd)", replace = "",
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
    file = "src/bind/waiter.c", spec = "waiter_coroutines",
    breaks = "nobody rings for those who wait for the same",
    find = "if (turn_end(L, &c->turn)) ringer_ring(L, c);",
    replace = "turn_end(L, &c->turn);",
  }, {
    file = "src/bind/socket_step.c", spec = "waiter_coroutines",
    breaks = "one coroutine takes what another waits for",
    find = "if (is_barred(L, s)) return false;", replace = "",
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
    file = "src/bind/socket_step.c", spec = "waiter_handshake",
    breaks = "the handshake of what was accepted takes as long as it likes",
    find = "lua_pushnumber(L, s->io.deadline);\n  return 5;",
    replace = "lua_pushnumber(L, s->deadline);\n  return 5;",
  }, {
    file = "src/bind/socket_step.c", spec = "waiter_handshake",
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
}
