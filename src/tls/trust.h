/*
** trust.h - whom a context trusts: an immutable value, shared by contexts and
** threads.
** A set of trust anchors and CRLs, and the look-ups behind it (hashed
** directories, bundles that are read on demand). A context never changes one;
** it takes another in its place, so a failed load leaves the context as it was.
** Owns an X509_STORE. OpenSSL adds to that what a look-up finds, and nothing
** else does; no flag is ever set on it.
** Calls: trustplan, trustload, trustplace, trustindex, trustdir, trustcache,
** OpenSSL, tlserr. Called by: src/bind (context, context_trust, settings).
*/
#ifndef PYSSL_TLS_TRUST_H
#define PYSSL_TLS_TRUST_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509_vfy.h>

#include "compat.h"
#include "tlserr.h"
#include "trustsource.h"

HIDDEN_BEGIN

struct trust;

/* A new reference to the set that trusts nobody. NULL: out of memory. */
struct trust *trust_empty(void);

struct trust *trust_ref(struct trust *t);

/* Give a reference back; NULL is allowed. */
void trust_free(struct trust *t);

/*
** A reference to the set that has what `base` has and the sources besides;
** the one that the process has already, where one was made from the same.
** NULL with *error (I-49..I-60); `base` is as it was in any case.
*/
MUST_USE struct trust *trust_extend(struct trust *base,
                                    const struct trust_source *sources,
                                    size_t count, struct tls_error *error);

/* For SSL_CTX_set1_cert_store. Callers never change it. */
X509_STORE *trust_store(const struct trust *t);

/* 32 bytes that are equal for equal trust, in other processes too: a SHA-256
** of what was loaded and of where else is looked. */
const unsigned char *trust_digest(const struct trust *t);

struct trust_stats {
  int x509;
  int x509_ca; /* those that X509_check_ca takes for a CA */
  int crl;
};

/* Count (D-24). Parses what is still unread of bundles; of directories only
** what was found so far counts. False with *error. */
MUST_USE bool trust_stats(struct trust *t, struct trust_stats *out,
                          struct tls_error *error);

/* The CA certificates (D-25), by name; the same ones as trust_stats counts.
** To be freed with sk_X509_pop_free and X509_free. NULL with *error. */
STACK_OF(X509) *
    trust_ca_certificates(struct trust *t, struct tls_error *error);

/* Is there no certificate to be had at all, neither loaded nor in the
** directories and bundles? */
bool trust_found_none(struct trust *t);

/* The paths that TRUST_SYSTEM looked at, ", " between; NULL where the system
** was not asked. */
const char *trust_searched(const struct trust *t);

HIDDEN_END

#endif
