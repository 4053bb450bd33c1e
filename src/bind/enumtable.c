#include "enumtable.h"

#include "error.h"

/*
** The two tables beneath: `values` has name -> value, for pairs; `both` has
** that and value -> name, for indexing. Lua code reaches neither.
*/

/* __index: upvalue 1 is `both`. */
static int enum_index(lua_State *L) {
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  lua_rawget(L, lua_upvalueindex(1));
  return 1;
}

/* __newindex: upvalue 1 is the table's name. */
static int enum_newindex(lua_State *L) {
  luaL_checkany(L, 2);
  return error_throw(L, ERROR_ATTRIBUTE, "%s is read-only (assigning '%s')",
                     lua_tostring(L, lua_upvalueindex(1)),
                     luaL_tolstring(L, 2, NULL));
}

/* __tostring: upvalue 1 is the table's name. Lua 5.1 asks no __name. */
static int enum_tostring(lua_State *L) {
  luaL_checkany(L, 1);
  lua_pushfstring(L, "ssl.%s: %p", lua_tostring(L, lua_upvalueindex(1)),
                  lua_topointer(L, 1));
  return 1;
}

/* The iterator (enum, name): upvalue 1 is `values`. */
static int enum_next(lua_State *L) {
  lua_settop(L, 2);
  if (lua_next(L, lua_upvalueindex(1))) return 2;
  lua_pushnil(L);
  return 1;
}

/* __pairs: upvalue 1 is the iterator. */
static int enum_pairs(lua_State *L) {
  luaL_checkany(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

void enumtable_begin(lua_State *L) {
  lua_newtable(L);
  lua_newtable(L);
}

void enumtable_add(lua_State *L, const char *member) {
  int value = lua_gettop(L);
  int both = value - 1, values = value - 2;
  lua_pushvalue(L, value);
  lua_setfield(L, values, member);
  lua_pushvalue(L, value);
  lua_setfield(L, both, member);
  lua_pushvalue(L, value);
  lua_rawget(L, both);
  if (lua_isnil(L, -1)) {
    lua_pushvalue(L, value);
    lua_pushstring(L, member);
    lua_rawset(L, both);
  }
  lua_settop(L, value - 1);
}

void enumtable_end(lua_State *L, const char *name) {
  int both = lua_gettop(L), values = both - 1;
  lua_newtable(L); /* the table that Lua sees stays empty */
  lua_newtable(L);
  lua_pushfstring(L, "ssl.%s", name);
  lua_setfield(L, -2, "__name");
  lua_pushvalue(L, both);
  lua_pushcclosure(L, enum_index, 1);
  lua_setfield(L, -2, "__index");
  lua_pushstring(L, name);
  lua_pushcclosure(L, enum_newindex, 1);
  lua_setfield(L, -2, "__newindex");
  lua_pushstring(L, name);
  lua_pushcclosure(L, enum_tostring, 1);
  lua_setfield(L, -2, "__tostring");
  lua_pushvalue(L, values);
  lua_pushcclosure(L, enum_next, 1);
  lua_pushcclosure(L, enum_pairs, 1);
  lua_setfield(L, -2, "__pairs");
  lua_setmetatable(L, -2);
  lua_replace(L, values);
  lua_settop(L, values);
}
