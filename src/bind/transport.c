#include "transport.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "ringer.h"
#include "socket.h"
#include "turn.h"

/* A user value more: what transport.lua keeps about the connection. */
enum {
  VALUE_TRANSPORT = CONNECTION_VALUES + 1,
  TRANSPORT_VALUES = VALUE_TRANSPORT
};

struct transport {
  struct socket socket; /* first: most functions know no more than it */
  struct fdio_memory memory;
};

static struct socket *transport_box(lua_State *L) {
  struct transport *t = class_box(L, TRANSPORT_T, sizeof *t, TRANSPORT_VALUES);
  socket_init(L, &t->socket);
  fdio_use_memory(&t->socket.io, &t->memory);
  return &t->socket;
}

/* core.new_transport(...) makes an ssl.transport without an object, having
** checked the options: new_socket's. */
static int new_transport(lua_State *L) {
  return socket_make(L, transport_box);
}

/* core.is_connection(value) -> boolean: is it an ssl.socket or ssl.transport?
 */
static int is_connection(lua_State *L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, luaL_testudata(L, 1, SOCKET_T) != NULL ||
                         luaL_testudata(L, 1, TRANSPORT_T) != NULL);
  return 1;
}

/* core.transport_closer(f): __close of the class is a function of Lua, for the
** object's methods may yield. */
static int transport_closer(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  luaL_getmetatable(L, TRANSPORT_T);
  lua_pushvalue(L, 1);
  lua_setfield(L, -2, "__close");
  return 0;
}

/* core.raise_want(mode, op) raises the shared error of an operation that waits
** to read, "r", or to write, "w". */
static int raise_want(lua_State *L) {
  bool reading = *luaL_checkstring(L, 1) == 'r';
  return error_throw_shared(L, reading ? ERROR_WANT_READ : ERROR_WANT_WRITE,
                            luaL_checkstring(L, 2));
}

/* ---- for transport.lua ---- */

/* Push the first bytes of a queue. Making room may run a finaliser, which may
** have closed the connection behind it. */
static void push_bytes(lua_State *L, const struct queue *q, size_t most) {
  luaL_Buffer b;
  size_t n = most < q->length ? most : q->length;
  char *room = luaL_buffinitsize(L, &b, n);
  if (n > q->length) n = q->length;
  if (n > 0) memcpy(room, queue_data(q), n);
  luaL_pushresultsize(&b, n);
}

/* Take in bytes that came. What there is no memory for is lost, and reading
** fails from then on. */
static void feed_bytes(struct socket *s, const char *data, size_t length) {
  struct fdio_memory *m = s->io.memory;
  if (s->state == SOCKET_CLOSED || m->ended) return;
  if (queue_add(&m->in, data, length)) return;
  m->ended = true;
  s->io.lost = ENOMEM;
}

/* conn:attach(state, initial) gives a new one what transport.lua keeps
** about it, and the bytes that had been received before; TLS begins. */
static int attach(lua_State *L) {
  struct socket *s = socket_self(L);
  size_t length;
  luaL_checktype(L, 2, LUA_TTABLE);
  const char *initial = luaL_checklstring(L, 3, &length);
  lua_pushvalue(L, 2);
  lua_setiuservalue(L, 1, VALUE_TRANSPORT);
  socket_start_tls(L, 1);
  feed_bytes(s, initial, length);
  return 0;
}

/* conn:state() -> the table of attach */
static int state(lua_State *L) {
  socket_self(L);
  lua_getiuservalue(L, 1, VALUE_TRANSPORT);
  return 1;
}

/* conn:feed(bytes): they have come. */
static int feed(lua_State *L) {
  size_t length;
  const char *data = luaL_checklstring(L, 2, &length);
  feed_bytes(socket_self(L), data, length);
  return 0;
}

/* conn:finish(): no more comes. */
static int finish(lua_State *L) {
  socket_self(L)->io.memory->ended = true;
  return 0;
}

/* conn:output(most) -> the first bytes that are to go, "" where there are none
 */
static int output(lua_State *L) {
  const struct queue *q = &socket_self(L)->io.memory->out;
  push_bytes(L, q, (size_t)luaL_checkinteger(L, 2));
  return 1;
}

