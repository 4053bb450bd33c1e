/*
** authorities.h - certificates of authorities as an argument: bytes, or
** ssl.certificate objects.
** Owns nothing: a source borrows from the argument, or from a box that is
** pushed. Calls: trustsource, certificate, buffer, args. Called by:
** context_trust, settings.
*/
#ifndef PYSSL_BIND_AUTHORITIES_H
#define PYSSL_BIND_AUTHORITIES_H

#include "../tls/trustsource.h"
#include "args.h"
#include "compat.h"

HIDDEN_BEGIN

/* Bytes at parameter i as a source of that kind; raises, asking for what is
** `expected`, where it is neither string nor buffer. */
struct trust_source authorities_bytes(const struct args *a, int i,
                                      enum trust_kind kind,
                                      const char *expected);

/* The certificates at parameter i, which is given: bytes or objects, which a
** box on the stack keeps then. Raises as authorities_bytes, and ValueError as
** certificate_collect. */
struct trust_source authorities_source(const struct args *a, int i,
                                       const char *expected);

HIDDEN_END

#endif
