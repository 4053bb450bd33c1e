/*
** context_session.c - a context's sessions: how many tickets its servers send,
** whether its clients resume by themselves, and what came of it all.
*/
#include "../tls/sessioncache.h"
#include "args.h"
#include "context.h"
#include "error.h"

/*
** ctx:session_stats() counts what happened to sessions (D-40).
** @return table of integers: number (of sessions in the server's cache),
**         connect, connect_good, connect_renegotiate, accept, accept_good,
**         accept_renegotiate, hits, misses, timeouts, cache_full
*/
static int session_stats(lua_State *L) {
  static const struct counter {
    const char *name;
    int which; /* SSL_CTRL_SESS_* */
  } counters[] = {
      {"number", SSL_CTRL_SESS_NUMBER},
      {"connect", SSL_CTRL_SESS_CONNECT},
      {"connect_good", SSL_CTRL_SESS_CONNECT_GOOD},
      {"connect_renegotiate", SSL_CTRL_SESS_CONNECT_RENEGOTIATE},
      {"accept", SSL_CTRL_SESS_ACCEPT},
      {"accept_good", SSL_CTRL_SESS_ACCEPT_GOOD},
      {"accept_renegotiate", SSL_CTRL_SESS_ACCEPT_RENEGOTIATE},
      {"hits", SSL_CTRL_SESS_HIT},
      {"misses", SSL_CTRL_SESS_MISSES},
      {"timeouts", SSL_CTRL_SESS_TIMEOUTS},
      {"cache_full", SSL_CTRL_SESS_CACHE_FULL},
  };
  size_t count = sizeof counters / sizeof *counters;
  context_self(L);
  lua_createtable(L, 0, (int)count);
  for (size_t i = 0; i < count; i++) {
    /* The receiver each time: a finaliser may have closed it. */
    SSL_CTX *handle = context_self(L)->handle;
    lua_pushinteger(L, SSL_CTX_ctrl(handle, counters[i].which, 0, NULL));
    lua_setfield(L, -2, counters[i].name);
  }
  return 1;
}

int context_get_num_tickets(lua_State *L) {
  size_t number = SSL_CTX_get_num_tickets(context_self(L)->handle);
  lua_pushinteger(L, (lua_Integer)number);
  return 1;
}

/* D-07 */
int context_set_num_tickets(lua_State *L) {
  const struct context *c = context_self(L);
  lua_Integer number = attribute_integer(L);
  if (number < 0)
    return error_throw(L, ERROR_VALUE, "num_tickets must not be negative");
  if (SSL_CTX_get_ssl_method(c->handle) != TLS_server_method())
    return error_throw(L, ERROR_VALUE,
                       "num_tickets is for PROTOCOL_TLS_SERVER contexts");
  if ((lua_Unsigned)number > SIZE_MAX)
    return error_throw(L, ERROR_OVERFLOW, "num_tickets is too big");
  if (!SSL_CTX_set_num_tickets(c->handle, (size_t)number))
    return error_throw_ssl(L, "num_tickets");
  return 0;
}

int context_get_auto_resume(lua_State *L) {
  lua_pushboolean(L, sessioncache_is_on(context_self(L)->handle));
  return 1;
}

/*
** ctx.auto_resume = true lets the context's clients resume the sessions of
** earlier ones with the same identity and port. Beyond Python; default false.
** Setting it to false drops them.
** Raises ValueError for a server's context.
*/
int context_set_auto_resume(lua_State *L) {
  struct context *c = context_self(L);
  bool on = attribute_boolean(L);
  if (on && SSL_CTX_get_ssl_method(c->handle) == TLS_server_method())
    return error_throw(L, ERROR_VALUE,
                       "auto_resume is not for PROTOCOL_TLS_SERVER contexts");
  tlserr_clear();
  if (!sessioncache_set(c->handle, on))
    return error_throw_ssl(L, "out of memory");
  return 0;
}

const luaL_Reg context_session_methods[] = {
    {"session_stats", session_stats},
    {NULL, NULL},
};
