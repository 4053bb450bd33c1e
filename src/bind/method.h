/*
** method.h - a method made of a step: it tries the step itself, and only what
** is not done at once goes to the operation loop in Lua (lua/pyssl/op.lua).
** The loop is called so that it may yield, which Lua 5.3 and 5.4 allow C
** functions; on other VMs the method is a Lua function around the step, which
** costs some 400 instructions more each time.
** Owns nothing. Called by: module, args.
*/
#ifndef PYSSL_BIND_METHOD_H
#define PYSSL_BIND_METHOD_H

#include <stdbool.h>

#include "compat.h"

HIDDEN_BEGIN

/* Is the C function that runs such a method, and not a step that Lua called? */
bool method_is_running(lua_State *L);

/* core.method(step, loop), where the VM can; else the list is empty. */
extern const luaL_Reg method_functions[];

HIDDEN_END

#endif
