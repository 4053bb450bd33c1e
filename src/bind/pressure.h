/*
** pressure.h - honest memory: telling Lua's collector what OpenSSL allocates.
** Lua sees a context as a few dozen bytes. Without this a loop that makes
** contexts or connections grows without bound (proofs.md, 10).
** Called by: constructors and finalisers of src/bind.
*/
#ifndef PYSSL_BIND_PRESSURE_H
#define PYSSL_BIND_PRESSURE_H

#include "compat.h"

HIDDEN_BEGIN

/* What things cost in KiB (proofs.md, 7). */
#define PRESSURE_CONTEXT     14
#define PRESSURE_CONNECTION  15
#define PRESSURE_CERTIFICATE 4
#define PRESSURE_KEY         2
#define PRESSURE_SESSION     4

/* Make the counter; once in luaopen. */
void pressure_open(lua_State *L);

/*
** Count `kb` more, and let the collector work for it if it runs, unless as much
** was released just before. Call at the very end of a constructor, with
** everything boxed: finalisers may run. Not from a finaliser, nor inside an
** OpenSSL call.
*/
void pressure_add(lua_State *L, int kb);

/* Count `kb` less. Never collects. */
void pressure_drop(lua_State *L, int kb);

HIDDEN_END

#endif
