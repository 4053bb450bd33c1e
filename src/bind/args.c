#include "args.h"

#include <math.h>
#include <string.h>

#include "error.h"
#include "method.h"

#define MAX_NAMES      16
#define STEP_ARGUMENTS 3 /* what op.lua passes on */

static int count_names(const char *const *names) {
  int n = 0;
  while (names != NULL && names[n] != NULL)
    n++;
  return n;
}

/* Is the value at `index` a trailing table of keywords? */
static bool is_keywords(lua_State *L, int index) {
  if (!lua_istable(L, index)) return false;
  if (lua_getmetatable(L, index)) {
    lua_pop(L, 1);
    return false;
  }
  bool plain = lua_rawgeti(L, index, 1) == LUA_TNIL;
  lua_pop(L, 1);
  return plain;
}

static int find_name(const struct args *a, const char *key) {
  for (int i = 0; a->names[i] != NULL; i++)
    if (strcmp(a->names[i], key) == 0) return i;
  return -1;
}

/* The key at the top of the stack: which parameter is it? */
static int check_key(const struct args *a) {
  lua_State *L = a->L;
  int i =
      lua_type(L, -1) == LUA_TSTRING ? find_name(a, lua_tostring(L, -1)) : -1;
  if (i < 0)
    error_throw(L, ERROR_TYPE, "unknown option '%s'",
                luaL_tolstring(L, -1, NULL));
  if (args_given(a, i))
    error_throw(L, ERROR_TYPE, "option '%s' is given twice", a->names[i]);
  return i;
}

/* Move the values of the table at `table` to their positions. */
static void spread(struct args *a, int table) {
  lua_State *L = a->L;
  lua_pushnil(L);
  while (lua_next(L, table)) {
    lua_pushvalue(L, -2);
    int i = check_key(a);
    lua_pop(L, 1);
    lua_replace(L, a->first + i);
    a->keywords |= 1u << i;
  }
}

void args_take(struct args *a, lua_State *L, int first,
               const char *const *names) {
  int count = count_names(names);
  int given = lua_gettop(L) - first + 1;
  a->L = L;
  a->names = names;
  a->first = first;
  a->keywords = 0;
  a->method = NULL;
  bool keywords = given > 0 && is_keywords(L, first + given - 1);
  if (given - (keywords ? 1 : 0) > count)
    error_throw(L, ERROR_TYPE, "too many arguments (%d at most)", count);
  luaL_checkstack(L, count + 4, "arguments");
  if (!keywords) {
    lua_settop(L, first + count - 1);
    return;
  }
  lua_insert(L, first); /* the table goes below, out of the way */
  lua_settop(L, first + count);
  a->first = first + 1;
  spread(a, first);
  lua_remove(L, first);
  a->first = first;
}

void args_take_step(struct args *a, lua_State *L, const char *method,
                    const char *const *names, int least) {
  int first = 2, last = STEP_ARGUMENTS + 1;
  *a = (struct args){.L = L, .names = names, .first = first, .method = method};
  if (lua_gettop(L) < last) lua_settop(L, last);
  while (last >= first && lua_isnil(L, last))
    last--;
  if (last >= first + least && is_keywords(L, last)) {
    lua_pushvalue(L, last);
    lua_pushnil(L);
    lua_replace(L, last--);
    spread(a, lua_gettop(L));
    lua_pop(L, 1);
  }
  if (last > first && last - first >= count_names(names))
    error_throw(L, ERROR_TYPE, "too many arguments (%d at most)",
                count_names(names));
}

bool args_given(const struct args *a, int i) {
  return !lua_isnil(a->L, a->first + i);
}

/* How far up the caller is: below a step is op.lua, or a pcall and
** transport.lua. */
static int caller_level(const struct args *a) {
  lua_Debug frame;
  if (a->method == NULL || method_is_running(a->L)) return 1;
  bool guarded = lua_getstack(a->L, 1, &frame) &&
                 lua_getinfo(a->L, "S", &frame) && *frame.what == 'C';
  return guarded ? 3 : 2;
}

