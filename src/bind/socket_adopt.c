/*
** socket_adopt.c - how an ssl.socket comes to be: made new, or taken over with
** a descriptor from something else.
*/
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>
#include <sys/socket.h>

#include "../sys/net.h"
#include "args.h"
#include "context.h"
#include "error.h"
#include "socket.h"

/* Seconds, or -1 where none are given. */
static double check_seconds(lua_State *L, const struct args *a, int i) {
  if (!args_given(a, i)) return -1;
  lua_Number seconds = args_number(a, i);
  if (seconds < 0)
    error_throw(L, ERROR_VALUE, "%s must not be negative", a->names[i]);
  return seconds;
}

/* (context, server_side, do_handshake_on_connect, suppress_ragged_eofs,
** server_hostname, handshake_timeout, session, certificate, private_key, trust,
** verify_mode, alpn_protocols) */
int socket_make(lua_State *L, struct socket *(*box)(lua_State *L)) {
  static const char *const names[] = {
      "server_side",          "do_handshake_on_connect",
      "suppress_ragged_eofs", "server_hostname",
      "handshake_timeout",    "session",
      SETTINGS_OPTIONS,       NULL};
  struct context *c = context_check(L, 1);
  /* By name: they come from wrap_socket's options; none is a table of them. */
  struct args a = {.L = L, .names = names, .first = 2, .keywords = ~0u};
  lua_settop(L, 7 + SETTINGS_COUNT);
  bool server = args_opt_boolean(&a, 0, false);
  bool handshake = args_opt_boolean(&a, 1, true);
  bool suppress = args_opt_boolean(&a, 2, true);
  connection_take_hostname(&a, 3);
  connection_take_session(&a, 5);
  connection_check(L, c, server, args_given(&a, 3), args_given(&a, 5));
  double limit = check_seconds(L, &a, 4);
  settings_take(&a, 6, c);
  struct socket *s = box(L);
  s->base.server_side = server;
  s->do_handshake_on_connect = handshake;
  s->suppress_ragged_eofs = suppress;
  if (limit >= 0) s->handshake_timeout = limit;
  lua_pushvalue(L, 1);
  connection_keep_context(L, -2);
  lua_pushvalue(L, 5);
  lua_setiuservalue(L, -2, VALUE_HOSTNAME);
  lua_pushvalue(L, 7);
  lua_setiuservalue(L, -2, VALUE_SESSION);
  lua_pushvalue(L, -2);
  lua_setiuservalue(L, -2, VALUE_SETTINGS);
  return 1;
}

/* core.new_socket(...) makes an ssl.socket without a descriptor, having checked
** the options. */
static int new_socket(lua_State *L) {
  return socket_make(L, socket_box);
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
** Raises ValueError where another coroutine waits on that.
*/
static int move(lua_State *L) {
  struct socket *s = socket_self(L);
  struct socket *from = socket_check(L, 2);
  socket_check_alone(L, from);
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

/* conn:has_tls() -> boolean */
static int has_tls(lua_State *L) {
  lua_pushboolean(L, socket_self(L)->state == SOCKET_TLS);
  return 1;
}

/* conn:check_open() raises where it is closed. */
static int check_open(lua_State *L) {
  if (socket_self(L)->state != SOCKET_CLOSED) return 0;
  return error_throw_errno(L, EBADF, "wrap_socket");
}

/* core.is_socket(value) -> boolean: is it an ssl.socket? */
static int is_socket(lua_State *L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, luaL_testudata(L, 1, SOCKET_T) != NULL);
  return 1;
}

const luaL_Reg socket_adopt_steps[] = {
    {"own", own},     {"duplicate", duplicate}, {"move", move},
    {"adopt", adopt}, {"has_tls", has_tls},     {"check_open", check_open},
    {NULL, NULL},
};

const luaL_Reg socket_functions[] = {
    {"new_socket", new_socket},
    {"check_stream", check_stream},
    {"is_socket", is_socket},
    {NULL, NULL},
};
