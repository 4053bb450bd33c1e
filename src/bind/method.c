#include "method.h"

#if METHODS_IN_C

#define MOST_ARGUMENTS 4 /* of a step, with the receiver */

/* Upvalues: the class's metatable, for the step, as it expects it; the step, a
** userdata; the loop. */
#define STEP lua_upvalueindex(2)
#define LOOP lua_upvalueindex(3)

static int finish(lua_State *L, int status, lua_KContext results) {
  (void)status;
  return lua_gettop(L) - (int)results;
}

/*
** The step asks to be called again: loop(self, a, b, c, ...), with the n values
** that it gave. Its arguments are below them, in their places by now.
*/
static int go_on(lua_State *L, int n) {
  int base = lua_gettop(L) - n;
  int given = base < MOST_ARGUMENTS ? base : MOST_ARGUMENTS;
  luaL_checkstack(L, MOST_ARGUMENTS + n + 1, "arguments");
  lua_pushvalue(L, LOOP);
  for (int i = 1; i <= given; i++)
    lua_pushvalue(L, i);
  for (int i = given; i < MOST_ARGUMENTS; i++)
    lua_pushnil(L);
  for (int i = 2; i <= n; i++) /* the first is nil */
    lua_pushvalue(L, base + i);
  lua_callk(L, MOST_ARGUMENTS + n - 1, LUA_MULTRET, base + n, finish);
  return finish(L, LUA_OK, base + n);
}

static int method(lua_State *L) {
  lua_CFunction *step = lua_touserdata(L, STEP);
  if (lua_gettop(L) > MOST_ARGUMENTS) lua_settop(L, MOST_ARGUMENTS);
  int n = (*step)(L);
  return lua_isnil(L, -n) ? go_on(L, n) : n;
}

bool method_is_running(lua_State *L) {
  lua_Debug frame;
  if (!lua_getstack(L, 0, &frame) || !lua_getinfo(L, "f", &frame)) return false;
  bool running = lua_tocfunction(L, -1) == method;
  lua_pop(L, 1);
  return running;
}

/*
** core.method(step, loop) makes the method of a step.
** @param step  function of core.steps
** @param loop  function: loop(self, a, b, c, status, deadline, progress, limit)
**              drives the step to its end, and gives its results
** @return function
*/
static int new_method(lua_State *L) {
  lua_CFunction step = lua_tocfunction(L, 1);
  luaL_argcheck(L, step != NULL, 1, "step expected");
  luaL_checktype(L, 2, LUA_TFUNCTION);
  luaL_argcheck(L, lua_getupvalue(L, 1, 1) != NULL, 1, "step expected");
  lua_CFunction *box = lua_newuserdatauv(L, sizeof step, 0);
  *box = step;
  lua_pushvalue(L, 2);
  lua_pushcclosure(L, method, 3);
  return 1;
}

const luaL_Reg method_functions[] = {
    {"method", new_method},
    {NULL, NULL},
};

#else

bool method_is_running(lua_State *L) {
  (void)L;
  return false;
}

const luaL_Reg method_functions[] = {{NULL, NULL}};

#endif
