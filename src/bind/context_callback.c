/*
** context_callback.c - the callbacks of ssl.context that question.c asks:
** sni_callback (D-10, D-35, D-44), client_hello_callback, cert_callback and
** verify_callback.
*/
#include "args.h"
#include "call.h"
#include "context.h"
#include "error.h"

static int get_callback(lua_State *L, int value) {
  context_self(L);
  lua_getiuservalue(L, 1, value);
  return 1;
}

/* Has the context at 1 one of these? */
static bool has_callback(lua_State *L, int value) {
  bool has = lua_getiuservalue(L, 1, value) != LUA_TNIL;
  lua_pop(L, 1);
  return has;
}

/* Let the context at 1 have the function at the top, or nil. Pops it. */
static void set_callback(lua_State *L, int value) {
  lua_setiuservalue(L, 1, value);
}

/* What servers on the context at 1 ask about the hello, after a change. */
static void set_asking(lua_State *L) {
  struct context *c = context_self(L);
  unsigned what = (has_callback(L, CONTEXT_SNI) ? HELLO_NAME : 0u) |
                  (has_callback(L, CONTEXT_HELLO) ? HELLO_OFFER : 0u);
  tlserr_clear();
  if (!hello_set_asking(c->handle, what))
    error_throw_ssl(L, "cannot ask about the hello");
  if (what != 0) engine_prepare_asking(c->handle);
}

static void refuse_client(lua_State *L, const char *name) {
  const struct context *c = context_self(L);
  if (SSL_CTX_get_ssl_method(c->handle) == TLS_client_method())
    error_throw(L, ERROR_VALUE,
                "%s cannot be set on a PROTOCOL_TLS_CLIENT context", name);
}

/* ---- sni_callback ---- */

int context_get_sni_callback(lua_State *L) {
  return get_callback(L, CONTEXT_SNI);
}

/* What cannot be called takes the place of the one before all the same (D-10):
** then there is none. */
static bool set_sni(lua_State *L, int index) {
  bool valid = call_accepts(L, index);
  if (valid)
    lua_pushvalue(L, index);
  else
    lua_pushnil(L);
  set_callback(L, CONTEXT_SNI);
  set_asking(L);
  return valid;
}

/* D-10 */
int context_set_sni_callback(lua_State *L) {
  refuse_client(L, "sni_callback");
  return set_sni(L, 3) ? 0 : attribute_type_error(L, "function");
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
  set_sni(L, 2);
  lua_pushboolean(L, 1);
  return 1;
}

/* ---- the others: what cannot be called changes nothing ---- */

int context_get_hello_callback(lua_State *L) {
  return get_callback(L, CONTEXT_HELLO);
}

int context_set_hello_callback(lua_State *L) {
  refuse_client(L, "client_hello_callback");
  if (!call_accepts(L, 3)) return attribute_type_error(L, "function");
  set_callback(L, CONTEXT_HELLO);
  set_asking(L);
  return 0;
}

int context_get_cert_callback(lua_State *L) {
  return get_callback(L, CONTEXT_CERT);
}

int context_set_cert_callback(lua_State *L) {
  context_self(L);
  if (!call_accepts(L, 3)) return attribute_type_error(L, "function");
  set_callback(L, CONTEXT_CERT);
  return 0;
}

int context_get_verify_callback(lua_State *L) {
  return get_callback(L, CONTEXT_VERIFY);
}

/* Sessions that were made with it are none of those made without. */
int context_set_verify_callback(lua_State *L) {
  struct context *c = context_self(L);
  if (!call_accepts(L, 3)) return attribute_type_error(L, "function");
  c->verify_callback = !lua_isnil(L, 3);
  set_callback(L, CONTEXT_VERIFY);
  tlserr_clear();
  if (!context_mark_sessions(c)) return error_throw_ssl(L, "verify_callback");
  if (c->verify_callback) engine_prepare_asking(c->handle);
  return 0;
}

const luaL_Reg context_callback_methods[] = {
    {"set_servername_callback", set_servername_callback},
    {NULL, NULL},
};
