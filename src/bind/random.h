/*
** random.h - OpenSSL's random generator (api.md A-03..A-05, A-14, A-15).
** Owns nothing. Calls: args, buffer, error, egd, OpenSSL. Called by: module.
*/
#ifndef PYSSL_BIND_RANDOM_H
#define PYSSL_BIND_RANDOM_H

#include "compat.h"

HIDDEN_BEGIN

/* RAND_bytes, RAND_pseudo_bytes, RAND_status, RAND_add, RAND_egd. */
extern const luaL_Reg random_functions[];

HIDDEN_END

#endif
