/*
** call.h - the frame that callbacks report to: from OpenSSL back into Lua.
** A step notes which lua_State is calling now (call_enter); a callback that
** OpenSSL runs below it finds that state and the receiver (stack index 1), runs
** a C helper under lua_pcall and, where that fails, parks the error. Lua never
** jumps through OpenSSL's frames: the step raises what is parked, unchanged,
** after OpenSSL has returned (connection_push_error).
** While a callback runs, steps of its own connection are refused, and close()
** on it takes effect when the step returns. Other connections are free.
** Calls: connection, engine, error. Called by: steps, callbacks.
*/
#ifndef PYSSL_BIND_CALL_H
#define PYSSL_BIND_CALL_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "connection.h"

HIDDEN_BEGIN

/* A step begins on L, with its receiver at index 1. Raises a ValueError where
** one of this connection runs already, below which this is called. */
void call_enter(lua_State *L, struct connection *c);

/* Callbacks of the next step reach nobody: it says goodbye in close(). */
void call_leave(struct connection *c);

/*
** In a callback: run `helper`, a kept function (compat.h), under lua_pcall with
** the `arguments` values on top of the stack of c->caller, and keep `results`
** of its values there. The connection comes from call_of, which has made room
** for a few values; what is pushed must need no memory (the receiver, light
** values).
** False: it raised, and the error is parked, or it closed the connection. Then
** there are no results, and the caller tells OpenSSL to fail.
*/
MUST_USE bool call_run(struct connection *c, lua_CFunction helper,
                       int arguments, int results);

/* The connection of an SSL if one of its steps is running, else NULL. Its
** lua_State is c->caller. */
struct connection *call_of(const SSL *ssl);

/* Park the value at the top of the stack as the error of this step: for a
** callback whose result is wrong. Pops it. */
void call_park(struct connection *c);

/* Is the value at `index` nil, or can it be called? */
bool call_accepts(lua_State *L, int index);

HIDDEN_END

#endif
