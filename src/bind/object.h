/*
** object.h - the ssl.object userdata: TLS over memory, no descriptor, never
** waiting (api.md F.1).
** Owns its engine, which holds the two memory BIOs' queues.
** Calls: connection, memorybio, unfinished, gather, buffer, error. Called by:
** module.
*/
#ifndef PYSSL_BIND_OBJECT_H
#define PYSSL_BIND_OBJECT_H

#include "class.h"
#include "compat.h"

HIDDEN_BEGIN

extern const struct class object_class;

/* Of core, for lua/pyssl/context.lua. */
extern const luaL_Reg object_functions[];

HIDDEN_END

#endif
