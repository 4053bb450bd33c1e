#include "compat.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include <lualib.h>

/* --- functions where there is no memory --- */

#if LUA_VERSION_NUM < 502

/* The registry holds them, by their address. */
static const void *address_of(lua_CFunction f) {
  return (const void *)(uintptr_t)f;
}

void function_keep(lua_State *L, lua_CFunction f) {
  lua_pushcfunction(L, f);
  lua_rawsetp(L, LUA_REGISTRYINDEX, address_of(f));
}

void function_push(lua_State *L, lua_CFunction f) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, address_of(f)) != LUA_TNIL) return;
  lua_pop(L, 1);
  lua_pushcfunction(L, f); /* not kept: better than nothing */
}

#else

void function_keep(lua_State *L, lua_CFunction f) {
  (void)L, (void)f;
}

void function_push(lua_State *L, lua_CFunction f) {
  lua_pushcfunction(L, f);
}

#endif

/* --- files --- */

bool file_test(lua_State *L, int index, FILE **file) {
#if LUA_VERSION_NUM < 502
  FILE **stream = luaL_testudata(L, index, LUA_FILEHANDLE);
  *file = stream != NULL ? *stream : NULL;
#else
  luaL_Stream *stream = luaL_testudata(L, index, LUA_FILEHANDLE);
  *file = stream != NULL && stream->closef != NULL ? stream->f : NULL;
#endif
  return stream != NULL;
}

/* --- warnings --- */

void warn_text(lua_State *L, const char *text) {
#if LUA_VERSION_NUM < 504
  lua_getglobal(L, "warn");
  if (lua_isfunction(L, -1)) {
    lua_pushstring(L, text);
    lua_call(L, 1, 0);
  } else {
    lua_pop(L, 1);
  }
#else
  lua_warning(L, text, 0);
#endif
}

/* --- before 5.4: user values, errors of type --- */

#if LUA_VERSION_NUM < 504

/* The user values of a userdata are the array part of one table, big enough
** from the beginning: to set one needs no memory. */
#if LUA_VERSION_NUM < 502
#define push_values lua_getfenv
#define set_values  lua_setfenv
#else
#define push_values lua_getuservalue
#define set_values  lua_setuservalue
#endif

void *compat_newuserdata(lua_State *L, size_t size, int values) {
  void *memory = lua_newuserdata(L, size);
  if (values > 0) {
    lua_createtable(L, values, 0);
    set_values(L, -2);
  }
  return memory;
}

int compat_getuservalue(lua_State *L, int index, int n) {
  push_values(L, index);
  int type = lua_rawgeti(L, -1, n);
  lua_remove(L, -2);
  return type;
}

int compat_setuservalue(lua_State *L, int index, int n) {
  push_values(L, index);
  lua_insert(L, -2);
  lua_rawseti(L, -2, n);
  lua_pop(L, 1);
  return 1;
}

int compat_typeerror(lua_State *L, int arg, const char *expected) {
  const char *got;
  if (luaL_getmetafield(L, arg, "__name") == LUA_TSTRING)
    got = lua_tostring(L, -1);
  else if (lua_type(L, arg) == LUA_TLIGHTUSERDATA)
    got = "light userdata";
  else
    got = luaL_typename(L, arg);
  return luaL_argerror(
      L, arg, lua_pushfstring(L, "%s expected, got %s", expected, got));
}

#endif

/* --- before 5.2 --- */

#if LUA_VERSION_NUM < 502

int compat_absindex(lua_State *L, int index) {
  bool relative = index < 0 && index > LUA_REGISTRYINDEX;
  return relative ? lua_gettop(L) + index + 1 : index;
}

void compat_rotate(lua_State *L, int index, int n) {
  index = lua_absindex(L, index);
  for (; n > 0; n--)
    lua_insert(L, index);
  for (; n < 0; n++) {
    lua_pushvalue(L, index);
    lua_remove(L, index);
  }
}

/* Is `n` an integer that lua_Integer holds? Not at the upper end: 2^63 rounds.
 */
static bool is_whole(lua_Number n) {
  lua_Number end = ldexp(1, 8 * sizeof(lua_Integer) - 1);
  return floor(n) == n && n >= -end && n < end;
}

int compat_isinteger(lua_State *L, int index) {
  return lua_type(L, index) == LUA_TNUMBER && is_whole(lua_tonumber(L, index));
}

lua_Integer compat_tointeger(lua_State *L, int index, int *exact) {
  lua_Number n = lua_tonumber(L, index);
  bool good = lua_isnumber(L, index) && is_whole(n);
  if (exact != NULL) *exact = good;
  return good ? (lua_Integer)n : 0;
}

lua_Integer compat_checkinteger(lua_State *L, int arg) {
  lua_Number n = luaL_checknumber(L, arg);
  if (!is_whole(n))
    luaL_argerror(L, arg, "number has no integer representation");
  return (lua_Integer)n;
}

