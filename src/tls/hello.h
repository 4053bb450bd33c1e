/*
** hello.h - the ClientHello that a server waits for, and the question that is
** put to its user when it has come: which context is this client for?
** OpenSSL pauses there and nobody calls Lua below it: a step of the engine ends
** in STEP_CALLBACK, the answer is given from outside, the step is called again.
** (A switch in OpenSSL's servername callback would let a resumed session skip
** the other context's client certificate: proofs.md 1.3.)
** Owns the copies of the name and of the offer. Calls: offer, OpenSSL. Called
** by: inquiry, engine and step; a connection has one, where somebody asks.
*/
#ifndef PYSSL_TLS_HELLO_H
#define PYSSL_TLS_HELLO_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "offer.h"

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
  const struct tape *tape; /* the bytes, until there is an answer */
  struct offer offer;      /* as far as somebody wants to see it, until then */
};

/* What a context's users want to be asked with. */
enum { HELLO_NAME = 1, HELLO_OFFER = 2 };

/* Install the callback on a context; it does nothing where nobody asks. For
** every context: any may be the one that is switched to. */
void hello_prepare_context(SSL_CTX *context);

/* What servers on this context ask for: HELLO_* or-ed together, 0 for nothing.
** False: the error queue says why that cannot be set. */
MUST_USE bool hello_set_asking(SSL_CTX *context, unsigned what);
unsigned hello_asking(const SSL_CTX *context);

/* Let *h have the hello of this SSL, and then nobody. */
MUST_USE bool hello_watch(struct hello *h, SSL *ssl);
void hello_leave(SSL *ssl);

/* A name that was asked about is acknowledged, and none else (proofs.md 1.4):
** what a servername callback returns. NULL: nobody asks. */
int hello_acknowledge(const struct hello *h);

/* The question is answered: the offer has served. */
void hello_answer(struct hello *h, int alert);

/* Free the name and the offer. */
void hello_clear(struct hello *h);

HIDDEN_END

#endif
