/*
** trustsource.h - what a caller asks to be trusted.
** Owns nothing: the text is the caller's. Called by: trust, trustplan,
** src/bind.
*/
#ifndef PYSSL_TLS_TRUSTSOURCE_H
#define PYSSL_TLS_TRUSTSOURCE_H

#include <stddef.h>

HIDDEN_BEGIN

enum trust_kind {
  TRUST_DATA,      /* `text` is PEM or DER (D-22 cadata) */
  TRUST_FILE,      /* `text` is the path of a PEM file, loaded at once */
  TRUST_DIRECTORY, /* ... of a hashed directory, which may be missing */
  TRUST_SYSTEM     /* what this system trusts (D-23); `text` is not used */
};

struct trust_source {
  enum trust_kind kind;
  const char *text; /* a path needs no NUL, and has none inside */
  size_t length;
};

HIDDEN_END

#endif
