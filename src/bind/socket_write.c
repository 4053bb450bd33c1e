/*
** socket_write.c - the steps that write: send, sendall, write, sendfile.
** A record goes to the engine at a time. What the engine has accepted is never
** given to it again; an error tells how much that was (sent).
*/
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../sys/clock.h"
#include "args.h"
#include "error.h"
#include "gather.h"
#include "method.h"
#include "socket.h"
#include "unfinished.h"

/* Flags mean nothing to TLS, and are refused in plain mode alike (I-84). */
static void refuse_flags(const struct args *a, int i) {
  if (args_given(a, i) && args_integer(a, i) != 0)
    error_throw(a->L, ERROR_VALUE, "non-zero flags are not allowed");
}

static void check_writable(lua_State *L, struct socket *s, const char *op,
                           bool tls_only) {
  bool plain = s->state == SOCKET_PLAIN && !tls_only;
  if (s->state == SOCKET_SHUT && !tls_only) error_throw_errno(L, EPIPE, op);
  if (s->state != SOCKET_TLS && !plain) socket_refuse(L, s, op);
}

/* The most bytes to give to write_piece at once. */
static size_t record_of(const struct socket *s) {
  return s->state == SOCKET_PLAIN ? ENGINE_RECORD : s->base.engine.record;
}

/* Is the operation to be begun again by the caller, or by op.lua? */
static bool may_return(enum step step) {
  return step == STEP_WANT_READ || step == STEP_WANT_WRITE ||
         step == STEP_SIGNAL;
}

/* ---- writing ---- */

/* Before the first byte: the handshake, or what is held of an earlier write. */
static enum step begin_writing(struct socket *s, struct tls_error *e) {
  if (s->state == SOCKET_PLAIN) return STEP_DONE;
  enum step step = engine_handshake(&s->base.engine, e);
  return step == STEP_DONE ? engine_flush(&s->base.engine, e) : step;
}

/* Write a piece, counting in *at what need not be given again. */
static enum step write_piece(struct socket *s, const unsigned char *data,
                             size_t length, size_t *at, struct tls_error *e) {
  if (s->state != SOCKET_PLAIN) {
    bool accepted;
    enum step step = engine_write(&s->base.engine, data, length, &accepted, e);
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
  const unsigned char *data;
  size_t length;
  enum step step = begin_writing(s, e);
  gather_skip(g, *at);
  while (step == STEP_DONE &&
         (length = gather_next(g, record_of(s), &data)) > 0)
    step = write_piece(s, data, length, at, e);
  return step;
}

/* How much of the data is accepted already: what the operation loop gives back,
** or else what an operation before this one was told to try again. */
static size_t progress_of(struct socket *s, const struct args *a) {
  if (lua_type(a->L, STEP_PROGRESS) != LUA_TNUMBER)
    return unfinished_resume(&s->base, a);
  return (size_t)lua_tointeger(a->L, STEP_PROGRESS);
}

/*
** The end of writing data, of which `at` bytes are accepted. TLS takes all of
** it or raises; so does plain mode where `whole`, else a part is a result
** there, as of any socket. While nothing of new data was accepted, the old may
** still be tried again.
*/
static int finish_sending(struct socket *s, const struct args *a, bool whole,
                          enum step step, size_t at, struct tls_error *e) {
  bool partial = may_return(step) && s->state == SOCKET_PLAIN && !whole &&
                 at > 0 && s->io.memory == NULL;
  bool again = may_return(step) && !partial;
  /* Over a waiter the loop gives the progress back; a transport may raise. */
  if (at > 0 && again && (!s->waits_outside || s->io.memory != NULL))
    unfinished_keep(&s->base, a, at);
  else if (at > 0)
    unfinished_forget(a->L, &s->base);
  if (step != STEP_DONE && !partial)
    return socket_stopped(a->L, s, step, e, "write", TURN_WRITE,
                          (lua_Integer)at);
  lua_pushinteger(a->L, (lua_Integer)at);
  return 1;
}

/* Write the data at 2. */
static int send_data(struct socket *s, const struct args *a, bool whole) {
  struct gather g;
  struct tls_error e;
  gather_check(&g, a, 0);
  size_t at = progress_of(s, a);
  gather_anchor(&g);
  if (!socket_begin(a->L, s, "write", TURN_WRITE))
    return socket_give_way(a->L, s, "write", TURN_WRITE, (lua_Integer)at);
  enum step step = socket_sent(s, write_all(s, &g, &at, &e));
  return finish_sending(s, a, whole, step, at, &e);
}

/* Where the data at 2, and nothing behind it, is a string that fits a record,
** for a connection about which nothing is special: that; else NULL. */
static const char *quick_data(lua_State *L, const struct socket *s,
                              size_t *length) {
  if (lua_gettop(L) != 2 || lua_type(L, 2) != LUA_TSTRING) return NULL;
  const char *data = lua_tolstring(L, 2, length);
  bool quick = *length > 0 && *length <= s->base.engine.record &&
               s->base.unfinished == 0 && socket_is_plain(s);
  return quick ? data : NULL;
}

/* The same as send_data, for that, at a third of the cost; 0 results where it
** is not that. */
static int send_quickly(lua_State *L, struct socket *s) {
  struct tls_error e;
  size_t length;
  bool accepted;
  const char *data = quick_data(L, s, &length);
  if (data == NULL) return 0;
  socket_begin_plain(L, s);
  enum step step = engine_write(&s->base.engine, data, length, &accepted, &e);
  if (step == STEP_DONE) {
    lua_pushinteger(L, (lua_Integer)length);
    return 1;
  }
  struct args a = {.L = L, .first = 2};
  return finish_sending(s, &a, true, step, accepted ? length : 0, &e);
}

static const char *const send_names[] = {"data", "flags", NULL};

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
  struct socket *s = socket_self_quick(L);
  struct args a;
  int results = send_quickly(L, s);
  if (results > 0) return results;
  check_writable(L, s, "send", false);
  args_take_step(&a, L, "send", send_names, 1);
  refuse_flags(&a, 1);
  return send_data(s, &a, false);
}

