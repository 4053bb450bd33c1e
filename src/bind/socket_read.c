/*
** socket_read.c - the steps that read: recv, recv_into, read.
** The hot path: a read goes to a buffer on the C stack, then to one Lua string.
*/
#include "args.h"
#include "buffer.h"
#include "error.h"
#include "method.h"
#include "socket.h"

#define DEFAULT_SIZE 1024

/* Flags mean nothing to TLS, and are refused in plain mode alike (I-84). */
static void refuse_flags(const struct args *a, int i) {
  if (args_given(a, i) && args_integer(a, i) != 0)
    error_throw(a->L, ERROR_VALUE, "non-zero flags are not allowed");
}

/* A size from the caller, at most a record's plaintext. */
static size_t check_size(const struct args *a, int i) {
  lua_Integer n = args_opt_integer(a, i, DEFAULT_SIZE);
  if (n < 0) error_throw(a->L, ERROR_VALUE, "negative size");
  return n < ENGINE_RECORD ? (size_t)n : ENGINE_RECORD;
}

/* A buffer from the caller. */
static void check_buffer(const struct args *a, int i, struct bytes *b) {
  if (!buffer_to_bytes(a->L, a->first + i, b))
    args_type_error(a, i, "ssl.buffer");
}

/* An end without close_notify, and the caller does not mind (H-03). */
static bool is_suppressed(const struct socket *s, const struct tls_error *e) {
  return e->class == ERROR_EOF && s->suppress_ragged_eofs &&
         s->base.engine.handshaken && s->base.engine.end == ENGINE_RAGGED;
}

static enum step read_some(struct socket *s, void *data, size_t size,
                           size_t *got, struct tls_error *e) {
  if (s->state == SOCKET_TLS)
    return engine_read(&s->base.engine, data, size, got, e);
  if (s->state == SOCKET_SHUT) return STEP_END;
  *got = fdio_receive(&s->io, data, size);
  return *got > 0 ? STEP_DONE : socket_plain_step(s, STEP_WANT_READ, e);
}

/*
** Read 1..size bytes; 0 at the end of the stream. True when done; else
** *results is what the step returns.
*/
static bool receive(lua_State *L, struct socket *s, void *data, size_t size,
                    size_t *got, int *results) {
  struct tls_error e;
  if (!socket_begin(L, s, "read", TURN_READ)) {
    *results = socket_give_way(L, s, "read", TURN_READ, -1);
    return false;
  }
  enum step step = read_some(s, data, size, got, &e);
  if (step == STEP_DONE) return true;
  *got = 0;
  if (step == STEP_END || (step == STEP_FAILED && is_suppressed(s, &e)))
    return true;
  *results = socket_stopped(L, s, step, &e, "read", TURN_READ, -1);
  return false;
}

static void check_readable(lua_State *L, struct socket *s, const char *op,
                           bool tls_only) {
  bool plain = s->state == SOCKET_PLAIN || s->state == SOCKET_SHUT;
  if (s->state != SOCKET_TLS && (tls_only || !plain)) socket_refuse(L, s, op);
}

/* Read up to `size` bytes into a string. */
static int read_string(lua_State *L, struct socket *s, size_t size) {
  char data[ENGINE_RECORD];
  int results;
  size_t got = 0;
  if (size > 0 && !receive(L, s, data, size, &got, &results)) return results;
  lua_pushlstring(L, data, got);
  return 1;
}

