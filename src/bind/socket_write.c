/*
** socket_write.c - the steps that write: send, sendall, write, sendfile.
** A record goes to the engine at a time. What the engine has accepted is never
** given to it again; an error tells how much that was (sent).
*/
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "gather.h"
#include "socket.h"

static void refuse_flags(lua_State *L, int arg) {
  if (lua_isnoneornil(L, arg)) return;
  if (luaL_checkinteger(L, arg) != 0)
    error_throw(L, ERROR_VALUE, "non-zero flags are not allowed");
}

static void check_writable(lua_State *L, struct socket *s, const char *op,
                           bool tls_only) {
  bool plain = s->state == SOCKET_PLAIN && !tls_only;
  if (s->state == SOCKET_SHUT && !tls_only) error_throw_errno(L, EPIPE, op);
  if (s->state != SOCKET_TLS && !plain) socket_refuse(L, s, op);
}

/* The most bytes to give to write_piece at once. */
static size_t record_of(const struct socket *s) {
  return s->state == SOCKET_PLAIN ? ENGINE_RECORD : s->engine.record;
}

/* ---- retries after a want (H-01) ---- */

/* How far this operation was when a signal interrupted it. */
static size_t progress_of(lua_State *L) {
  return (size_t)lua_tointeger(L, STEP_PROGRESS);
}

static void forget_unfinished(lua_State *L, struct socket *s) {
  if (s->unfinished == 0) return;
  s->unfinished = 0;
  lua_pushnil(L);
  lua_setiuservalue(L, 1, VALUE_UNFINISHED);
}

/* Does g begin with the `n` bytes at text? Uses g up. */
static bool begins_with(struct gather *g, const char *text, size_t n) {
  unsigned char scratch[1024];
  const unsigned char *data;
  while (n > 0) {
    size_t got = gather_next(g, scratch, sizeof scratch, &data);
    if (got == 0) return false;
    if (got > n) got = n;
    if (memcmp(data, text, got) != 0) return false;
    text += got;
    n -= got;
  }
  return true;
}

/*
** Where to go on. After a want the same data comes again: what was accepted of
** it is not sent twice. Other data is new, and the engine sends what it holds
** of the old before it (proofs.md 6.4).
*/
static size_t resume_at(lua_State *L, struct socket *s, int arg) {
  struct gather g;
  size_t accepted = s->unfinished;
  if (accepted == 0) return progress_of(L);
  lua_getiuservalue(L, 1, VALUE_UNFINISHED);
  bool same = lua_rawequal(L, arg, -1);
  gather_check(&g, L, arg);
  if (!same)
    same =
        g.total >= accepted && begins_with(&g, lua_tostring(L, -1), accepted);
  lua_pop(L, 1);
  forget_unfinished(L, s);
  return same ? accepted : 0;
}

/* Remember the data whose first `accepted` bytes are accepted. */
static void keep_unfinished(lua_State *L, struct socket *s, int arg,
                            size_t accepted) {
  if (accepted == 0) return;
  if (lua_type(L, arg) == LUA_TSTRING) {
    lua_pushvalue(L, arg);
  } else {
    unsigned char scratch[1024];
    const unsigned char *data;
    struct gather g;
    luaL_Buffer b;
    gather_check(&g, L, arg);
    luaL_buffinit(L, &b);
    for (size_t left = accepted; left > 0;) {
      size_t max = left < sizeof scratch ? left : sizeof scratch;
      size_t n = gather_next(&g, scratch, max, &data);
      luaL_addlstring(&b, (const char *)data, n);
      left -= n;
    }
    luaL_pushresult(&b);
  }
  lua_setiuservalue(L, 1, VALUE_UNFINISHED);
  s->unfinished = accepted;
}

/* ---- writing ---- */

/* Before the first byte: the handshake, or what is held of an earlier write. */
static enum step begin_writing(struct socket *s, struct tls_error *e) {
  if (s->state == SOCKET_PLAIN) return STEP_DONE;
  if (!s->engine.handshaken) return engine_handshake(&s->engine, e);
  return engine_flush(&s->engine, e);
}

