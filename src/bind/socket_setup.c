/*
** socket_setup.c - how a socket comes to be and to be connected: making and
** adopting one, connect, bind, listen, accept, shutdown.
*/
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>

#include "../sys/clock.h"
#include "../sys/fdwait.h"
#include "../sys/net.h"
#include "args.h"
#include "context.h"
#include "error.h"
#include "netaddr.h"
#include "socket.h"

#define BACKLOG 128

/* The server name, checked now; what is kept is the name as it is used. */
static void keep_hostname(lua_State *L, const struct args *a, int i) {
  struct tls_error e;
  struct peername name;
  size_t length;
  const char *text = args_opt_string(a, i, &length);
  if (text == NULL) return;
  if (!peername_parse(&name, text, length, &e)) error_raise(L, &e, NULL);
  lua_pushstring(L, name.text);
  lua_replace(L, a->first + i);
}

/* Seconds, or -1 where none are given. */
static double check_seconds(lua_State *L, const struct args *a, int i) {
  if (!args_given(a, i)) return -1;
  lua_Number seconds = args_number(a, i);
  if (seconds < 0)
    error_throw(L, ERROR_VALUE, "%s must not be negative", a->names[i]);
  return seconds;
}

/* What wrap_socket refuses before it touches anything (D-38, 2 to 4). */
static void check_wrap(lua_State *L, const struct context *c, bool server,
                       bool named) {
  if (server && named)
    error_throw(L, ERROR_VALUE,
                "server_hostname can only be specified in client mode");
  if (c->check_hostname && !named)
    error_throw(L, ERROR_VALUE, "check_hostname requires server_hostname");
}

/*
** core.new_socket(context, server_side, do_handshake_on_connect,
** suppress_ragged_eofs, server_hostname, handshake_timeout) makes an
** ssl.socket without a descriptor, having checked the options.
*/
static int new_socket(lua_State *L) {
  static const char *const names[] = {
      "server_side",     "do_handshake_on_connect", "suppress_ragged_eofs",
      "server_hostname", "handshake_timeout",       NULL};
  struct context *c = context_check(L, 1);
  struct args a;
  args_take(&a, L, 2, names);
  a.keywords = ~0u; /* by name: they come from wrap_socket's options */
  bool server = args_opt_boolean(&a, 0, false);
  bool handshake = args_opt_boolean(&a, 1, true);
  bool suppress = args_opt_boolean(&a, 2, true);
  keep_hostname(L, &a, 3);
  check_wrap(L, c, server, args_given(&a, 3));
  double limit = check_seconds(L, &a, 4);
  struct socket *s = socket_box(L);
  s->server_side = server;
  s->do_handshake_on_connect = handshake;
  s->suppress_ragged_eofs = suppress;
  if (limit >= 0) s->handshake_timeout = limit;
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, VALUE_CONTEXT);
  lua_pushvalue(L, 5);
  lua_setiuservalue(L, -2, VALUE_HOSTNAME);
  return 1;
}

/*
** core.check_stream(fd) raises where a descriptor is no stream socket: an
** OSError for none at all, NotImplementedError for a datagram socket (I-63).
*/
static int check_stream(lua_State *L) {
  int family, type, protocol;
  lua_Integer fd = luaL_checkinteger(L, 1);
  if (fd < 0 || fd > INT_MAX) return error_throw_errno(L, EBADF, "wrap_socket");
  int number = net_describe((int)fd, &family, &type, &protocol);
  if (number != 0) return error_throw_errno(L, number, "wrap_socket");
  if (type != SOCK_STREAM)
    return error_throw(L, ERROR_NOT_IMPLEMENTED,
                       "only stream sockets are supported");
  return 0;
}

/* conn:own(fd) gives a new socket its descriptor. Never raises: its old owner
** has let go. */
static int own(lua_State *L) {
  socket_self(L)->io.fd = (int)lua_tointeger(L, 2);
  return 0;
}

/* conn:duplicate(fd) gives a new socket a copy of another's descriptor. */
static int duplicate(lua_State *L) {
  struct socket *s = socket_self(L);
  int number = net_duplicate((int)luaL_checkinteger(L, 2), &s->io.fd);
  if (number != 0) return error_throw_errno(L, number, "wrap_socket");
  return 0;
}

/*
** conn:move(from) gives a new socket what another ssl.socket has, TLS excepted:
** the descriptor, if it has one already, what was read ahead, the timeout. The
** other is closed then.
*/
static int move(lua_State *L) {
  struct socket *s = socket_self(L);
  struct socket *from = socket_check(L, 2);
  int number = fdio_push_back(&s->io, from->io.front, from->io.front_left);
  if (number != 0) return error_throw_errno(L, number, "wrap_socket");
  s->timeout = from->timeout;
  s->io.fd = from->io.fd;
  from->io.fd = -1;
  socket_release(L, from);
  return 0;
}

