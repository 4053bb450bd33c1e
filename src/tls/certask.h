/*
** certask.h - the question which certificate an end is to show, put when
** OpenSSL needs to know: on servers when the hello is understood, on clients
** when the server asks for one, after the handshake too. OpenSSL pauses there
** (proofs.md 2): a step of the engine ends in STEP_CALLBACK, the answer is
** given from outside, the step is called again. Resumed sessions need none.
** Owns nothing. Calls: OpenSSL. Called by: inquiry, which has one, and engine.
*/
#ifndef PYSSL_TLS_CERTASK_H
#define PYSSL_TLS_CERTASK_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "compat.h"

HIDDEN_BEGIN

enum certask_state { CERTASK_UNASKED, CERTASK_ASKED, CERTASK_ANSWERED };

struct certask {
  enum certask_state state;
  bool refused; /* the answer: end the handshake, with internal_error */
};

/* Let *a have the question of this SSL, or where it is NULL nobody; it must
** outlive the SSL. */
void certask_watch(struct certask *a, SSL *ssl);

/* The question was dealt with: go on, or refuse. */
void certask_answer(struct certask *a, bool refused);

/* A handshake is over: the next one asks again. */
void certask_end(struct certask *a);

HIDDEN_END

#endif
