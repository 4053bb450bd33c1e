/*
** connection.h - what ssl.socket and ssl.object share: an engine, whom it talks
** to, and how its errors become error objects.
** Their structs begin with a struct connection, and their user values with
** these, so that methods which only look at the engine serve both.
** Calls: engine, context, certinfo, error. Called by: socket, object,
** unfinished.
*/
#ifndef PYSSL_BIND_CONNECTION_H
#define PYSSL_BIND_CONNECTION_H

#include <stdbool.h>

#include "../tls/engine.h"
#include "args.h"
#include "compat.h"
#include "context.h"
#include "settings.h"
#include "turn.h"

HIDDEN_BEGIN

/* The classes that begin with a struct connection. */
#define SOCKET_T    "ssl.socket"
#define OBJECT_T    "ssl.object"
#define TRANSPORT_T "ssl.transport"

enum {
  VALUE_CONTEXT = 1, /* the ssl.context */
  VALUE_HOSTNAME,    /* server_hostname as it is used, or nil */
  VALUE_SESSION,     /* the ssl.session to resume, until TLS begins */
  VALUE_UNFINISHED,  /* data of a write that is to come again */
  VALUE_PARKED,      /* what a callback of the step that runs has raised */
  VALUE_UNTOLD,      /* messages that wait to be told of, or nil */
  VALUE_WAITER,      /* the attribute `waiter`, a function or nil */
  VALUE_BELL,        /* an ssl.bell (ringer.h), where one was needed */
  VALUE_LOOKUP,      /* the look-up that connect waits for, or nil */
  VALUE_SETTINGS,    /* what it has instead of its context's, or nil */
  CONNECTION_VALUES = VALUE_SETTINGS
};

struct connection {
  struct engine engine; /* first: some functions know no more than it */
  lua_State *caller;    /* whose step is running, for callbacks (call.h) */
  const struct context *context; /* the VALUE_CONTEXT; never NULL */
  struct turn turn;              /* which coroutines wait in an operation */
  size_t unfinished; /* bytes of VALUE_UNFINISHED accepted already */
  bool parked;       /* is there a VALUE_PARKED? */
  bool server_side;
  bool offered; /* client_hello_callback has answered */
};

/* The receiver, of either class. */
struct connection *connection_self(lua_State *L);

/* The value at `arg`, of either class; raises if it is none. */
struct connection *connection_check_any(lua_State *L, int arg);

/* Let the connection at `index` have the context at the top. Pops it. */
void connection_keep_context(lua_State *L, int index);

/* The VALUE_SETTINGS of the connection at `index`, or NULL. */
const struct settings *connection_settings(lua_State *L, int index);

/* Check server_hostname, parameter i, and put the name as it is used in its
** place; nil stays. Raises. */
void connection_take_hostname(const struct args *a, int i);

/* Check that parameter i is an ssl.session or nil. Raises. */
void connection_take_session(const struct args *a, int i);

/* What is refused before anything is touched (D-38, 2 to 4; D-39). */
void connection_check(lua_State *L, const struct context *c, bool server,
                      bool named, bool resuming);

/*
** Begin TLS for the connection at `index`, with its context and host name;
** `open` opens the engine on its transport. False with *e.
*/
MUST_USE bool connection_open(lua_State *L, int index,
                              bool (*open)(struct connection *c, SSL_CTX *ctx),
                              struct tls_error *e);

/* Let the connection use memory and read as its context says. */
void connection_tune(struct connection *s, const struct context *c);

/*
** The part of connection_open that is about sessions: note the identity, and
** let a client resume its VALUE_SESSION, or what the context has kept. False
** with *e.
*/
MUST_USE bool connection_begin_session(lua_State *L, int index,
                                       struct context *c, const char *hostname,
                                       struct tls_error *e);

/* The certificates of the connection at `index` have changed: its identity
** tells of them, and what a client was to resume is forgotten. False with *e.
*/
MUST_USE bool connection_renew_session(lua_State *L, int index,
                                       struct tls_error *e);

/* Push the error object for the receiver's failed step; `sent` bytes are told
** where it is not negative. */
void connection_push_error(lua_State *L, struct tls_error *e, const char *op,
                           lua_Integer sent);

/* The messages that came before sni_callback was answered (context_message.c),
** of the receiver: tell _msg_callback of them now, what it raises being parked
** for the next step, or let nobody hear of them. */
void connection_tell_messages(lua_State *L);
void connection_forget_messages(lua_State *L);

/* Methods of both classes, by subject. */
extern const luaL_Reg connection_info_methods[];
extern const luaL_Reg connection_chain_methods[];
extern const luaL_Reg connection_binding_methods[];
extern const luaL_Reg connection_negotiation_methods[];
extern const luaL_Reg post_handshake_methods[]; /* post_handshake.c */
extern const luaL_Reg connection_session_methods[];
extern const luaL_Reg connection_credentials_methods[];

/* Attributes of both classes (E-01 to E-05). */
extern const struct class_attribute connection_attributes[];

/* Those about sessions: connection_session.c. */
int connection_get_session(lua_State *L);
int connection_set_session(lua_State *L);
int connection_get_session_reused(lua_State *L);

HIDDEN_END

#endif
