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

HIDDEN_BEGIN

enum {
  VALUE_CONTEXT = 1, /* the ssl.context */
  VALUE_HOSTNAME,    /* server_hostname as it is used, or nil */
  VALUE_SESSION,     /* the ssl.session to resume, until TLS begins */
  VALUE_UNFINISHED,  /* data of a write that is to come again */
  VALUE_PARKED,      /* what a callback of the step that runs has raised */
  CONNECTION_VALUES = VALUE_PARKED
};

struct connection {
  struct engine engine; /* first: some functions know no more than it */
  lua_State *caller;    /* whose step is running, for callbacks (call.h) */
  size_t unfinished;    /* bytes of VALUE_UNFINISHED accepted already */
  bool parked;          /* is there a VALUE_PARKED? */
  bool server_side;
};

/* The receiver, of either class. */
struct connection *connection_self(lua_State *L);

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

/*
** The part of connection_open that is about sessions: note the identity, and
** let a client resume its VALUE_SESSION, or what the context has kept. False
** with *e.
*/
MUST_USE bool connection_begin_session(lua_State *L, int index,
                                       const struct context *c,
                                       const char *hostname,
                                       struct tls_error *e);

/* Push the error object for the receiver's failed step; `sent` bytes are told
** where it is not negative. */
void connection_push_error(lua_State *L, struct tls_error *e, const char *op,
                           lua_Integer sent);

/* Methods of both classes, by subject. */
extern const luaL_Reg connection_info_methods[];
extern const luaL_Reg connection_chain_methods[];
extern const luaL_Reg connection_binding_methods[];
extern const luaL_Reg connection_negotiation_methods[];
extern const luaL_Reg post_handshake_methods[]; /* post_handshake.c */
extern const luaL_Reg connection_session_methods[];

/* Attributes of both classes (E-01 to E-05). */
int connection_get_context(lua_State *L);
int connection_set_context(lua_State *L);
int connection_get_hostname(lua_State *L);
int connection_get_server_side(lua_State *L);
int connection_get_session(lua_State *L);
int connection_set_session(lua_State *L);
int connection_get_session_reused(lua_State *L);

HIDDEN_END

#endif