/*
** conn:recv(buflen, flags) reads decrypted bytes (E.3).
** @param buflen  integer, the most bytes to return; default 1024. One call
**                gives at most a record, 16384 bytes.
** @param flags   integer, 0
** @return string of 1..buflen bytes; "" at the end of the stream
** Raises SSLWantReadError, SSLWantWriteError (timeout 0), TimeoutError,
** SSLEOFError (no close_notify, suppress_ragged_eofs off), SSLError, OSError,
** ValueError for a negative size or flags.
*/
static int step_recv(lua_State *L) {
  static const char *const names[] = {"buflen", "flags", NULL};
  struct socket *s = socket_self_quick(L);
  struct args a;
  check_readable(L, s, "recv", false);
  if (lua_isinteger(L, 2) && (lua_gettop(L) == 2 || lua_isnil(L, 3))) {
    lua_Integer n = lua_tointeger(L, 2); /* no time to lose */
    if (n > 0)
      return read_string(L, s, n < ENGINE_RECORD ? (size_t)n : ENGINE_RECORD);
  }
  args_take_step(&a, L, "recv", names, 0);
  refuse_flags(&a, 1);
  return read_string(L, s, check_size(&a, 0));
}

/* A size for a buffer: its own, unless n asks for less. */
static size_t size_within(const struct bytes *b, lua_Integer n) {
  return n <= 0 || (lua_Unsigned)n > b->length ? b->length : (size_t)n;
}

/* Fill the first `size` bytes of a buffer; the count, or the step's results. */
static int fill(lua_State *L, struct socket *s, const struct bytes *b,
                size_t size) {
  int results;
  size_t got = 0;
  if (size > 0 && !receive(L, s, b->data, size, &got, &results)) return results;
  lua_pushinteger(L, (lua_Integer)got);
  return 1;
}

/*
** conn:recv_into(buffer, nbytes, flags) reads into a buffer, from its start
** (E.3).
** @param buffer  ssl.buffer
** @param nbytes  integer, the most bytes; default, 0 and more than the
**                buffer's size: that size
** @param flags   integer, 0
** @return integer, bytes read; 0 at the end of the stream
** Raises as recv.
*/
static int step_recv_into(lua_State *L) {
  static const char *const names[] = {"buffer", "nbytes", "flags", NULL};
  struct socket *s = socket_self_quick(L);
  struct args a;
  struct bytes b;
  check_readable(L, s, "recv_into", false);
  if (lua_isnoneornil(L, 3) && lua_isnoneornil(L, 4) &&
      buffer_to_bytes(L, 2, &b)) /* no time to lose */
    return fill(L, s, &b, b.length);
  args_take_step(&a, L, "recv_into", names, 1);
  check_buffer(&a, 0, &b);
  lua_Integer n = args_opt_integer(&a, 1, 0);
  refuse_flags(&a, 2);
  if (n < 0) return error_throw(L, ERROR_VALUE, "negative size");
  return fill(L, s, &b, size_within(&b, n));
}

/*
** conn:read(len, buffer) is recv, or with a buffer recv_into, for TLS only
** (E-10; Python deprecates it).
** @param len     integer; default 1024; with a buffer, 0, less, or more than
**                its size is its size
** @param buffer  ssl.buffer
** @return string, or with a buffer the number of bytes
** Raises ValueError where there is no TLS, else as recv.
*/
static int step_read(lua_State *L) {
  static const char *const names[] = {"len", "buffer", NULL};
  struct socket *s = socket_self_quick(L);
  struct args a;
  struct bytes b;
  check_readable(L, s, "read", true);
  args_take_step(&a, L, "read", names, 0);
  if (!args_given(&a, 1)) return read_string(L, s, check_size(&a, 0));
  check_buffer(&a, 1, &b);
  lua_Integer n = args_opt_integer(&a, 0, DEFAULT_SIZE);
  return fill(L, s, &b, size_within(&b, n));
}

METHOD_QUICK(quick_recv, step_recv)
METHOD_QUICK(quick_recv_into, step_recv_into)
METHOD_QUICK(quick_read, step_read)

const luaL_Reg socket_read_quick[] = {
    {"recv", quick_recv},
    {"recv_into", quick_recv_into},
    {"read", quick_read},
    {NULL, NULL},
};

const luaL_Reg socket_read_steps[] = {
    {"recv", step_recv},
    {"recv_into", step_recv_into},
    {"read", step_read},
    {NULL, NULL},
};
