/*
** algorithm.h - what a handshake agrees on beside the cipher, by IANA's names:
** the group for the key agreement and the signature schemes.
** OpenSSL 3.0 lists neither, and tells a scheme in pieces: the names stand in
** tables here, and which of them the library knows is tried on a context thrown
** away afterwards.
** Owns nothing: all names are static. Calls: OpenSSL. Called by:
** src/bind/context_negotiation, src/bind/connection_negotiation.
*/
#ifndef PYSSL_TLS_ALGORITHM_H
#define PYSSL_TLS_ALGORITHM_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "compat.h"

HIDDEN_BEGIN

#define ALGORITHM_LIST_MAX 128 /* more than there are names */

struct algorithm_list {
  size_t count;
  const char *names[ALGORITHM_LIST_MAX];
};

/*
** List the groups that can be used with a version from `oldest` to `newest`
** (TLS1_2_VERSION, ...; 0 is no bound). `aliases`: also the other names that
** the library takes for them. False: the error queue says why.
*/
MUST_USE bool algorithm_list_groups(struct algorithm_list *list, long oldest,
                                    long newest, bool aliases);

/* List the signature schemes. False: the error queue says why. */
MUST_USE bool algorithm_list_schemes(struct algorithm_list *list);

/*
** The group of a connection whose handshake is done, or NULL where none was
** used. After a resumption without a new key agreement: the group of the
** session's first handshake.
*/
const char *algorithm_group(SSL *ssl);

/*
** The scheme that the server, or else the client, has signed the handshake
** with, once that is done. NULL where it has signed nothing, and before TLS 1.2
** where MD5 and SHA-1 together have no name.
*/
const char *algorithm_scheme(SSL *ssl, bool of_server);

HIDDEN_END

#endif
