/*
** socket.h - the ssl.socket userdata: TLS over a descriptor.
** Owns the descriptor, its fdio and its engine. The context lives on in a user
** value. What can wait is a step: it is called by the operation loop
** (lua/pyssl/op.lua) with its arguments at 1..4, the deadline at 5 and the
** progress at 6, and gives its results, or nil, status, deadline, progress to
** be called again.
** Calls: engine, fdio, net, context, error, class. Called by: socket_*,
** module.
*/
#ifndef PYSSL_BIND_SOCKET_H
#define PYSSL_BIND_SOCKET_H

#include <stdbool.h>

#include "../sys/address.h"
#include "../sys/clock.h"
#include "../sys/fdio.h"
#include "../sys/fdwait.h"
#include "../tls/engine.h"
#include "../tls/peername.h"
#include "class.h"
#include "compat.h"
#include "connection.h"

HIDDEN_BEGIN

enum socket_state {
  SOCKET_UNCONNECTED, /* no TLS yet; fdio.fd may be -1 */
  SOCKET_LISTENING,
  SOCKET_TLS,   /* everything goes through the engine */
  SOCKET_PLAIN, /* after unwrap: plaintext, and it can be wrapped again */
  SOCKET_SHUT,  /* after shutdown: reads end, writes fail */
  SOCKET_CLOSED
};

/* Where a step finds what the operation loop gives it back. */
enum { STEP_DEADLINE = 5, STEP_PROGRESS = 6 };

struct socket {
  struct connection base;
  struct fdio io;
  double timeout;           /* seconds; negative: none; 0: non-blocking */
  double handshake_timeout; /* of a listener, for each connection */
  double handshake_by;      /* deadline of an accepted one's, or CLOCK_NEVER */
  double deadline;          /* of the operation that runs */
  int files;                /* makefile objects open on it */
  int parting; /* a descriptor closed while some wait on it, or -1 */
  enum socket_state state;
  bool do_handshake_on_connect;
  bool suppress_ragged_eofs;
  bool connecting;       /* connect has begun */
  bool close_on_failure; /* accept's handshake: nobody else could close it */
  bool closing;          /* close() came while files are open */
  bool has_waiter;       /* is there a VALUE_WAITER? */
  bool waits_outside;    /* through a waiter, as the last step found */
  bool asked;            /* the last step left for a callback */
  bool wants_write;      /* what the last step left to wait for */
  const bool *has_default_waiter; /* the Lua state's (waiter.h) */
};

extern const struct class socket_class;

/* The receiver of a method, and the socket at `arg`. */
struct socket *socket_self(lua_State *L);
struct socket *socket_check(lua_State *L, int arg);

/* The receiver of a step that is called once for each piece of data. It takes
** an ssl.socket also where the step is one of ssl.transport's. */
static inline struct socket *socket_self_quick(lua_State *L) {
  struct socket *s = class_marked(L, 1, &socket_class, sizeof *s);
  return s != NULL ? s : class_self(L);
}

/* A zeroed socket becomes one that is not connected, without a descriptor. */
void socket_init(lua_State *L, struct socket *s);

/* Push a new one. */
struct socket *socket_box(lua_State *L);

/* The function of core that makes a socket, or what else `box` pushes, from
** wrap_socket's options (socket_adopt.c). */
int socket_make(lua_State *L, struct socket *(*box)(lua_State *L));

/* Best effort: what is held, then close_notify, without waiting. */
void socket_say_goodbye(struct socket *s);

/* The class's __gc. */
int socket_gc(lua_State *L);

/* Drop TLS, sending nothing; the descriptor stays. */
void socket_drop_tls(lua_State *L, struct socket *s);

/* Close the descriptor and drop TLS, sending nothing. Idempotent. Coroutines
** that wait on it are woken; the system's descriptor goes with the last. */
void socket_release(lua_State *L, struct socket *s);

/* Close the descriptor of a closed socket, if nobody waits on it any more. */
void socket_part(lua_State *L, struct socket *s);

/* Whether idle connections give their buffers back depends on where they wait.
 */
void socket_tune(struct socket *s);

/*
** Begin TLS for the socket at `index`, with its context and host name. Raises,
** with the socket released, where that cannot be.
*/
void socket_start_tls(lua_State *L, int index);

