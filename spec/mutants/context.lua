-- mutants/context - contexts: their defaults, secrets and trust.
return {
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
  if (!tells_by_time(]],
    replace = "if (!tells_by_time(",
  }, {
    file = "src/tls/trustplan.c", spec = "trust_cache",
    breaks = "a new file's contents do not count",
    find = "if (!digest_bytes(s->data, s->length, f.digest)) "
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
    find = "memcpy(material, trust_digest(trust), 32);",
    replace = "memset(material, 0, 32);",
  }, {
    file = "src/bind/context.c", spec = "session_identity resumption",
    breaks = "a server resumes sessions whose client it did not verify",
    find = "memcpy(material + 32, numbers, sizeof numbers);",
    replace = "memset(material + 32, 0, sizeof numbers);",
  }, {
    file = "src/bind/context.c", spec = "psk",
    breaks = "a server resumes what a key has opened, without keys",
    find = "c->psk_server,", replace = "false,",
  }, {
    file = "src/bind/context_cipher.c", spec = "session_identity",
    breaks = "a server resumes sessions of another security level",
    find = "if (!context_mark_sessions(c)) return",
    replace = "if (false) return",
  }, {
    file = "src/bind/connection.c", spec = "server_hostname",
    breaks = "a name is not asked for when a socket connects",
    find = "if (!check_side(s, c, e) || !check_named(s, c, text, e))",
    replace = "(void)check_named;\n  if (!check_side(s, c, e))",
  }, {
    file = "src/tls/certkey.c", spec = "context_credentials_errors",
    breaks = "a chain that is broken in the middle is taken",
    find = "return at_end();", replace = "return at_end() || true;",
  },

  -- sessions: where may one be resumed?
  {
    file = "src/bind/connection_session.c",
    spec = "session_identity connection_settings_session",
    breaks = "a client resumes sessions made under other terms",
    find = "if (!check_identity(s, session, e)) return false;",
    replace = "(void)check_identity;",
  }, {
    file = "src/tls/identity.c",
    spec = "session_identity connection_settings_session",
    breaks = "verify_mode is no part of a connection's identity",
    find = "id->verify_mode = (unsigned char)SSL_get_verify_mode(ssl);",
    replace = "",
  }, {
    file = "src/tls/identity.c", spec = "session_identity",
    breaks = "the name that is expected is no part of a connection's identity",
    find = "if (terms->hostname != NULL &&\n", replace = "if (false &&\n",
  }, {
    file = "src/tls/sessioncache.c", spec = "auto_resume",
    breaks = "a TLS 1.3 ticket is used twice",
    find = "if (!is_single_use(session) && SSL_SESSION_up_ref(session))",
    replace = "if (SSL_SESSION_up_ref(session))",
  }, {
    file = "src/tls/sessioncache.c", spec = "auto_resume",
    breaks = "a child process resumes its parent's sessions",
    find = "if (c == NULL || c->owner == getpid()) return c;",
    replace = "if (c == NULL || c->owner != 0) return c;",
  }, {
    file = "src/bind/connection_session.c", spec = "auto_resume",
    breaks = "auto_resume takes the session of another port",
    find = "unsigned number = there ? address_port(&a) : 0;",
    replace = "unsigned number = 0;",
  },

  -- a connection's own settings
  {
    file = "src/bind/connection_session.c", spec = "connection_settings",
    breaks = "a connection trusts what its context trusts",
    find = "s->engine.ssl, trust_store(trust))",
    replace = "s->engine.ssl, trust_store(c->trust))",
  }, {
    file = "src/bind/connection_session.c",
    spec = "connection_settings_session",
    breaks = "a connection's own trust is no part of its identity",
    find = ".trust = trust_digest(trust),",
    replace = ".trust = trust_digest(c->trust),",
  }, {
    file = "src/bind/settings.c", spec = "connection_settings",
    breaks = "a connection's own verify_mode is ignored",
    find = "SSL_set_verify(ssl, context_verify_bits(c, s->verify_mode), NULL);",
    replace = "(void)0;",
  }, {
    file = "src/bind/settings.c", spec = "connection_settings_session",
    breaks = "a server's connections share sessions, whatever they demand",
    find = "return context_mark_connection(c, ssl, settings_trust(s, c));",
    replace = "return true;",
  }, {
    file = "src/bind/context.c", spec = "connection_settings_session",
    breaks = "a server resumes sessions made under another verify_mode of "
      .. "a connection",
    find = "return make_mark(c, trust, SSL_get_verify_mode(ssl)",
    replace = "return make_mark(c, trust, SSL_CTX_get_verify_mode(c->handle)",
  }, {
    file = "src/bind/settings.c", spec = "connection_settings_session",
    breaks = "a server resumes sessions made under other trust of a connection",
    find = "return context_mark_connection(c, ssl, settings_trust(s, c));",
    replace = "return context_mark_connection(c, ssl, c->trust);",
  }, {
    file = "src/bind/settings.c", spec = "connection_settings_refused",
    breaks = "CERT_NONE of a connection goes with a name that is checked",
    find = "if (mode == 0 && c->check_hostname)", replace = "if (mode == 3)",
  }, {
    file = "src/bind/settings.c", spec = "connection_settings",
    breaks = "the context's certificate stays beside the connection's",
    find = "if (s->count > 0) SSL_certs_clear(ssl);", replace = "",
  },
}
