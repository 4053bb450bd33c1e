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

/* Cancel the look-up at `index`: whoever waits for it is woken. */
void resolver_cancel(lua_State *L, int index);

/* core.new_resolver(host, family), core.keep_lookup(conn, resolver),
** core.drop_lookup(conn, resolver) */
extern const luaL_Reg resolver_functions[];

/* step resolve(port, outside): awaits the addresses, a list of their bytes. */
extern const luaL_Reg resolver_steps[];

HIDDEN_END

#endif
