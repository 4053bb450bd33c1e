#include "pollable.h"

static int descriptor(lua_State *L) {
  const int *fd = class_self(L);
  lua_pushinteger(L, *fd);
  return 1;
}

static int events(lua_State *L) {
  class_self(L);
  lua_pushliteral(L, "r");
  return 1;
}

/* Nothing can be had from it without the descriptor. */
static int dirty(lua_State *L) {
  class_self(L);
  lua_pushboolean(L, 0);
  return 1;
}

const luaL_Reg pollable_methods[] = {
    {"fileno", descriptor}, {"getfd", descriptor}, {"pollfd", descriptor},
    {"events", events},     {"dirty", dirty},      {NULL, NULL},
};
