#include "warning.h"

#include <stdbool.h>

static const char key;

void warning_deprecated(lua_State *L, const char *what) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &key) == LUA_TNIL) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
  }
  bool known = lua_getfield(L, -1, what) != LUA_TNIL;
  if (!known) {
    lua_pushboolean(L, 1);
    lua_setfield(L, -3, what);
    warn_text(L, lua_pushfstring(L, "pyssl: %s is deprecated", what));
    lua_pop(L, 1);
  }
  lua_pop(L, 2);
}
