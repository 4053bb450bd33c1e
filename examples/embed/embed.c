/*
** embed.c - a program with several Lua states, each on a thread of its own,
** that all use pyssl at the same time.
**
** Usage: embed STATES SCRIPT [ARGUMENT]...
** Runs SCRIPT in so many states (2, 4, ...). They work in pairs, 1 with 2, 3
** with 4: a script gets its number, a listening descriptor of its own, the port
** on which its partner listens, and the ARGUMENTs. What it returns is printed.
** The exit status is 0 if all states came to their end without an error.
**
** The pattern: one thread per state, and nothing of a state outside of its
** thread. What threads share (whom they trust, above all) pyssl shares itself.
*/
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#define MOST 16 /* states */

struct worker {
  int number;    /* 1, 2, ... */
  int listener;  /* the script's: it closes it */
  int port;      /* where `listener` listens */
  int peer_port; /* where the partner's does */
  char **words;  /* SCRIPT, then the ARGUMENTs, then NULL */
  bool failed;
  pthread_t thread;
};

/* A listening socket on a port that the system chooses, or -1. */
static int open_listener(int *port) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t length = sizeof address;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (bind(fd, (struct sockaddr *)&address, length) == 0 &&
      listen(fd, SOMAXCONN) == 0 &&
      getsockname(fd, (struct sockaddr *)&address, &length) == 0) {
    *port = ntohs(address.sin_port);
    return fd;
  }
  (void)close(fd);
  return -1;
}

/* All of a worker's Lua. Errors are Lua's: the caller protects the call. */
static int run_script(lua_State *L) {
  struct worker *w = lua_touserdata(L, 1);
  int count = 3;
  luaL_openlibs(L);
  if (luaL_loadfile(L, w->words[0]) != 0) return lua_error(L);
  lua_pushinteger(L, w->number);
  lua_pushinteger(L, w->listener);
  lua_pushinteger(L, w->peer_port);
  for (char **word = w->words + 1; *word != NULL; word++, count++) {
    luaL_checkstack(L, 1, "too many arguments");
    lua_pushstring(L, *word);
  }
  lua_call(L, count, 1);
  if (!lua_isnil(L, -1))
    printf("state %d: %s\n", w->number, luaL_checkstring(L, -1));
  return 0;
}

/* pyssl raises error objects: `tostring` makes text of them. */
static int describe_error(lua_State *L) {
  if (!luaL_callmeta(L, 1, "__tostring")) lua_settop(L, 1);
  return 1;
}

/* A thread: a state from its beginning to its end. */
static void *run_worker(void *argument) {
  struct worker *w = argument;
  lua_State *L = luaL_newstate();
  w->failed = true;
  if (L == NULL) {
    fprintf(stderr, "state %d: out of memory\n", w->number);
    return NULL;
  }
  lua_pushcfunction(L, describe_error);
  lua_pushcfunction(L, run_script);
  lua_pushlightuserdata(L, w);
  w->failed = lua_pcall(L, 1, 0, 1) != 0;
  if (w->failed) {
    const char *text = lua_tostring(L, -1);
    fprintf(stderr, "state %d: %s\n", w->number, text ? text : "an error");
  }
  lua_close(L); /* closes what the script left open */
  return NULL;
}

/* Give each worker what it needs before any of them runs. */
static bool prepare(struct worker *workers, int count, char **words) {
  for (int i = 0; i < count; i++) {
    struct worker *w = &workers[i];
    *w = (struct worker){.number = i + 1, .words = words};
    w->listener = open_listener(&w->port);
    if (w->listener < 0) {
      perror("no listener");
      return false;
    }
  }
  for (int i = 0; i < count; i++)
    workers[i].peer_port = workers[i ^ 1].port;
  return true;
}

int main(int argc, char **argv) {
  static struct worker workers[MOST];
  int count = argc > 2 ? atoi(argv[1]) : 0;
  int started = 0, failures = 0;
  if (count < 2 || count > MOST || count % 2 != 0) {
    fprintf(stderr, "usage: %s STATES SCRIPT [ARGUMENT]...\n", argv[0]);
    return 2;
  }
  if (!prepare(workers, count, argv + 2)) return 1;
  for (; started < count; started++) {
    struct worker *w = &workers[started];
    if (pthread_create(&w->thread, NULL, run_worker, w) != 0) break;
  }
  if (started < count) fprintf(stderr, "no thread for %d\n", started + 1);
  for (int i = 0; i < started; i++)
    failures += pthread_join(workers[i].thread, NULL) != 0 || workers[i].failed;
  printf("%d of %d states ended well\n", started - failures, count);
  return failures > 0 || started < count || fflush(stdout) != 0;
}
