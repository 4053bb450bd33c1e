#include "try.h"

#include "error.h"

#if METHODS_IN_C

static int finish(lua_State *L, int status, lua_KContext unused) {
  (void)unused;
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L);
  if (!error_check(L, -1)) return lua_error(L);
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

/*
** ssl.try(f, ...) calls f(...).
** @return its results; nil and the error where it raised one of pyssl's
** Raises any other error of f's, unchanged. f may yield.
*/
static int try(lua_State *L) {
  luaL_checkany(L, 1);
  int status = lua_pcallk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, 0, finish);
  return finish(L, status, 0);
}

const luaL_Reg try_functions[] = {
    {"try", try},
    {NULL, NULL},
};

#else

const luaL_Reg try_functions[] = {{NULL, NULL}};

#endif
