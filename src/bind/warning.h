/*
** warning.h - deprecation warnings, through Lua's warn() where the VM has it,
** once per kind and state.
** Called by: context, module.
*/
#ifndef PYSSL_BIND_WARNING_H
#define PYSSL_BIND_WARNING_H

#include "compat.h"

HIDDEN_BEGIN

/* Warn that `what` is deprecated. */
void warning_deprecated(lua_State *L, const char *what);

HIDDEN_END

#endif
