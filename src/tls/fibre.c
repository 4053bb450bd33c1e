#include "fibre.h"

#include <stddef.h>

#include <openssl/async.h>

void fibre_allow(struct fibre *f) {
  f->on = ASYNC_is_capable();
}

/* The mode is on for this call alone: whatever else is called on the SSL is to
** stay on its caller's stack, whose buffers a paused job would outlive. */
static int enter(struct fibre *f, SSL *ssl) {
  f->inside = true;
  f->entries++;
  SSL_set_mode(ssl, SSL_MODE_ASYNC);
  int result = SSL_do_handshake(ssl);
  SSL_clear_mode(ssl, SSL_MODE_ASYNC);
  f->inside = false;
  return result;
}

int fibre_handshake(struct fibre *f, SSL *ssl) {
  if (f == NULL || !f->on || ASYNC_get_current_job() != NULL)
    return SSL_do_handshake(ssl);
  int result = enter(f, ssl);
  while (f->errand != NULL) {
    void (*errand)(void *) = f->errand;
    f->errand = NULL;
    errand(f->argument);
    result = enter(f, ssl);
  }
  if (result > 0 || SSL_want(ssl) != SSL_ASYNC_NO_JOBS) return result;
  f->on = false; /* the host allows no more of them */
  return SSL_do_handshake(ssl);
}

/* OpenSSL pauses no job while that is blocked, and does not tell. */
bool fibre_pause(struct fibre *f) {
  unsigned before = f->entries;
  return f->inside && ASYNC_pause_job() && f->entries != before;
}

void fibre_run(struct fibre *f, void (*errand)(void *), void *argument) {
  if (f != NULL && f->inside) {
    f->errand = errand;
    f->argument = argument;
    if (fibre_pause(f)) return; /* it is done */
    f->errand = NULL;
  }
  errand(argument);
}
