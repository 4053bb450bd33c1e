/*
** trustsource.h - what a caller asks to be trusted.
** Owns nothing: text and certificates are the caller's. Called by: trust,
** trustplan, src/bind.
*/
#ifndef PYSSL_TLS_TRUSTSOURCE_H
#define PYSSL_TLS_TRUSTSOURCE_H

#include <stddef.h>

#include <openssl/x509.h>

#include "compat.h"

HIDDEN_BEGIN

enum trust_kind {
  TRUST_DATA,         /* `text` is PEM or DER (D-22 cadata) */
  TRUST_FILE,         /* `text` is the path of a PEM file, loaded at once */
  TRUST_DIRECTORY,    /* ... of a hashed directory, which may be missing */
  TRUST_CRL,          /* `text` is revocation lists, PEM or DER */
  TRUST_CERTIFICATES, /* `certificates`, shared by reference */
  TRUST_SYSTEM        /* what this system trusts (D-23) */
};

struct trust_source {
  enum trust_kind kind;
  const char *text; /* a path needs no NUL, and has none inside */
  size_t length;
  STACK_OF(X509) * certificates;
};

HIDDEN_END

#endif
