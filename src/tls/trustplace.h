/*
** trustplace.h - places where stores find certificates and CRLs on demand.
** A store asks them by name, through OpenSSL's own look-up mechanism, when it
** has nothing of that name itself. One place serves any number of stores and
** threads. What kinds of places there are: trustindex, trustdir.
** Owns the reference counts. Everything of a place is guarded by one lock of
** the process.
** Calls: forklock, OpenSSL. Called by: trust, trustindex, trustdir.
*/
#ifndef PYSSL_TLS_TRUSTPLACE_H
#define PYSSL_TLS_TRUSTPLACE_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509_vfy.h>

#include "compat.h"

HIDDEN_BEGIN

struct trustplace;

/* What is looked for. */
struct wanted {
  X509_LOOKUP_TYPE type; /* X509_LU_X509, X509_LU_CRL */
  const X509_NAME *name; /* the subject, or the issuer of a CRL */
};

/* What a kind of place can do, each but destroy called with the lock held. */
struct trustplace_kind {
  /*
  ** Append what is wanted (NULL: all that can be listed) to `out`, as objects
  ** with references of their own. The place keeps what it gave once. False:
  ** out of memory.
  */
  bool (*collect)(struct trustplace *place, const struct wanted *w,
                  STACK_OF(X509_OBJECT) * out);
  bool (*has_certificates)(struct trustplace *place);
  void (*destroy)(struct trustplace *place);
};

/* What all places begin with; made with one reference. */
struct trustplace {
  const struct trustplace_kind *kind;
  size_t refs;
};

struct trustplace *trustplace_ref(struct trustplace *place);
void trustplace_free(struct trustplace *place); /* NULL is allowed */

/* Have `store` look into the place, of which it keeps a reference. For stores
** that no other thread has yet. */
MUST_USE bool trustplace_attach(struct trustplace *place, X509_STORE *store);

/*
** Have `store` ask its places for an issuer even where it holds a certificate
** of that name already: OpenSSL itself stops at the first of that name, and a
** CA may have renewed its key. For stores that no other thread has yet.
*/
void trustplace_ask_always(X509_STORE *store);

/* Add all that can be listed to `store`; false: out of memory. */
MUST_USE bool trustplace_load_all(struct trustplace *place, X509_STORE *store);

/* Is there any certificate to be had from it? */
bool trustplace_has_certificates(struct trustplace *place);

/* Append a certificate or a CRL (the other one is NULL) as an object with a
** reference of its own. Touches a certificate, so that its extensions are
** cached before another thread can see it. */
MUST_USE bool trustplace_append(STACK_OF(X509_OBJECT) * out, X509 *x,
                                X509_CRL *crl);

HIDDEN_END

#endif
