/*
** socket_listen.c - the steps of a server: bind, listen, accept.
*/
#include <errno.h>
#include <string.h>

#include "../sys/clock.h"
#include "../sys/net.h"
#include "error.h"
#include "netaddr.h"
#include "socket.h"

#define BACKLOG 128

/* bind(address), on a descriptor made for its family if there is none. */
static int socket_bind(lua_State *L) {
  struct socket *s = socket_self(L);
  struct address a;
  netaddr_check_bytes(L, 2, &a);
  if (s->state != SOCKET_UNCONNECTED)
    return error_throw_errno(L, s->state == SOCKET_CLOSED ? EBADF : EINVAL,
                             "bind");
  int number = socket_open_descriptor(s, &a);
  if (number == 0) number = net_bind(s->io.fd, &a);
  if (number != 0) return error_throw_errno(L, number, "bind");
  lua_pushboolean(L, 1);
  return 1;
}

/*
** conn:listen([backlog]) makes a bound socket a listener.
** @param backlog  integer, connections that may wait; default 128
*/
static int socket_listen(lua_State *L) {
  struct socket *s = socket_self(L);
  lua_Integer backlog = luaL_optinteger(L, 2, BACKLOG);
  if (s->io.fd < 0) return error_throw_errno(L, EBADF, "listen");
  if (backlog < 0) backlog = 0;
  if (backlog > INT_MAX) backlog = INT_MAX;
  int number = net_listen(s->io.fd, (int)backlog);
  if (number != 0) return error_throw_errno(L, number, "listen");
  s->state = SOCKET_LISTENING;
  lua_pushboolean(L, 1);
  return 1;
}

/* Errors of accept(2) that concern one connection, gone before we took it. */
static bool is_passing(int number) {
  return number == EAGAIN || number == EWOULDBLOCK || number == ECONNABORTED ||
         number == EPROTO || number == EINTR;
}

/* Take a connection into `conn`, waiting where the listener waits. */
static enum step take(struct socket *s, struct socket *conn,
                      struct address *peer, struct tls_error *e) {
  for (;;) {
    int number = net_accept(s->io.fd, &conn->io.fd, peer);
    if (number == 0) return STEP_DONE;
    if (!is_passing(number)) {
      tlserr_system(e, number);
      return STEP_FAILED;
    }
    if (!s->io.wire.wait) return STEP_WANT_READ;
    enum step step = socket_await(s, FDWAIT_READ);
    if (step == STEP_FAILED) tlserr_system(e, errno);
    if (step != STEP_DONE) return step;
  }
}

/* What a connection has from its listener. */
static void inherit(lua_State *L, const struct socket *s, struct socket *conn) {
  conn->base.server_side = true;
  conn->do_handshake_on_connect = s->do_handshake_on_connect;
  conn->suppress_ragged_eofs = s->suppress_ragged_eofs;
  conn->timeout = s->timeout == 0 ? 0 : -1;
  lua_getiuservalue(L, 1, VALUE_CONTEXT);
  connection_keep_context(L, -2);
  lua_getiuservalue(L, 1, VALUE_WAITER);
  lua_setiuservalue(L, -2, VALUE_WAITER);
  conn->has_waiter = s->has_waiter;
  lua_getiuservalue(L, 1, VALUE_SETTINGS);
  lua_setiuservalue(L, -2, VALUE_SETTINGS);
}

/*
** step accept(): takes a connection, with TLS begun and no handshake yet.
** @return ssl.socket, address table
*/
static int step_accept(lua_State *L) {
  struct socket *s = socket_self(L);
  struct address peer;
  struct tls_error e;
  if (s->state == SOCKET_CLOSED || s->io.fd < 0)
    return error_throw_errno(L, EBADF, "accept");
  if (!s->base.server_side)
    return error_throw(L, ERROR_VALUE, "accept needs a server-side socket");
  lua_settop(L, STEP_PROGRESS);
  if (!socket_begin(L, s, "accept", TURN_READ))
    return socket_give_way(L, s, "accept", TURN_READ, -1);
  struct socket *conn = socket_box(L);
  inherit(L, s, conn);
  enum step step = take(s, conn, &peer, &e);
  if (step != STEP_DONE)
    return socket_stopped(L, s, step, &e, "accept", TURN_READ, -1);
  socket_start_tls(L, lua_gettop(L));
  netaddr_push_table(L, &peer);
  return 2;
}

/* conn:close_on_failure(): the handshake that comes is one of a connection that
** nobody but us could close. */
static int close_on_failure(lua_State *L) {
  socket_self(L)->close_on_failure = true;
  return 0;
}

/* conn:limit_handshake(seconds): as long the first operation's handshake may
** take at most, from now on; nil: as long as the operation. */
static int limit_handshake(lua_State *L) {
  socket_self(L)->handshake_by = clock_deadline(luaL_optnumber(L, 2, -1));
  return 0;
}

const luaL_Reg socket_listen_steps[] = {
    {"bind", socket_bind},
    {"accept", step_accept},
    {"close_on_failure", close_on_failure},
    {"limit_handshake", limit_handshake},
    {NULL, NULL},
};

const luaL_Reg socket_listen_methods[] = {
    {"listen", socket_listen},
    {NULL, NULL},
};
