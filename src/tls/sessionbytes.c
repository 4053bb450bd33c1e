#include "sessionbytes.h"

#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>

#include "digest.h"

/* The last byte is the version of the format. */
static const unsigned char mark[] = {'p', 'y', 's', 's', 'l', 'S', 'E', 1};

#define AHEAD  (sizeof mark + sizeof(struct identity))
#define BEHIND IDENTITY_DIGEST

size_t sessionbytes_size(SSL_SESSION *session) {
  int length = i2d_SSL_SESSION(session, NULL);
  return length > 0 ? AHEAD + (size_t)length + BEHIND : 0;
}

bool sessionbytes_write(SSL_SESSION *session, const struct identity *id,
                        unsigned char *out, size_t size) {
  unsigned char *at = out + AHEAD;
  memcpy(out, mark, sizeof mark);
  memcpy(out + sizeof mark, id, sizeof *id);
  return sessionbytes_size(session) == size &&
         i2d_SSL_SESSION(session, &at) > 0 && at == out + size - BEHIND &&
         digest_bytes(out, size - BEHIND, at);
}

static SSL_SESSION *refuse(struct tls_error *e, const char *message) {
  tlserr_clear();
  tlserr_set(e, ERROR_VALUE, "%s", message);
  return NULL;
}

/* The DER between the identity and the digest, all of it. */
static SSL_SESSION *read_session(const unsigned char *data, size_t length,
                                 struct tls_error *e) {
  const unsigned char *at = data;
  if (length > LONG_MAX) return refuse(e, "not a session: too long");
  SSL_SESSION *session = d2i_SSL_SESSION(NULL, &at, (long)length);
  if (session == NULL) return refuse(e, "not a session: bad contents");
  if (at == data + length && SSL_SESSION_is_resumable(session)) return session;
  SSL_SESSION_free(session);
  return refuse(e, "not a session: bad contents");
}

SSL_SESSION *sessionbytes_read(const unsigned char *data, size_t length,
                               struct identity *id, struct tls_error *e) {
  unsigned char expected[IDENTITY_DIGEST];
  if (length < sizeof mark || memcmp(data, mark, sizeof mark - 1) != 0)
    return refuse(e, "not a session: these bytes were not exported");
  if (data[sizeof mark - 1] != mark[sizeof mark - 1])
    return refuse(e, "the session was exported in another version's format");
  if (length <= AHEAD + BEHIND)
    return refuse(e, "the exported session is cut short");
  if (!digest_bytes(data, length - BEHIND, expected))
    return refuse(e, "cannot compute the session's digest");
  if (CRYPTO_memcmp(expected, data + length - BEHIND, BEHIND) != 0)
    return refuse(e, "the exported session is cut short or altered");
  memcpy(id, data + sizeof mark, sizeof *id);
  return read_session(data + AHEAD, length - AHEAD - BEHIND, e);
}
