#include "connection.h"

#include <stdio.h>
#include <string.h>

#include "../tls/peername.h"
#include "certbox.h"
#include "certinfo.h"
#include "class.h"
#include "error.h"

struct connection *connection_self(lua_State *L) {
  return class_self(L);
}

struct connection *connection_check_any(lua_State *L, int arg) {
  static const char *const names[] = {SOCKET_T, TRANSPORT_T};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    void *c = luaL_testudata(L, arg, names[i]);
    if (c != NULL) return c;
  }
  return luaL_checkudata(L, arg, OBJECT_T);
}

void connection_keep_context(lua_State *L, int index) {
  struct connection *s = lua_touserdata(L, index);
  s->context = lua_touserdata(L, -1);
  lua_setiuservalue(L, index, VALUE_CONTEXT);
}

const struct settings *connection_settings(lua_State *L, int index) {
  lua_getiuservalue(L, index, VALUE_SETTINGS);
  const struct settings *s = lua_touserdata(L, -1);
  lua_pop(L, 1); /* the connection keeps it */
  return s;
}

void connection_take_hostname(const struct args *a, int i) {
  struct tls_error e;
  struct peername name;
  size_t length;
  const char *text = args_opt_string(a, i, &length);
  if (text == NULL) return;
  if (!peername_parse(&name, text, length, &e)) error_raise(a->L, &e, NULL);
  lua_pushstring(a->L, name.text);
  lua_replace(a->L, a->first + i);
}

void connection_check(lua_State *L, const struct context *c, bool server,
                      bool named, bool resuming) {
  if (server && named)
    error_throw(L, ERROR_VALUE,
                "server_hostname can only be specified in client mode");
  if (server && resuming)
    error_throw(L, ERROR_VALUE, "session can only be specified in client mode");
  if (c->check_hostname && !named)
    error_throw(L, ERROR_VALUE, "check_hostname requires server_hostname");
}

/* May this context be on this side? (I-73, I-74) */
static bool check_side(const struct connection *s, const struct context *c,
                       struct tls_error *e) {
  if (c->handle == NULL) {
    tlserr_set(e, ERROR_VALUE, "the context is closed");
    return false;
  }
  const SSL_METHOD *method = SSL_CTX_get_ssl_method(c->handle);
  const SSL_METHOD *other =
      s->server_side ? TLS_client_method() : TLS_server_method();
  if (method != other) return true;
  tlserr_set(e, ERROR_SSL,
             s->server_side ? "cannot create a server socket with a "
                              "PROTOCOL_TLS_CLIENT context"
                            : "cannot create a client socket with a "
                              "PROTOCOL_TLS_SERVER context");
  e->number = 0; /* B.2: a message of our own */
  return false;
}

/* Is there a name where it is to be checked? The context may have begun to ask
** for that when its socket was made, and not connected. */
static bool check_named(const struct connection *s, const struct context *c,
                        const char *hostname, struct tls_error *e) {
  if (s->server_side || !c->check_hostname || hostname != NULL) return true;
  tlserr_set(e, ERROR_VALUE, "check_hostname requires server_hostname");
  return false;
}

void connection_tune(struct connection *s, const struct context *c) {
  engine_tune(&s->engine, c->release_buffers, c->read_ahead);
}

bool connection_open(lua_State *L, int index,
                     bool (*open)(struct connection *c, SSL_CTX *ctx),
                     struct tls_error *e) {
  struct connection *s = lua_touserdata(L, index);
  struct peername name;
  size_t length;
  lua_getiuservalue(L, index, VALUE_CONTEXT);
  lua_getiuservalue(L, index, VALUE_HOSTNAME);
  struct context *c = lua_touserdata(L, -2);
  const char *text = lua_tolstring(L, -1, &length);
  lua_pop(L, 2); /* both stay in the user values */
  if (!check_side(s, c, e) || !check_named(s, c, text, e)) return false;
  if (text != NULL && !peername_parse(&name, text, length, e)) return false;
  if (!open(s, c->handle) ||
      (text != NULL &&
       !peername_apply(&name, s->engine.ssl, c->check_hostname)))
    tlserr_take(e, "cannot make a TLS connection");
  else if (connection_begin_session(L, index, c, text, e)) {
    connection_tune(s, c);
    return true;
  }
  engine_close(&s->engine);
  return false;
}

