/*
** certlist.h - certificates read from PEM or DER, as a list.
** They are ready to be shared between threads. Owns nothing: the list is the
** caller's. Calls: pemwalk, OpenSSL, tlserr. Called by: src/bind/certificate.
*/
#ifndef PYSSL_TLS_CERTLIST_H
#define PYSSL_TLS_CERTLIST_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

#include "compat.h"
#include "tlserr.h"

HIDDEN_BEGIN

/*
** Read all certificates: of the blocks of a PEM text, whatever else stands
** there being passed over, or of DER, one after the other, with nothing
** behind. To be freed with sk_X509_pop_free and X509_free. NULL with *e:
** ERROR_VALUE for no bytes at all, PEM NO_START_LINE or ASN1 NOT_ENOUGH_DATA
** where there is no certificate, what OpenSSL says of a broken one.
*/
MUST_USE STACK_OF(X509) *
    certlist_read(const void *data, size_t length, struct tls_error *e);

/* The same for one: the first of a PEM text, which is read no further; of DER
** just one. To be freed with X509_free. NULL with *e. */
MUST_USE X509 *certlist_read_one(const void *data, size_t length,
                                 struct tls_error *e);

/* Has one the same DER as the other? */
bool certlist_same(const X509 *a, const X509 *b);

HIDDEN_END

#endif
