#include "closing.h"

#include <sys/types.h>
#include <unistd.h>

#define CLOSING_T "ssl.closing"

/* In the registry: the one whom to tell. */
static const char key;

/* Its function is its user value. */
struct closing {
  pid_t owner; /* the process that is told; 0 once finalized */
};

/* Where the Lua state closes, Lua 5.1 unloads libraries before it finalizes
** what is older than they are: the function's may be gone. */
static int closing_gc(lua_State *L) {
  struct closing *c = class_self(L);
  c->owner = 0;
  return 0;
}

/* Call the function below its argument. An interrupt in here would be lost, and
** the function not be done. */
static void call(lua_State *L) {
  lua_Hook hook = lua_gethook(L);
  int mask = lua_gethookmask(L), count = lua_gethookcount(L);
  if (hook != NULL) lua_sethook(L, NULL, 0, 0);
  if (lua_pcall(L, 1, 0, 0) != 0) lua_pop(L, 1);
  if (hook != NULL) lua_sethook(L, hook, mask, count);
}

void closing_expect(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &key);
  struct closing *c = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (c != NULL && c->owner != 0) c->owner = getpid();
}

void closing_tell(lua_State *L, int fd) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &key);
  const struct closing *c = lua_touserdata(L, -1);
  if (c != NULL && c->owner != 0 && c->owner == getpid()) {
    lua_getiuservalue(L, -1, 1);
    lua_pushinteger(L, fd);
    call(L);
  }
  lua_pop(L, 1);
}

/*
** core.tell_closing(f) has f(descriptor) called before each descriptor of ours
** is closed or given away, from now until the Lua state closes. What it raises
** is lost; it must not yield, nor use pyssl.
** @param f  function, whose library has been loaded
*/
static int tell_closing(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  struct closing *c = class_box(L, CLOSING_T, sizeof *c, 1);
  c->owner = getpid();
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
  return 0;
}

static const luaL_Reg metamethods[] = {{"__gc", closing_gc}, {NULL, NULL}};

const struct class closing_class = {
    .name = CLOSING_T,
    .metamethods = metamethods,
};

const luaL_Reg closing_functions[] = {
    {"tell_closing", tell_closing},
    {NULL, NULL},
};
