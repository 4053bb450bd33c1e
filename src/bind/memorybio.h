/*
** memorybio.h - the ssl.memorybio userdata: bytes in memory as a transport
** (api.md F.2).
** Owns a reference to a queue; connections on it own another.
** Calls: membio, buffer, class, error. Called by: object, module.
*/
#ifndef PYSSL_BIND_MEMORYBIO_H
#define PYSSL_BIND_MEMORYBIO_H

#include "../tls/membio.h"
#include "class.h"
#include "compat.h"

HIDDEN_BEGIN

#define MEMORYBIO_T "ssl.memorybio"

extern const struct class memorybio_class;

/* The queue of the ssl.memorybio at `arg`; raises if it is none. */
struct membio *memorybio_check(lua_State *L, int arg);

/* MemoryBIO() */
extern const luaL_Reg memorybio_functions[];

HIDDEN_END

#endif
