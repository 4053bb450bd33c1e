/*
** bell.h - a descriptor that becomes readable when it is rung: how one
** coroutine wakes another through any event loop.
** Owns both ends of a pair of sockets. Calls: net. Called by: src/bind/ringer.
*/
#ifndef PYSSL_SYS_BELL_H
#define PYSSL_SYS_BELL_H

#include "compat.h"

HIDDEN_BEGIN

struct bell {
  int fd; /* to watch; -1: there is none */
  int ringing_end;
};

/* Make the descriptors: 0, or an errno value, and then there are none. */
MUST_USE int bell_open(struct bell *b);

/* Make b->fd readable, until bell_quiet. Both are harmless when repeated. */
void bell_ring(struct bell *b);
void bell_quiet(struct bell *b);

/* Idempotent. */
void bell_close(struct bell *b);

HIDDEN_END

#endif