/* Is this socket listening already? */
static bool is_listening(int fd) {
  int value = 0;
  size_t length = sizeof value;
  return net_get_option(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) == 0 &&
         value != 0;
}

/*
** A descriptor that is not connected: a listener, or one to connect. With data
** waiting it was connected: that would be plaintext ahead of the handshake
** (I-76, CVE-2023-40217).
*/
static int adopt_unconnected(lua_State *L, struct socket *s) {
  int number = 0;
  if (is_listening(s->io.fd)) {
    s->state = SOCKET_LISTENING;
    number = net_unblock(s->io.fd);
  } else if (s->io.front_left > 0 || net_peek(s->io.fd)) {
    socket_release(L, s);
    return error_throw(L, ERROR_SSL,
                       "closed before TLS handshake with data in the "
                       "receive buffer");
  }
  return number;
}

/*
** conn:adopt(initial) begins TLS on the descriptor that was given to a new
** socket, where it is connected; `initial` was read from it before anything
** that is read ahead now. A failure closes it.
** @return boolean: is it connected?
*/
static int adopt(lua_State *L) {
  struct socket *s = socket_self(L);
  size_t length;
  const char *initial = luaL_checklstring(L, 2, &length);
  net_adopt(s->io.fd);
  int connected = net_connected(s->io.fd);
  int number = fdio_push_back(&s->io, initial, length);
  if (number == 0 && connected == ENOTCONN)
    number = adopt_unconnected(L, s);
  else if (number == 0)
    number = connected;
  if (number != 0) {
    socket_release(L, s);
    return error_throw_errno(L, number, "wrap_socket");
  }
  if (connected == 0) socket_start_tls(L, 1);
  lua_pushboolean(L, connected == 0);
  return 1;
}

/* ---- connect ---- */

/* The descriptor to connect, made if there is none. 0 or an errno value. */
static int ready_descriptor(struct socket *s, const struct address *a) {
  if (s->io.fd >= 0) return 0;
  return net_open(a->u.sa.sa_family, &s->io.fd);
}

/* Wait for the descriptor as a step does. */
static enum step await(struct socket *s, enum fdwait_mode mode) {
  switch (fdwait(s->io.fd, mode, s->io.deadline)) {
  case FDWAIT_READY: return STEP_DONE;
  case FDWAIT_TIMEOUT: return STEP_TIMEOUT;
  case FDWAIT_SIGNAL: return STEP_SIGNAL;
  default: return STEP_FAILED;
  }
}

/* Has a connect come to its end? Without waiting. */
static enum step look(const struct socket *s) {
  enum fdwait ready = fdwait(s->io.fd, FDWAIT_WRITE, clock_now());
  return ready == FDWAIT_READY ? STEP_DONE : STEP_WANT_WRITE;
}

/* Connect to `a`, from `near` where it has a length: an errno value. */
static int begin_connect(struct socket *s, const struct address *a,
                         const struct address *near) {
  int number = ready_descriptor(s, a);
  if (number == 0 && near->length > 0) number = net_bind(s->io.fd, near);
  return number == 0 ? net_connect(s->io.fd, a) : number;
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
  socket_begin(L, s);
  int number = s->connecting ? EINPROGRESS : begin_connect(s, &a, &near);
  s->connecting = number == EINPROGRESS;
  if (s->connecting) {
    step = s->io.wait ? await(s, FDWAIT_WRITE) : look(s);
    if (step == STEP_SIGNAL)
      return socket_stopped(L, s, step, NULL, "connect", -1);
    if (step == STEP_DONE) number = net_connect_result(s->io.fd);
    if (step == STEP_FAILED) number = errno;
    if (step == STEP_TIMEOUT) number = ETIMEDOUT;
    s->connecting = number == EINPROGRESS || step == STEP_TIMEOUT;
  }
  lua_pushinteger(L, number);
  lua_pushboolean(L, step == STEP_TIMEOUT);
  return 2;
}

/* conn:drop_descriptor(): a connect failed; the next address needs another. */
static int drop_descriptor(lua_State *L) {
  struct socket *s = socket_self(L);
  if (s->io.fd >= 0) net_close(s->io.fd);
  s->io.fd = -1;
  s->connecting = false;
  return 0;
}

/* conn:family_name() -> "inet" or "inet6"; "any" for another, and where there
 *is
 ** no descriptor yet */
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

/* conn:has_tls() -> boolean */
static int has_tls(lua_State *L) {
  lua_pushboolean(L, socket_self(L)->state == SOCKET_TLS);
  return 1;
}

/* core.is_socket(value) -> boolean: is it an ssl.socket? */
static int is_socket(lua_State *L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, luaL_testudata(L, 1, SOCKET_T) != NULL);
  return 1;
}

