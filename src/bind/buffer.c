#include "buffer.h"

#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>

#include "args.h"
#include "class.h"
#include "error.h"

#define BUFFER "ssl.buffer"

/* A buffer is for records and files in pieces; more than this is a mistake. */
#define MAX_LENGTH INT_MAX

struct buffer {
  struct buffer *owner;  /* itself, or the buffer whose window this is */
  size_t offset, length; /* in the owner's memory */
  unsigned char memory[];
};

static struct bytes locate(struct buffer *b) {
  struct bytes bytes = {b->owner->memory + b->offset, b->length};
  if (b->owner->length == 0) bytes.length = 0; /* closed */
  return bytes;
}

static struct bytes self_bytes(lua_State *L) {
  return locate(class_self(L));
}

static const struct class buffer_class;

bool buffer_to_bytes(lua_State *L, int index, struct bytes *out) {
  struct buffer *b = class_marked(L, index, &buffer_class, sizeof *b);
  if (b == NULL) b = luaL_testudata(L, index, BUFFER);
  if (b == NULL) return false;
  *out = locate(b);
  return true;
}

static struct buffer *box(lua_State *L, size_t length) {
  if (length > MAX_LENGTH)
    error_throw(L, ERROR_OVERFLOW, "a buffer has at most %d bytes", MAX_LENGTH);
  struct buffer *b = class_box_marked(L, &buffer_class, sizeof *b + length, 0);
  b->owner = b;
  b->length = length;
  return b;
}

static void new_zeroed(lua_State *L, lua_Integer length) {
  if (length < 0)
    error_throw(L, ERROR_VALUE, "the size of a buffer must not be negative");
  box(L, (size_t)length);
}

/***
A writable buffer.
@function ssl.buffer
@tparam integer|string n  its size, 0 to 2^31 - 1, filled with zeros; or what
it shall hold
@treturn ssl.buffer
@raise ValueError (negative size), OverflowError (too big)
*/
static int buffer_new(lua_State *L) {
  struct args a = {.L = L, .first = 1};
  size_t length;
  switch (lua_type(L, 1)) {
  case LUA_TNUMBER: new_zeroed(L, args_integer(&a, 0)); return 1;
  case LUA_TSTRING: {
    const char *text = lua_tolstring(L, 1, &length);
    memcpy(box(L, length)->memory, text, length);
    return 1;
  }
  default: return args_type_error(&a, 0, "integer or string");
  }
}

/*
** The range from argument 2 to 3 with the rules of string.sub: negative
** counts from the end, and what is outside is cut off. An absent argument 3
** is `last`.
*/
static struct bytes get_range(lua_State *L, struct bytes all, lua_Integer first,
                              lua_Integer last) {
  lua_Integer size = (lua_Integer)all.length;
  if (first < 0) first = first < -size ? 1 : size + first + 1;
  if (first == 0) first = 1;
  last = luaL_optinteger(L, 3, last);
  if (last < 0) last = last < -size ? 0 : size + last + 1;
  if (last > size) last = size;
  if (first > last) return (struct bytes){all.data, 0};
  return (struct bytes){all.data + (first - 1), (size_t)(last - first + 1)};
}

/***
A part of the buffer, with the rules of string.sub.
@function buffer:sub
@tparam integer i  first byte; negative counts from the end
@tparam[opt=-1] integer j  last byte
@treturn string
*/
static int buffer_sub(lua_State *L) {
  struct bytes all = self_bytes(L);
  struct bytes part = get_range(L, all, luaL_checkinteger(L, 2), -1);
  lua_pushlstring(L, (const char *)part.data, part.length);
  return 1;
}

/***
The values of bytes, with the rules of string.byte.
@function buffer:byte
@tparam[opt=1] integer i  first byte; negative counts from the end
@tparam[opt=i] integer j  last byte
@treturn integer...  one result for each byte; none for an empty range
*/
static int buffer_byte(lua_State *L) {
  struct bytes all = self_bytes(L);
  lua_Integer first = luaL_optinteger(L, 2, 1);
  struct bytes part = get_range(L, all, first, first);
  if (part.length >= INT_MAX) return luaL_error(L, "buffer slice too long");
  luaL_checkstack(L, (int)part.length, "buffer slice too long");
  for (size_t i = 0; i < part.length; i++)
    lua_pushinteger(L, part.data[i]);
  return (int)part.length;
}

/***
Write into the buffer.
@function buffer:put
@tparam integer i  where the first byte goes; negative counts from the end
@tparam string|ssl.buffer s  what to write; may be a window on the same buffer
@treturn boolean  true
@raise ValueError (it does not fit; nothing is written)
*/
static int buffer_put(lua_State *L) {
  struct bytes all = self_bytes(L);
  struct args a = {.L = L, .first = 1};
  struct bytes from;
  lua_Integer at = args_integer(&a, 1);
  if (!buffer_to_bytes(L, 3, &from))
    from.data = (unsigned char *)args_string(&a, 2, &from.length);
  lua_Integer size = (lua_Integer)all.length;
  if (at < 0 && at >= -size) at += size + 1;
  if (at < 1 || at > size + 1 || from.length > all.length - (size_t)(at - 1))
    return error_throw(L, ERROR_VALUE,
                       "%zu bytes at %lld do not fit in a buffer of %zu",
                       from.length, (long long)at, all.length);
  memmove(all.data + (at - 1), from.data, from.length);
  lua_pushboolean(L, 1);
  return 1;
}

/***
A window on the same memory: what is written to one is seen in the other.
@function buffer:slice
@tparam[opt=1] integer i  first byte; negative counts from the end
@tparam[opt=-1] integer j  last byte
@treturn ssl.buffer
*/
static int buffer_slice(lua_State *L) {
  struct buffer *from = class_self(L);
  struct bytes part = get_range(L, locate(from), luaL_optinteger(L, 2, 1), -1);
  struct buffer *owner = from->owner;
  struct buffer *window = class_box_marked(L, &buffer_class, sizeof *window, 1);
  window->owner = owner;
  window->offset = (size_t)(part.data - owner->memory);
  window->length = part.length;
  if (owner == from)
    lua_pushvalue(L, 1);
  else
    lua_getiuservalue(L, 1, 1);
  lua_setiuservalue(L, -2, 1);
  return 1;
}

/***
Wipe the buffer; it and the windows on it have length 0 from then on. Closing
a window only makes the window empty.
@function buffer:close
@treturn boolean  true
*/
static int buffer_close(lua_State *L) {
  struct buffer *b = class_self(L);
  if (b->owner == b) OPENSSL_cleanse(b->memory, b->length);
  b->length = 0;
  lua_pushboolean(L, 1);
  return 1;
}

static int buffer_gc(lua_State *L) {
  class_unmark(L);
  return buffer_close(L);
}

static int buffer_length(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)self_bytes(L).length);
  return 1;
}

static const luaL_Reg methods[] = {
    {"sub", buffer_sub},     {"byte", buffer_byte},   {"put", buffer_put},
    {"slice", buffer_slice}, {"close", buffer_close}, {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__len", buffer_length},
    {"__gc", buffer_gc},
    {"__close", buffer_close},
    {NULL, NULL},
};

static const struct class buffer_class = {
    .name = BUFFER, .methods = methods, .metamethods = metamethods};

void buffer_open(lua_State *L) {
  class_new(L, &buffer_class);
  lua_pop(L, 1);
}

const luaL_Reg buffer_functions[] = {{"buffer", buffer_new}, {NULL, NULL}};
