/*
** certkey.h - a certificate, its chain and its private key, read from PEM or
** DER.
** Reading and installing are two steps, so that a context changes only when
** everything has been read. Nobody is ever prompted for a password.
** Calls: OpenSSL, tlserr. Called by: pkcs12, src/bind (credentials, keypair,
** context_load, settings).
*/
#ifndef PYSSL_TLS_CERTKEY_H
#define PYSSL_TLS_CERTKEY_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "tlserr.h"

HIDDEN_BEGIN

/* OpenSSL's own limit on a password, in bytes (PEM_BUFSIZE). */
#define CERTKEY_PASSWORD_MAX 1024

struct certkey {
  X509 *leaf;
  STACK_OF(X509) * chain;
  EVP_PKEY *key;
};

/* Free what it holds; it holds nothing afterwards. */
void certkey_clear(struct certkey *c);

/* Bytes to read from. `der`: they are DER and not PEM. Borrowed. */
struct certkey_source {
  const unsigned char *data;
  size_t length;
  bool der;
};

/* Read the leaf and the chain behind it. False with *e. */
MUST_USE bool certkey_read_chain(struct certkey *c,
                                 const struct certkey_source *source,
                                 struct tls_error *e);

/* Take references to a list's certificates instead: the leaf, its chain.
** False: out of memory. */
MUST_USE bool certkey_share_chain(struct certkey *c, STACK_OF(X509) * list);

/*
** Read the private key; `password` may be NULL. False with *e; *encrypted then
** tells whether a password was asked for.
*/
MUST_USE bool certkey_read_key(struct certkey *c,
                               const struct certkey_source *source,
                               const char *password, size_t password_length,
                               bool *encrypted, struct tls_error *e);

/* Fill in *e where something is encrypted and there is no password (api.md,
** section 0), and give false. */
bool certkey_fail_locked(const char *what, struct tls_error *e);

/* Take references to what `from` holds. False: out of memory. */
MUST_USE bool certkey_share(struct certkey *c, const struct certkey *from);

/* Check that key and leaf belong together and install all three, for all of a
** context's connections or for one. False with *e. */
MUST_USE bool certkey_install(const struct certkey *c, SSL_CTX *context,
                              struct tls_error *e);
MUST_USE bool certkey_install_connection(const struct certkey *c, SSL *ssl,
                                         struct tls_error *e);

/* Read the first DH parameters of a PEM text and install them. False with *e.
 */
MUST_USE bool certkey_install_dh(SSL_CTX *context, const void *pem,
                                 size_t length, struct tls_error *e);

HIDDEN_END

#endif