/* Write a piece, counting in *at what need not be given again. */
static enum step write_piece(struct socket *s, const unsigned char *data,
                             size_t length, size_t *at, struct tls_error *e) {
  if (s->state != SOCKET_PLAIN) {
    bool accepted;
    enum step step = engine_write(&s->engine, data, length, &accepted, e);
    if (accepted) *at += length;
    return step;
  }
  while (length > 0) {
    size_t n = fdio_send(&s->io, data, length);
    if (n == 0) return socket_plain_step(s, STEP_WANT_WRITE, e);
    data += n;
    length -= n;
    *at += n;
  }
  return STEP_DONE;
}

/* Everything from *at on, in full records. */
static enum step write_all(struct socket *s, struct gather *g, size_t *at,
                           struct tls_error *e) {
  unsigned char scratch[ENGINE_RECORD];
  const unsigned char *data;
  size_t length;
  enum step step = begin_writing(s, e);
  gather_skip(g, *at);
  while (step == STEP_DONE &&
         (length = gather_next(g, scratch, record_of(s), &data)) > 0)
    step = write_piece(s, data, length, at, e);
  return step;
}

/*
** Write the data at 2. TLS takes all of it or raises; so does plain mode where
** `whole`, else a part is a result there, as of any socket.
*/
static int send_data(lua_State *L, struct socket *s, bool whole) {
  struct gather g;
  struct tls_error e;
  refuse_flags(L, 3);
  lua_settop(L, STEP_PROGRESS);
  gather_check(&g, L, 2);
  size_t at = resume_at(L, s, 2);
  socket_begin(L, s);
  enum step step = write_all(s, &g, &at, &e);
  bool wants = step == STEP_WANT_READ || step == STEP_WANT_WRITE;
  bool partial = wants && s->state == SOCKET_PLAIN && !whole && at > 0;
  if (wants && !partial) keep_unfinished(L, s, 2, at);
  if (step != STEP_DONE && !partial)
    return socket_stopped(L, s, step, &e, "write", (lua_Integer)at);
  lua_pushinteger(L, (lua_Integer)at);
  return 1;
}

/*
** conn:send(data, flags) writes (E.3). Over TLS it takes all of the data.
** @param data   string, ssl.buffer, or an array of these: one gathered write
** @param flags  integer, 0
** @return integer, the bytes written: all; in plain mode with timeout 0
**         perhaps fewer
** Raises SSLWantWriteError, SSLWantReadError (timeout 0: call again with the
** same data); TimeoutError and others with `sent`, the bytes accepted, behind
** which a later send goes on; SSLEOFError, SSLError, OSError (EPIPE, ENOTCONN).
*/
static int step_send(lua_State *L) {
  struct socket *s = socket_self(L);
  check_writable(L, s, "send", false);
  return send_data(L, s, false);
}

/* conn:sendall(data, flags) is send in plain mode too, and gives true. */
static int step_sendall(lua_State *L) {
  struct socket *s = socket_self(L);
  check_writable(L, s, "sendall", false);
  int results = send_data(L, s, true);
  if (results == 1) lua_pushboolean(L, 1);
  return results;
}

/* conn:write(data) is send for TLS only (E-11); ValueError without. */
static int step_write(lua_State *L) {
  struct socket *s = socket_self(L);
  check_writable(L, s, "write", true);
  return send_data(L, s, true);
}

/* ---- files ---- */

/* A file to send: a Lua file or a descriptor, from `start` on. */
struct source {
  FILE *file; /* or NULL */
  int fd;
  off_t start;
  off_t count; /* negative: to the end */
};