/* Where no authority was to be had, say where it was looked for. */
static void explain_trust(lua_State *L, struct tls_error *e) {
  lua_getiuservalue(L, 1, VALUE_CONTEXT);
  struct context *c = luaL_testudata(L, -1, CONTEXT_T);
  lua_pop(L, 1);
  struct trust *trust =
      c != NULL ? settings_trust(connection_settings(L, 1), c) : NULL;
  if (trust == NULL || !trust_found_none(trust)) return;
  const char *searched = trust_searched(trust);
  size_t used = strlen(e->message);
  snprintf(e->message + used, sizeof e->message - used,
           searched != NULL ? " (no CA certificate was found; looked at: %s)"
                            : " (no CA certificates are loaded)%s",
           searched != NULL ? searched : "");
}

/* Did verification fail for want of an authority? */
static bool is_issuer_missing(int code) {
  return code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
         code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
         code == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE ||
         code == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
         code == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN;
}

/* Whose certificate is at fault. */
static void add_fault(lua_State *L, const struct connection *s) {
  struct certbox *box = certbox_push(L); /* may run a finaliser */
  X509 *fault = certbox_keep(box, s->engine.fault);
  if (fault != NULL) {
    lua_pushinteger(L, s->engine.fault_depth);
    lua_setfield(L, -3, "depth");
    certinfo_push_name(L, X509_get_subject_name(fault));
    lua_setfield(L, -3, "subject");
  }
  lua_pop(L, 1);
}

/* Of a verification error: whose certificate, and which name was asked for. */
static void add_verification(lua_State *L, const struct connection *s) {
  add_fault(L, s);
  lua_getiuservalue(L, 1, VALUE_HOSTNAME);
  lua_setfield(L, -2, "hostname");
}

/* What a callback has raised comes out unchanged. */
static void push_parked(lua_State *L, struct connection *s) {
  s->parked = false;
  s->engine.interrupted = false;
  lua_getiuservalue(L, 1, VALUE_PARKED);
  lua_pushnil(L);
  lua_setiuservalue(L, 1, VALUE_PARKED);
}

void connection_push_error(lua_State *L, struct tls_error *e, const char *op,
                           lua_Integer sent) {
  struct connection *s = connection_self(L);
  if (s->parked) {
    push_parked(L, s);
    return;
  }
  if (is_issuer_missing(e->verify_code)) explain_trust(L, e);
  error_push(L, e, op);
  if (e->class == ERROR_CERT_VERIFICATION) add_verification(L, s);
  if (sent < 0) return;
  lua_pushinteger(L, sent);
  lua_setfield(L, -2, "sent");
}

/* E-01: assigned in SNI and ClientHello callbacks only. */
static int get_context(lua_State *L) {
  connection_self(L);
  lua_getiuservalue(L, 1, VALUE_CONTEXT);
  return 1;
}

static int set_context(lua_State *L) {
  const struct connection *s = connection_self(L);
  const struct context *c = luaL_testudata(L, 3, CONTEXT_T);
  const struct hello *h = engine_hello(&s->engine);
  struct tls_error e;
  if (c == NULL) return attribute_type_error(L, CONTEXT_T);
  if (s->engine.ssl == NULL || h == NULL || h->state != HELLO_ASKED)
    return error_throw(L, ERROR_VALUE,
                       "context can be assigned in an SNI or ClientHello "
                       "callback only");
  if (!check_side(s, c, &e)) return error_raise(L, &e, NULL);
  connection_check(L, c, true, false, false);
  lua_pushvalue(L, 3);
  connection_keep_context(L, 1);
  return 0;
}

/* E-03 */
static int get_hostname(lua_State *L) {
  connection_self(L);
  lua_getiuservalue(L, 1, VALUE_HOSTNAME);
  return 1;
}

/* E-02 */
static int get_server_side(lua_State *L) {
  lua_pushboolean(L, connection_self(L)->server_side);
  return 1;
}

const struct class_attribute connection_attributes[] = {
    {"context", get_context, set_context},
    {"server_side", get_server_side, NULL},
    {"server_hostname", get_hostname, NULL},
    {"session", connection_get_session, connection_set_session},
    {"session_reused", connection_get_session_reused, NULL},
    {NULL, NULL, NULL},
};
