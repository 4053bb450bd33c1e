/*
** socket_descriptor.c - an ssl.socket's descriptor: its number, what event
** loops ask about it, and the addresses of both ends.
*/
#include <errno.h>

#include "../sys/net.h"
#include "error.h"
#include "netaddr.h"
#include "socket.h"

/* conn:fileno() is the descriptor, -1 without one. */
static int socket_fileno(lua_State *L) {
  lua_pushinteger(L, socket_self(L)->io.fd);
  return 1;
}

/* conn:getfd(), conn:pollfd() are for event loops: the same, but while some
** still wait on a socket that was closed, the descriptor that wakes them. */
static int socket_getfd(lua_State *L) {
  const struct socket *s = socket_self(L);
  lua_pushinteger(L, s->io.fd >= 0 ? s->io.fd : s->parting);
  return 1;
}

/* conn:events() tells an event loop what the last operation waited for: "r" or
** "w". */
static int socket_events(lua_State *L) {
  lua_pushstring(L, socket_self(L)->wants_write ? "w" : "r");
  return 1;
}

static void check_descriptor(lua_State *L, const struct socket *s,
                             const char *op) {
  if (s->io.fd < 0) error_throw_errno(L, EBADF, op);
}

/*
** conn:getsockname(), conn:getpeername() tell the addresses of both ends.
** @return host, port; for IPv6 also flowinfo, scope; or a path
** Raises OSError: EBADF without a descriptor, ENOTCONN.
*/
static int socket_getsockname(lua_State *L) {
  struct socket *s = socket_self(L);
  struct address a;
  check_descriptor(L, s, "getsockname");
  int number = net_local(s->io.fd, &a);
  if (number != 0) return error_throw_errno(L, number, "getsockname");
  return netaddr_push(L, &a);
}

static int socket_getpeername(lua_State *L) {
  struct socket *s = socket_self(L);
  struct address a;
  if (s->state == SOCKET_UNCONNECTED && s->io.fd < 0)
    return error_throw_errno(L, ENOTCONN, "getpeername");
  check_descriptor(L, s, "getpeername");
  int number = net_peer(s->io.fd, &a);
  if (number != 0) return error_throw_errno(L, number, "getpeername");
  return netaddr_push(L, &a);
}

const luaL_Reg socket_descriptor_methods[] = {
    {"fileno", socket_fileno},
    {"getfd", socket_getfd},
    {"pollfd", socket_getfd},
    {"events", socket_events},
    {"getsockname", socket_getsockname},
    {"getpeername", socket_getpeername},
    {NULL, NULL},
};
