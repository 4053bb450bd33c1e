#include "certask.h"

/* A server's answer lasts until the handshake is over: OpenSSL asks once more
** after a HelloRetryRequest. A client's is for this request alone. */
static int answer(struct certask *a, SSL *ssl) {
  if (a->refused) return 0;
  if (!SSL_is_server(ssl)) a->state = CERTASK_UNASKED;
  return 1;
}

static int on_certificate(SSL *ssl, void *pointer) {
  struct certask *a = pointer;
  if (a->state == CERTASK_ANSWERED) return answer(a, ssl);
  a->state = CERTASK_ASKED;
  return -1;
}

void certask_watch(struct certask *a, SSL *ssl) {
  SSL_set_cert_cb(ssl, a != NULL ? on_certificate : NULL, a);
}

void certask_answer(struct certask *a, bool refused) {
  a->state = CERTASK_ANSWERED;
  a->refused = refused;
}

void certask_end(struct certask *a) {
  if (a->state == CERTASK_ANSWERED && !a->refused) a->state = CERTASK_UNASKED;
}
