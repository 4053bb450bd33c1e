#include "resolver.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "../sys/clock.h"
#include "../sys/fdwait.h"
#include "../sys/resolve.h"
#include "closing.h"
#include "connection.h"
#include "error.h"
#include "netaddr.h"
#include "pollable.h"

#define RESOLVER_T "ssl.resolver"

/* The deadline of a step, where the operation loop puts it. */
#define DEADLINE 5

struct resolver {
  int fd; /* to watch, as pollable.h asks; the look-up's */
  bool cancelled;
  struct resolve *lookup;
};

/* Free the look-up, at once: its descriptor is not to wait for a collector. */
static void give_up(lua_State *L, struct resolver *r) {
  struct resolve *lookup = r->lookup;
  r->lookup = NULL;
  if (lookup != NULL) closing_tell(L, r->fd);
  r->fd = -1;
  resolve_free(lookup);
}

static int resolver_gc(lua_State *L) {
  give_up(L, class_self(L));
  return 0;
}

static int new_resolver(lua_State *L) {
  static const char *const names[] = {"any", "inet", "inet6", NULL};
  static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6};
  const char *host = luaL_checkstring(L, 1);
  int family = families[luaL_checkoption(L, 2, "any", names)];
  int number = 0;
  struct resolver *r = class_box(L, RESOLVER_T, sizeof *r, 0);
  r->lookup = resolve_start(host, family, &number);
  if (r->lookup == NULL) return error_throw_errno(L, number, "resolve");
  r->fd = resolve_fd(r->lookup);
  return 1;
}

/* `number` is the errno value for EAI_SYSTEM. */
static int raise_lookup(lua_State *L, int code, int number) {
  struct tls_error e;
  if (code == EAI_SYSTEM) return error_throw_errno(L, number, "resolve");
  tlserr_set(&e, ERROR_OS, "%s", gai_strerror(code));
  e.number = code;
  e.library = "DNS";
  snprintf(e.reason, sizeof e.reason, "%s", resolve_error_name(code));
  return error_raise(L, &e, "resolve");
}

static void set_port(struct address *a, unsigned port) {
  if (a->u.sa.sa_family == AF_INET)
    a->u.in.sin_port = htons((uint16_t)port);
  else
    a->u.in6.sin6_port = htons((uint16_t)port);
}

static void push_addresses(lua_State *L, const struct addrinfo *list,
                           unsigned port) {
  lua_Integer count = 0;
  lua_newtable(L);
  for (; list != NULL; list = list->ai_next) {
    struct address a = {0};
    if (list->ai_family != AF_INET && list->ai_family != AF_INET6) continue;
    a.length = list->ai_addrlen;
    memcpy(&a.u, list->ai_addr, list->ai_addrlen);
    set_port(&a, port);
    netaddr_push_bytes(L, &a);
    lua_rawseti(L, -2, ++count);
  }
}

/* The result of a look-up that has ended. Memory may run out with the list at
** hand: then __gc frees it. */
static int finish(lua_State *L, struct resolver *r, unsigned port) {
  struct addrinfo *list = NULL;
  int code = resolve_finish(r->lookup, &list);
  int number = errno;
  if (code == 0) push_addresses(L, list, port);
  give_up(L, r);
  return code == 0 ? 1 : raise_lookup(L, code, number);
}

static int raise_timeout(lua_State *L) {
  struct tls_error e;
  tlserr_set(&e, ERROR_TIMEOUT, "the resolve operation timed out");
  return error_raise(L, &e, "resolve");
}

static int call_again(lua_State *L, const char *status, double deadline) {
  lua_pushnil(L);
  lua_pushstring(L, status);
  lua_pushnumber(L, deadline);
  return 3;
}

/*
** step resolve(port, outside): the addresses of the host, with the port. Where
** `outside` is true it does not wait itself. When it is done, or the deadline
** has passed, the look-up is freed.
** @return list of addresses' bytes
** Raises OSError (library "DNS", reason "EAI_..."; EBADF where the socket that
** it was for is closed), TimeoutError.
*/
static int step_resolve(lua_State *L) {
  struct resolver *r = class_self(L);
  unsigned port = (unsigned)luaL_checkinteger(L, 2);
  bool outside = lua_toboolean(L, 3);
  double deadline = luaL_optnumber(L, DEADLINE, CLOCK_NEVER);
  if (r->lookup == NULL || r->cancelled)
    return error_throw_errno(L, EBADF, "resolve");
  switch (fdwait(r->fd, FDWAIT_READ, outside ? 0 : deadline)) {
  case FDWAIT_READY: return finish(L, r, port);
  case FDWAIT_TIMEOUT:
    if (outside && deadline > clock_now())
      return call_again(L, "read", deadline);
    give_up(L, r);
    return raise_timeout(L);
  case FDWAIT_SIGNAL: return call_again(L, "signal", deadline);
  default: return error_throw_errno(L, errno, "resolve");
  }
}

void resolver_cancel(lua_State *L, int index) {
  struct resolver *r = lua_touserdata(L, index);
  r->cancelled = true;
  if (r->lookup != NULL) resolve_wake(r->lookup);
}

/* core.keep_lookup(conn, resolver): closing conn cancels the look-up. */
static int keep_lookup(lua_State *L) {
  connection_check_any(L, 1);
  luaL_checkudata(L, 2, RESOLVER_T);
  lua_settop(L, 2);
  lua_setiuservalue(L, 1, VALUE_LOOKUP);
  return 0;
}

/* core.drop_lookup(conn, resolver): it has ended, or is given up. */
static int drop_lookup(lua_State *L) {
  connection_check_any(L, 1);
  give_up(L, luaL_checkudata(L, 2, RESOLVER_T));
  lua_getiuservalue(L, 1, VALUE_LOOKUP);
  if (!lua_rawequal(L, -1, 2)) return 0; /* another one's */
  lua_pushnil(L);
  lua_setiuservalue(L, 1, VALUE_LOOKUP);
  return 0;
}

static const luaL_Reg metamethods[] = {{"__gc", resolver_gc}, {NULL, NULL}};

const struct class resolver_class = {
    .name = RESOLVER_T,
    .methods = pollable_methods,
    .metamethods = metamethods,
};

const luaL_Reg resolver_functions[] = {
    {"new_resolver", new_resolver},
    {"keep_lookup", keep_lookup},
    {"drop_lookup", drop_lookup},
    {NULL, NULL},
};

const luaL_Reg resolver_steps[] = {
    {"resolve", step_resolve},
    {NULL, NULL},
};
