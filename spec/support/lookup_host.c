/*
** lookup_host.c - a Lua whose look-ups answer what specs want: getaddrinfo and
** freeaddrinfo are this program's, for pyssl as well.
** Usage: lookup_host CODE [ARG...]: runs the code; the arguments are in `arg`.
**
** Names: "both.test" has ::1 and 127.0.0.1, "three.test" 127.0.0.1, .2 and .3;
** "slow.test" is 127.0.0.1 once the code calls lookup.go(),
** "xn--bcher-kva.example" at once; "system.test" fails with EMFILE,
** "again.test" with EAI_AGAIN, all others with EAI_NONAME.
*/
#include <arpa/inet.h>
#include <errno.h>
#include <lualib.h>
#include <netdb.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/bind/compat.h"

static sem_t gate;
static atomic_int lists;    /* given out and not freed */
static atomic_int calls;    /* that have not returned */
static atomic_int total;    /* calls ever */
static atomic_int unmasked; /* calls on a thread that could take a signal */

struct entry {
  struct addrinfo info;
  struct sockaddr_storage address;
};

static const struct {
  const char *name;
  const char *hosts[3];
} names[] = {
    {"both.test", {"::1", "127.0.0.1", NULL}},
    {"three.test", {"127.0.0.1", "127.0.0.2", "127.0.0.3"}},
    {"slow.test", {"127.0.0.1", NULL, NULL}},
    {"xn--bcher-kva.example", {"127.0.0.1", NULL, NULL}},
};

#pragma GCC visibility push(default)
int getaddrinfo(const char *node, const char *service,
                const struct addrinfo *hints, struct addrinfo **result);
void freeaddrinfo(struct addrinfo *list);
#pragma GCC visibility pop

static struct addrinfo *new_entry(const char *host) {
  struct entry *e = calloc(1, sizeof *e);
  struct sockaddr_in *four = (struct sockaddr_in *)&e->address;
  struct sockaddr_in6 *six = (struct sockaddr_in6 *)&e->address;
  int family = strchr(host, ':') != NULL ? AF_INET6 : AF_INET;
  e->address.ss_family = (sa_family_t)family;
  inet_pton(family, host,
            family == AF_INET ? (void *)&four->sin_addr
                              : (void *)&six->sin6_addr);
  e->info.ai_family = family;
  e->info.ai_socktype = SOCK_STREAM;
  e->info.ai_addr = (struct sockaddr *)&e->address;
  e->info.ai_addrlen = family == AF_INET ? sizeof *four : sizeof *six;
  return &e->info;
}

/* Prepend the hosts of the wanted family, the last one first. */
static struct addrinfo *new_list(const char *const *hosts, int wanted) {
  struct addrinfo *list = NULL;
  for (int i = 2; i >= 0; i--) {
    if (hosts[i] == NULL) continue;
    struct addrinfo *entry = new_entry(hosts[i]);
    if (wanted != AF_UNSPEC && wanted != entry->ai_family) {
      free(entry);
      continue;
    }
    entry->ai_next = list;
    list = entry;
  }
  return list;
}

static int answer(const char *node, int family, struct addrinfo **result) {
  if (strcmp(node, "slow.test") == 0)
    while (sem_wait(&gate) != 0)
      continue;
  if (strcmp(node, "again.test") == 0) return EAI_AGAIN;
  errno = EMFILE;
  if (strcmp(node, "system.test") == 0) return EAI_SYSTEM;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(node, names[i].name) == 0)
      *result = new_list(names[i].hosts, family);
  if (*result == NULL) return EAI_NONAME;
  atomic_fetch_add(&lists, 1);
  return 0;
}

int getaddrinfo(const char *node, const char *service,
                const struct addrinfo *hints, struct addrinfo **result) {
  sigset_t set;
  (void)service;
  pthread_sigmask(SIG_BLOCK, NULL, &set);
  if (!sigismember(&set, SIGINT) || !sigismember(&set, SIGUSR1))
    atomic_fetch_add(&unmasked, 1);
  atomic_fetch_add(&calls, 1);
  atomic_fetch_add(&total, 1);
  *result = NULL;
  int code = answer(node, hints->ai_family, result);
  atomic_fetch_sub(&calls, 1);
  return code;
}

void freeaddrinfo(struct addrinfo *list) {
  atomic_fetch_sub(&lists, 1);
  while (list != NULL) {
    struct addrinfo *next = list->ai_next;
    free(list);
    list = next;
  }
}

/* lookup.go(): let one slow look-up go on. */
static int lookup_go(lua_State *L) {
  (void)L;
  sem_post(&gate);
  return 0;
}

/* lookup.state() returns the lists that are alive, the calls that run, those
** that were on a thread that takes signals, and all that there were. */
static int lookup_state(lua_State *L) {
  lua_pushinteger(L, atomic_load(&lists));
  lua_pushinteger(L, atomic_load(&calls));
  lua_pushinteger(L, atomic_load(&unmasked));
  lua_pushinteger(L, atomic_load(&total));
  return 4;
}

static int open_lookup(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"go", lookup_go}, {"state", lookup_state}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}

int main(int argc, char **argv) {
  lua_State *L = luaL_newstate();
  if (L == NULL || argc < 2) return 2;
  sem_init(&gate, 0, 0);
  luaL_openlibs(L);
  luaL_requiref(L, "lookup", open_lookup, 1);
  lua_newtable(L); /* arg, as the stock lua has it */
  for (int i = 2; i < argc; i++) {
    lua_pushstring(L, argv[i]);
    lua_rawseti(L, -2, i - 1);
  }
  lua_setglobal(L, "arg");
  lua_settop(L, 0);
  int failed = luaL_loadbuffer(L, argv[1], strlen(argv[1]), "=code");
  if (!failed) failed = lua_pcall(L, 0, 0, 0);
  if (failed) fprintf(stderr, "%s\n", luaL_tolstring(L, -1, NULL));
  lua_close(L);
  return failed ? 1 : 0;
}
