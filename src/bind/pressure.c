#include "pressure.h"

#define FLOOR_KB 4096 /* below this no full collection is forced */

struct pressure {
  int held; /* KiB outside of Lua's sight */
  int mark; /* a full collection is due above it */
};

static const char key;

static struct pressure *pressure_of(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &key);
  struct pressure *p = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return p;
}

void pressure_open(lua_State *L) {
  struct pressure *p = lua_newuserdatauv(L, sizeof *p, 0);
  p->held = 0;
  p->mark = FLOOR_KB;
  lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
}

void pressure_add(lua_State *L, int kb) {
  struct pressure *p = pressure_of(L);
  p->held += kb;
  if (!lua_gc(L, LUA_GCISRUNNING)) /* a stopped collector stays stopped */
    return;
  if (p->held <= p->mark) {
    lua_gc(L, LUA_GCSTEP, kb);
    return;
  }
  lua_gc(L, LUA_GCCOLLECT);
  p->mark = 2 * p->held > FLOOR_KB ? 2 * p->held : FLOOR_KB;
}

void pressure_drop(lua_State *L, int kb) {
  struct pressure *p = pressure_of(L);
  if (p != NULL) /* NULL while the state itself is being closed */
    p->held -= kb;
}
