/*
** systemstore.h - the certificate stores of Windows as lists (api.md A-11,
**
** Owns the list of a store while Lua values are made of it. Calls: args, class,
** error, src/sys/winstore. Called by: module.
*/
#ifndef PYSSL_BIND_SYSTEMSTORE_H
#define PYSSL_BIND_SYSTEMSTORE_H

#include "class.h"
#include "compat.h"

HIDDEN_BEGIN

extern const struct class systemstore_class;

/* enum_certificates, enum_crls. */
extern const luaL_Reg systemstore_functions[];

HIDDEN_END

#endif
