#include "gather.h"

#include <stdint.h>
#include <string.h>

#include "buffer.h"

/* The bytes of the string or buffer at `index`; they stay where the value is.
 */
static bool bytes_at(lua_State *L, int index, struct bytes *b) {
  if (lua_type(L, index) != LUA_TSTRING) return buffer_to_bytes(L, index, b);
  /* Not written to: the cast only fits both kinds into one struct. */
  b->data = (unsigned char *)(uintptr_t)lua_tolstring(L, index, &b->length);
  return true;
}

/* Measure the list that parameter i is: strings and buffers only. */
static size_t measure(const struct args *a, int i) {
  size_t total = 0;
  struct bytes b;
  int list = a->first + i;
  lua_Integer count = (lua_Integer)lua_rawlen(a->L, list);
  for (lua_Integer n = 1; n <= count; n++) {
    lua_rawgeti(a->L, list, n);
    if (!bytes_at(a->L, -1, &b))
      args_error(a, i,
                 lua_pushfstring(a->L,
                                 "string or buffer expected at [%d], got %s",
                                 (int)n, luaL_typename(a->L, -1)));
    total += b.length;
    lua_pop(a->L, 1);
  }
  return total;
}

void gather_check(struct gather *g, const struct args *a, int i) {
  struct bytes b;
  memset(g, 0, sizeof *g);
  g->L = a->L;
  g->index = a->first + i;
  if (bytes_at(g->L, g->index, &b)) {
    g->data = b.data;
    g->left = g->total = b.length;
  } else if (lua_istable(g->L, g->index)) {
    g->list = true;
    g->piece = 1;
    g->total = measure(a, i);
  } else {
    args_type_error(a, i, "string, buffer or array of these");
  }
}

/* Is there anything left in the present piece, or one after it? */
static bool refill(struct gather *g) {
  struct bytes b;
  while (g->left == 0 && g->list) {
    bool more = lua_rawgeti(g->L, g->index, g->piece) != LUA_TNIL &&
                bytes_at(g->L, -1, &b);
    lua_pop(g->L, 1);
    if (!more) break;
    g->piece++;
    g->data = b.data;
    g->left = b.length;
  }
  return g->left > 0;
}

static void advance(struct gather *g, size_t n) {
  g->data += n;
  g->left -= n;
}

void gather_skip(struct gather *g, size_t n) {
  while (n > 0 && refill(g)) {
    size_t step = n < g->left ? n : g->left;
    advance(g, step);
    n -= step;
  }
}

/* Join pieces until scratch is full or nothing is left. */
static size_t join(struct gather *g, unsigned char *scratch, size_t max) {
  size_t used = 0;
  while (used < max && refill(g)) {
    size_t n = g->left < max - used ? g->left : max - used;
    memcpy(scratch + used, g->data, n);
    advance(g, n);
    used += n;
  }
  return used;
}

size_t gather_next(struct gather *g, unsigned char *scratch, size_t max,
                   const unsigned char **out) {
  if (!refill(g)) return 0;
  if (g->list && g->left < max) {
    *out = scratch;
    return join(g, scratch, max);
  }
  size_t n = g->left < max ? g->left : max;
  *out = g->data;
  advance(g, n);
  return n;
}
