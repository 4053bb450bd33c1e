/*
** constants.h - every constant of the module (api.md C), as data.
** Flat fields, the two-way tables of the enums, what OpenSSL was built with.
** Owns nothing. Calls: enumtable, purpose, channelbinding, OpenSSL. Called by:
** module.
*/
#ifndef PYSSL_BIND_CONSTANTS_H
#define PYSSL_BIND_CONSTANTS_H

#include "compat.h"

HIDDEN_BEGIN

/* Set all constants, and get_protocol_name, in the table at the top. */
void constants_open(lua_State *L);

HIDDEN_END

#endif
