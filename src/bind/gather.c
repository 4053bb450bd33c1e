#include "gather.h"

#include <stdint.h>
#include <string.h>

#include "buffer.h"

/* The bytes of the string or buffer at `index`, whose type is `type`; they stay
** where the value is. */
static bool bytes_at(lua_State *L, int index, int type, struct bytes *b) {
  if (type != LUA_TSTRING) return buffer_to_bytes(L, index, b);
  /* Not written to: the cast only fits both kinds into one struct. */
  b->data = (unsigned char *)(uintptr_t)lua_tolstring(L, index, &b->length);
  return true;
}

static int refuse_piece(const struct args *a, int i, lua_Integer n) {
  return args_error(a, i,
                    lua_pushfstring(a->L,
                                    "string or buffer expected at [%d], got %s",
                                    (int)n, luaL_typename(a->L, -1)));
}

/* Put a piece to those joined, if it is the next one and there is room. */
static void join_piece(struct gather *g, lua_Integer n, const struct bytes *b) {
  if (g->piece != n || b->length >= GATHER_ROOM - g->left) return;
  memcpy(g->joined + g->left, b->data, b->length);
  g->left += b->length;
  g->piece++;
}

/* Look through the list that parameter i is: strings and buffers only. */
static void take_list(struct gather *g, const struct args *a, int i) {
  struct bytes b;
  lua_Integer count = (lua_Integer)lua_rawlen(g->L, g->index);
  g->list = true;
  g->piece = 1;
  g->data = g->joined;
  for (lua_Integer n = 1; n <= count; n++) {
    int type = lua_rawgeti(g->L, g->index, n);
    if (!bytes_at(g->L, -1, type, &b)) refuse_piece(a, i, n);
    g->total += b.length;
    join_piece(g, n, &b);
    lua_pop(g->L, 1);
  }
}

void gather_check(struct gather *g, const struct args *a, int i) {
  struct bytes b;
  g->L = a->L;
  g->index = a->first + i;
  g->anchor = 0;
  g->list = false;
  g->left = g->total = 0;
  int type = lua_type(g->L, g->index);
  if (bytes_at(g->L, g->index, type, &b)) {
    g->data = b.data;
    g->left = g->total = b.length;
  } else if (type == LUA_TTABLE) {
    take_list(g, a, i);
  } else {
    args_type_error(a, i, "string, buffer or array of these");
  }
}

void gather_anchor(struct gather *g) {
  if (!g->list) return; /* it stays where it is */
  lua_pushnil(g->L);
  g->anchor = lua_gettop(g->L);
}

/* Is there anything left in the present piece, or one after it? */
static bool refill(struct gather *g) {
  struct bytes b;
  while (g->left == 0 && g->list) {
    int type = lua_rawgeti(g->L, g->index, g->piece);
    bool more = type != LUA_TNIL && bytes_at(g->L, -1, type, &b);
    if (more && g->anchor != 0)
      lua_replace(g->L, g->anchor);
    else
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

/* Join pieces until there are `max` bytes or nothing is left. What is joined
** already is the first of them, and moves to the front. */
static size_t join(struct gather *g, size_t max) {
  size_t used = 0;
  while (used < max && refill(g)) {
    size_t n = g->left < max - used ? g->left : max - used;
    if (g->data != g->joined) memmove(g->joined + used, g->data, n);
    advance(g, n);
    used += n;
  }
  return used;
}

size_t gather_next(struct gather *g, size_t max, const unsigned char **out) {
  if (!refill(g)) return 0;
  if (g->list && g->left < max) {
    *out = g->joined;
    return join(g, max);
  }
  size_t n = g->left < max ? g->left : max;
  *out = g->data;
  advance(g, n);
  return n;
}
