/*
** ringer.h - the bell of a connection: what a coroutine waits on while another
** one waits for the same event (turn.h). Made when it is first needed, and kept
** in the connection's VALUE_BELL.
** Calls: bell, turn, pollable, connection. Called by: socket, socket_wait,
** op.lua.
*/
#ifndef PYSSL_BIND_RINGER_H
#define PYSSL_BIND_RINGER_H

#include "class.h"
#include "compat.h"
#include "connection.h"

HIDDEN_BEGIN

extern const struct class ringer_class;

/* Ring the bell of the connection at 1, if anybody waits for it. */
void ringer_ring(lua_State *L, const struct connection *c);

/* core.bell(conn) */
extern const luaL_Reg ringer_functions[];

HIDDEN_END

#endif
