/*
** channelbinding.h - channel bindings: bytes that both ends of a connection
** know and no other connection has, to tie a login to it (RFC 5056).
** Owns nothing: whoever is given the bytes wipes them.
** Calls: OpenSSL, tlserr. Called by: src/bind/connection_binding, constants.
*/
#ifndef PYSSL_TLS_CHANNELBINDING_H
#define PYSSL_TLS_CHANNELBINDING_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "tlserr.h"

HIDDEN_BEGIN

enum channelbinding {
  CHANNELBINDING_UNIQUE,    /* RFC 5929, 3: the first Finished */
  CHANNELBINDING_EXPORTER,  /* RFC 9266 */
  CHANNELBINDING_END_POINT, /* RFC 5929, 4: hash of the server's certificate */
  CHANNELBINDING_TYPES      /* how many there are */
};

/* Room for each of them. */
#define CHANNELBINDING_MAX EVP_MAX_MD_SIZE

/* Their registered names, in the order of the enum; ends with NULL. */
extern const char *const channelbinding_names[];

/* The type of that name. False for a name that is none. */
MUST_USE bool channelbinding_find(enum channelbinding *type, const char *name,
                                  size_t length);

/*
** Write the binding of a connection whose handshake is done into
** data[CHANNELBINDING_MAX], *length bytes of it. False with *e, an
** ERROR_VALUE, where the type's RFC does not define it for this connection:
** tls-exporter without TLS 1.3 or the extended master secret, or after a
** renegotiation; tls-server-end-point without a certificate or with one whose
** signature has no single hash.
** tls-exporter forbids renegotiation (RFC 9266, 4.1): where the version has
** that, it is switched off on this connection.
*/
MUST_USE bool channelbinding_get(SSL *ssl, enum channelbinding type,
                                 unsigned char *data, size_t *length,
                                 struct tls_error *e);

HIDDEN_END

#endif