/* conn:start_tls(): connected now. */
static int start_tls(lua_State *L) {
  socket_self(L);
  socket_start_tls(L, 1);
  return 0;
}

/* conn:check_open() raises where it is closed. */
static int check_open(lua_State *L) {
  if (socket_self(L)->state != SOCKET_CLOSED) return 0;
  return error_throw_errno(L, EBADF, "wrap_socket");
}

/* conn:check_connectable() raises where connect cannot be (I-95, I-96). */
static int check_connectable(lua_State *L) {
  struct socket *s = socket_self(L);
  if (s->server_side)
    return error_throw(L, ERROR_VALUE,
                       "cannot connect a server-side connection");
  if (s->state == SOCKET_CLOSED) return error_throw_errno(L, EBADF, "connect");
  if (s->state != SOCKET_UNCONNECTED)
    return error_throw(L, ERROR_VALUE, "the socket is already connected");
  return 0;
}

/* ---- bind, listen, accept ---- */

/* bind(address), on a descriptor made for its family if there is none. */
static int socket_bind(lua_State *L) {
  struct socket *s = socket_self(L);
  struct address a;
  netaddr_check_bytes(L, 2, &a);
  if (s->state != SOCKET_UNCONNECTED)
    return error_throw_errno(L, s->state == SOCKET_CLOSED ? EBADF : EINVAL,
                             "bind");
  int number = ready_descriptor(s, &a);
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
    if (!s->io.wait) return STEP_WANT_READ;
    enum step step = await(s, FDWAIT_READ);
    if (step == STEP_FAILED) tlserr_system(e, errno);
    if (step != STEP_DONE) return step;
  }
}

/* What a connection has from its listener. */
static void inherit(lua_State *L, const struct socket *s, struct socket *conn) {
  conn->server_side = true;
  conn->do_handshake_on_connect = s->do_handshake_on_connect;
  conn->suppress_ragged_eofs = s->suppress_ragged_eofs;
  conn->timeout = s->timeout == 0 ? 0 : -1;
  lua_getiuservalue(L, 1, VALUE_CONTEXT);
  lua_setiuservalue(L, -2, VALUE_CONTEXT);
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
  if (!s->server_side)
    return error_throw(L, ERROR_VALUE, "accept needs a server-side socket");
  lua_settop(L, STEP_PROGRESS);
  socket_begin(L, s);
  struct socket *conn = socket_box(L);
  inherit(L, s, conn);
  enum step step = take(s, conn, &peer, &e);
  if (step != STEP_DONE) return socket_stopped(L, s, step, &e, "accept", -1);
  socket_start_tls(L, lua_gettop(L));
  netaddr_push_table(L, &peer);
  return 2;
}

/* conn:close_on_failure(flag): is the next handshake one of a connection that
** nobody but us could close? */
static int close_on_failure(lua_State *L) {
  socket_self(L)->close_on_failure = lua_toboolean(L, 2);
  return 0;
}

/*
** conn:shutdown(how) drops TLS, without close_notify, and shuts the stream.
** @param how  ssl.SHUT_RD, SHUT_WR or SHUT_RDWR. After any of them reads give
**             the end of the stream: raw TLS bytes never reach the caller.
** @return true
** Raises OSError ENOTCONN, EBADF; ValueError for another `how`.
*/
static int socket_shutdown(lua_State *L) {
  struct socket *s = socket_self(L);
  lua_Integer how = luaL_checkinteger(L, 2);
  if (how < 0 || how > 2)
    return error_throw(L, ERROR_VALUE, "invalid value for how");
  if (s->state == SOCKET_CLOSED || s->state == SOCKET_UNCONNECTED)
    return socket_refuse(L, s, "shutdown");
  int number = net_shutdown(s->io.fd, (int)how);
  if (number != 0) return error_throw_errno(L, number, "shutdown");
  if (s->state == SOCKET_TLS) socket_drop_tls(L, s);
  s->state = SOCKET_SHUT;
  lua_pushboolean(L, 1);
  return 1;
}

const luaL_Reg socket_setup_steps[] = {
    {"own", own},
    {"duplicate", duplicate},
    {"move", move},
    {"adopt", adopt},
    {"connect", step_connect},
    {"drop_descriptor", drop_descriptor},
    {"start_tls", start_tls},
    {"family_name", family_name},
    {"has_tls", has_tls},
    {"check_open", check_open},
    {"check_connectable", check_connectable},
    {"bind", socket_bind},
    {"accept", step_accept},
    {"close_on_failure", close_on_failure},
    {NULL, NULL},
};

const luaL_Reg socket_setup_methods[] = {
    {"listen", socket_listen},
    {"shutdown", socket_shutdown},
    {NULL, NULL},
};

const luaL_Reg socket_functions[] = {
    {"new_socket", new_socket},
    {"check_stream", check_stream},
    {"is_socket", is_socket},
    {NULL, NULL},
};
