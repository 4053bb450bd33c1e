#include "call.h"

#include "error.h"

/* A callback needs its arguments, a helper, and a message. */
#define ROOM 12

void call_enter(lua_State *L, struct connection *c) {
  if (c->engine.running)
    error_throw(L, ERROR_VALUE,
                "the connection is busy: one of its callbacks is running");
  luaL_checkstack(L, ROOM, "callback"); /* 5.1 raises where it cannot grow */
  c->caller = L;
}

void call_leave(struct connection *c) {
  c->caller = NULL;
}

struct connection *call_of(const SSL *ssl) {
  struct engine *e = engine_of(ssl);
  struct connection *c = (struct connection *)e; /* its first member */
  if (c == NULL || !c->engine.running || c->caller == NULL) return NULL;
  return lua_checkstack(c->caller, ROOM) ? c : NULL;
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

/* A call into Lua, for a stack that has room for it (fibre.h). */
struct errand {
  lua_State *L;
  int arguments;
  int results;
  bool ok;
};

static void run(void *pointer) {
  struct errand *e = pointer;
  e->ok = lua_pcall(e->L, e->arguments, e->results, 0) == LUA_OK;
}

bool call_run(struct connection *c, lua_CFunction helper, int arguments,
              int results) {
  lua_State *L = c->caller;
  unsigned long newest = tlserr_newest();
  function_push(L, helper);
  lua_insert(L, -arguments - 1);
  struct errand errand = {L, arguments, results, false};
  fibre_run(engine_fibre(&c->engine), run, &errand);
  tlserr_restore(newest); /* other connections may have been at work */
  if (!errand.ok)
    call_park(c);
  else if (c->engine.doomed)
    lua_pop(L, results);
  return errand.ok && !c->engine.doomed;
}

bool call_accepts(lua_State *L, int index) {
  if (lua_isnil(L, index) || lua_isfunction(L, index)) return true;
  if (luaL_getmetafield(L, index, "__call") == LUA_TNIL) return false;
  lua_pop(L, 1);
  return true;
}
