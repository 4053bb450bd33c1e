/*
** socket_wait.c - the frame of a step: how long it may wait and who else is at
** work, what it gives when it is not done, and what ends a wait outside.
*/
#include <errno.h>
#include <string.h>

#include "../sys/clock.h"
#include "args.h"
#include "call.h"
#include "closing.h"
#include "error.h"
#include "resolver.h"
#include "ringer.h"
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
  /* What was accepted is in `sent`; what another write has left stays. */
  if (sent > 0) unfinished_forget(L, &s->base);
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

void socket_check_turn(lua_State *L, struct socket *s, enum turn_kind kind) {
  if (turn_is_held(L, &s->base.turn, kind))
    error_throw(L, ERROR_VALUE, "another coroutine is %s the connection",
                doings[kind]);
}

void socket_check_alone(lua_State *L, struct socket *s) {
  if (turn_is_shared(L, &s->base.turn))
    error_throw(L, ERROR_VALUE, "another coroutine waits on the connection");
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
  if (s->base.turn.waiting > 0) socket_check_turn(L, s, kind);
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
    bool writing = strcmp(op, "write") == 0;
    raise_timeout(L, s, op, writing ? lua_tointeger(L, STEP_PROGRESS) : -1);
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

static int throw_asked(lua_State *L) {
  return error_throw(L, ERROR_VALUE, "the connection waits for its callback");
}

/* The same, having noted who waits, and for what. */
static int leave(lua_State *L, struct socket *s, enum turn_kind kind,
                 enum turn_need need, lua_Integer progress) {
  static const char *const statuses[] = {[NEED_READ] = "read",
                                         [NEED_WRITE] = "write",
                                         [NEED_CALLBACK] = "callback",
                                         [NEED_BELL] = "bell"};
  if (turn_is_asked(L, &s->base.turn)) return throw_asked(L);
  enum turn_need real = turn_wait(L, &s->base.turn, kind, need);
  if (real == NEED_BELL && !s->waits_outside) {
    turn_end(L, &s->base.turn);
    if (need == NEED_CALLBACK) return throw_asked(L);
    return error_throw(L, ERROR_VALUE, "another coroutine waits for the same");
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

/* Time is up: the operation's, or only that of a handshake that is over by now.
** Then it goes on, as after a signal. */
static int stop_late(lua_State *L, struct socket *s, const char *op,
                     lua_Integer sent) {
  if (s->base.engine.handshaken && s->io.deadline < s->deadline)
    return call_again(L, s, "signal", sent);
  return raise_timeout(L, s, op, sent);
}

int socket_stopped(lua_State *L, struct socket *s, enum step step,
                   struct tls_error *error, const char *op, enum turn_kind kind,
                   lua_Integer sent) {
  switch (step) {
  case STEP_WANT_READ:
  case STEP_WANT_WRITE: return stop_wanting(L, s, step, op, kind, sent);
  case STEP_SIGNAL: return call_again(L, s, "signal", sent);
  case STEP_CALLBACK: return leave(L, s, kind, NEED_CALLBACK, sent);
  case STEP_TIMEOUT: return stop_late(L, s, op, sent);
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

/* ---- outside ---- */

int socket_get_waiter(lua_State *L) {
  socket_self(L);
  lua_getiuservalue(L, 1, VALUE_WAITER);
  return 1;
}

int socket_set_waiter(lua_State *L) {
  struct socket *s = socket_self(L);
  if (!call_accepts(L, 3)) return attribute_type_error(L, "function");
  lua_settop(L, 3);
  s->has_waiter = !lua_isnil(L, 3);
  lua_setiuservalue(L, 1, VALUE_WAITER);
  return 0;
}

/*
** core.resume(conn): the calling coroutine has come back from a wait, so its
** turn is over, and whoever waits for the same is to look again.
*/
static int resume(lua_State *L) {
  struct connection *c = connection_check_any(L, 1);
  if (turn_end(L, &c->turn)) ringer_ring(L, c);
  if (luaL_testudata(L, 1, OBJECT_T) == NULL)
    socket_part(L, (struct socket *)c);
  return 0;
}

/* core.tells_closing(value), before a wait for it: is it an object whose
** descriptor's closing is told (closing.h)? Another one's may close unseen. */
static int tells_closing(lua_State *L) {
  const char *const names[] = {SOCKET_T, ringer_class.name,
                               resolver_class.name};
  bool known = false;
  luaL_checkany(L, 1);
  for (int i = 0; i < 3 && !known; i++)
    known = luaL_testudata(L, 1, names[i]) != NULL;
  if (known) closing_expect(L);
  lua_pushboolean(L, known);
  return 1;
}

const luaL_Reg socket_wait_functions[] = {
    {"resume", resume},
    {"tells_closing", tells_closing},
    {NULL, NULL},
};
