/*
** socket_step.c - the frame of a step: how long it may wait, what it gives
** when it is not done, and the steps that are nothing but TLS: handshake,
** unwrap, close_write.
*/
#include <errno.h>
#include <string.h>

#include "../sys/clock.h"
#include "args.h"
#include "call.h"
#include "context.h"
#include "error.h"
#include "pressure.h"
#include "socket.h"
#include "unfinished.h"

enum step socket_await(struct socket *s, enum fdwait_mode mode) {
  switch (fdwait(s->io.fd, mode, s->io.deadline)) {
  case FDWAIT_READY: return STEP_DONE;
  case FDWAIT_TIMEOUT: return STEP_TIMEOUT;
  case FDWAIT_SIGNAL: return STEP_SIGNAL;
  default: return STEP_FAILED;
  }
}

static int raise_failure(lua_State *L, struct socket *s, struct tls_error *e,
                         const char *op, lua_Integer sent) {
  connection_push_error(L, e, op, sent);
  if (s->close_on_failure && !s->base.engine.handshaken) socket_release(L, s);
  return lua_error(L);
}

static int raise_timeout(lua_State *L, struct socket *s, const char *op,
                         lua_Integer sent) {
  struct tls_error e;
  unfinished_forget(L, &s->base); /* what was accepted is in `sent` */
  tlserr_set(&e, ERROR_TIMEOUT, "the %s operation timed out", op);
  return raise_failure(L, s, &e, op, sent);
}

/* Is it the loop's business to wait, and not ours? */
static bool waits_outside(const struct socket *s) {
  return s->io.memory != NULL || s->has_waiter || s->base.context->has_waiter ||
         *s->has_default_waiter;
}

/* How long the step may wait: a handshake that a listener has bounded no longer
** than that. */
static void set_deadline(lua_State *L, struct socket *s) {
  s->deadline = lua_type(L, STEP_DEADLINE) == LUA_TNUMBER
                    ? lua_tonumber(L, STEP_DEADLINE)
                    : clock_deadline(s->timeout);
  s->io.deadline = s->deadline;
  if (s->handshake_by < s->deadline && !s->base.engine.handshaken)
    s->io.deadline = s->handshake_by;
}

static const char *const doings[TURN_KINDS] = {
    [TURN_READ] = "reading from",
    [TURN_WRITE] = "writing to",
    [TURN_CONTROL] = "at work on",
};

/* Raise where another coroutine is in the middle of such an operation. */
static void check_turn(lua_State *L, struct socket *s, enum turn_kind kind) {
  if (turn_is_held(L, &s->base.turn, kind))
    error_throw(L, ERROR_VALUE, "another coroutine is %s the connection",
                doings[kind]);
}

/* Would a step take in what another coroutine waits for? */
static bool is_barred(lua_State *L, struct socket *s) {
  return s->base.turn.waiting > 0 && s->waits_outside && s->io.memory == NULL &&
         s->state == SOCKET_TLS &&
         turn_is_barred(L, &s->base.turn, s->base.engine.handshaken);
}

bool socket_begin_other(lua_State *L, struct socket *s, const char *op,
                        enum turn_kind kind) {
  bool outside = s->timeout != 0 && waits_outside(s);
  call_enter(L, &s->base);
  if (s->base.turn.waiting > 0) check_turn(L, s, kind);
  if (outside != s->waits_outside) {
    s->waits_outside = outside;
    socket_tune(s);
  }
  s->io.wire.wait = s->timeout != 0 && !outside;
  s->io.calls = 0;
  set_deadline(L, s);
  if (is_barred(L, s)) return false;
  if (s->asked && s->timeout != 0 && s->io.deadline <= clock_now()) {
    s->asked = false;
    raise_timeout(L, s, op, -1);
  }
  s->asked = false;
  return true;
}

/* nil, status, deadline, progress, limit: the operation loop does what `status`
** asks for, waiting until the limit at most, then calls again. */
static int call_again(lua_State *L, const struct socket *s, const char *status,
                      lua_Integer progress) {
  lua_pushnil(L);
  lua_pushstring(L, status);
  lua_pushnumber(L, s->deadline);
  lua_pushinteger(L, progress > 0 ? progress : 0);
  lua_pushnumber(L, s->io.deadline);
  return 5;
}

