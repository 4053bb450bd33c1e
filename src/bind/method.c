#include "method.h"

#if METHODS_IN_C

/* Upvalues: the class's metatable, for the step, as it expects it; the step, a
** userdata, or false where the function knows it; the loop; what is called with
** the receiver where that fails. */
enum { METATABLE = 1, STEP, LOOP, FAIL };

/* An interrupt may end the loop anywhere, before its first instruction even. */
static int finish(lua_State *L, int status, lua_KContext results) {
  if (status == LUA_OK || status == LUA_YIELD)
    return lua_gettop(L) - (int)results;
  lua_pushvalue(L, lua_upvalueindex(FAIL));
  lua_pushvalue(L, 1);
  lua_call(L, 1, 0);
  return lua_error(L);
}

/*
** The step asks to be called again: loop(self, a, b, c, ...), with the n values
** that it gave. Its arguments are below them, in their places by now.
*/
int method_go_on(lua_State *L, int n) {
  int base = lua_gettop(L) - n;
  int given = base < METHOD_MOST ? base : METHOD_MOST;
  luaL_checkstack(L, METHOD_MOST + n + 1, "arguments");
  lua_pushvalue(L, lua_upvalueindex(LOOP));
  for (int i = 1; i <= given; i++)
    lua_pushvalue(L, i);
  for (int i = given; i < METHOD_MOST; i++)
    lua_pushnil(L);
  for (int i = 2; i <= n; i++) /* the first is nil */
    lua_pushvalue(L, base + i);
  int status =
      lua_pcallk(L, METHOD_MOST + n - 1, LUA_MULTRET, 0, base + n, finish);
  return finish(L, status, base + n);
}

static int method(lua_State *L) {
  lua_CFunction *step = lua_touserdata(L, lua_upvalueindex(STEP));
  if (lua_gettop(L) > METHOD_MOST) lua_settop(L, METHOD_MOST);
  return method_end(L, (*step)(L));
}

/* Steps have no upvalue but the metatable. */
bool method_is_running(lua_State *L) {
  lua_Debug frame;
  if (!lua_getstack(L, 0, &frame) || !lua_getinfo(L, "f", &frame)) return false;
  bool running = lua_iscfunction(L, -1) && lua_getupvalue(L, -1, LOOP) != NULL;
  lua_pop(L, running ? 2 : 1);
  return running;
}

/*
** core.method(step, loop, fail, quick) makes the method of a step.
** @param step   function of core.steps
** @param loop   function: loop(self, a, b, c, status, deadline, progress,
**               limit) drives the step to its end, and gives its results
** @param fail   function: fail(self) is called where the loop raises
** @param quick  function of core.quick that is to be the method, or nil
** @return function
*/
static int new_method(lua_State *L) {
  lua_CFunction step = lua_tocfunction(L, 1);
  lua_CFunction quick = lua_tocfunction(L, 4);
  luaL_argcheck(L, step != NULL, 1, "step expected");
  luaL_checktype(L, 2, LUA_TFUNCTION);
  luaL_checktype(L, 3, LUA_TFUNCTION);
  luaL_argcheck(L, lua_getupvalue(L, 1, METATABLE) != NULL, 1, "step expected");
  if (quick == NULL) {
    lua_CFunction *box = lua_newuserdatauv(L, sizeof step, 0);
    *box = step;
  } else {
    lua_pushboolean(L, 0);
  }
  lua_pushvalue(L, 2);
  lua_pushvalue(L, 3);
  lua_pushcclosure(L, quick != NULL ? quick : method, FAIL);
  return 1;
}

const luaL_Reg method_functions[] = {
    {"method", new_method},
    {NULL, NULL},
};

#else

int method_go_on(lua_State *L, int n) {
  (void)L;
  return n; /* nobody calls it */
}

bool method_is_running(lua_State *L) {
  (void)L;
  return false;
}

const luaL_Reg method_functions[] = {{NULL, NULL}};

#endif