/* conn:sendall(data, flags) is send in plain mode too, and gives true. */
static int step_sendall(lua_State *L) {
  struct socket *s = socket_self_quick(L);
  struct args a;
  int results = send_quickly(L, s);
  if (results == 0) {
    check_writable(L, s, "sendall", false);
    args_take_step(&a, L, "sendall", send_names, 1);
    refuse_flags(&a, 1);
    results = send_data(s, &a, true);
  }
  if (results == 1) lua_pushboolean(L, 1);
  return results;
}

/* conn:write(data) is send for TLS only (E-11); ValueError without. */
static int step_write(lua_State *L) {
  static const char *const names[] = {"data", NULL};
  struct socket *s = socket_self_quick(L);
  struct args a;
  int results = send_quickly(L, s);
  if (results > 0) return results;
  check_writable(L, s, "write", true);
  args_take_step(&a, L, "write", names, 1);
  return send_data(s, &a, true);
}

/* ---- files ---- */

/* A file to send: a Lua file or a descriptor, from `start` on. */
struct source {
  lua_State *L;
  int index;  /* of its value */
  FILE *file; /* or NULL */
  int fd;
  off_t start;
  off_t count; /* negative: to the end */
};

/* A descriptor at parameter i; one beyond int is as bad as -1. */
static int check_descriptor(const struct args *a, int i) {
  if (lua_type(a->L, a->first + i) != LUA_TNUMBER)
    args_type_error(a, i, "file or descriptor");
  lua_Integer fd = args_integer(a, i);
  return fd < 0 || fd > INT_MAX ? -1 : (int)fd;
}

static void check_source(const struct args *a, struct source *f) {
  *f = (struct source){.L = a->L, .index = a->first, .fd = -1};
  if (!file_test(a->L, a->first, &f->file))
    f->fd = check_descriptor(a, 0);
  else if (f->file == NULL)
    error_throw(a->L, ERROR_VALUE, "sendfile from a closed file");
  lua_Integer start = args_opt_integer(a, 1, 0);
  lua_Integer count = args_opt_integer(a, 2, -1);
  if (start < 0) error_throw(a->L, ERROR_VALUE, "negative offset");
  if (args_given(a, 2) && count <= 0)
    error_throw(a->L, ERROR_VALUE, "count must be positive");
  f->start = (off_t)start;
  f->count = (off_t)count;
}

/* A callback has run: where it closed the file, there is none any more, and
** what is done with it fails with EBADF. */
static void look_again(struct source *f) {
  if (f->file != NULL) (void)file_test(f->L, f->index, &f->file);
}

/*
** Go to `position`: 0, or an errno value. A pipe stays where it is, over TLS
** only: in plain mode what was read and not sent could not be read again.
*/
static int seek_to(const struct socket *s, const struct source *f,
                   off_t position) {
  int failed = f->file != NULL ? fseeko(f->file, position, SEEK_SET)
                               : lseek(f->fd, position, SEEK_SET) < 0;
  if (!failed) return 0;
  bool stays = errno == ESPIPE && f->start == 0 && s->state == SOCKET_TLS;
  return stays ? 0 : errno;
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
static enum step pump(struct socket *s, struct source *f, size_t *at,
                      struct tls_error *e) {
  unsigned char data[ENGINE_RECORD];
  enum step step = STEP_DONE;
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
    look_again(f);
  }
  return step;
}

