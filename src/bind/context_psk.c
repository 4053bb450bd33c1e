/*
** context_psk.c - pre-shared keys: the callbacks that know them (D-41..D-43,
** RFC 4279 for TLS 1.2, RFC 8446, 4.2.11 for TLS 1.3).
** OpenSSL cannot pause here, so the functions run at once, under lua_pcall. A
** key goes from its Lua string into OpenSSL's own memory, which OpenSSL wipes;
** no copy of it is made on the way.
*/
#include <string.h>

#include "args.h"
#include "call.h"
#include "context.h"
#include "error.h"

#define IDENTITY_MAX 255 /* bytes; OpenSSL's own bound less its NUL */
#define HINT_MAX     256
#define REFUSED      (PSK_MAX_PSK_LEN + 1) /* no key: a fatal error at once */

/* What OpenSSL asks, and where the answer goes. */
struct question {
  int callback;     /* CONTEXT_PSK_CLIENT, CONTEXT_PSK_SERVER */
  const char *name; /* the hint or the identity that the peer has sent */
  char *identity;   /* the client's answer, or NULL */
  size_t identity_max;
  unsigned char *key;
  size_t key_max;
  unsigned length; /* of the key in the answer; 0: there is none */
};

/* Result `i` of the callback, at `index`: its bytes. Raises. */
static const char *check_result(lua_State *L, int i, int index, size_t most,
                                const char *what, size_t *length) {
  if (lua_type(L, index) != LUA_TSTRING)
    luaL_error(L,
               "bad result #%d of the PSK callback (string expected, got %s)",
               i, luaL_typename(L, index));
  const char *text = lua_tolstring(L, index, length);
  if (*length > most)
    error_throw(L, ERROR_VALUE, "the PSK%s is longer than %d bytes", what,
                (int)most);
  return text;
}

/* The client's identity, at `index`. nil is none, as TLS 1.2 allows. */
static void answer_identity(lua_State *L, struct question *q, int index) {
  size_t length = 0;
  const char *text = "";
  if (!lua_isnil(L, index))
    text = check_result(L, 1, index, q->identity_max, " identity", &length);
  if (strlen(text) != length)
    error_throw(L, ERROR_VALUE, "embedded NUL in the PSK identity");
  memcpy(q->identity, text, length + 1);
}

/* (connection, question): ask the function, and put its answer in place. */
static int ask(lua_State *L) {
  struct question *q = lua_touserdata(L, 2);
  int results = q->identity != NULL ? 2 : 1;
  size_t length;
  lua_getiuservalue(L, 1, VALUE_CONTEXT);
  if (lua_getiuservalue(L, -1, q->callback) == LUA_TNIL) return 0;
  bool empty = q->name == NULL || q->name[0] == '\0';
  lua_pushstring(L, empty ? NULL : q->name);
  lua_call(L, 1, results);
  if (lua_isnil(L, -1)) return 0; /* there is no key for this */
  const char *key = check_result(L, results, -1, q->key_max, "", &length);
  if (q->identity != NULL) answer_identity(L, q, -2);
  memcpy(q->key, key, length);
  q->length = (unsigned)length;
  return 0;
}

/* Ask; false: the callback failed, and its error is parked. */
static bool answer(SSL *ssl, struct question *q) {
  struct connection *c = call_of(ssl);
  if (c == NULL) return false;
  lua_pushvalue(c->caller, 1);
  lua_pushlightuserdata(c->caller, q);
  return call_run(c, ask, 2, 0);
}

#ifndef OPENSSL_NO_PSK
/* No key: TLS 1.2 ends with handshake_failure; in TLS 1.3 none is offered, and
** certificates decide. A callback that failed ends both alike. */
static unsigned client_key(SSL *ssl, const char *hint, char *identity,
                           unsigned identity_max, unsigned char *key,
                           unsigned key_max) {
  struct question q = {
      .callback = CONTEXT_PSK_CLIENT,
      .name = hint,
      .identity = identity,
      .identity_max =
          identity_max > IDENTITY_MAX ? IDENTITY_MAX : identity_max - 1,
      .key = key,
      .key_max = key_max,
  };
  return answer(ssl, &q) ? q.length : REFUSED;
}

/* No key: TLS 1.2 ends with unknown_psk_identity, TLS 1.3 goes on without. A
** callback that failed ends that, too: with internal_error. */
static unsigned server_key(SSL *ssl, const char *identity, unsigned char *key,
                           unsigned key_max) {
  struct question q = {
      .callback = CONTEXT_PSK_SERVER,
      .name = identity,
      .key = key,
      .key_max = key_max,
  };
  if (answer(ssl, &q)) return q.length;
  return SSL_version(ssl) == TLS1_3_VERSION ? REFUSED : 0;
}

