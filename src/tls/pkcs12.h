/*
** pkcs12.h - a certificate, its chain and its key, read from PKCS #12
** (RFC 7292).
** Owns nothing. Calls: certkey, OpenSSL, tlserr. Called by:
** src/bind/keypair.
*/
#ifndef PYSSL_TLS_PKCS12_H
#define PYSSL_TLS_PKCS12_H

#include <stdbool.h>
#include <stddef.h>

#include "certkey.h"
#include "compat.h"
#include "tlserr.h"

HIDDEN_BEGIN

/*
** Read the private key, the certificate that belongs to it, and the others as
** its chain, each issuer behind what it issued. `password` may be NULL, and
** has no NUL inside (ERROR_VALUE). False with *e, and *c is empty then;
** *encrypted tells whether a password is needed. Called like certkey_read_key;
** the source is always DER.
*/
MUST_USE bool pkcs12_read(struct certkey *c,
                          const struct certkey_source *source,
                          const char *password, size_t password_length,
                          bool *encrypted, struct tls_error *e);

HIDDEN_END

#endif
