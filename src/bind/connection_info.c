/*
** connection_info.c - what a connection tells of itself: the methods of
** ssl.socket and ssl.object that only look.
*/
#include <errno.h>

#include "args.h"
#include "certbox.h"
#include "certinfo.h"
#include "connection.h"
#include "error.h"
#include "warning.h"

/* The receiver's SSL, or NULL where there is no TLS. */
static SSL *ssl_of(lua_State *L) {
  return connection_self(L)->engine.ssl;
}

/*
** conn:getpeercert([binary_form]) gives the peer's certificate (E-13).
** @param binary_form  boolean: DER; default false: a table (api.md G)
** @return table, {} where it was not verified; string; nil without one
** Raises ValueError before the handshake is done, OSError ENOTCONN.
*/
static int getpeercert(lua_State *L) {
  static const char *const names[] = {"binary_form", NULL};
  struct connection *s = connection_self(L);
  struct args a;
  args_take(&a, L, 2, names);
  bool binary = args_opt_boolean(&a, 0, false);
  struct certbox *box = certbox_push(L); /* may run a finaliser */
  if (s->engine.ssl == NULL)
    return error_throw_errno(L, ENOTCONN, "getpeercert");
  if (!s->engine.handshaken)
    return error_throw(L, ERROR_VALUE, "handshake not done yet");
  X509 *certificate =
      certbox_keep(box, SSL_get0_peer_certificate(s->engine.ssl));
  bool verified = SSL_get_verify_mode(s->engine.ssl) & SSL_VERIFY_PEER;
  if (certificate == NULL) {
    lua_pushnil(L);
    return 1;
  }
  if (binary) return certinfo_push_der(L, certificate);
  if (verified)
    certinfo_push(L, certificate);
  else
    lua_newtable(L);
  return 1;
}

/* name, protocol, secret bits: one cipher, as three values. */
static void push_cipher(lua_State *L, const SSL_CIPHER *cipher) {
  lua_pushstring(L, SSL_CIPHER_get_name(cipher));
  lua_pushstring(L, SSL_CIPHER_get_version(cipher));
  lua_pushinteger(L, SSL_CIPHER_get_bits(cipher, NULL));
}

/*
** conn:ktls() tells whether the kernel does the connection's TLS.
** @return boolean: it encrypts what is sent; boolean: it decrypts what comes
*/
static int ktls(lua_State *L) {
  const struct engine *e = &connection_self(L)->engine;
  lua_pushboolean(L, engine_kernel_sends(e));
  lua_pushboolean(L, engine_kernel_receives(e));
  return 2;
}

/*
** conn:cipher() tells the cipher in use (E-16).
** @return name, the oldest protocol that has it, secret bits; nil before
*/
static int cipher(lua_State *L) {
  SSL *ssl = ssl_of(L);
  const SSL_CIPHER *current = ssl != NULL ? SSL_get_current_cipher(ssl) : NULL;
  if (current == NULL) {
    lua_pushnil(L);
    return 1;
  }
  push_cipher(L, current);
  return 3;
}

/*
** The first of the server's ciphers from *i on that its client has, too; NULL
** where there is none. Looked up each time, for a finaliser may have closed the
** connection. Ciphers themselves are static.
*/
static const SSL_CIPHER *next_shared(const struct connection *s, int *i) {
  const SSL *ssl = s->engine.ssl;
  if (ssl == NULL) return NULL;
  STACK_OF(SSL_CIPHER) *theirs = SSL_get_client_ciphers(ssl);
  STACK_OF(SSL_CIPHER) *ours = SSL_get_ciphers(ssl);
  while (*i < sk_SSL_CIPHER_num(ours)) {
    SSL_CIPHER *each =
        (SSL_CIPHER *)(uintptr_t)sk_SSL_CIPHER_value(ours, (*i)++);
    if (sk_SSL_CIPHER_find(theirs, each) >= 0) return each;
  }
  return NULL;
}

/*
** conn:shared_ciphers() lists what both sides offer, on servers (E-17).
** @return list of {name, protocol, secret bits}, the server's order; nil on
**         clients, before the handshake, and on resumed connections (J-15)
*/
static int shared_ciphers(lua_State *L) {
  struct connection *s = connection_self(L);
  const SSL_CIPHER *each;
  SSL *ssl = s->engine.ssl;
  int i = 0;
  bool told = ssl != NULL && s->engine.handshaken && SSL_is_server(ssl) &&
              !SSL_session_reused(ssl);
  if (!told || SSL_get_client_ciphers(ssl) == NULL) {
    lua_pushnil(L);
    return 1;
  }
  lua_newtable(L);
  for (int count = 1; (each = next_shared(s, &i)) != NULL; count++) {
    lua_createtable(L, 3, 0);
    int entry = lua_gettop(L);
    push_cipher(L, each);
    for (int field = 3; field >= 1; field--)
      lua_rawseti(L, entry, field);
    lua_rawseti(L, -2, count);
  }
  return 1;
}

/* conn:compression() gives the method's name, or nil, as always by default
** (E-21). */
static int compression(lua_State *L) {
  SSL *ssl = ssl_of(L);
  const COMP_METHOD *method = ssl ? SSL_get_current_compression(ssl) : NULL;
  lua_pushstring(L, method != NULL ? SSL_COMP_get_name(method) : NULL);
  return 1;
}

/* conn:version() gives "TLSv1.3", ...; nil before the handshake is done and
** after a fatal error (E-27). */
static int version(lua_State *L) {
  struct connection *s = connection_self(L);
  bool known = s->engine.ssl && s->engine.handshaken && !s->engine.failed;
  lua_pushstring(L, known ? SSL_get_version(s->engine.ssl) : NULL);
  return 1;
}

/* conn:selected_npn_protocol() is nil: NPN is gone (E-24). */
static int selected_npn_protocol(lua_State *L) {
  connection_self(L);
  warning_deprecated(L, "selected_npn_protocol");
  lua_pushnil(L);
  return 1;
}

const luaL_Reg connection_info_methods[] = {
    {"getpeercert", getpeercert},
    {"ktls", ktls},
    {"cipher", cipher},
    {"shared_ciphers", shared_ciphers},
    {"compression", compression},
    {"version", version},
    {"selected_npn_protocol", selected_npn_protocol},
    {NULL, NULL},
};
