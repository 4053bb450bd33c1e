/*
** socket_step.c - the steps that are nothing but TLS: handshake, unwrap,
** close_write.
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
** Raises ValueError without TLS, and where the kernel does it (conn:ktls()),
** which stays so; SSLError SHUTDOWN_WHILE_IN_INIT before the
** handshake is done, and as reading does.
*/
static int step_unwrap(lua_State *L) {
  struct socket *s = socket_self(L);
  struct tls_error e;
  if (s->state != SOCKET_TLS) return socket_refuse(L, s, "unwrap");
  if (engine_kernel_sends(&s->base.engine) ||
      engine_kernel_receives(&s->base.engine))
    return error_throw(L, ERROR_VALUE,
                       "the kernel does the connection's TLS: it cannot be "
                       "taken off");
  lua_settop(L, STEP_PROGRESS);
  socket_check_turn(L, s, TURN_WRITE);
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