/* The same, having noted who waits, and for what. */
static int leave(lua_State *L, struct socket *s, enum turn_kind kind,
                 enum turn_need need, lua_Integer progress) {
  static const char *const statuses[] = {[NEED_READ] = "read",
                                         [NEED_WRITE] = "write",
                                         [NEED_CALLBACK] = "callback",
                                         [NEED_BELL] = "bell"};
  enum turn_need real = turn_wait(L, &s->base.turn, kind, need);
  if (real == NEED_BELL && !s->waits_outside) {
    turn_end(L, &s->base.turn);
    return error_throw(L, ERROR_VALUE,
                       need == NEED_CALLBACK
                           ? "the connection waits for its callback"
                           : "another coroutine waits for the same");
  }
  if (real == NEED_CALLBACK) s->asked = true;
  s->wants_write = real == NEED_WRITE;
  return call_again(L, s, statuses[real], progress);
}

int socket_give_way(lua_State *L, struct socket *s, const char *op,
                    enum turn_kind kind, lua_Integer sent) {
  if (s->io.deadline <= clock_now()) return raise_timeout(L, s, op, sent);
  return leave(L, s, kind, NEED_BELL, sent);
}

/* It wants the descriptor: raise that, or leave to wait for it. */
static int stop_wanting(lua_State *L, struct socket *s, enum step step,
                        const char *op, enum turn_kind kind, lua_Integer sent) {
  bool reading = step == STEP_WANT_READ;
  s->wants_write = !reading;
  if (s->base.engine.handshaken) s->io.deadline = s->deadline;
  if (!s->waits_outside && s->io.memory == NULL)
    return error_throw_shared(L, reading ? ERROR_WANT_READ : ERROR_WANT_WRITE,
                              op);
  if (s->waits_outside && s->io.deadline <= clock_now())
    return raise_timeout(L, s, op, sent);
  return leave(L, s, kind, reading ? NEED_READ : NEED_WRITE, sent);
}

int socket_stopped(lua_State *L, struct socket *s, enum step step,
                   struct tls_error *error, const char *op,
                   enum turn_kind kind, lua_Integer sent) {
  switch (step) {
  case STEP_WANT_READ:
  case STEP_WANT_WRITE: return stop_wanting(L, s, step, op, kind, sent);
  case STEP_SIGNAL: return call_again(L, s, "signal", sent);
  case STEP_CALLBACK: return leave(L, s, kind, NEED_CALLBACK, sent);
  case STEP_TIMEOUT: return raise_timeout(L, s, op, sent);
  case STEP_END: return error_throw_shared(L, ERROR_ZERO_RETURN, op);
  default: return raise_failure(L, s, error, op, sent);
  }
}

enum step socket_sent(const struct socket *s, enum step step) {
  return step == STEP_DONE && fdio_unsent(&s->io) > 0 ? STEP_WANT_WRITE : step;
}

enum step socket_plain_step(const struct socket *s, enum step want,
                            struct tls_error *e) {
  switch (s->io.wire.event) {
  case WIRE_BLOCKED: return want;
  case WIRE_TIMEOUT: return STEP_TIMEOUT;
  case WIRE_SIGNAL: return STEP_SIGNAL;
  case WIRE_END: return STEP_END;
  default: tlserr_system(e, s->io.wire.error); return STEP_FAILED;
  }
}

/* What a method says in a state where it cannot be (api.md E.5, I-88). */
static const struct refusal {
  const char *op;
  enum error_class class;
  int number; /* for an OSError, while unconnected */
  const char *message;
} refusals[] = {
    {"read", ERROR_VALUE, 0, "read on a closed or unwrapped connection"},
    {"write", ERROR_VALUE, 0, "write on a closed or unwrapped connection"},
    {"unwrap", ERROR_VALUE, 0, "no TLS connection to unwrap"},
    {"close_write", ERROR_VALUE, 0, "no TLS connection to close"},
    {"send", ERROR_OS, EPIPE, NULL},
    {"sendall", ERROR_OS, EPIPE, NULL},
    {"sendfile", ERROR_OS, EPIPE, NULL},
};

int socket_refuse(lua_State *L, struct socket *s, const char *op) {
  int number = s->state == SOCKET_CLOSED ? EBADF : ENOTCONN;
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
    if (strcmp(refusals[i].op, op) != 0) continue;
    if (refusals[i].class == ERROR_VALUE)
      return error_throw(L, ERROR_VALUE, "%s", refusals[i].message);
    if (number != EBADF) number = refusals[i].number;
  }
  return error_throw_errno(L, number, op);
}

