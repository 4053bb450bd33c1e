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
#include "../sys/fdio.h"
#include "../sys/fdwait.h"
#include "../tls/engine.h"
#include "../tls/peername.h"
#include "class.h"
#include "compat.h"
#include "connection.h"

HIDDEN_BEGIN

#define SOCKET_T "ssl.socket"

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
  int files;                /* makefile objects open on it */
  enum socket_state state;
  bool do_handshake_on_connect;
  bool suppress_ragged_eofs;
  bool connecting;       /* connect has begun */
  bool close_on_failure; /* accept's handshake: nobody else could close it */
  bool closing;          /* close() came while files are open */
};

extern const struct class socket_class;

/* The receiver of a method, and the socket at `arg`. */
struct socket *socket_self(lua_State *L);
struct socket *socket_check(lua_State *L, int arg);

/* Push a new socket, unconnected, without a descriptor. */
struct socket *socket_box(lua_State *L);

/* Drop TLS, sending nothing; the descriptor stays. */
void socket_drop_tls(lua_State *L, struct socket *s);

/* Close the descriptor and drop TLS, sending nothing. Idempotent. */
void socket_release(lua_State *L, struct socket *s);

/*
** Begin TLS for the socket at `index`, with its context and host name. Raises,
** with the socket released, where that cannot be.
*/
void socket_start_tls(lua_State *L, int index);

/*
** Begin a step: how long it may wait. The deadline is the one at
** STEP_DEADLINE, else the socket's timeout from now.
*/
void socket_begin(lua_State *L, struct socket *s);

/*
** What a step gives that did not get done: raises, or where a signal came
** asks to be called again. `progress` is kept for that; `sent` bytes are told
** by errors of writes (negative: not a write).
*/
int socket_stopped(lua_State *L, struct socket *s, enum step step,
                   struct tls_error *error, const char *op, lua_Integer sent);

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

/* Methods and steps by subject; module.c puts them into the class. */
extern const luaL_Reg socket_option_methods[];
extern const luaL_Reg socket_steps[];       /* socket_step.c */
extern const luaL_Reg socket_read_steps[];  /* socket_read.c */
extern const luaL_Reg socket_write_steps[]; /* socket_write.c */
extern const luaL_Reg socket_adopt_steps[];
extern const luaL_Reg socket_connect_steps[];
extern const luaL_Reg socket_listen_steps[];
extern const luaL_Reg socket_listen_methods[];
extern const luaL_Reg socket_hold_steps[]; /* socket.c, for makefile */
extern const luaL_Reg socket_functions[];  /* of core */

HIDDEN_END

#endif
