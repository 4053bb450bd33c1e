#include "ringer.h"

#include "../sys/bell.h"
#include "closing.h"
#include "error.h"
#include "pollable.h"

#define BELL_T "ssl.bell"

struct ringer {
  struct bell bell; /* begins with the descriptor, as pollable.h asks */
  bool open;
};

static int ringer_gc(lua_State *L) {
  struct ringer *r = class_self(L);
  if (!r->open) return 0;
  r->open = false;
  closing_tell(L, r->bell.fd);
  bell_close(&r->bell);
  return 0;
}

void ringer_ring(lua_State *L, const struct connection *c) {
  if (!turn_needs_bell(&c->turn)) return;
  lua_getiuservalue(L, 1, VALUE_BELL);
  struct ringer *r = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (r != NULL && r->open) bell_ring(&r->bell);
}

/*
** core.bell(conn) gives the connection's bell, to be awaited: it rings when an
** operation of another coroutine goes on, or the connection is closed.
** @return ssl.bell
** Raises OSError where there are no descriptors left.
*/
static int bell(lua_State *L) {
  struct connection *c = connection_check_any(L, 1);
  lua_getiuservalue(L, 1, VALUE_BELL);
  struct ringer *r = lua_touserdata(L, -1);
  if (r == NULL) {
    r = class_box(L, BELL_T, sizeof *r, 0);
    int number = bell_open(&r->bell);
    if (number != 0) {
      turn_end(L, &c->turn); /* nobody is going to wait */
      return error_throw_errno(L, number, "wait");
    }
    r->open = true;
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, 1, VALUE_BELL);
  }
  /* The caller has just been told to wait: what it rang for is known. Another
  ** one that has not seen it yet would have been told the same, or else looks
  ** again when op.lua's slice is over. */
  bell_quiet(&r->bell);
  return 1;
}

static const luaL_Reg metamethods[] = {{"__gc", ringer_gc}, {NULL, NULL}};

const struct class ringer_class = {
    .name = BELL_T,
    .methods = pollable_methods,
    .metamethods = metamethods,
};

const luaL_Reg ringer_functions[] = {
    {"bell", bell},
    {NULL, NULL},
};
