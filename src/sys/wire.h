/*
** wire.h - what the last call on a transport came to, whatever it is: a
** descriptor (fdio) or memory (src/tls/membio). The engine classifies OpenSSL's
** results by it.
** Owns nothing.
*/
#ifndef PYSSL_SYS_WIRE_H
#define PYSSL_SYS_WIRE_H

#include <stdbool.h>

#include "compat.h"

HIDDEN_BEGIN

enum wire_event {
  WIRE_NONE,
  WIRE_BLOCKED, /* not ready, and told not to wait */
  WIRE_TIMEOUT, /* the deadline passed */
  WIRE_SIGNAL,  /* a signal came; call again */
  WIRE_END,     /* the peer sends no more */
  WIRE_ERROR    /* `error` has the errno */
};

struct tape;

struct wire {
  enum wire_event event; /* what stopped the last call, WIRE_NONE if nothing */
  int error;
  bool wait;         /* wait in the call; a transport in memory never does */
  struct tape *tape; /* a copy of what TLS has read (tape.h), or NULL */
};

HIDDEN_END

#endif
