-- mutants/verification - verification, and the check of names.
return {
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

  -- verify_callback
  {
    file = "src/bind/question.c", spec = "verify_callback",
    breaks = "whatever is not false accepts a certificate",
    find = "if (lua_isboolean(L, RESULT) && lua_toboolean(L, RESULT)) {",
    replace = "if (lua_toboolean(L, RESULT)) {",
  }, {
    file = "src/bind/question.c", spec = "verify_callback",
    breaks = "a function that raises has left the verdict to OpenSSL",
    find = ": X509_V_ERR_CERT_REJECTED", replace = ": X509_V_OK",
  }, {
    file = "src/bind/question.c", spec = "verify_callback",
    breaks = "a function that was taken away has accepted",
    find = "code, NULL);", replace = "code * 0, NULL);",
  }, {
    file = "src/bind/question.c", spec = "verify_callback",
    breaks = "a refusal with the code 0 accepts",
    find = "return n > 0 && n <= INT_MAX;", replace = "return true;",
  }, {
    file = "src/tls/verdict.c", spec = "verify_callback verify_session",
    breaks = "a server retries, and has accepted meanwhile",
    find = "return SSL_is_server(ssl) ? verify_server(v, f, ssl, store)",
    replace = "return f == NULL ? verify_server(v, f, ssl, store)",
  }, {
    file = "src/tls/verdict.c", spec = "verify_callback",
    breaks = "OpenSSL is told of no refusal",
    find = "v->refused = v->refusal != X509_V_OK;",
    replace = "v->refused = false;",
  }, {
    file = "src/tls/engine.c", spec = "verify_callback",
    breaks = "a refusal does not count with CERT_NONE",
    find = "SSL_set_verify(e->ssl, mode | SSL_VERIFY_PEER, engine_note_fault);",
    replace = "(void)mode;",
  }, {
    file = "src/tls/verdict.c", spec = "verify_session",
    breaks = "a fault that was accepted is none in the session",
    find = "X509_STORE_CTX_set_error(store, accepted ? v->code : v->refusal);",
    replace = "X509_STORE_CTX_set_error(store, accepted ? 0 : v->refusal);",
  },

  -- verify_callback, where a session is resumed
  {
    file = "src/tls/step.c", spec = "verify_session",
    breaks = "a client resumes unasked",
    find = "!SSL_is_server(e->ssl)) {", replace = "false) {",
  }, {
    file = "src/tls/step.c", spec = "verify_session",
    breaks = "unwrap is content with a session that is yet to be judged",
    find = "if (step == STEP_DONE && !SSL_in_init(e->ssl)) step =",
    replace = "if (step == STEP_DONE && !e->ssl) step =",
  }, {
    file = "src/tls/verdict.c", spec = "verify_session",
    breaks = "a client resumes although it is refused",
    find = "return VERDICT_REFUSED;", replace = "return VERDICT_ACCEPTED;",
  }, {
    file = "src/tls/verdict.c", spec = "verify_session",
    breaks = "a server resumes although it is refused",
    find = "if (!is_accepted(v)) return refuse(v, ssl);",
    replace = "(void)is_accepted(v);",
  }, {
    file = "src/tls/verdict.c", spec = "verify_session",
    breaks = "what is resumed passes for verified",
    find = "v->code = (int)SSL_get_verify_result(ssl);",
    replace = "v->code = X509_V_OK;",
  }, {
    file = "src/bind/context.c", spec = "verify_session",
    breaks = "a server with a callback resumes sessions made without",
    find = "c->verify_callback,\n", replace = "false,\n",
  }, {
    file = "src/tls/identity.c", spec = "verify_callback verify_session",
    breaks = "a client with a callback resumes sessions made without",
    find = "id->verify_callback = terms->verify_callback;", replace = "",
  },
}
