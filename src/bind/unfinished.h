/*
** unfinished.h - a write that is to come again with the same data (H-01).
** After a want or a signal the engine has accepted a part; the value is kept,
** so that the retry is known from new data, which is sent from its beginning
** behind what the engine holds of the old (proofs.md 6.4).
** The data is parameter 0 of the call, the connection is the receiver.
** Calls: gather, connection. Called by: socket_write, object.
*/
#ifndef PYSSL_BIND_UNFINISHED_H
#define PYSSL_BIND_UNFINISHED_H

#include "args.h"
#include "compat.h"
#include "connection.h"

HIDDEN_BEGIN

/* Where to go on: behind what was accepted of the same data, else 0. */
size_t unfinished_resume(struct connection *c, const struct args *a);

/* Remember the data whose first `accepted` bytes are accepted. */
void unfinished_keep(struct connection *c, const struct args *a,
                     size_t accepted);

/* There is nothing to come again. */
void unfinished_forget(lua_State *L, struct connection *c);

HIDDEN_END

#endif
