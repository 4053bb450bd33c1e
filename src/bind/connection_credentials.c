/*
** connection_credentials.c - the credentials of one ssl.socket or ssl.object:
** the certificate that it presents in place of its context's.
*/
#include "connection.h"
#include "error.h"
#include "keypair.h"

/* Can a handshake still take a certificate? One that has come past it cannot;
** a client's, which may be resuming a session made with another one, only where
** it waits for a certificate. */
static bool is_early(const struct connection *s) {
  const SSL *ssl = s->engine.ssl;
  if (s->engine.failed) return false;
  if (SSL_want_x509_lookup(ssl)) return true;
  return s->server_side ? !s->engine.handshaken : SSL_in_before(ssl);
}

/* May the connection be given a certificate now? Before TLS has begun it may.
** False with *e. */
static bool check_stage(const struct connection *s, struct tls_error *e) {
  const struct engine *engine = &s->engine;
  const char *message = NULL;
  if (engine->ssl == NULL && engine->wire == NULL) return true;
  if (engine->ssl == NULL || engine->doomed)
    message = "operation on a closed connection";
  else if (engine->running)
    message = "the connection is busy: one of its callbacks is running";
  else if (!is_early(s))
    message = "it is too late for a certificate in this handshake";
  if (message != NULL) tlserr_set(e, ERROR_VALUE, "%s", message);
  return message == NULL;
}

/* Push settings that have the certificate too. */
static bool extend(lua_State *L, struct certkey *c, struct tls_error *e) {
  struct connection *s = connection_self(L);
  lua_getiuservalue(L, 1, VALUE_CONTEXT); /* kept, whatever a finaliser does */
  lua_getiuservalue(L, 1, VALUE_SETTINGS);
  return settings_extend(L, lua_touserdata(L, -1), c, lua_touserdata(L, -2),
                         e) &&
         check_stage(s, e);
}

/* The settings at the top are the receiver's. */
static bool use(lua_State *L, struct tls_error *e) {
  struct connection *s = connection_self(L);
  const struct settings *settings = lua_touserdata(L, -1);
  lua_setiuservalue(L, 1, VALUE_SETTINGS);
  return s->engine.ssl == NULL ||
         (settings_apply_certificates(settings, s->engine.ssl, e) &&
          connection_renew_session(L, 1, e));
}

static void check_receiver(lua_State *L) {
  struct tls_error e;
  if (!check_stage(connection_self(L), &e)) error_raise(L, &e, "load");
}

/* What has been read goes into the receiver. Lua code that has run meanwhile
** may have made use of that. */
static int install(lua_State *L, struct credentials *box, struct tls_error *e) {
  bool ok = box != NULL && extend(L, &box->parsed, e) && use(L, e);
  if (box != NULL) credentials_clear(box);
  if (!ok) return error_raise(L, e, "load");
  lua_pushboolean(L, 1);
  return 1;
}

/*
** conn:load_cert_chain(certfile, keyfile, password) loads the certificate that
** this connection presents; its context's are not used then. Called again, it
** adds one with another kind of key, or replaces one with the same. It is for
** the time before the handshake, and for cert_callback; on a server until the
** handshake is done. What a client was to resume is forgotten: that was made
** with another certificate. A listener's goes to the connections that it
** accepts.
** @param certfile, keyfile, password, certdata, keydata  as of a context's
**        load_cert_chain
** @return true
** Raises what the context's raises, and ValueError when it is too late. A
** failed load leaves the connection as it was.
*/
static int load_cert_chain(lua_State *L) {
  struct tls_error e;
  check_receiver(L);
  return install(L, keypair_take_chain(L, &e), &e);
}

/*
** conn:load_pkcs12(file, password) does the same with certificate, chain and
** key from one PKCS #12 file (.p12, .pfx).
** @param file, password, data  as of a context's load_pkcs12
** @return true
** Raises what the context's raises, and ValueError when it is too late.
*/
static int load_pkcs12(lua_State *L) {
  struct tls_error e;
  check_receiver(L);
  return install(L, keypair_take_pkcs12(L, &e), &e);
}

const luaL_Reg connection_credentials_methods[] = {
    {"load_cert_chain", load_cert_chain},
    {"load_pkcs12", load_pkcs12},
    {NULL, NULL},
};
