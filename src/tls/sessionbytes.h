/*
** sessionbytes.h - a session with its identity, as bytes that can be kept.
** A mark, the identity, the session in OpenSSL's own DER, and a SHA-256 of all
** that. The digest finds what was cut or altered by accident; it is no
** signature: the bytes hold the session's secret, and belong where secrets do.
** Calls: digest, identity, OpenSSL, tlserr. Called by: src/bind/session.
*/
#ifndef PYSSL_TLS_SESSIONBYTES_H
#define PYSSL_TLS_SESSIONBYTES_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "identity.h"
#include "tlserr.h"

HIDDEN_BEGIN

/* How many bytes sessionbytes_write gives; 0 where that cannot be. */
size_t sessionbytes_size(SSL_SESSION *session);

/* Write them into out[size], `size` as told before. False: it has another
** size by now, or there is no memory. */
MUST_USE bool sessionbytes_write(SSL_SESSION *session,
                                 const struct identity *id, unsigned char *out,
                                 size_t size);

/* Read them. A new session, and its identity in *id; NULL with *e, an
** ERROR_VALUE, for anything that was not written by sessionbytes_write. */
MUST_USE SSL_SESSION *sessionbytes_read(const unsigned char *data,
                                        size_t length, struct identity *id,
                                        struct tls_error *e);

HIDDEN_END

#endif
