/*
** environment.h - environment variables that a program may trust.
** Calls: the system. Called by: src/tls (SSL_CERT_FILE, SSL_CERT_DIR),
** src/bind (SSLKEYLOGFILE).
*/
#ifndef PYSSL_SYS_ENVIRONMENT_H
#define PYSSL_SYS_ENVIRONMENT_H

#include "compat.h"

HIDDEN_BEGIN

/* The value of a variable, owned by the environment; NULL where it is unset, or
** where the program runs with more rights than who started it (set-user-id). */
const char *environment_get(const char *name);

HIDDEN_END

#endif
