/*
** socket_connect.c - the steps of a client: connect and begin TLS.
*/
#include <errno.h>
#include <sys/socket.h>

#include "../sys/clock.h"
#include "../sys/fdwait.h"
#include "../sys/net.h"
#include "closing.h"
#include "error.h"
#include "netaddr.h"
#include "socket.h"

int socket_open_descriptor(struct socket *s, const struct address *a) {
  if (s->io.fd >= 0) return 0;
  return net_open(a->u.sa.sa_family, &s->io.fd);
}

/* Has a connect come to its end? Without waiting. */
static enum step look(const struct socket *s) {
  enum fdwait ready = fdwait(s->io.fd, FDWAIT_WRITE, 0);
  if (ready == FDWAIT_READY) return STEP_DONE;
  bool late = s->waits_outside && s->io.deadline <= clock_now();
  return late ? STEP_TIMEOUT : STEP_WANT_WRITE;
}

/* Connect to `a`, from `near` where it has a length: an errno value. */
static int begin_connect(struct socket *s, const struct address *a,
                         const struct address *near) {
  int number = socket_open_descriptor(s, a);
  if (number == 0 && near->length > 0) number = net_bind(s->io.fd, near);
  return number == 0 ? net_connect(s->io.fd, a) : number;
}

/* conn:check_connectable() raises where connect cannot be (I-95, I-96). */
static int check_connectable(lua_State *L) {
  struct socket *s = socket_self(L);
  if (s->base.server_side)
    return error_throw(L, ERROR_VALUE,
                       "cannot connect a server-side connection");
  if (s->state == SOCKET_CLOSED) return error_throw_errno(L, EBADF, "connect");
  if (s->state != SOCKET_UNCONNECTED)
    return error_throw(L, ERROR_VALUE, "the socket is already connected");
  return 0;
}

/*
** step connect(address, near): connects, without TLS; `near` is the address to
** bind to first, or nil. Where it does not wait it answers EINPROGRESS until a
** later call finds the end of it.
** @return integer, boolean: 0 or an errno value; did the deadline pass?
*/
static int step_connect(lua_State *L) {
  struct socket *s = socket_self(L);
  struct address a, near = {0};
  enum step step = STEP_DONE;
  netaddr_check_bytes(L, 2, &a);
  if (!lua_isnoneornil(L, 3)) netaddr_check_bytes(L, 3, &near);
  lua_settop(L, STEP_PROGRESS);
  if (s->state != SOCKET_UNCONNECTED) return check_connectable(L);
  if (!socket_begin(L, s, "connect", TURN_CONTROL))
    return socket_give_way(L, s, "connect", TURN_CONTROL, -1);
  int number = s->connecting ? EINPROGRESS : begin_connect(s, &a, &near);
  s->connecting = number == EINPROGRESS;
  if (s->connecting) {
    step = s->io.wire.wait ? socket_await(s, FDWAIT_WRITE) : look(s);
    if (step == STEP_SIGNAL || (step == STEP_WANT_WRITE && s->waits_outside))
      return socket_stopped(L, s, step, NULL, "connect", TURN_CONTROL, -1);
    if (step == STEP_DONE) number = net_connect_result(s->io.fd);
    if (step == STEP_FAILED) number = errno;
    if (step == STEP_TIMEOUT) number = ETIMEDOUT;
    s->connecting = number == EINPROGRESS || step == STEP_TIMEOUT;
    s->wants_write = s->connecting;
  }
  lua_pushinteger(L, number);
  lua_pushboolean(L, step == STEP_TIMEOUT);
  return 2;
}

/* conn:drop_descriptor(): a connect failed; the next address needs another.
** Raises ValueError where another coroutine waits on it. */
static int drop_descriptor(lua_State *L) {
  struct socket *s = socket_self(L);
  socket_check_alone(L, s);
  int fd = s->io.fd;
  s->io.fd = -1;
  s->connecting = false;
  if (fd < 0) return 0;
  closing_tell(L, fd);
  net_close(fd);
  return 0;
}

/* conn:family_name() -> "inet" or "inet6"; "any" for another, and where there
** is no descriptor yet */
static int family_name(lua_State *L) {
  const struct socket *s = socket_self(L);
  int family, type, protocol;
  const char *name = "any";
  if (s->io.fd >= 0 && net_describe(s->io.fd, &family, &type, &protocol) == 0) {
    if (family == AF_INET) name = "inet";
    if (family == AF_INET6) name = "inet6";
  }
  lua_pushstring(L, name);
  return 1;
}

/* conn:start_tls(): connected now. */
static int start_tls(lua_State *L) {
  socket_self(L);
  socket_start_tls(L, 1);
  return 0;
}

const luaL_Reg socket_connect_steps[] = {
    {"connect", step_connect},
    {"drop_descriptor", drop_descriptor},
    {"start_tls", start_tls},
    {"family_name", family_name},
    {"check_connectable", check_connectable},
    {NULL, NULL},
};
