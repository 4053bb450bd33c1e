#include "socket.h"

#include <math.h>
#include <string.h>

#include "../sys/clock.h"
#include "../sys/net.h"
#include "args.h"
#include "call.h"
#include "closing.h"
#include "context.h"
#include "error.h"
#include "pressure.h"
#include "resolver.h"
#include "ringer.h"
#include "waiter.h"

/* So much unread input close() takes in, or the kernel would send a reset. */
#define DRAIN_LIMIT (64 * 1024)

#define HANDSHAKE_TIMEOUT 30.0 /* seconds, a listener's default */

struct socket *socket_self(lua_State *L) {
  return class_self(L);
}

struct socket *socket_check(lua_State *L, int arg) {
  return class_check(L, arg, SOCKET_T);
}

void socket_init(lua_State *L, struct socket *s) {
  fdio_init(&s->io, -1);
  s->parting = -1;
  s->has_default_waiter = waiter_default_flag(L);
  s->handshake_by = CLOCK_NEVER;
  s->timeout = -1;
  s->handshake_timeout = HANDSHAKE_TIMEOUT;
  s->do_handshake_on_connect = true;
  s->suppress_ragged_eofs = true;
}

struct socket *socket_box(lua_State *L) {
  struct socket *s =
      class_box_marked(L, &socket_class, sizeof *s, CONNECTION_VALUES);
  socket_init(L, s);
  return s;
}

void socket_drop_tls(lua_State *L, struct socket *s) {
  if (s->base.engine.ssl == NULL || s->base.engine.doomed) return;
  engine_close(&s->base.engine);
  pressure_drop(L, PRESSURE_CONNECTION);
}

/* Event loops are told first. */
static void close_descriptor(lua_State *L, int fd) {
  closing_tell(L, fd);
  net_close(fd);
}

void socket_part(lua_State *L, struct socket *s) {
  if (s->parting < 0 || turn_is_shared(L, &s->base.turn)) return;
  int fd = s->parting;
  s->parting = -1;
  close_descriptor(L, fd);
}

/* The descriptor stays until all have left who wait on it: event loops must not
** see another one under its number. Being shut down it wakes them. */
static void part(lua_State *L, struct socket *s, int fd) {
  if (fd < 0 || !turn_is_shared(L, &s->base.turn)) {
    if (fd >= 0) close_descriptor(L, fd);
    return;
  }
  (void)!net_shutdown(fd, SHUT_RDWR);
  s->parting = fd;
  ringer_ring(L, &s->base);
}

static void wake_lookup(lua_State *L) {
  lua_getiuservalue(L, 1, VALUE_LOOKUP);
  if (!lua_isnil(L, -1)) resolver_cancel(L, -1);
  lua_pop(L, 1);
}

void socket_release(lua_State *L, struct socket *s) {
  int fd = s->io.fd;
  socket_drop_tls(L, s);
  s->io.fd = -1;
  s->state = SOCKET_CLOSED;
  fdio_clear(&s->io);
  part(L, s, fd);
}

/* __gc: frees, sends nothing, never blocks. Nobody waits any more. */
int socket_gc(lua_State *L) {
  struct socket *s = socket_self(L);
  memset(&s->base.turn, 0, sizeof s->base.turn);
  socket_release(L, s);
  socket_part(L, s);
  return 0;
}

/* As a transport, which has no mark, but for that. */
static int gc_marked(lua_State *L) {
  class_unmark(L);
  return socket_gc(L);
}

void socket_say_goodbye(struct socket *s) {
  struct tls_error ignored;
  enum step step;
  if (s->state != SOCKET_TLS || !s->base.engine.handshaken ||
      s->base.engine.failed || s->base.engine.running)
    return;
  s->io.wire.wait = false;
  call_leave(&s->base);
  step = engine_close_write(&s->base.engine, &ignored);
  (void)step;
  tlserr_clear();
}

/*
** conn:close() closes the connection (design.md, rule 9).
** Sends close_notify once, without waiting, and closes the descriptor; where a
** makefile object is open, that happens when the last of them closes. From a
** callback of the connection itself nothing is sent, and the operation that it
** runs in fails with EBADF.
** @return true, also when it is closed already
*/
static int socket_close(lua_State *L) {
  struct socket *s = socket_self(L);
  if (s->files > 0) {
    s->closing = true;
  } else if (s->state != SOCKET_CLOSED) {
    socket_say_goodbye(s);
    if (s->io.fd >= 0) net_drain(s->io.fd, DRAIN_LIMIT);
    socket_release(L, s);
    wake_lookup(L);
  } else {
    socket_part(L, s); /* those who waited may have died since */
  }
  lua_pushboolean(L, 1);
  return 1;
}

