/*
** connection_session.c - the sessions of ssl.socket and ssl.object: which is
** resumed, which there is, and the identity that decides about it.
*/
#include <string.h>

#include "../sys/net.h"
#include "../tls/alpn.h"
#include "../tls/sessioncache.h"
#include "args.h"
#include "connection.h"
#include "error.h"
#include "question.h"
#include "session.h"

/* ---- may it be resumed here? ---- */

static bool refuse(struct tls_error *e, const char *message) {
  tlserr_set(e, ERROR_VALUE, "%s", message);
  return false;
}

/* Does the session at `index` belong to another context than the connection
** at `conn`? An imported one belongs to none. */
static bool is_foreign(lua_State *L, int conn, int index) {
  lua_getiuservalue(L, conn, VALUE_CONTEXT);
  lua_getiuservalue(L, index, SESSION_CONTEXT);
  bool foreign = !lua_isnil(L, -1) && !lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return foreign;
}

/* All zeros until TLS has begun. */
static const struct identity *identity_of(const struct connection *s) {
  static const struct identity none;
  const struct shared_identity *shared = s->engine.identity;
  return shared != NULL ? &shared->value : &none;
}

static bool check_identity(const struct connection *s,
                           const struct session *session, struct tls_error *e) {
  const struct identity *own = identity_of(s);
  char parts[256];
  if (identity_equal(own, &session->identity)) return true;
  identity_difference(own, &session->identity, parts, sizeof parts);
  tlserr_set(e, ERROR_VALUE,
             "the session was made under other terms than this connection's: "
             "%s",
             parts);
  return false;
}

/* Let the connection at `conn`, whose TLS has begun, resume the session at
** `index` (F.3, in this order). False with *e. */
static bool resume(lua_State *L, int conn, int index, struct tls_error *e) {
  struct connection *s = lua_touserdata(L, conn);
  const struct session *session = lua_touserdata(L, index);
  if (session->handle == NULL)
    return refuse(e, "operation on a closed session");
  if (is_foreign(L, conn, index))
    return refuse(e, "the session belongs to another SSLContext");
  if (s->server_side) return refuse(e, "a session is for clients only");
  if (!SSL_in_before(s->engine.ssl))
    return refuse(e, "a session cannot be set after the handshake has begun");
  if (!check_identity(s, session, e)) return false;
  tlserr_clear();
  if (SSL_set_session(s->engine.ssl, session->handle) == 1) return true;
  tlserr_take(e, "cannot set the session");
  return false;
}

/* ---- as TLS begins ---- */

static bool keep_identity(struct connection *s, struct context *c,
                          const struct identity *id) {
  struct shared_identity *shared = identity_share(&c->last, id);
  if (shared == NULL) return false;
  identity_release(s->engine.identity);
  s->engine.identity = shared;
  return true;
}

/*
** The identity is that of now, and so is the trust it names: the context may be
** given another before the handshake.
*/
static bool pin_identity(struct connection *s, struct context *c,
                         const struct settings *own, const char *hostname,
                         bool psk, bool verify) {
  struct trust *trust = settings_trust(own, c);
  struct identity id;
  struct identity_terms terms = {
      .server = s->server_side,
      .check_hostname = c->check_hostname,
      .psk = psk,
      .verify_callback = verify,
      .own_certificate = settings_has_certificate(own),
      .hostname = hostname,
      .trust = trust_digest(trust),
  };
  terms.alpn = alpn_list(s->engine.ssl, &terms.alpn_length);
  return SSL_set1_verify_cert_store(s->engine.ssl, trust_store(trust)) &&
         identity_take(&id, s->engine.ssl, &terms) && keep_identity(s, c, &id);
}

/*
** Make the key of a client's sessions: its identity and the peer's port, where
** there is one. Without a server_hostname it is the peer's whole address: the
** sessions of two hosts must not mix. Where that is not known, there is no key.
*/
static bool make_key(struct connection *s, bool named) {
  struct engine *e = &s->engine;
  struct address a;
  bool there = e->io != NULL && net_peer(e->io->fd, &a) == 0;
  unsigned number = there ? address_port(&a) : 0;
  unsigned char port[2] = {(unsigned char)(number >> 8), (unsigned char)number};
  OPENSSL_free(e->cache_key);
  e->cache_key = NULL;
  if (!named && !there) return true;
  unsigned char *key = OPENSSL_malloc(ENGINE_CACHE_KEY);
  if (key != NULL &&
      identity_digest(identity_of(s), named ? port : (void *)&a.u,
                      named ? sizeof port : a.length, key))
    e->cache_key = key;
  else
    OPENSSL_free(key);
  return e->cache_key != NULL;
}

static bool join_cache(struct connection *s, const struct context *c,
                       bool named) {
  if (s->server_side || !sessioncache_is_on(c->handle)) return true;
  return make_key(s, named) && sessioncache_join(&s->engine);
}

/* Has the context of the connection at `index` a callback for its side that
** knows pre-shared keys? */
static bool has_psk(lua_State *L, int index, bool server) {
  lua_getiuservalue(L, index, VALUE_CONTEXT);
  lua_getiuservalue(L, -1, server ? CONTEXT_PSK_SERVER : CONTEXT_PSK_CLIENT);
  bool has = !lua_isnil(L, -1);
  lua_pop(L, 2);
  return has;
}

