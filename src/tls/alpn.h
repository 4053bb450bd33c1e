/*
** alpn.h - the application protocols that a context's connections offer and
** take, or one connection of its own (RFC 7301).
** A context owns its list through the SSL_CTX, for connections may outlive
** whoever set it; its last user frees it. A connection's goes with its SSL. On
** servers the own order of preference decides; with no protocol in common the
** extension is ignored.
** Calls: OpenSSL. Called by: src/bind (context, context_negotiation,
** settings, connection_session).
*/
#ifndef PYSSL_TLS_ALPN_H
#define PYSSL_TLS_ALPN_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "compat.h"

HIDDEN_BEGIN

enum {
  ALPN_NAME_MAX = 255,  /* bytes of a protocol's name, RFC 7301, 3.1 */
  ALPN_LIST_MAX = 65533 /* bytes of a list: the extension's 65535, less two */
};

/* Let servers on a new context choose by the list that there is for them, if
** any. False: out of memory. */
MUST_USE bool alpn_prepare_context(SSL_CTX *context);

/*
** Let the context's connections negotiate the protocols of `list`, in order of
** preference: each name behind a byte with its length, at most ALPN_LIST_MAX
** bytes in all. Length 0: none. The list is copied. False: out of memory, and
** nothing has changed.
*/
MUST_USE bool alpn_set(SSL_CTX *context, const unsigned char *list,
                       size_t length);

/* The same for one connection, in place of its context's list; length 0: none
** all the same. */
MUST_USE bool alpn_set_connection(SSL *ssl, const unsigned char *list,
                                  size_t length);

/* The list that is in force for a connection, NULL with length 0 for none. Its
** own, or its context's. */
const unsigned char *alpn_list(const SSL *ssl, size_t *length);

HIDDEN_END

#endif
