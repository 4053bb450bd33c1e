#include "inquiry.h"

#include <stddef.h>

#include <openssl/crypto.h>

struct inquiry *inquiry_new(void) {
  struct inquiry *q = OPENSSL_zalloc(sizeof *q);
  if (q != NULL) q->hello.tape = &q->tape;
  return q;
}

bool inquiry_goes_on(const struct inquiry *q, SSL *ssl) {
  return SSL_version(ssl) < TLS1_3_VERSION || q->verdict.decide != NULL ||
         (q->certificate && !SSL_is_server(ssl));
}

void inquiry_free(struct inquiry *q, SSL *ssl) {
  if (q == NULL) return;
  if (q->hello.state != HELLO_UNASKED) hello_leave(ssl);
  if (q->certificate) certask_watch(NULL, ssl);
  tape_clear(&q->tape);
  hello_clear(&q->hello);
  verdict_clear(&q->verdict);
  OPENSSL_free(q);
}
