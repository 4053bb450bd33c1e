/*
** trustindex.h - a CA bundle that is read when it is first needed.
** A store asks it by name, through OpenSSL's own look-up mechanism; only the
** certificates (and CRLs) that were asked for are ever parsed. One index
** serves any number of stores and threads.
** Owns the bytes of the bundle and what was parsed from them.
** Calls: trustbundle, file, forklock, OpenSSL. Called by: trust.
*/
#ifndef PYSSL_TLS_TRUSTINDEX_H
#define PYSSL_TLS_TRUSTINDEX_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509_vfy.h>

#include "compat.h"

HIDDEN_BEGIN

struct trustindex;

/* An index of the PEM file `path`, which is not looked at yet and may be
** missing. NULL: out of memory. */
struct trustindex *trustindex_new(const char *path);
struct trustindex *trustindex_ref(struct trustindex *index);
void trustindex_free(struct trustindex *index); /* NULL is allowed */

/* Have `store` look into the index, of which it keeps a reference. For stores
** that no other thread has yet. */
MUST_USE bool trustindex_attach(struct trustindex *index, X509_STORE *store);

/*
** Have `store` ask its indexes for an issuer even where it holds a certificate
** of that name already: OpenSSL itself stops at the first of that name, and a
** CA may have renewed its key. For stores that no other thread has yet.
*/
void trustindex_ask_always(X509_STORE *store);

/* Add all that is in the index to `store`; false: out of memory. */
MUST_USE bool trustindex_load_all(struct trustindex *index, X509_STORE *store);

/* Is there any certificate in it? Reads the file if that was not done yet. */
bool trustindex_has_certificates(struct trustindex *index);

HIDDEN_END

#endif