static bool open_engine(struct connection *c, SSL_CTX *context) {
  struct socket *s = (struct socket *)c;
  return engine_open(&c->engine, context, &s->io, c->server_side);
}

void socket_start_tls(lua_State *L, int index) {
  struct socket *s = lua_touserdata(L, index);
  struct tls_error e;
  if (!connection_open(L, index, open_engine, &e)) {
    socket_release(L, s);
    error_raise(L, &e, "wrap_socket");
  }
  s->state = SOCKET_TLS;
  socket_tune(s);
  pressure_add(L, PRESSURE_CONNECTION);
}

/*
** conn:do_handshake([block]) performs the handshake (E-12).
** @param block  boolean: wait although the timeout is 0; default false
** @return true, at once when it is done already
** Raises SSLWantReadError, SSLWantWriteError (timeout 0), TimeoutError,
** SSLCertVerificationError, SSLEOFError, SSLError, OSError (ENOTCONN).
*/
static int step_handshake(lua_State *L) {
  static const char *const names[] = {"block", NULL};
  struct socket *s = socket_self(L);
  struct args a;
  struct tls_error e;
  if (s->state != SOCKET_TLS) return socket_refuse(L, s, "handshake");
  args_take_step(&a, L, "do_handshake", names, 0);
  bool block = args_opt_boolean(&a, 0, false);
  if (!socket_begin(L, s, "handshake", TURN_CONTROL))
    return socket_give_way(L, s, "handshake", TURN_CONTROL, -1);
  if (block && s->timeout == 0) {
    s->io.wire.wait = true;
    s->io.deadline = CLOCK_NEVER;
  }
  enum step step = socket_sent(s, engine_handshake(&s->base.engine, &e));
  if (step != STEP_DONE)
    return socket_stopped(L, s, step, &e, "handshake", TURN_CONTROL, -1);
  lua_pushboolean(L, 1);
  return 1;
}

/*
** conn:unwrap() ends TLS (E-25): sends close_notify, awaits the peer's.
** @return the same ssl.socket, now plain: recv and send move plaintext
** Raises ValueError without TLS, SSLError SHUTDOWN_WHILE_IN_INIT before the
** handshake is done, and as reading does.
*/
static int step_unwrap(lua_State *L) {
  struct socket *s = socket_self(L);
  struct tls_error e;
  if (s->state != SOCKET_TLS) return socket_refuse(L, s, "unwrap");
  lua_settop(L, STEP_PROGRESS);
  check_turn(L, s, TURN_WRITE);
  if (!socket_begin(L, s, "unwrap", TURN_READ))
    return socket_give_way(L, s, "unwrap", TURN_READ, -1);
  enum step step = socket_sent(s, engine_shutdown(&s->base.engine, &e));
  if (step != STEP_DONE)
    return socket_stopped(L, s, step, &e, "unwrap", TURN_READ, -1);
  socket_drop_tls(L, s);
  s->state = SOCKET_PLAIN;
  lua_pushvalue(L, 1);
  return 1;
}

/*
** conn:close_write() sends close_notify; reading goes on (design.md, rule 9).
** @return true
** Raises as send does, and ValueError without TLS.
*/
static int step_close_write(lua_State *L) {
  struct socket *s = socket_self(L);
  struct tls_error e;
  if (s->state != SOCKET_TLS) return socket_refuse(L, s, "close_write");
  lua_settop(L, STEP_PROGRESS);
  if (!socket_begin(L, s, "close_write", TURN_WRITE))
    return socket_give_way(L, s, "close_write", TURN_WRITE, -1);
  enum step step = engine_handshake(&s->base.engine, &e);
  if (step == STEP_DONE) step = engine_close_write(&s->base.engine, &e);
  step = socket_sent(s, step);
  if (step != STEP_DONE)
    return socket_stopped(L, s, step, &e, "close_write", TURN_WRITE, -1);
  lua_pushboolean(L, 1);
  return 1;
}

const luaL_Reg socket_steps[] = {
    {"do_handshake", step_handshake},
    {"unwrap", step_unwrap},
    {"close_write", step_close_write},
    {NULL, NULL},
};
