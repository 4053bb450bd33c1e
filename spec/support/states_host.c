/*
** states_host.c - a program with several Lua states, which all load pyssl.
** Runs the chunk that is its argument in two states at once, in the one, the
** other, and the one again; closes them in turn; then in a third. Prints "ok".
*/
#include <stdio.h>
#include <stdlib.h>

#include <lualib.h>

#include "../../src/bind/compat.h"

static lua_State *open_state(void) {
  lua_State *L = luaL_newstate();
  if (L == NULL) exit(EXIT_FAILURE);
  luaL_openlibs(L);
  return L;
}

static void run(lua_State *L, const char *chunk) {
  if (luaL_dostring(L, chunk) == LUA_OK) return;
  fprintf(stderr, "%s\n", luaL_tolstring(L, -1, NULL));
  exit(EXIT_FAILURE);
}

int main(int count, char **words) {
  if (count != 2) return EXIT_FAILURE;
  lua_State *one = open_state();
  lua_State *two = open_state();
  run(one, words[1]);
  run(two, words[1]);
  run(one, words[1]);
  lua_close(one);
  run(two, words[1]);
  lua_close(two);
  lua_State *three = open_state();
  run(three, words[1]);
  lua_close(three);
  puts("ok");
  return EXIT_SUCCESS;
}