int socket_hold_file(lua_State *L) {
  socket_self(L)->files++;
  return 0;
}

bool socket_drop_file(struct socket *s) {
  if (s->files > 0) s->files--;
  return s->files == 0 && s->closing;
}

/* conn:release_file(): one less; close, where that was waiting for this. */
static int release_file(lua_State *L) {
  return socket_drop_file(socket_self(L)) ? socket_close(L) : 0;
}

/*
** conn:detach() gives the descriptor away, open; the object is closed then.
** @return integer, -1 where there was none
** Raises ValueError where another coroutine waits on it.
*/
static int socket_detach(lua_State *L) {
  struct socket *s = socket_self(L);
  socket_check_alone(L, s);
  int fd = s->io.fd;
  s->io.fd = -1;
  socket_release(L, s);
  if (fd >= 0) closing_tell(L, fd);
  lua_pushinteger(L, fd);
  return 1;
}

/* give_up(conn) -> descriptor, bytes received ahead: for another wrap. */
static int give_up(lua_State *L) {
  const struct fdio *io = &socket_self(L)->io;
  luaL_Buffer b;
  size_t n = io->front_left;
  char *room = luaL_buffinitsize(L, &b, n); /* may run a finaliser */
  if (n > io->front_left) n = io->front_left;
  if (n > 0) memcpy(room, io->front, n);
  luaL_pushresultsize(&b, n);
  socket_detach(L);
  lua_insert(L, -2);
  return 2;
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

static void push_timeout(lua_State *L, double timeout) {
  if (timeout < 0)
    lua_pushnil(L);
  else
    lua_pushnumber(L, timeout);
}

/* Seconds at `index`: nil is none, as -1. */
static double check_timeout(lua_State *L, int index) {
  if (lua_isnoneornil(L, index)) return -1;
  luaL_checktype(L, index, LUA_TNUMBER);
  lua_Number seconds = lua_tonumber(L, index);
  if (!(seconds >= 0)) /* NaN too */
    error_throw(L, ERROR_VALUE, "timeout must not be negative");
  return isinf(seconds) ? -1 : seconds;
}

/* Connections that do not wait here may idle in great numbers. */
void socket_tune(struct socket *s) {
  if (s->base.engine.ssl != NULL)
    engine_idle(&s->base.engine, s->timeout == 0 || s->waits_outside);
}

static void set_timeout(struct socket *s, double timeout) {
  s->timeout = timeout;
  socket_tune(s);
}

/*
** conn:settimeout(seconds) sets how long each operation may take.
** @param seconds  number; nil: no limit; 0: never wait
** @return true
** Raises ValueError for a negative one.
*/
static int socket_settimeout(lua_State *L) {
  struct socket *s = socket_self(L);
  set_timeout(s, check_timeout(L, 2));
  lua_pushboolean(L, 1);
  return 1;
}

/* conn:gettimeout() gives seconds, or nil. */
static int socket_gettimeout(lua_State *L) {
  push_timeout(L, socket_self(L)->timeout);
  return 1;
}

/* conn:setblocking(flag) is settimeout(nil) for true, settimeout(0) else. */
static int socket_setblocking(lua_State *L) {
  struct socket *s = socket_self(L);
  luaL_checktype(L, 2, LUA_TBOOLEAN);
  set_timeout(s, lua_toboolean(L, 2) ? -1 : 0);
  lua_pushboolean(L, 1);
  return 1;
}

/* conn:getblocking() is false where the timeout is 0. */
static int socket_getblocking(lua_State *L) {
  lua_pushboolean(L, socket_self(L)->timeout != 0);
  return 1;
}

static int get_handshake_timeout(lua_State *L) {
  push_timeout(L, socket_self(L)->handshake_timeout);
  return 1;
}

static int set_handshake_timeout(lua_State *L) {
  struct socket *s = socket_self(L);
  if (!lua_isnil(L, 3) && lua_type(L, 3) != LUA_TNUMBER)
    return attribute_type_error(L, "number");
  s->handshake_timeout = check_timeout(L, 3);
  return 0;
}

static int get_do_handshake(lua_State *L) {
  lua_pushboolean(L, socket_self(L)->do_handshake_on_connect);
  return 1;
}

static int set_do_handshake(lua_State *L) {
  socket_self(L)->do_handshake_on_connect = attribute_boolean(L);
  return 0;
}

static int get_suppress(lua_State *L) {
  lua_pushboolean(L, socket_self(L)->suppress_ragged_eofs);
  return 1;
}

static int set_suppress(lua_State *L) {
  socket_self(L)->suppress_ragged_eofs = attribute_boolean(L);
  return 0;
}

static int describe(lua_State *L, int which) {
  int numbers[3];
  struct socket *s = socket_self(L);
  if (s->io.fd < 0 ||
      net_describe(s->io.fd, &numbers[0], &numbers[1], &numbers[2]) != 0)
    lua_pushnil(L);
  else
    lua_pushinteger(L, numbers[which]);
  return 1;
}

static int get_family(lua_State *L) {
  return describe(L, 0);
}

static int get_type(lua_State *L) {
  return describe(L, 1);
}

static int get_proto(lua_State *L) {
  return describe(L, 2);
}

/* Let what was read ahead be counted. Callbacks may run. */
static void look(lua_State *L, struct socket *s) {
  if (!s->io.read_ahead) return;
  call_enter(L, &s->base);
  engine_look(&s->base.engine);
}

/*
** conn:pending() counts the bytes that a read gives without looking at the
** descriptor (E-28).
** @return integer: decrypted bytes that wait; after unwrap, bytes that were
**         read ahead; else 0
*/
static int pending(lua_State *L) {
  struct socket *s = socket_self(L);
  size_t count = s->state == SOCKET_PLAIN ? fdio_buffered(&s->io) : 0;
  look(L, s);
  if (s->base.engine.ssl != NULL) count = engine_pending(&s->base.engine);
  lua_pushinteger(L, (lua_Integer)count);
  return 1;
}

/* conn:dirty(): would a read give something without the descriptor? */
static int dirty(lua_State *L) {
  struct socket *s = socket_self(L);
  bool ahead = s->io.owned != NULL; /* initial bytes, or a STARTTLS's */
  look(L, s);
  if (s->state == SOCKET_PLAIN || s->io.memory != NULL)
    ahead = fdio_buffered(&s->io) > 0;
  else if (s->io.read_ahead && s->base.engine.handshaken)
    ahead = fdio_has_record(&s->io);
  if (s->base.engine.ssl != NULL) ahead |= engine_is_ready(&s->base.engine);
  lua_pushboolean(L, ahead || s->parting >= 0);
  return 1;
}

/*
** conn:eof() tells how the peer's stream ended.
** @return "clean": by close_notify; "ragged": without; nil while it is open,
**         where it failed instead, and in plain mode
*/
static int eof(lua_State *L) {
  static const char *const names[] = {[ENGINE_OPEN] = NULL,
                                      [ENGINE_CLEAN] = "clean",
                                      [ENGINE_RAGGED] = "ragged"};
  struct socket *s = socket_self(L);
  bool plain = s->state == SOCKET_PLAIN;
  lua_pushstring(L, plain ? NULL : names[s->base.engine.end]);
  return 1;
}

const struct class_attribute socket_attributes[] = {
    {"do_handshake_on_connect", get_do_handshake, set_do_handshake},
    {"suppress_ragged_eofs", get_suppress, set_suppress},
    {"timeout", socket_gettimeout, NULL},
    {"handshake_timeout", get_handshake_timeout, set_handshake_timeout},
    {"waiter", socket_get_waiter, socket_set_waiter},
    {"family", get_family, NULL},
    {"type", get_type, NULL},
    {"proto", get_proto, NULL},
    {NULL, NULL, NULL},
};

const luaL_Reg socket_stream_methods[] = {
    {"dirty", dirty},
    {"pending", pending},
    {"eof", eof},
    {"settimeout", socket_settimeout},
    {"gettimeout", socket_gettimeout},
    {"setblocking", socket_setblocking},
    {"getblocking", socket_getblocking},
    {NULL, NULL},
};

static const luaL_Reg methods[] = {
    {"close", socket_close},
    {"detach", socket_detach},
    {"shutdown", socket_shutdown},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__gc", gc_marked},
    {"__close", socket_close},
    {NULL, NULL},
};

const luaL_Reg socket_hold_steps[] = {
    {"give_up", give_up},
    {"hold_file", socket_hold_file},
    {"release_file", release_file},
    {NULL, NULL},
};

const struct class socket_class = {
    .name = SOCKET_T,
    .methods = methods,
    .metamethods = metamethods,
    .attributes = socket_attributes,
    .shared = connection_attributes,
};