bool connection_begin_session(lua_State *L, int index, struct context *c,
                              const char *hostname, struct tls_error *e) {
  struct connection *s = lua_touserdata(L, index);
  bool psk = has_psk(L, index, s->server_side);
  bool verify = question_has_verify(L, index);
  const struct settings *own = connection_settings(L, index);
  if (own != NULL && !settings_apply(own, c, s->engine.ssl, e)) return false;
  if (!pin_identity(s, c, own, hostname, psk, verify) ||
      !join_cache(s, c, hostname != NULL) || !question_begin(L, index)) {
    tlserr_take(e, "cannot make a TLS connection");
    return false;
  }
  lua_getiuservalue(L, index, VALUE_SESSION);
  bool ok = lua_isnil(L, -1) || resume(L, index, lua_gettop(L), e);
  lua_pushnil(L);
  lua_setiuservalue(L, index, VALUE_SESSION);
  lua_pop(L, 1);
  return ok;
}

/* Look for a session once more, under the name that the cache has for the
** identity now. One that the user had given was made under the former. */
static bool rejoin_cache(struct connection *s, bool named) {
  struct engine *e = &s->engine;
  bool fresh = SSL_in_before(e->ssl);
  if (s->server_side) return true;
  if (fresh && !SSL_set_session(e->ssl, NULL)) return false;
  if (e->cache_key == NULL) return true;
  if (!make_key(s, named)) return false;
  return !fresh || sessioncache_join(e);
}

bool connection_renew_session(lua_State *L, int index, struct tls_error *e) {
  struct connection *s = lua_touserdata(L, index);
  struct identity id = *identity_of(s);
  lua_getiuservalue(L, index, VALUE_CONTEXT);
  lua_getiuservalue(L, index, VALUE_HOSTNAME);
  struct context *c = lua_touserdata(L, -2);
  bool named = !lua_isnil(L, -1);
  lua_pop(L, 2); /* the connection keeps them */
  tlserr_clear();
  if (identity_take_certificates(&id, s->engine.ssl) &&
      keep_identity(s, c, &id) && rejoin_cache(s, named))
    return true;
  tlserr_take(e, "cannot use the certificate");
  return false;
}

void connection_take_session(const struct args *a, int i) {
  if (args_given(a, i) && !luaL_testudata(a->L, a->first + i, SESSION_T))
    args_type_error(a, i, SESSION_T);
}

/* ---- attributes and methods ---- */

/*
** conn.session is the session, for another connection to resume (E-04).
** @return ssl.session, a new object each time; nil without TLS, and where there
**         is none yet
*/
int connection_get_session(lua_State *L) {
  struct connection *s = connection_self(L);
  struct session *session = session_box(L);
  SSL *ssl = s->engine.ssl; /* a finaliser may have closed it */
  SSL_SESSION *handle = ssl != NULL ? SSL_get1_session(ssl) : NULL;
  if (handle == NULL) {
    lua_pushnil(L);
    return 1;
  }
  session->identity = *identity_of(s);
  lua_getiuservalue(L, 1, VALUE_CONTEXT);
  lua_setiuservalue(L, -2, SESSION_CONTEXT);
  session_fill(L, session, handle);
  return 1;
}

/*
** conn.session = session is resumed by the handshake that is to come. While the
** connection has no TLS it is kept, and checked when that begins.
** Raises ValueError: another context, a server, after the handshake has begun,
** another identity; the first that is so.
*/
int connection_set_session(lua_State *L) {
  struct connection *s = connection_self(L);
  struct tls_error e;
  if (luaL_testudata(L, 3, SESSION_T) == NULL)
    return attribute_type_error(L, SESSION_T);
  if (s->engine.ssl != NULL) {
    if (!resume(L, 1, 3, &e)) return error_raise(L, &e, NULL);
    return 0;
  }
  if (s->server_side)
    return error_throw(L, ERROR_VALUE, "a session is for clients only");
  lua_pushvalue(L, 3);
  lua_setiuservalue(L, 1, VALUE_SESSION);
  return 0;
}

/* E-05: true, false; nil without TLS. */
int connection_get_session_reused(lua_State *L) {
  const struct connection *s = connection_self(L);
  if (s->engine.ssl == NULL)
    lua_pushnil(L);
  else
    lua_pushboolean(L, SSL_session_reused(s->engine.ssl));
  return 1;
}

/*
** conn:identity() names what decides whether this connection trusts its peer:
** the side, verify_mode, verify_flags, check_hostname,
** hostname_checks_common_name, the security level, server_hostname, the trusted
** certificates, the own certificate of a client and of a server the one that is
** not its context's, the ALPN protocols, and whether a callback knows
** pre-shared keys, or decides about certificates.
** @return string, equal for two connections, in other processes too, only if
**         all of that is; nil without TLS
*/
static int identity(lua_State *L) {
  const struct connection *s = connection_self(L);
  unsigned char digest[IDENTITY_DIGEST];
  char text[2 * IDENTITY_DIGEST];
  if (s->engine.ssl == NULL) {
    lua_pushnil(L);
    return 1;
  }
  tlserr_clear();
  if (!identity_digest(identity_of(s), NULL, 0, digest))
    return error_throw_ssl(L, "cannot compute the identity");
  for (size_t i = 0; i < sizeof digest; i++) {
    text[2 * i] = "0123456789abcdef"[digest[i] >> 4];
    text[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
  }
  lua_pushlstring(L, text, sizeof text);
  return 1;
}

const luaL_Reg connection_session_methods[] = {
    {"identity", identity},
    {NULL, NULL},
};
