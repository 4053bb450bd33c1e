/*
** oom_host.c - a program that embeds Lua and takes its memory away: each case
** of a script runs with the 1st request for memory failing and all that come
** after it, then from the 2nd on, and so on until it runs through. (Failing
** once would prove nothing: Lua collects and tries again.) After each run
** everything is collected, and OpenSSL must have no more blocks than before,
** the process no more memory that is not Lua's, and no more descriptors.
**
**   oom_host SCRIPT [CASE]
**
** The script returns a list of {name, prepare}. prepare() runs with memory to
** spare, and returns the function to try and, where needed, one to call
** afterwards. Prints a line for each case, "name: requests", or what was wrong,
** and exits with 1. OpenSSL's allocations are counted, so nothing here may use
** it before main does.
*/
#include <dirent.h>
#include <lualib.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/bind/compat.h"

/* --- memory of OpenSSL --- */

static atomic_long blocks; /* that OpenSSL has */

static void *crypto_malloc(size_t size, const char *file, int line) {
  (void)file, (void)line;
  void *p = malloc(size);
  if (p != NULL) blocks++;
  return p;
}

static void crypto_free(void *p, const char *file, int line) {
  (void)file, (void)line;
  if (p != NULL) blocks--;
  free(p);
}

static void *crypto_realloc(void *p, size_t size, const char *file, int line) {
  if (p == NULL) return crypto_malloc(size, file, line);
  if (size > 0) return realloc(p, size);
  crypto_free(p, file, line);
  return NULL;
}

/* --- memory of Lua --- */

static struct {
  size_t bytes; /* that Lua has, as malloc counts them */
  bool armed;
  long requests; /* since it was armed */
  long limit;    /* this request fails, and all behind it */
  long failures;
} lua;

/* With malloc's own word in front. */
static size_t chunk(void *p) {
  return p == NULL ? 0 : malloc_usable_size(p) + sizeof(size_t);
}

static bool refused(void) {
  if (!lua.armed || ++lua.requests < lua.limit) return false;
  lua.failures++;
  return true;
}

static void *allocate(void *unused, void *p, size_t old, size_t size) {
  (void)unused;
  lua.bytes -= chunk(p);
  if (size == 0) {
    free(p);
    return NULL;
  }
  bool grows = p == NULL || size > old; /* Lua relies on shrinking */
  void *q = grows && refused() ? NULL : realloc(p, size);
  lua.bytes += chunk(q != NULL ? q : p);
  return q;
}

/* --- what must be as it was --- */

struct state {
  long blocks;
  size_t bytes; /* neither Lua's nor free; 0 where nobody counts them */
  int descriptors;
};

/* The entries of a directory. */
static int count_in(const char *name) {
  int n = 0;
  DIR *directory = opendir(name);
  if (directory == NULL) return -1;
  while (readdir(directory) != NULL)
    n++;
  closedir(directory);
  return n;
}

/* Under a sanitizer malloc keeps no such accounts; leaks are its own task. */
static size_t count_bytes(void) {
  struct mallinfo2 info = mallinfo2();
  size_t all = info.uordblks + info.hblkhd;
  return all > lua.bytes ? all - lua.bytes : 0;
}

#define PATIENCE 200 /* looks, while helper threads end */

/* A thread that lives on holds memory, and the C library keeps more for each
** that lived at the same time. */
static void await_threads(void) {
  for (int i = 0; i < PATIENCE && count_in("/proc/self/task") > 3; i++)
    poll(NULL, 0, 10); /* ".", "..", and ours */
}

/* OpenSSL's state of the thread, the error queue in it, comes and goes. */
static struct state look(void) {
  await_threads();
  OPENSSL_thread_stop();
  return (struct state){blocks, count_bytes(), count_in("/proc/self/fd")};
}

static bool is_leak(const struct state *before, const struct state *after) {
  return after->blocks > before->blocks || after->bytes > before->bytes ||
         after->descriptors > before->descriptors;
}

/* --- the cases --- */

static char complaint[256]; /* what Lua warns of: an error in a finaliser */

