/*
** try.h - ssl.try in C, for VMs on which what it calls may yield all the same;
** on the others it is written in Lua (lua/pyssl.lua).
** Owns nothing. Calls: error. Called by: module.
*/
#ifndef PYSSL_BIND_TRY_H
#define PYSSL_BIND_TRY_H

#include "compat.h"

HIDDEN_BEGIN

/* core.try(f, ...), where the VM can; else the list is empty. */
extern const luaL_Reg try_functions[];

HIDDEN_END

#endif
