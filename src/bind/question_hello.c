/*
** question_hello.c - what a client offers, as the table that
** client_hello_callback gets.
*/
#include <string.h>

#include "question.h"

/* Push a list of the numbers in it, two bytes each. */
static void push_numbers(lua_State *L, struct span s) {
  lua_createtable(L, (int)(s.length / 2), 0);
  for (size_t i = 0; i + 1 < s.length; i += 2) {
    lua_pushinteger(L, s.at[i] << 8 | s.at[i + 1]);
    lua_rawseti(L, -2, (int)(i / 2) + 1);
  }
}

/* Push a list of the names in it, each behind its length: offer_take has
** checked them. */
static void push_names(lua_State *L, struct span s) {
  lua_newtable(L);
  for (int i = 1; s.length > 0; i++) {
    size_t length = s.at[0];
    lua_pushlstring(L, (const char *)s.at + 1, length);
    lua_rawseti(L, -2, i);
    s.at += 1 + length;
    s.length -= 1 + length;
  }
}

/* Push what there is of each type. */
static void push_extensions(lua_State *L, struct span rest) {
  struct span body;
  unsigned type;
  lua_newtable(L);
  while (offer_next(&rest, &type, &body)) {
    lua_pushlstring(L, (const char *)body.at, body.length);
    lua_rawseti(L, -2, (int)type);
  }
}

/* Before TLS 1.3 a hello says one version, the highest. */
static void push_versions(lua_State *L, const struct offer *o) {
  if (o->versions.length > 0) {
    push_numbers(L, o->versions);
    return;
  }
  lua_createtable(L, 1, 0);
  lua_pushinteger(L, o->version);
  lua_rawseti(L, -2, 1);
}

/* A copy that no finaliser can take away: it is pushed. */
static bool push_copy(lua_State *L, const struct connection *c,
                      struct offer *copy) {
  const struct hello *h = engine_hello(&c->engine);
  size_t size = h != NULL ? h->offer.size : 0;
  unsigned char *data = lua_newuserdatauv(L, size + 1, 0);
  h = engine_hello(&c->engine);
  if (h == NULL || h->offer.data == NULL || h->offer.size != size)
    return false; /* closed meanwhile */
  offer_copy(copy, &h->offer, data);
  return true;
}

bool question_push_offer(lua_State *L, const struct connection *c) {
  struct offer o;
  bool there = push_copy(L, c, &o);
  if (!there) lua_pop(L, 1);
  if (!there) return false;
  lua_createtable(L, 0, 7);
  question_push_name(L, c);
  lua_setfield(L, -2, "server_name");
  push_versions(L, &o);
  lua_setfield(L, -2, "versions");
  push_numbers(L, o.suites);
  lua_setfield(L, -2, "cipher_suites");
  push_numbers(L, o.groups);
  lua_setfield(L, -2, "groups");
  push_numbers(L, o.algorithms);
  lua_setfield(L, -2, "signature_algorithms");
  push_names(L, o.protocols);
  lua_setfield(L, -2, "alpn_protocols");
  push_extensions(L, o.extensions);
  lua_setfield(L, -2, "extensions");
  lua_replace(L, -2); /* the copy has served */
  return true;
}
