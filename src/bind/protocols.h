/*
** protocols.h - a list of application protocols as an argument: from an array
** of names to the bytes that TLS knows (RFC 7301, 3.1).
** Owns nothing. Calls: alpn, args, error. Called by: context_negotiation,
** settings.
*/
#ifndef PYSSL_BIND_PROTOCOLS_H
#define PYSSL_BIND_PROTOCOLS_H

#include <stddef.h>

#include "args.h"
#include "compat.h"

HIDDEN_BEGIN

/*
** Push memory with the names of the array at parameter i: each behind a byte
** with its length. Raises for what is no array of strings; SSLError for a
** name's length and for more than 65533 bytes in all, ValueError where one is
** not ASCII. `kind` is what these errors call them, "ALPN". No Lua code, a
** finaliser's neither, runs while the memory is filled.
*/
const unsigned char *protocols_push(const struct args *a, int i,
                                    const char *kind, size_t *size);

HIDDEN_END

#endif
