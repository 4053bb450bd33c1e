#include "memorybio.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "args.h"
#include "buffer.h"
#include "error.h"

struct memorybio {
  struct membio *queue; /* NULL: closed */
};

static struct membio *check_open(lua_State *L, const struct memorybio *b) {
  if (b->queue == NULL)
    error_throw(L, ERROR_VALUE, "operation on a closed memory BIO");
  return b->queue;
}

struct membio *memorybio_check(lua_State *L, int arg) {
  return check_open(L, class_check(L, arg, MEMORYBIO_T));
}

static struct membio *self(lua_State *L) {
  return check_open(L, class_self(L));
}

/*
** MemoryBIO() makes an empty one.
** @return ssl.memorybio
** Raises TypeError for any argument.
*/
static int new_memorybio(lua_State *L) {
  static const char *const none[] = {NULL};
  struct args a;
  args_take(&a, L, 1, none);
  struct memorybio *b = class_box(L, MEMORYBIO_T, sizeof *b, 0);
  b->queue = membio_new();
  if (b->queue == NULL) return error_throw_errno(L, ENOMEM, NULL);
  return 1;
}

/* close(), __close and __gc. Connections on the queue go on. Idempotent. */
static int memorybio_close(lua_State *L) {
  struct memorybio *b = class_self(L);
  struct membio *queue = b->queue;
  b->queue = NULL;
  membio_free(queue);
  lua_pushboolean(L, 1);
  return 1;
}

/*
** bio:read([n]) takes bytes out.
** @param n  integer, the most; default and negative: all
** @return string; "" may be "nothing yet" or the end: look at bio.eof
*/
static int memorybio_read(lua_State *L) {
  luaL_Buffer b;
  size_t length = membio_pending(self(L));
  int given = lua_gettop(L) - 1;
  if (given > 1)
    return error_throw(L, ERROR_TYPE, "too many arguments (1 at most)");
  if (given == 1) { /* nil is no number here (I-99) */
    struct args a = {.L = L, .first = 2};
    lua_Integer n = args_integer(&a, 0);
    if (n >= 0 && (lua_Unsigned)n < length) length = (size_t)n;
  }
  char *room = luaL_buffinitsize(L, &b, length);
  struct membio *m = self(L); /* a finaliser may have used it meanwhile */
  if (length > membio_pending(m)) length = membio_pending(m);
  if (length > 0) memcpy(room, membio_data(m), length);
  membio_skip(m, length);
  luaL_pushresultsize(&b, length);
  return 1;
}

/*
** bio:write(data) puts bytes in.
** @param data  string or ssl.buffer
** @return integer, their number: all
** Raises SSLError after write_eof, OverflowError for more than a C int counts.
*/
static int memorybio_write(lua_State *L) {
  struct membio *m = self(L);
  struct bytes b;
  const void *data = NULL;
  if (lua_type(L, 2) == LUA_TSTRING)
    data = lua_tolstring(L, 2, &b.length);
  else if (buffer_to_bytes(L, 2, &b))
    data = b.data;
  else
    return luaL_typeerror(L, 2, "string or buffer");
  if (b.length > INT_MAX)
    return error_throw(L, ERROR_OVERFLOW, "string longer than %d bytes",
                       INT_MAX);
  if (membio_has_end(m))
    return error_throw(L, ERROR_SSL, "cannot write() after write_eof()");
  if (!membio_write(m, data, b.length))
    return error_throw_errno(L, ENOMEM, "write");
  lua_pushinteger(L, (lua_Integer)b.length);
  return 1;
}

/* bio:write_eof() ends the stream: what is stored can still be read. */
static int memorybio_write_eof(lua_State *L) {
  membio_set_end(self(L));
  lua_pushboolean(L, 1);
  return 1;
}

static int get_pending(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)membio_pending(self(L)));
  return 1;
}

static int get_eof(lua_State *L) {
  struct membio *m = self(L);
  lua_pushboolean(L, membio_has_end(m) && membio_pending(m) == 0);
  return 1;
}

static const struct class_attribute attributes[] = {
    {"pending", get_pending, NULL},
    {"eof", get_eof, NULL},
    {NULL, NULL, NULL},
};

static const luaL_Reg methods[] = {
    {"read", memorybio_read},
    {"write", memorybio_write},
    {"write_eof", memorybio_write_eof},
    {"close", memorybio_close},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__gc", memorybio_close},
    {"__close", memorybio_close},
    {NULL, NULL},
};

const struct class memorybio_class = {
    .name = MEMORYBIO_T,
    .methods = methods,
    .metamethods = metamethods,
    .attributes = attributes,
};

const luaL_Reg memorybio_functions[] = {
    {"MemoryBIO", new_memorybio},
    {NULL, NULL},
};