static void check_source(lua_State *L, struct source *f) {
  luaL_Stream *stream = luaL_testudata(L, 2, LUA_FILEHANDLE);
  f->file = NULL;
  f->fd = -1;
  if (stream != NULL && stream->closef != NULL)
    f->file = stream->f;
  else if (stream != NULL)
    error_throw(L, ERROR_VALUE, "sendfile from a closed file");
  else if (lua_isinteger(L, 2))
    f->fd = (int)lua_tointeger(L, 2);
  else
    luaL_typeerror(L, 2, "file or descriptor");
  lua_Integer start = luaL_optinteger(L, 3, 0);
  lua_Integer count = luaL_optinteger(L, 4, -1);
  if (start < 0) error_throw(L, ERROR_VALUE, "negative offset");
  if (!lua_isnoneornil(L, 4) && count <= 0)
    error_throw(L, ERROR_VALUE, "count must be positive");
  f->start = (off_t)start;
  f->count = (off_t)count;
}

/* Go to `position`: 0, or an errno value. A pipe stays where it is. */
static int seek_to(const struct source *f, off_t position) {
  int failed = f->file != NULL ? fseeko(f->file, position, SEEK_SET)
                               : lseek(f->fd, position, SEEK_SET) < 0;
  if (!failed || (errno == ESPIPE && f->start == 0)) return 0;
  return errno;
}

/* Up to `size` bytes; 0 at the end of the file; -1 with errno. */
static ssize_t read_some(const struct source *f, void *data, size_t size) {
  ssize_t n;
  if (f->file != NULL) {
    size_t got = fread(data, 1, size, f->file);
    return got == 0 && ferror(f->file) ? -1 : (ssize_t)got;
  }
  do
    n = read(f->fd, data, size);
  while (n < 0 && errno == EINTR);
  return n;
}

/* Pump the file into the connection from f->start + *at on. */
static enum step pump(struct socket *s, const struct source *f, size_t *at,
                      struct tls_error *e) {
  unsigned char data[ENGINE_RECORD];
  enum step step = begin_writing(s, e);
  while (step == STEP_DONE) {
    size_t size = record_of(s);
    if (f->count >= 0 && (size_t)f->count - *at < size)
      size = (size_t)f->count - *at;
    ssize_t n = size > 0 ? read_some(f, data, size) : 0;
    if (n == 0) break;
    if (n < 0) {
      tlserr_system(e, errno);
      return STEP_FAILED;
    }
    step = write_piece(s, data, (size_t)n, at, e);
  }
  return step;
}

/*
** conn:sendfile(file, offset, count) sends a file's bytes (E.3).
** @param file    Lua file, or descriptor number
** @param offset  integer, where to begin; default 0
** @param count   integer, how many bytes; default: to the end
** @return integer, bytes sent. The file's position is behind them then.
** Raises ValueError with timeout 0 or a count that is not positive; as send,
** with `sent`; OSError where the file cannot be read.
*/
static int step_sendfile(lua_State *L) {
  struct socket *s = socket_self(L);
  struct source f;
  struct tls_error e;
  check_writable(L, s, "sendfile", false);
  if (s->timeout == 0)
    return error_throw(L, ERROR_VALUE, "sendfile needs a blocking socket");
  lua_settop(L, STEP_PROGRESS);
  check_source(L, &f);
  size_t at = progress_of(L);
  forget_unfinished(L, s);
  int number = seek_to(&f, f.start + (off_t)at);
  if (number != 0) return error_throw_errno(L, number, "sendfile");
  socket_begin(L, s);
  enum step step = pump(s, &f, &at, &e);
  number = seek_to(&f, f.start + (off_t)at);
  if (step != STEP_DONE)
    return socket_stopped(L, s, step, &e, "write", (lua_Integer)at);
  if (number != 0) return error_throw_errno(L, number, "sendfile");
  lua_pushinteger(L, (lua_Integer)at);
  return 1;
}

const luaL_Reg socket_write_steps[] = {
    {"send", step_send},   {"sendall", step_sendall},
    {"write", step_write}, {"sendfile", step_sendfile},
    {NULL, NULL},
};
