/*
** closing.h - an event loop that is told before a descriptor closes.
** A loop may remember what it told the kernel about a descriptor. One function
** of a Lua state is called with the number of each that is about to be closed,
** or given away: a socket's, a bell's, a look-up's.
** Owns a userdata in the registry, with the function. Called by: socket,
** socket_wait, socket_connect, ringer, resolver, module.
*/
#ifndef PYSSL_BIND_CLOSING_H
#define PYSSL_BIND_CLOSING_H

#include "class.h"
#include "compat.h"

HIDDEN_BEGIN

extern const struct class closing_class;

/* Tell that `fd` is about to be closed. Raises nothing, also in a __gc; Lua's
** hook does not run, so that an interrupt comes afterwards. It needs four slots
** of the stack. */
void closing_tell(lua_State *L, int fd);

/* A loop of this process begins to wait for a descriptor. A child process that
** was forked is told of nothing until then: what it shares with its parent, as
** an epoll descriptor, it must leave alone. */
void closing_expect(lua_State *L);

/* core.tell_closing */
extern const luaL_Reg closing_functions[];

HIDDEN_END

#endif
