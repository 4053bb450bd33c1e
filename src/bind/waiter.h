/*
** waiter.h - who waits where a blocking socket would poll: the socket's waiter,
** else its context's, else the default of the Lua state (design.md, "Event
** loops and transports"). The functions are called by lua/pyssl/waiter.lua;
** here is where they are kept, and a flag for each, so that a step knows at no
** cost whether it may wait itself.
** Calls: connection, context, fdwait. Called by: socket, socket_wait, module.
*/
#ifndef PYSSL_BIND_WAITER_H
#define PYSSL_BIND_WAITER_H

#include <stdbool.h>

#include "compat.h"

HIDDEN_BEGIN

/* In luaopen: no default waiter yet. */
void waiter_open(lua_State *L);

/* Where the Lua state notes whether it has a default waiter; it lives as long
** as the state. */
const bool *waiter_default_flag(lua_State *L);

/* core.set_default_waiter, core.waiter, core.wait, core.left */
extern const luaL_Reg waiter_functions[];

HIDDEN_END

#endif
