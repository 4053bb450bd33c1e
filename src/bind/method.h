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

/* What a step gave, n values, as the results of its method: it is done, mostly.
** Else the loop goes on. */
int method_go_on(lua_State *L, int n);

static inline int method_end(lua_State *L, int n) {
  return n == 1 || !lua_isnil(L, -n) ? n : method_go_on(L, n);
}

#define METHOD_MOST 4 /* arguments of a step, with the receiver */

/* The method of a step that has no time to lose: it knows its step. */
#define METHOD_QUICK(name, step)                                               \
  static int name(lua_State *L) {                                              \
    if (lua_gettop(L) > METHOD_MOST) lua_settop(L, METHOD_MOST);               \
    return method_end(L, step(L));                                             \
  }

/* Is the C function that runs such a method, and not a step that Lua called? */
bool method_is_running(lua_State *L);

/* core.method(step, loop, fail, quick), where the VM can; else the list is
** empty. */
extern const luaL_Reg method_functions[];

HIDDEN_END

#endif
