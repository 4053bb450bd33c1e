/*
** question.h - what a handshake asks the user: client_hello_callback and
** sni_callback, cert_callback, verify_callback.
** A step that comes to such a question ends in "callback". Then, with no C
** frame below, lua/pyssl/callback.lua gets the question (core.question), calls
** the function, which may yield, and gives what came of it (core.answer). Where
** OpenSSL cannot pause for a verdict, the function is called at once (call.h).
** Calls: call, connection, certificate, error.
** Called by: connection_session, module.
*/
#ifndef PYSSL_BIND_QUESTION_H
#define PYSSL_BIND_QUESTION_H

#include <stdbool.h>

#include "compat.h"
#include "connection.h"

HIDDEN_BEGIN

/* In luaopen: make ready what is called where nothing can be made. */
void question_open(lua_State *L);

/* Before the handshake of the connection at `index`: what its context asks.
** False: out of memory. */
MUST_USE bool question_begin(lua_State *L, int index);

/* Has the connection at `index` a context with a verify_callback? */
bool question_has_verify(lua_State *L, int index);

/* Push the table that client_hello_callback gets. False: the hello is gone, and
** nothing is pushed. */
MUST_USE bool question_push_offer(lua_State *L, const struct connection *c);

/* Push the name that the client asks for, nil where there is none. */
void question_push_name(lua_State *L, const struct connection *c);

extern const luaL_Reg question_functions[]; /* of core */

HIDDEN_END

#endif
