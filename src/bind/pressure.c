#include "pressure.h"

#define FLOOR_KB 4096 /* below this no full collection is forced */

/* Who closes what he has made, before he makes more, owes the collector nothing
** for it. Little of that counts: it cannot be told from what the collector has
** released, which must not put it to rest. */
#define CREDIT_KB (PRESSURE_CONTEXT + PRESSURE_CONNECTION)

struct pressure {
  int held;   /* KiB outside of Lua's sight */
  int mark;   /* a full collection is due above it */
  int credit; /* of what was released, KiB that may come again unnoticed */
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
  p->credit = 0;
  lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
}

/* Take it out of the credit; false where that is too small. */
static bool is_credited(struct pressure *p, int kb) {
  if (p->credit < kb) return false;
  p->credit -= kb;
  return true;
}

void pressure_add(lua_State *L, int kb) {
  struct pressure *p = pressure_of(L);
  p->held += kb;
  if (p->held <= p->mark && is_credited(p, kb)) return;
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
  if (p == NULL) return; /* the state itself is being closed */
  p->held -= kb;
  p->credit += kb;
  if (p->credit > CREDIT_KB) p->credit = CREDIT_KB;
}
