/*
** trustdir.h - hashed directories as a place (trustplace.h).
** OpenSSL's own look-up in such directories (`openssl rehash`), behind a store
** of its own: what it finds there is made fit for threads before others see it,
** and certificates of one name come all together.
** Owns that store. Calls: systemtrust, OpenSSL. Called by: trust.
*/
#ifndef PYSSL_TLS_TRUSTDIR_H
#define PYSSL_TLS_TRUSTDIR_H

#include "compat.h"
#include "trustplace.h"

HIDDEN_BEGIN

/* The directories `paths`, with ':' between, which may be missing. NULL: out of
** memory. */
struct trustplace *trustdir_new(const char *paths);

HIDDEN_END

#endif
