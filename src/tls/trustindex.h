/*
** trustindex.h - a CA bundle as a place (trustplace.h).
** It is read when it is first needed, and only the certificates and CRLs that
** are asked for are ever parsed.
** Owns the text of the bundle and what was parsed from it.
** Calls: trustbundle, file, OpenSSL. Called by: trust.
*/
#ifndef PYSSL_TLS_TRUSTINDEX_H
#define PYSSL_TLS_TRUSTINDEX_H

#include "compat.h"
#include "trustplace.h"

HIDDEN_BEGIN

/* An index of the PEM file `path`, which is not looked at yet and may be
** missing. NULL: out of memory. */
struct trustplace *trustindex_new(const char *path);

HIDDEN_END

#endif