int args_error(const struct args *a, int i, const char *text) {
  bool keyword = a->keywords & (1u << i);
  if (!keyword && a->method == NULL)
    return luaL_argerror(a->L, a->first + i, text);
  luaL_where(a->L, caller_level(a));
  if (keyword)
    lua_pushfstring(a->L, "bad value for option '%s' (%s)", a->names[i], text);
  else
    lua_pushfstring(a->L, "bad argument #%d to '%s' (%s)", i + 1, a->method,
                    text);
  lua_concat(a->L, 2);
  return lua_error(a->L);
}

/* What the value at `index` is, in the words of luaL_typeerror. */
static const char *type_name(lua_State *L, int index) {
  if (luaL_getmetafield(L, index, "__name") == LUA_TSTRING)
    return lua_tostring(L, -1);
  return luaL_typename(L, index);
}

int args_type_error(const struct args *a, int i, const char *expected) {
  return args_error(a, i,
                    lua_pushfstring(a->L, "%s expected, got %s", expected,
                                    type_name(a->L, a->first + i)));
}

const char *args_string(const struct args *a, int i, size_t *length) {
  if (lua_type(a->L, a->first + i) != LUA_TSTRING)
    args_type_error(a, i, "string");
  return lua_tolstring(a->L, a->first + i, length);
}

const char *args_opt_string(const struct args *a, int i, size_t *length) {
  return args_given(a, i) ? args_string(a, i, length) : NULL;
}

bool args_opt_boolean(const struct args *a, int i, bool otherwise) {
  if (!args_given(a, i)) return otherwise;
  if (!lua_isboolean(a->L, a->first + i)) args_type_error(a, i, "boolean");
  return lua_toboolean(a->L, a->first + i);
}

/*
** The integer at `index`, or false where it is none. Beyond 64 bits an
** OverflowError is raised.
*/
static bool to_integer(lua_State *L, int index, lua_Integer *out) {
  if (lua_type(L, index) != LUA_TNUMBER) return false;
  if (lua_isinteger(L, index)) {
    *out = lua_tointeger(L, index);
    return true;
  }
  int exact;
  *out = lua_tointegerx(L, index, &exact);
  lua_Number n = lua_tonumber(L, index);
  if (!exact && floor(n) == n) /* also the infinities */
    error_throw(L, ERROR_OVERFLOW, "integer beyond 64 bits");
  return exact;
}

lua_Integer args_integer(const struct args *a, int i) {
  lua_Integer n = 0;
  if (!to_integer(a->L, a->first + i, &n)) args_type_error(a, i, "integer");
  return n;
}

lua_Integer args_opt_integer(const struct args *a, int i,
                             lua_Integer otherwise) {
  return args_given(a, i) ? args_integer(a, i) : otherwise;
}

lua_Number args_number(const struct args *a, int i) {
  if (lua_type(a->L, a->first + i) != LUA_TNUMBER)
    args_type_error(a, i, "number");
  lua_Number n = lua_tonumber(a->L, a->first + i);
  if (!isfinite(n)) args_error(a, i, "finite number expected");
  return n;
}

int attribute_type_error(lua_State *L, const char *expected) {
  return luaL_error(L, "bad value for attribute '%s' (%s expected, got %s)",
                    lua_tostring(L, 2), expected, type_name(L, 3));
}

lua_Integer attribute_integer(lua_State *L) {
  lua_Integer n = 0;
  if (!to_integer(L, 3, &n)) attribute_type_error(L, "integer");
  return n;
}

bool attribute_boolean(lua_State *L) {
  if (!lua_isboolean(L, 3)) attribute_type_error(L, "boolean");
  return lua_toboolean(L, 3);
}

/*
** core.arguments(names, ...) gives the value of each name, in order. The
** errors it raises are those of the function that called it.
*/
int args_spread(lua_State *L) {
  static const char *const none[] = {NULL};
  const char *names[MAX_NAMES + 1] = {NULL};
  struct args a;
  luaL_checktype(L, 1, LUA_TTABLE);
  int count = (int)lua_rawlen(L, 1);
  luaL_argcheck(L, count <= MAX_NAMES, 1, "too many names");
  for (int i = 0; i < count; i++) {
    lua_rawgeti(L, 1, i + 1);
    names[i] = luaL_checkstring(L, -1); /* anchored by the table */
    lua_pop(L, 1);
  }
  args_take(&a, L, 2, count > 0 ? names : none);
  return count;
}