static void install_client(SSL_CTX *context, bool on) {
  SSL_CTX_set_psk_client_callback(context, on ? client_key : NULL);
}

static bool install_server(SSL_CTX *context, bool on, const char *hint) {
  if (!SSL_CTX_use_psk_identity_hint(context, hint)) return false;
  SSL_CTX_set_psk_server_callback(context, on ? server_key : NULL);
  return true;
}
#else
static void install_client(SSL_CTX *context, bool on) {
  (void)context;
  (void)on;
}

static bool install_server(SSL_CTX *context, bool on, const char *hint) {
  (void)context;
  (void)on;
  (void)hint;
  return true;
}
#endif

/* Raise where this receiver has no such callback. */
static void check_side(lua_State *L, const SSL_METHOD *other,
                       const char *message) {
#ifdef OPENSSL_NO_PSK
  error_throw(L, ERROR_NOT_IMPLEMENTED, "the TLS library has no PSK");
#endif
  if (SSL_CTX_get_ssl_method(context_self(L)->handle) == other)
    error_throw(L, ERROR_SSL, "%s", message);
}

/*
** ctx:set_psk_client_callback(callback) sets the function that knows a client's
** key (D-41, D-43).
** @param callback  function, called in the handshake with the server's hint
**                  (nil without one, and always in TLS 1.3); gives the identity
**                  (string of at most 255 bytes; nil for none, in TLS 1.2 only)
**                  and the key (string of at most 512 bytes; nil or "" to
**                  reject). nil: none from now on
** @return true
** Raises SSLError on a PROTOCOL_TLS_SERVER context. An error in the function
** ends the handshake with handshake_failure and comes out of it.
*/
static int set_psk_client_callback(lua_State *L) {
  check_side(L, TLS_server_method(),
             "cannot add a PSK client callback to a PROTOCOL_TLS_SERVER "
             "context");
  lua_settop(L, 2);
  if (!call_accepts(L, 2)) return luaL_typeerror(L, 2, "function");
  function_keep(L, ask);
  install_client(context_self(L)->handle, !lua_isnil(L, 2));
  lua_setiuservalue(L, 1, CONTEXT_PSK_CLIENT);
  lua_pushboolean(L, 1);
  return 1;
}

/* identity_hint, parameter i, or NULL. */
static const char *take_hint(const struct args *a, int i) {
  size_t length;
  const char *hint = args_opt_string(a, i, &length);
  if (hint == NULL) return NULL;
  if (length > HINT_MAX)
    error_throw(a->L, ERROR_VALUE, "identity_hint is longer than %d bytes",
                HINT_MAX);
  if (strlen(hint) != length)
    error_throw(a->L, ERROR_VALUE, "embedded NUL in identity_hint");
  return hint;
}

/*
** ctx:set_psk_server_callback(callback, identity_hint) sets the function that
** knows the keys of a server's clients (D-42, D-43).
** @param callback       function, called in the handshake with the client's
**                       identity (nil for none); gives the key (string of at
**                       most 512 bytes; nil or "" to reject). nil: neither
**                       function nor hint from now on
** @param identity_hint  string of at most 256 bytes, sent to clients in TLS 1.2
** @return true
** Raises SSLError on a PROTOCOL_TLS_CLIENT context, ValueError for the hint. An
** error in the function ends the handshake (unknown_psk_identity in TLS 1.2,
** internal_error in TLS 1.3) and comes out of it.
*/
static int set_psk_server_callback(lua_State *L) {
  static const char *const names[] = {"callback", "identity_hint", NULL};
  struct args a;
  check_side(L, TLS_client_method(),
             "cannot add a PSK server callback to a PROTOCOL_TLS_CLIENT "
             "context");
  args_take(&a, L, 2, names);
  if (!call_accepts(L, 2)) return args_type_error(&a, 0, "function");
  const char *hint = take_hint(&a, 1);
  bool on = !lua_isnil(L, 2);
  function_keep(L, ask);
  tlserr_clear();
  if (!install_server(context_self(L)->handle, on, on ? hint : NULL))
    return error_throw_ssl(L, "cannot set the identity hint");
  lua_pushvalue(L, 2);
  lua_setiuservalue(L, 1, CONTEXT_PSK_SERVER);
  context_self(L)->psk_server = on;
  if (!context_mark_sessions(context_self(L)))
    return error_throw_ssl(L, "cannot set the session context");
  lua_pushboolean(L, 1);
  return 1;
}

const luaL_Reg context_psk_methods[] = {
    {"set_psk_client_callback", set_psk_client_callback},
    {"set_psk_server_callback", set_psk_server_callback},
    {NULL, NULL},
};