/* conn:taken(n): the object has taken the first n of them. */
static int taken(lua_State *L) {
  struct queue *q = &socket_self(L)->io.memory->out;
  size_t n = (size_t)luaL_checkinteger(L, 2);
  queue_skip(q, n < q->length ? n : q->length);
  return 0;
}

/* conn:carry(flag): somebody has begun to give the object all that is queued,
** and what is queued meanwhile, or has ended with it. */
static int carry(lua_State *L) {
  socket_self(L)->io.memory->carried = lua_toboolean(L, 2);
  return 0;
}

/* conn:refuse(): nothing more can be sent. What is queued stays there, so that
** whose operation that is does not think it sent. */
static int refuse(lua_State *L) {
  socket_self(L)->io.memory->refused = EPIPE;
  return 0;
}

/* conn:has_shaken_hands() -> boolean */
static int has_shaken_hands(lua_State *L) {
  lua_pushboolean(L, socket_self(L)->base.engine.handshaken);
  return 1;
}

/* conn:is_closed() -> boolean */
static int is_closed(lua_State *L) {
  lua_pushboolean(L, socket_self(L)->state == SOCKET_CLOSED);
  return 1;
}

/* conn:is_awaited() -> boolean: does another coroutine wait in an operation? */
static int is_awaited(lua_State *L) {
  struct socket *s = socket_self(L);
  lua_pushboolean(L, turn_is_shared(L, &s->base.turn));
  return 1;
}

/* conn:attend(): the operation of this coroutine waits for the bell. */
static int attend(lua_State *L) {
  turn_attend(L, &socket_self(L)->base.turn);
  return 0;
}

/* conn:ring() wakes who attends. */
static int ring(lua_State *L) {
  ringer_ring(L, &socket_self(L)->base);
  return 0;
}

/* ---- closing ---- */

/* Push what is still to go; then nothing is left of the connection. */
static int let_go(lua_State *L, struct socket *s) {
  push_bytes(L, &s->io.memory->out, SIZE_MAX);
  socket_release(L, s);
  ringer_ring(L, &s->base);
  return 1;
}

static int close_now(lua_State *L, struct socket *s) {
  if (s->state == SOCKET_CLOSED) return 0;
  socket_say_goodbye(s);
  return let_go(L, s);
}

/*
** conn:close() closes it, best effort: close_notify is in what is still to be
** sent. Where a file is open, it only notes that.
** @return string; nothing where it is closed already, or is not closed now
*/
static int close_transport(lua_State *L) {
  struct socket *s = socket_self(L);
  if (s->files == 0) return close_now(L, s);
  s->closing = true;
  return 0;
}

/* conn:release_file() -> what close gives, where that was waiting for this */
static int release_file(lua_State *L) {
  struct socket *s = socket_self(L);
  return socket_drop_file(s) ? close_now(L, s) : 0;
}

/* conn:detach() closes it and sends nothing.
** @return string, bytes that were received and not read: TLS records, or in
** plain mode data
** Raises ValueError where another coroutine waits in an operation. */
static int detach(lua_State *L) {
  struct socket *s = socket_self(L);
  socket_check_alone(L, s);
  push_bytes(L, &s->io.memory->in, SIZE_MAX);
  socket_release(L, s);
  return 1;
}

static const luaL_Reg metamethods[] = {{"__gc", socket_gc}, {NULL, NULL}};

const struct class transport_class = {
    .name = TRANSPORT_T,
    .metamethods = metamethods,
    .attributes = socket_attributes,
    .shared = connection_attributes,
};

const luaL_Reg transport_functions[] = {
    {"new_transport", new_transport},
    {"is_connection", is_connection},
    {"transport_closer", transport_closer},
    {"raise_want", raise_want},
    {NULL, NULL},
};

const luaL_Reg transport_steps[] = {
    {"attach", attach},
    {"state", state},
    {"feed", feed},
    {"finish", finish},
    {"output", output},
    {"taken", taken},
    {"carry", carry},
    {"refuse", refuse},
    {"has_shaken_hands", has_shaken_hands},
    {"is_closed", is_closed},
    {"is_awaited", is_awaited},
    {"attend", attend},
    {"ring", ring},
    {"close", close_transport},
    {"hold_file", socket_hold_file},
    {"release_file", release_file},
    {"detach", detach},
    {NULL, NULL},
};
