#include "unfinished.h"

#include <string.h>

#include "gather.h"

void unfinished_forget(lua_State *L, struct connection *c) {
  if (c->unfinished == 0) return;
  c->unfinished = 0;
  lua_pushnil(L);
  lua_setiuservalue(L, 1, VALUE_UNFINISHED);
}

/* Does g begin with the `n` bytes at text? Uses g up. */
static bool begins_with(struct gather *g, const char *text, size_t n) {
  const unsigned char *data;
  while (n > 0) {
    size_t got = gather_next(g, GATHER_ROOM, &data);
    if (got == 0) return false;
    if (got > n) got = n;
    if (memcmp(data, text, got) != 0) return false;
    text += got;
    n -= got;
  }
  return true;
}

size_t unfinished_resume(struct connection *c, const struct args *a) {
  struct gather g;
  size_t accepted = c->unfinished;
  if (accepted == 0) return 0;
  lua_getiuservalue(a->L, 1, VALUE_UNFINISHED);
  const char *text = lua_isstring(a->L, -1) ? lua_tostring(a->L, -1)
                                            : lua_touserdata(a->L, -1);
  gather_check(&g, a, 0);
  bool same = lua_rawequal(a->L, a->first, -1) ||
              (g.total >= accepted && begins_with(&g, text, accepted));
  lua_pop(a->L, 1);
  return same ? accepted : 0;
}

/* Push a copy of the data's first `length` bytes; zeros for what has gone from
** a list, or with a buffer, meanwhile. Not a luaL_Buffer: that may call Lua,
** whose hook may raise the interrupt that led here. */
static void push_copy(const struct args *a, size_t length) {
  const unsigned char *data;
  struct gather g;
  unsigned char *copy = lua_newuserdatauv(a->L, length, 0);
  gather_check(&g, a, 0);
  for (size_t used = 0, n; used < length; used += n) {
    size_t left = length - used;
    n = gather_next(&g, left < GATHER_ROOM ? left : GATHER_ROOM, &data);
    if (n > 0)
      memcpy(copy + used, data, n);
    else
      memset(copy + used, 0, n = left);
  }
}

void unfinished_keep(struct connection *c, const struct args *a,
                     size_t accepted) {
  if (lua_type(a->L, a->first) == LUA_TSTRING)
    lua_pushvalue(a->L, a->first);
  else
    push_copy(a, accepted);
  lua_setiuservalue(a->L, 1, VALUE_UNFINISHED);
  c->unfinished = accepted;
}