/* ---- files, where the kernel encrypts ---- */

#define KERNEL_CHUNK ((size_t)1 << 30) /* the system takes 2 GiB at once */

/* The descriptor of a plain file, or -1. */
static int plain_file(const struct source *f) {
  struct stat status;
  int fd = f->file != NULL ? fileno(f->file) : f->fd;
  if (fd < 0 || fstat(fd, &status) != 0) return -1;
  return S_ISREG(status.st_mode) ? fd : -1;
}

/* A system call that blocks knows no deadline, and no other coroutine. */
static bool may_block(const struct socket *s) {
  int flags = fcntl(s->io.fd, F_GETFL);
  return (s->io.wire.wait && s->io.deadline == CLOCK_NEVER) ||
         (flags >= 0 && (flags & O_NONBLOCK));
}

/* Is the kernel to send the file by itself? After close_notify OpenSSL is to
** say what is wrong. */
static bool sends_by_kernel(const struct socket *s, const struct source *f) {
  const struct engine *e = &s->base.engine;
  return s->state == SOCKET_TLS && engine_kernel_sends(e) && may_block(s) &&
         (SSL_get_shutdown(e->ssl) & SSL_SENT_SHUTDOWN) == 0 &&
         plain_file(f) >= 0;
}

/* Let the kernel send it, from f->start + *at on. What comes back short may do
** so for a signal: Lua's hook is to run. */
static enum step send_by_kernel(struct socket *s, const struct source *f,
                                size_t *at, struct tls_error *e) {
  struct engine *engine = &s->base.engine;
  int fd = plain_file(f);
  for (;;) {
    size_t size = KERNEL_CHUNK, sent;
    if (f->count >= 0 && (size_t)f->count - *at < size)
      size = (size_t)f->count - *at;
    if (size == 0) return STEP_DONE;
    enum step step =
        engine_send_file(engine, fd, f->start + (off_t)*at, size, &sent, e);
    if (step != STEP_DONE || sent == 0) return step;
    *at += sent;
    if (sent < size && s->io.wire.wait) return STEP_SIGNAL;
  }
}

static enum step send_source(struct socket *s, struct source *f, size_t *at,
                             struct tls_error *e) {
  enum step step = begin_writing(s, e);
  look_again(f);
  if (step == STEP_DONE && sends_by_kernel(s, f))
    return send_by_kernel(s, f, at, e);
  return step == STEP_DONE ? pump(s, f, at, e) : step;
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
  static const char *const names[] = {"file", "offset", "count", NULL};
  struct socket *s = socket_self(L);
  struct args a;
  struct source f;
  struct tls_error e;
  check_writable(L, s, "sendfile", false);
  if (s->timeout == 0)
    return error_throw(L, ERROR_VALUE, "sendfile needs a blocking socket");
  args_take_step(&a, L, "sendfile", names, 1);
  check_source(&a, &f);
  /* How far it was when a signal interrupted it. */
  size_t at = (size_t)lua_tointeger(L, STEP_PROGRESS);
  unfinished_forget(L, &s->base);
  int number = seek_to(s, &f, f.start + (off_t)at);
  if (number != 0) return error_throw_errno(L, number, "sendfile");
  if (!socket_begin(L, s, "write", TURN_WRITE))
    return socket_give_way(L, s, "write", TURN_WRITE, (lua_Integer)at);
  enum step step = socket_sent(s, send_source(s, &f, &at, &e));
  number = seek_to(s, &f, f.start + (off_t)at);
  if (step != STEP_DONE)
    return socket_stopped(L, s, step, &e, "write", TURN_WRITE, (lua_Integer)at);
  if (number != 0) return error_throw_errno(L, number, "sendfile");
  lua_pushinteger(L, (lua_Integer)at);
  return 1;
}

METHOD_QUICK(quick_send, step_send)
METHOD_QUICK(quick_sendall, step_sendall)
METHOD_QUICK(quick_write, step_write)

const luaL_Reg socket_write_quick[] = {
    {"send", quick_send},
    {"sendall", quick_sendall},
    {"write", quick_write},
    {NULL, NULL},
};

const luaL_Reg socket_write_steps[] = {
    {"send", step_send},   {"sendall", step_sendall},
    {"write", step_write}, {"sendfile", step_sendfile},
    {NULL, NULL},
};
