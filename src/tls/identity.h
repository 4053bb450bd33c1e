/*
** identity.h - what decides whether a connection trusts its peer, as bytes.
** A session carries the identity of the connection it was made on: resuming it
** skips the verification, so it must have been made under the same terms
** (design.md). Equal terms give equal bytes, in other processes too.
** Owns nothing: an identity is a value. A shared one counts its users, without
** a lock: they belong to one Lua state.
** Calls: digest, OpenSSL. Called by: engine, sessionbytes,
** src/bind (context, connection_session, session).
*/
#ifndef PYSSL_TLS_IDENTITY_H
#define PYSSL_TLS_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "compat.h"

HIDDEN_BEGIN

#define IDENTITY_DIGEST 32 /* SHA-256 */

/* Bytes only, so that it can be compared, hashed and stored as it is. Numbers
** are big-endian; a digest is zero where there is nothing to digest. */
struct identity {
  unsigned char server_side;
  unsigned char verify_mode; /* OpenSSL's bits */
  unsigned char verify_flags[8];
  unsigned char check_hostname;
  unsigned char hostname_flags[4]; /* X509_CHECK_FLAG_* */
  unsigned char security_level;
  unsigned char psk; /* may a pre-shared key stand for a certificate? */
  unsigned char verify_callback; /* does a callback decide about it? */
  unsigned char server_hostname[IDENTITY_DIGEST];
  unsigned char trust[IDENTITY_DIGEST];
  unsigned char certificate[IDENTITY_DIGEST]; /* all that there are to show */
  unsigned char alpn[IDENTITY_DIGEST];
};

/* One that connections share: of the same context most have the same. */
struct shared_identity {
  struct identity value;
  unsigned users;
};

/* What the SSL itself does not tell. */
struct identity_terms {
  bool server;
  bool check_hostname;
  bool psk;
  bool verify_callback;
  bool own_certificate; /* has it one that is not its context's? */
  const char *hostname; /* as it is used; NULL: none */
  const unsigned char *trust;
  const unsigned char *alpn; /* in wire form; NULL: none */
  size_t alpn_length;
};

/* Fill in *id for a connection that is about to begin. False: the error queue
** says why. */
MUST_USE bool identity_take(struct identity *id, SSL *ssl,
                            const struct identity_terms *terms);

/* Note which certificates the SSL has now. False: the queue says why. */
MUST_USE bool identity_take_certificates(struct identity *id, SSL *ssl);

/*
** A shared identity with this value, and the caller its user: *last, if it has
** that, else a new one, of which *last has a reference then too. NULL: out of
** memory.
*/
struct shared_identity *identity_share(struct shared_identity **last,
                                       const struct identity *id);

/* One user less; NULL is fine. */
void identity_release(struct shared_identity *s);

bool identity_equal(const struct identity *a, const struct identity *b);

/* Write the names of the parts that differ into text[size], ", " between. */
void identity_difference(const struct identity *a, const struct identity *b,
                         char *text, size_t size);

/* SHA-256 of it, with `more` bytes behind. False: the error queue says why. */
MUST_USE bool identity_digest(const struct identity *id, const void *more,
                              size_t length,
                              unsigned char digest[IDENTITY_DIGEST]);

HIDDEN_END

#endif
