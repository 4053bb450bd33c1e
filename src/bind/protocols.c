#include "protocols.h"

#include <limits.h>
#include <string.h>

#include "../tls/alpn.h"
#include "error.h"

/* The length of the array. Keys that are none of its would be ignored in
** silence. */
static size_t check_array(const struct args *a, int i) {
  lua_State *L = a->L;
  int index = a->first + i;
  size_t length, count = 0;
  if (!lua_istable(L, index)) args_type_error(a, i, "table");
  length = lua_rawlen(L, index);
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
    count++;
  if (count != length) args_error(a, i, "array of strings expected");
  return length;
}

/* The name at the top of the stack, element n. */
static const char *check_name(const struct args *a, int i, const char *kind,
                              size_t n, size_t *length) {
  lua_State *L = a->L;
  if (lua_type(L, -1) != LUA_TSTRING)
    args_error(a, i,
               lua_pushfstring(L, "string expected at [%d], got %s", (int)n,
                               luaL_typename(L, -1)));
  const char *name = lua_tolstring(L, -1, length);
  for (size_t at = 0; at < *length; at++)
    if ((unsigned char)name[at] > SCHAR_MAX)
      error_throw(L, ERROR_VALUE, "%s protocol [%d] is not ASCII", kind,
                  (int)n);
  if (*length == 0 || *length > ALPN_NAME_MAX)
    error_throw(L, ERROR_SSL, "%s protocols must be 1 to 255 in length", kind);
  return name;
}

const unsigned char *protocols_push(const struct args *a, int i,
                                    const char *kind, size_t *size) {
  lua_State *L = a->L;
  size_t count = check_array(a, i), most = ALPN_LIST_MAX, used = 0;
  if (count < ALPN_LIST_MAX / (ALPN_NAME_MAX + 1))
    most = count * (ALPN_NAME_MAX + 1);
  unsigned char *list = lua_newuserdatauv(L, most, 0);
  for (size_t n = 1; n <= count; n++) {
    size_t length;
    lua_rawgeti(L, a->first + i, (lua_Integer)n);
    const char *name = check_name(a, i, kind, n, &length);
    if (length >= most - used)
      error_throw(L, ERROR_SSL, "%s protocols exceed %d bytes", kind,
                  ALPN_LIST_MAX);
    list[used++] = (unsigned char)length;
    memcpy(list + used, name, length);
    used += length;
    lua_pop(L, 1);
  }
  *size = used;
  return list;
}
