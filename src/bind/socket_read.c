/*
** socket_read.c - the steps that read: recv, recv_into, read.
** The hot path: a read goes to a buffer on the C stack, then to one Lua string.
*/
#include "buffer.h"
#include "error.h"
#include "socket.h"

#define DEFAULT_SIZE 1024

/* Flags mean nothing to TLS, and are refused in plain mode alike (I-84). */
static void refuse_flags(lua_State *L, int arg) {
  if (lua_isnoneornil(L, arg)) return;
  if (luaL_checkinteger(L, arg) != 0)
    error_throw(L, ERROR_VALUE, "non-zero flags are not allowed");
}

/* A size from the caller, at most a record's plaintext. */
static size_t check_size(lua_State *L, int arg) {
  lua_Integer n = luaL_optinteger(L, arg, DEFAULT_SIZE);
  if (n < 0) error_throw(L, ERROR_VALUE, "negative size");
  return n < ENGINE_RECORD ? (size_t)n : ENGINE_RECORD;
}

/* An end without close_notify, and the caller does not mind (H-03). */
static bool is_suppressed(const struct socket *s, const struct tls_error *e) {
  return e->class == ERROR_EOF && s->suppress_ragged_eofs &&
         s->engine.handshaken && s->engine.end == ENGINE_RAGGED;
}

static enum step read_some(struct socket *s, void *data, size_t size,
                           size_t *got, struct tls_error *e) {
  if (s->state == SOCKET_TLS)
    return engine_read(&s->engine, data, size, got, e);
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
  socket_begin(L, s);
  enum step step = read_some(s, data, size, got, &e);
  if (step == STEP_DONE) return true;
  *got = 0;
  if (step == STEP_END || (step == STEP_FAILED && is_suppressed(s, &e)))
    return true;
  *results = socket_stopped(L, s, step, &e, "read", -1);
  return false;
}

static void check_readable(lua_State *L, struct socket *s, const char *op,
                           bool tls_only) {
  bool plain = s->state == SOCKET_PLAIN || s->state == SOCKET_SHUT;
  if (s->state != SOCKET_TLS && (tls_only || !plain)) socket_refuse(L, s, op);
}

/*
** conn:recv(n, flags) reads decrypted bytes (E.3).
** @param n      integer, the most bytes to return; default 1024. One call
**               gives at most a record, 16384 bytes.
** @param flags  integer, 0
** @return string of 1..n bytes; "" at the end of the stream
** Raises SSLWantReadError, SSLWantWriteError (timeout 0), TimeoutError,
** SSLEOFError (no close_notify, suppress_ragged_eofs off), SSLError, OSError,
** ValueError for a negative size or flags.
*/
static int step_recv(lua_State *L) {
  struct socket *s = socket_self(L);
  char data[ENGINE_RECORD];
  int results;
  size_t got;
  check_readable(L, s, "recv", false);
  size_t size = check_size(L, 2);
  refuse_flags(L, 3);
  if (size == 0)
    lua_pushliteral(L, "");
  else if (receive(L, s, data, size, &got, &results))
    lua_pushlstring(L, data, got);
  else
    return results;
  return 1;
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
** conn:recv_into(buffer, n, flags) reads into a buffer, from its start (E.3).
** @param buffer  ssl.buffer
** @param n       integer, the most bytes; default, and 0: the buffer's size
** @return integer, bytes read; 0 at the end of the stream
** Raises as recv, and ValueError where n is beyond the buffer.
*/
static int step_recv_into(lua_State *L) {
  struct socket *s = socket_self(L);
  struct bytes b;
  check_readable(L, s, "recv", false);
  if (!buffer_to_bytes(L, 2, &b)) return luaL_typeerror(L, 2, "ssl.buffer");
  lua_Integer n = luaL_optinteger(L, 3, 0);
  refuse_flags(L, 4);
  if (n < 0) return error_throw(L, ERROR_VALUE, "negative size");
  if ((lua_Unsigned)n > b.length)
    return error_throw(L, ERROR_VALUE, "the buffer is smaller than n");
  return fill(L, s, &b, n == 0 ? b.length : (size_t)n);
}

/*
** conn:read(n, buffer) is recv, or with a buffer recv_into, for TLS only
** (E-10; Python deprecates it).
** @param n       integer; default 1024; with a buffer, 0, less, or more than
**                its size is its size
** @return string, or with a buffer the number of bytes
** Raises ValueError where there is no TLS, else as recv.
*/
static int step_read(lua_State *L) {
  struct socket *s = socket_self(L);
  struct bytes b;
  check_readable(L, s, "read", true);
  if (lua_isnoneornil(L, 3)) return step_recv(L);
  if (!buffer_to_bytes(L, 3, &b)) return luaL_typeerror(L, 3, "ssl.buffer");
  lua_Integer n = luaL_optinteger(L, 2, DEFAULT_SIZE);
  bool whole = n <= 0 || (lua_Unsigned)n > b.length;
  return fill(L, s, &b, whole ? b.length : (size_t)n);
}

const luaL_Reg socket_read_steps[] = {
    {"recv", step_recv},
    {"recv_into", step_recv_into},
    {"read", step_read},
    {NULL, NULL},
};