static void on_warning(void *unused, const char *text, int more) {
  (void)unused, (void)more;
  size_t used = strlen(complaint);
  snprintf(complaint + used, sizeof complaint - used, "%s", text);
}

static void stop(lua_State *L, const char *name, const char *what) {
  printf("%s, request %ld: %s%s\n", name, lua.limit, what,
         L != NULL && lua_isstring(L, -1) ? lua_tostring(L, -1) : "");
  exit(1);
}

/* Call the function at `index`, if it is one, with memory to spare. */
static void call(lua_State *L, const char *name, int index, int results) {
  if (lua_isnil(L, index)) return;
  lua_pushvalue(L, index);
  if (lua_pcall(L, 0, results, 0) != LUA_OK) stop(L, name, "");
}

/* Run the case whose prepare is at index 1; collect. */
static void run(lua_State *L, const char *name, long limit) {
  call(L, name, 1, 2); /* the function to try, and the one afterwards */
  lua.limit = limit;
  lua.requests = lua.failures = 0;
  lua_pushvalue(L, 2);
  lua.armed = true;
  int result = lua_pcall(L, 0, 0, 0);
  lua.armed = false;
  if (result != LUA_OK && lua.failures == 0) stop(L, name, "");
  if (ERR_peek_error() != 0) stop(NULL, name, "OpenSSL's queue is not empty");
  lua_settop(L, 3);
  call(L, name, 3, 0);
  lua_settop(L, 1);
  lua_gc(L, LUA_GCCOLLECT);
  lua_gc(L, LUA_GCCOLLECT); /* what a finaliser has let go of */
  if (strstr(complaint, "__gc") != NULL) stop(NULL, name, complaint);
  complaint[0] = '\0';
}

/* Has the state settled to what it was? */
static bool restored(const struct state *before, struct state *after) {
  for (int i = 0; i < PATIENCE; i++) {
    *after = look();
    if (!is_leak(before, after)) return true;
    poll(NULL, 0, 10);
  }
  return false;
}

/* OpenSSL may keep what it needed for the first time; a leak repeats. */
static void try_limit(lua_State *L, const char *name, long limit) {
  struct state before, after;
  char text[128];
  for (int i = 0; i < 3; i++) {
    before = look();
    run(L, name, limit);
    after = look();
    if (!is_leak(&before, &after) || (i == 2 && restored(&before, &after)))
      return;
  }
  snprintf(text, sizeof text, "left %ld blocks, %ld bytes, %d descriptors",
           after.blocks - before.blocks, (long)(after.bytes - before.bytes),
           after.descriptors - before.descriptors);
  stop(NULL, name, text);
}

static void walk(lua_State *L, const char *name) {
  long limit = 0;
  run(L, name, 1000000); /* with enough: what it needs once it has now */
  do
    try_limit(L, name, ++limit);
  while (lua.failures > 0);
  printf("%s: %ld\n", name, limit - 1);
}

/* The list of cases is at the top. */
static void walk_all(lua_State *L, const char *only) {
  int list = lua_gettop(L);
  for (int i = 1; lua_rawgeti(L, list, i) == LUA_TTABLE; i++) {
    lua_State *thread = lua_newthread(L);
    lua_rawgeti(L, -2, 1);
    const char *name = lua_tostring(L, -1);
    lua_rawgeti(L, -3, 2);
    lua_xmove(L, thread, 1);
    if (only == NULL || strcmp(only, name) == 0) walk(thread, name);
    lua_settop(L, list);
  }
}

int main(int argc, char **argv) {
  if (argc < 2 ||
      !CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free))
    return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  lua_State *L = lua_newstate(allocate, NULL);
  if (L == NULL) return 2;
  lua_setwarnf(L, on_warning, NULL);
  luaL_openlibs(L);
  if (luaL_dofile(L, argv[1]) != LUA_OK) stop(L, argv[1], "");
  walk_all(L, argc > 2 ? argv[2] : NULL);
  lua_close(L);
  return 0;
}
