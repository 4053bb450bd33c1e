/*
** netaddr.h - network addresses as Lua values. To people an address is a host
** and a port; between Lua and C it is a string with a system address's bytes.
** Calls: address, idna, error. Called by: socket, resolver.
*/
#ifndef PYSSL_BIND_NETADDR_H
#define PYSSL_BIND_NETADDR_H

#include "../sys/address.h"
#include "compat.h"

HIDDEN_BEGIN

/*
** Push what people read: host, port; for IPv6 also flowinfo, scope; for a
** Unix-domain address its path. Returns how many values that is.
*/
int netaddr_push(lua_State *L, const struct address *a);

/* Push the same as one table. */
void netaddr_push_table(lua_State *L, const struct address *a);

/* Push the address's bytes as a string, and read them back at `arg`. */
void netaddr_push_bytes(lua_State *L, const struct address *a);
void netaddr_check_bytes(lua_State *L, int arg, struct address *a);

/* core.numeric_address(host, port, family) -> bytes, or nil for a name.
** core.unix_address(path) -> bytes, or nil for an impossible path.
** core.show_address(bytes) -> as netaddr_push
** core.same_family(bytes, bytes) -> boolean
** core.host_name(text) -> the name as DNS has it, in ASCII; raises ValueError
** for text without a NUL that is no international host name */
extern const luaL_Reg netaddr_functions[];

HIDDEN_END

#endif
