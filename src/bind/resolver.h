/*
** resolver.h - a look-up of a host name that does not block the caller's loop.
** Owns one look-up, which is given up when it is collected.
** Calls: resolve, fdwait, netaddr, error, class. Called by: module.
*/
#ifndef PYSSL_BIND_RESOLVER_H
#define PYSSL_BIND_RESOLVER_H

#include "class.h"
#include "compat.h"

HIDDEN_BEGIN

extern const struct class resolver_class;

/* core.new_resolver(host, family) */
extern const luaL_Reg resolver_functions[];

/* step resolve(port): awaits the addresses, a list of their bytes. */
extern const luaL_Reg resolver_steps[];

HIDDEN_END

#endif
