/*
** inquiry.h - what a handshake may ask its user, and what it needs for that:
** which context the client is for (hello, with a tape of it), which certificate
** is to be shown (certask), whether the peer is accepted (verdict, perhaps on a
** fibre).
** Most connections ask nothing and have none; the others have it for as long as
** something can be asked, which for most of them ends with the handshake.
** Owns these. Calls: hello, tape, certask, verdict, fibre. Called by: engine,
** step, outcome.
*/
#ifndef PYSSL_TLS_INQUIRY_H
#define PYSSL_TLS_INQUIRY_H

#include <stdbool.h>

#include "../sys/tape.h"
#include "certask.h"
#include "compat.h"
#include "fibre.h"
#include "hello.h"
#include "verdict.h"

HIDDEN_BEGIN

struct inquiry {
  struct hello hello;     /* of a server: whom its client wants */
  struct tape tape;       /* what was read of it, until that is answered */
  struct certask certask; /* used where `certificate` */
  bool certificate;       /* is anybody asked for one? */
  struct verdict verdict;
  struct fibre fibre; /* of a server that asks for a verdict */
};

/* One that asks nothing yet. NULL: out of memory. */
struct inquiry *inquiry_new(void);

/* The handshake is over. Can anything be asked after it? In TLS 1.3 by a server
** that has authenticated its client only now, about that one's certificate; by
** a client that is asked for one. Before it by every other handshake. */
bool inquiry_goes_on(const struct inquiry *q, SSL *ssl);

/* Free it, and let its SSL not know it any more; NULL: that is gone. */
void inquiry_free(struct inquiry *q, SSL *ssl);

HIDDEN_END

#endif