lua_Integer compat_optinteger(lua_State *L, int arg, lua_Integer otherwise) {
  return lua_isnoneornil(L, arg) ? otherwise : luaL_checkinteger(L, arg);
}

/* What tostring gives to a value that has no __tostring. */
static void push_plain(lua_State *L, int index) {
  switch (lua_type(L, index)) {
  case LUA_TNUMBER:
  case LUA_TSTRING:
    lua_pushvalue(L, index);
    (void)lua_tostring(L, -1);
    break;
  case LUA_TBOOLEAN:
    lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
    break;
  case LUA_TNIL: lua_pushliteral(L, "nil"); break;
  default:
    lua_pushfstring(L, "%s: %p", luaL_typename(L, index),
                    lua_topointer(L, index));
  }
}

const char *compat_tolstring(lua_State *L, int index, size_t *length) {
  index = lua_absindex(L, index);
  if (!luaL_callmeta(L, index, "__tostring"))
    push_plain(L, index);
  else if (!lua_isstring(L, -1))
    luaL_error(L, "'__tostring' must return a string");
  return lua_tolstring(L, -1, length);
}

int compat_rawgetp(lua_State *L, int index, const void *key) {
  index = lua_absindex(L, index);
  lua_pushlightuserdata(L, (void *)(uintptr_t)key);
  return lua_rawget(L, index);
}

void compat_rawsetp(lua_State *L, int index, const void *key) {
  index = lua_absindex(L, index);
  lua_pushlightuserdata(L, (void *)(uintptr_t)key);
  lua_insert(L, -2);
  lua_rawset(L, index);
}

#undef luaL_getmetafield /* the VM's own, which our names shadow */
#undef luaL_newmetatable

int compat_getmetafield(lua_State *L, int index, const char *name) {
  return luaL_getmetafield(L, index, name) ? lua_type(L, -1) : LUA_TNIL;
}

int compat_newmetatable(lua_State *L, const char *name) {
  if (!luaL_newmetatable(L, name)) return 0;
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  return 1;
}

void compat_setmetatable(lua_State *L, const char *name) {
  luaL_getmetatable(L, name);
  lua_setmetatable(L, -2);
}

void *compat_testudata(lua_State *L, int arg, const char *name) {
  void *memory = lua_touserdata(L, arg);
  if (memory == NULL || !lua_getmetatable(L, arg)) return NULL;
  luaL_getmetatable(L, name);
  bool same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same ? memory : NULL;
}

void *compat_checkudata(lua_State *L, int arg, const char *name) {
  void *memory = luaL_testudata(L, arg, name);
  if (memory == NULL) luaL_typeerror(L, arg, name);
  return memory;
}

void compat_setfuncs(lua_State *L, const luaL_Reg *list, int upvalues) {
  luaL_checkstack(L, upvalues, "too many upvalues");
  for (; list->name != NULL; list++) {
    for (int i = 0; i < upvalues; i++)
      lua_pushvalue(L, -upvalues);
    lua_pushcclosure(L, list->func, upvalues);
    lua_setfield(L, -(upvalues + 2), list->name);
  }
  lua_pop(L, upvalues);
}

void compat_requiref(lua_State *L, const char *name, lua_CFunction open,
                     int global) {
  lua_pushcfunction(L, open);
  lua_pushstring(L, name);
  lua_call(L, 1, 1);
  lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
  if (!global) return;
  lua_pushvalue(L, -1);
  lua_setglobal(L, name);
}

void compat_buffer_begin(lua_State *L, struct compat_buffer *b) {
  b->L = L;
  b->bytes = b->first;
  b->size = sizeof b->first;
  b->used = 0;
}

char *compat_buffer_room(struct compat_buffer *b, size_t length) {
  if (b->size - b->used >= length) return b->bytes + b->used;
  if (length > SIZE_MAX / 2 - b->used) luaL_error(b->L, "buffer too large");
  size_t size = 2 * b->size > b->used + length ? 2 * b->size : b->used + length;
  char *bytes = lua_newuserdata(b->L, size);
  memcpy(bytes, b->bytes, b->used);
  if (b->bytes != b->first) lua_remove(b->L, -2);
  b->bytes = bytes;
  b->size = size;
  return bytes + b->used;
}

void compat_buffer_add(struct compat_buffer *b, const char *text,
                       size_t length) {
  memcpy(compat_buffer_room(b, length), text, length);
  b->used += length;
}

void compat_buffer_addstring(struct compat_buffer *b, const char *text) {
  compat_buffer_add(b, text, strlen(text));
}

void compat_buffer_push(struct compat_buffer *b) {
  lua_pushlstring(b->L, b->bytes, b->used);
  if (b->bytes != b->first) lua_remove(b->L, -2);
}

#endif
