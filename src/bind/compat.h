/*
** compat.h (Lua) - what differs between Lua's versions; the only place in
** src/bind with a LUA_VERSION_NUM. Lua's headers come in through here, before
** symbols are hidden.
*/
#ifndef PYSSL_BIND_COMPAT_H
#define PYSSL_BIND_COMPAT_H

#include <lauxlib.h>
#include <lua.h>

#include "../tls/compat.h"

#endif
