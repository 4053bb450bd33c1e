/*
** ciphersuites.h - the cipher suites of TLS 1.3, which OpenSSL keeps apart from
** those before.
** Owns nothing. Calls: OpenSSL. Called by: src/bind/context_negotiation.
*/
#ifndef PYSSL_TLS_CIPHERSUITES_H
#define PYSSL_TLS_CIPHERSUITES_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "compat.h"

HIDDEN_BEGIN

/*
** Choose the suites, in order of preference: names with ':' between. Unknown
** names are skipped if one is known; "" chooses none. False: nothing has
** changed, and the error queue says why; so it is where a name is a suite of an
** older version's, too, which OpenSSL would switch on.
*/
MUST_USE bool ciphersuites_set(SSL_CTX *context, const char *names);

HIDDEN_END

#endif