/*
** Begin a step of a kind: how long it may wait, and whether in here. The
** deadline is the one at STEP_DEADLINE, else the socket's timeout from now.
** False: another coroutine is to go on before it; give what socket_give_way
** pushes.
** Raises a ValueError where another coroutine is in an operation of the kind,
** and a TimeoutError where a callback has used up the time.
*/
MUST_USE bool socket_begin_other(lua_State *L, struct socket *s, const char *op,
                                 enum turn_kind kind);

/* Is this a connection about which nothing is special: its handshake done,
** without a time limit or a waiter, and nobody waits? */
static inline bool socket_is_plain(const struct socket *s) {
  return s->state == SOCKET_TLS && s->timeout < 0 &&
         s->base.engine.handshaken && !s->base.engine.running &&
         s->base.turn.waiting == 0 && !s->asked && !s->waits_outside &&
         !s->has_waiter && !s->base.context->has_waiter &&
         !*s->has_default_waiter && s->io.memory == NULL;
}

/* socket_begin for that. */
static inline void socket_begin_plain(lua_State *L, struct socket *s) {
  s->base.caller = L; /* 20 free slots are enough for callbacks */
  s->deadline = s->io.deadline = CLOCK_NEVER;
  s->io.wire.wait = true;
  s->io.calls = 0;
}

static inline bool socket_begin(lua_State *L, struct socket *s, const char *op,
                                enum turn_kind kind) {
  if (!socket_is_plain(s)) return socket_begin_other(L, s, op, kind);
  socket_begin_plain(L, s);
  return true;
}

/* A step of a kind waits for the bell; `sent` as for socket_stopped. */
int socket_give_way(lua_State *L, struct socket *s, const char *op,
                    enum turn_kind kind, lua_Integer sent);

/*
** What a step of a kind gives that did not get done: raises, or asks to be
** called again, when what it waits for has come. `sent` bytes are told by
** errors of writes, and are the progress that is given back (negative: this is
** not a write).
*/
int socket_stopped(lua_State *L, struct socket *s, enum step step,
                   struct tls_error *error, const char *op, enum turn_kind kind,
                   lua_Integer sent);

/* What a step that writes comes to: over queues it is not done until all is
** taken. */
enum step socket_sent(const struct socket *s, enum step step);

/* Raise where another coroutine is in the middle of such an operation. */
void socket_check_turn(lua_State *L, struct socket *s, enum turn_kind kind);

/* Raise a ValueError where another coroutine waits on the connection. */
void socket_check_alone(lua_State *L, struct socket *s);

/* How a call of fdio's ended that came back short: as a step. */
enum step socket_plain_step(const struct socket *s, enum step want,
                            struct tls_error *e);

/* Wait for the descriptor as a step does; STEP_FAILED: errno says why. */
enum step socket_await(struct socket *s, enum fdwait_mode mode);

/* The descriptor to connect or bind to `a`, made if there is none. 0 or an
** errno value. */
MUST_USE int socket_open_descriptor(struct socket *s, const struct address *a);

/* Raise the OSError or ValueError for a state in which `op` cannot be. */
int socket_refuse(lua_State *L, struct socket *s, const char *op);

/* conn:hold_file(): makefile objects keep the connection open. */
int socket_hold_file(lua_State *L);

/* One of them is closed. Was close() waiting for this? */
bool socket_drop_file(struct socket *s);

/* The attribute waiter. */
int socket_get_waiter(lua_State *L);
int socket_set_waiter(lua_State *L);

/* Methods and steps by subject; module.c puts them into the class. */
extern const luaL_Reg socket_stream_methods[]; /* not about a descriptor */
extern const struct class_attribute socket_attributes[];
extern const luaL_Reg socket_descriptor_methods[];
extern const luaL_Reg socket_option_methods[];
extern const luaL_Reg socket_steps[];       /* socket_step.c */
extern const luaL_Reg socket_read_steps[];  /* socket_read.c */
extern const luaL_Reg socket_write_steps[]; /* socket_write.c */
extern const luaL_Reg socket_read_quick[];  /* the same, as method.h says */
extern const luaL_Reg socket_write_quick[];
extern const luaL_Reg socket_adopt_steps[];
extern const luaL_Reg socket_connect_steps[];
extern const luaL_Reg socket_listen_steps[];
extern const luaL_Reg socket_listen_methods[];
extern const luaL_Reg socket_hold_steps[]; /* socket.c, for makefile */
extern const luaL_Reg socket_functions[];  /* of core */
extern const luaL_Reg socket_wait_functions[];

HIDDEN_END

#endif
