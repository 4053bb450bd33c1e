/*
** hello.h - the ClientHello that a server waits for, and the question that is
** put to its user when it has come: which context is this name for?
** OpenSSL pauses there and nobody calls Lua below it: a step of the engine ends
** in STEP_CALLBACK, the answer is given from outside, the step is called again.
** (A switch in OpenSSL's servername callback would let a resumed session skip
** the other context's client certificate: proofs.md 1.3.)
** Owns the copy of the name. Calls: OpenSSL. Called by: engine, which has one
** hello for each connection.
*/
#ifndef PYSSL_TLS_HELLO_H
#define PYSSL_TLS_HELLO_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "compat.h"

HIDDEN_BEGIN

enum hello_state {
  HELLO_UNASKED, /* nobody asks: OpenSSL goes on by itself */
  HELLO_AWAITED,
  HELLO_ASKED, /* it is there, and no step goes on without an answer */
  HELLO_ANSWERED
};

#define HELLO_ACCEPTED (-1) /* instead of an alert */

struct hello {
  enum hello_state state;
  int alert;  /* the answer: refuse with this alert, or HELLO_ACCEPTED */
  char *name; /* the server's name, ASCII; NULL where the hello has none */
};

/* Install the callback on a context; it does nothing where nobody asks. For
** every context: any may be the one that is switched to. */
void hello_prepare_context(SSL_CTX *context);

/* Let a context that is switched to acknowledge the name. Not for every one:
** with a servername callback OpenSSL tries TLS 1.3 also without a certificate.
*/
void hello_acknowledge(SSL_CTX *context);

/* Are servers on this context to ask? False: the error queue says why not. */
MUST_USE bool hello_set_asking(SSL_CTX *context, bool asking);
bool hello_is_asking(const SSL_CTX *context);

/* Let *h have the hello of this SSL; it must outlive it. */
MUST_USE bool hello_watch(struct hello *h, SSL *ssl);

/* Free the name. */
void hello_clear(struct hello *h);

HIDDEN_END

#endif
