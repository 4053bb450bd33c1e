/*
** digest.h - SHA-256 of bytes.
** OpenSSL 3 looks an algorithm up by name each time that it is asked for one:
** more work than the digest of a few blocks. Here it is looked up once.
** Owns the algorithm, for as long as the process lives.
** Calls: OpenSSL. Called by: identity, trust, trustload, trustplan,
** sessionbytes, src/bind/context.
*/
#ifndef PYSSL_TLS_DIGEST_H
#define PYSSL_TLS_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>

#include "compat.h"

HIDDEN_BEGIN

#define DIGEST_SIZE 32

/* The algorithm, for EVP's functions. Never NULL. */
const EVP_MD *digest_method(void);

/* The digest of `length` bytes; `out` may overlap them. False: the error queue
** says why. */
MUST_USE bool digest_bytes(const void *data, size_t length,
                           unsigned char out[DIGEST_SIZE]);

/* The same of `head` and, right behind, `rest`. */
MUST_USE bool digest_both(const void *head, size_t head_length,
                          const void *rest, size_t rest_length,
                          unsigned char out[DIGEST_SIZE]);

HIDDEN_END

#endif
