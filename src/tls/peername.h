/*
** peername.h - the name of the peer: what SNI says and what is checked.
** Calls: OpenSSL, address, idna, tlserr. Called by: verdict, src/bind.
*/
#ifndef PYSSL_TLS_PEERNAME_H
#define PYSSL_TLS_PEERNAME_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "tlserr.h"

HIDDEN_BEGIN

#define PEERNAME_MAX 255 /* RFC 6066, 3 through RFC 1035, 2.3.4 */

struct peername {
  char text[PEERNAME_MAX + 1]; /* ASCII, without trailing dot or IPv6 zone */
  bool ip;                     /* an address: no SNI, checked as iPAddress */
};

/*
** Read a server_hostname (api.md H-11, I-67 ... I-71), one that is not ASCII
** by idna. False with *e: empty, leading dot, empty or overlong label, no valid
** international name: ERROR_VALUE; an embedded NUL: ERROR_TYPE; beyond 255
** bytes (253 through idna): SSL3_EXT_INVALID_SERVERNAME.
*/
MUST_USE bool peername_parse(struct peername *name, const char *text,
                             size_t length, struct tls_error *e);

/* Send the name as SNI and, where `check`, demand it of the certificate. */
MUST_USE bool peername_apply(const struct peername *name, SSL *ssl, bool check);

/*
** What the verification parameters of `ssl` demand: a host name or an
** address; "" where nothing is. Writes at most `size` bytes.
*/
void peername_demanded(SSL *ssl, char *text, size_t size);

HIDDEN_END

#endif
