/*
** transport.h - the ssl.transport userdata: TLS over any object that sends and
** receives.
** A struct socket whose fdio has queues instead of a descriptor. Its methods
** are in lua/pyssl/transport.lua, which moves bytes between the queues and the
** object, and steps as a socket's do: C never calls the object.
** Calls: socket, fdio, turn, ringer. Called by: module.
*/
#ifndef PYSSL_BIND_TRANSPORT_H
#define PYSSL_BIND_TRANSPORT_H

#include "class.h"
#include "compat.h"

HIDDEN_BEGIN

extern const struct class transport_class;

/* Of core, for lua/pyssl/transport.lua; the steps are methods for it alone. */
extern const luaL_Reg transport_functions[];
extern const luaL_Reg transport_steps[];

HIDDEN_END

#endif
