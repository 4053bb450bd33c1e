/*
** context_sni.c - sni_callback: a server asks Lua which context is for the name
** that a client wants (D-10, D-35, D-44).
** The question and the answer are functions of core: between them, with no C
** frame below, lua/pyssl/op.lua calls the user's function, which may yield.
*/
#include "args.h"
#include "call.h"
#include "connection.h"
#include "context.h"
#include "error.h"
#include "object.h"
#include "socket.h"

#define ALERT_MOST 255

static int get_callback(lua_State *L) {
  context_self(L);
  lua_getiuservalue(L, 1, CONTEXT_SNI);
  return 1;
}

/* Let the context at 1 have the function at the top, or nil. What cannot be
** called takes the place of the one before all the same (D-10): then there is
** none. Pops it. */
static bool set_callback(lua_State *L) {
  struct context *c = context_self(L);
  bool valid = call_accepts(L, lua_gettop(L));
  if (!valid) {
    lua_pop(L, 1);
    lua_pushnil(L);
  }
  tlserr_clear();
  if (!hello_set_asking(c->handle, !lua_isnil(L, -1)))
    return error_throw_ssl(L, "sni_callback");
  lua_setiuservalue(L, 1, CONTEXT_SNI);
  return valid;
}

static void refuse_client(lua_State *L, const char *name) {
  const struct context *c = context_self(L);
  if (SSL_CTX_get_ssl_method(c->handle) == TLS_client_method())
    error_throw(L, ERROR_VALUE,
                "%s cannot be set on a PROTOCOL_TLS_CLIENT context", name);
}

int context_get_sni_callback(lua_State *L) {
  return get_callback(L);
}

/* D-10 */
int context_set_sni_callback(lua_State *L) {
  refuse_client(L, "sni_callback");
  lua_pushvalue(L, 3);
  if (!set_callback(L)) return attribute_type_error(L, "function");
  return 0;
}

/*
** ctx:set_servername_callback(server_name_callback) is sni_callback by its old
** name (D-35).
** @param server_name_callback  function, or nil for none
** @return true
** Raises ValueError on a context for clients only.
*/
static int set_servername_callback(lua_State *L) {
  context_self(L);
  luaL_checkany(L, 2);
  if (!call_accepts(L, 2)) return luaL_typeerror(L, 2, "function");
  refuse_client(L, "the servername callback");
  lua_pushvalue(L, 2);
  set_callback(L);
  lua_pushboolean(L, 1);
  return 1;
}

/* ---- the question ---- */

/* Argument 1, a connection of either class. */
static struct connection *check_connection(lua_State *L) {
  void *c = luaL_testudata(L, 1, SOCKET_T);
  if (c == NULL) c = luaL_checkudata(L, 1, OBJECT_T);
  return c;
}

static bool is_asked(const struct connection *c) {
  return c->engine.ssl != NULL && c->engine.hello.state == HELLO_ASKED;
}

/*
** core.hello_question(conn) -> function, name, context: what is to be asked,
** for whom (nil where the client has named nobody), and where it was set.
** Nothing where nothing is to be asked (any more).
*/
static int hello_question(lua_State *L) {
  const struct connection *c = check_connection(L);
  if (!is_asked(c)) return 0;
  lua_getiuservalue(L, 1, VALUE_CONTEXT);
  lua_getiuservalue(L, -1, CONTEXT_SNI);
  lua_pushstring(L, c->engine.hello.name);
  lua_pushvalue(L, -3);
  return 3;
}

/* ---- the answer ---- */

/* The result at 3 as an alert, or HELLO_ACCEPTED. Booleans are numbers, as in
** Python; what is none, or is no alert, is internal_error. */
static int result_to_alert(lua_State *L) {
  int exact;
  lua_Integer n = lua_toboolean(L, 3);
  if (lua_isnil(L, 3)) return HELLO_ACCEPTED;
  if (lua_isboolean(L, 3)) return (int)n;
  if (lua_type(L, 3) != LUA_TNUMBER) return SSL_AD_INTERNAL_ERROR;
  n = lua_tointegerx(L, 3, &exact);
  return exact && n >= 0 && n <= ALERT_MOST ? (int)n : SSL_AD_INTERNAL_ERROR;
}

/* What cannot be done after all is refused, and the step that is called next
** raises why: the value at the top. */
static void refuse(lua_State *L, struct connection *c, int alert) {
  lua_setiuservalue(L, 1, VALUE_PARKED);
  c->parked = true;
  if (!engine_answer(&c->engine, alert, NULL)) tlserr_clear();
}

/*
** Accept: on the connection's context, which the callback may have assigned.
** The new SSL gets its settings by the same functions as the first one.
*/
static bool accept_hello(lua_State *L, struct connection *c,
                         struct tls_error *e) {
  struct engine *engine = &c->engine;
  lua_getiuservalue(L, 1, VALUE_CONTEXT);
  const struct context *context = lua_touserdata(L, -1);
  lua_pop(L, 1); /* it stays in the user value */
  bool same = SSL_get_SSL_CTX(engine->ssl) == context->handle;
  if (context->handle == NULL) {
    tlserr_set(e, ERROR_VALUE, "the context is closed");
    return false;
  }
  if (!engine_answer(engine, HELLO_ACCEPTED, same ? NULL : context->handle)) {
    tlserr_take(e, "cannot switch contexts");
    return false;
  }
  if (same) return true;
  connection_forget_messages(L);
  return connection_begin_session(L, 1, context, NULL, e);
}

/* What the callback has returned, at 3, as the answer. */
static void answer(lua_State *L, struct connection *c) {
  struct tls_error e;
  int alert = result_to_alert(L);
  if (alert != HELLO_ACCEPTED) {
    if (!engine_answer(&c->engine, alert, NULL)) tlserr_clear();
  } else if (!accept_hello(L, c, &e)) {
    error_push(L, &e, "handshake");
    refuse(L, c, SSL_AD_INTERNAL_ERROR);
  }
}

/*
** core.hello_answer(conn, ok, result) gives the answer: what the callback has
** returned, or where `ok` is false raised. Where the connection was closed
** meanwhile the answer is dropped, and an error comes out at once.
*/
static int hello_answer(lua_State *L) {
  struct connection *c = check_connection(L);
  lua_settop(L, 3);
  bool ok = lua_toboolean(L, 2);
  if (!is_asked(c)) return ok ? 0 : lua_error(L);
  if (ok)
    answer(L, c);
  else
    refuse(L, c, SSL_AD_HANDSHAKE_FAILURE);
  connection_tell_messages(L); /* may close the connection */
  return 0;
}

const luaL_Reg context_sni_methods[] = {
    {"set_servername_callback", set_servername_callback},
    {NULL, NULL},
};

const luaL_Reg context_sni_functions[] = {
    {"hello_question", hello_question},
    {"hello_answer", hello_answer},
    {NULL, NULL},
};
