/*
** trustload.h - certificates and CRLs out of bytes, into a store.
** Each is added once, however often it stands there. A failed load may leave
** some of them in the store: the caller throws that away.
** Owns nothing. Calls: pemwalk, OpenSSL, tlserr. Called by: trust.
*/
#ifndef PYSSL_TLS_TRUSTLOAD_H
#define PYSSL_TLS_TRUSTLOAD_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509_vfy.h>

#include "compat.h"
#include "tlserr.h"

HIDDEN_BEGIN

#define TRUST_DIGEST 32 /* SHA-256 */

/*
** The `cadata` of load_verify_locations (D-22, I-56..I-59): PEM where it
** contains "-----BEGIN", else DER, one certificate or more. CRLs are passed
** over. `digest` is set to a digest of what was loaded. False with *e.
*/
MUST_USE bool trustload_data(X509_STORE *store, const void *data, size_t length,
                             unsigned char *digest, struct tls_error *e);

/*
** Revocation lists in memory: PEM or DER as above, one or more. Certificates
** in a PEM text are passed over. False with *e.
*/
MUST_USE bool trustload_crls(X509_STORE *store, const void *data, size_t length,
                             unsigned char *digest, struct tls_error *e);

/* Certificates that were read already; the store takes references. `digest` is
** the one that loading their bytes gives. False with *e. */
MUST_USE bool trustload_certificates(X509_STORE *store, STACK_OF(X509) * list,
                                     unsigned char *digest,
                                     struct tls_error *e);

/*
** The content of a `cafile` (D-22, I-51): PEM with certificates and CRLs;
** private keys and whatever else stands there are passed over, encrypted or
** not, and nobody is prompted. `digest` as above. False with *e.
*/
MUST_USE bool trustload_pem(X509_STORE *store, const void *text, size_t length,
                            unsigned char *digest, struct tls_error *e);

HIDDEN_END

#endif
