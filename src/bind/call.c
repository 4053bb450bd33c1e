#include "call.h"

/* A callback needs its arguments, a helper, and a message. */
#define ROOM 12

void call_enter(lua_State *L, struct connection *c) {
  c->caller = L;
}

void call_leave(struct connection *c) {
  c->caller = NULL;
}

struct connection *call_of(const SSL *ssl) {
  struct engine *e = engine_of(ssl);
  struct connection *c = (struct connection *)e; /* its first member */
  if (c == NULL || c->caller == NULL || !lua_checkstack(c->caller, ROOM))
    return NULL;
  return c;
}

void call_park(struct connection *c) {
  if (c->parked) { /* the first error counts */
    lua_pop(c->caller, 1);
    return;
  }
  lua_setiuservalue(c->caller, 1, VALUE_PARKED);
  c->parked = true;
  engine_interrupt(&c->engine);
}

bool call_run(struct connection *c, lua_CFunction helper, int arguments,
              int results) {
  lua_State *L = c->caller;
  lua_pushcfunction(L, helper); /* a light function: nothing is allocated */
  lua_insert(L, -arguments - 1);
  if (lua_pcall(L, arguments, results, 0) == LUA_OK) {
    c->caller = L; /* the callback may have run other steps on other states */
    return true;
  }
  c->caller = L;
  call_park(c);
  return false;
}
