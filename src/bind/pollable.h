/*
** pollable.h - objects that do nothing but be awaited: a look-up, a bell.
** A waiter is given them in place of a socket, so they answer what event loops
** ask one. Their structs begin with the descriptor, an int.
** Calls: class. Called by: resolver, ringer.
*/
#ifndef PYSSL_BIND_POLLABLE_H
#define PYSSL_BIND_POLLABLE_H

#include "class.h"
#include "compat.h"

HIDDEN_BEGIN

/* fileno(), getfd(), pollfd(): the descriptor, -1 without one; events(): "r";
** dirty(): false. */
extern const luaL_Reg pollable_methods[];

HIDDEN_END

#endif
