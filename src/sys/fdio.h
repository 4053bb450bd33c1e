/*
** fdio.h - receive and send on a stream descriptor, waiting where told to.
** TLS's BIO and the plain mode of a socket both go through here. A call that
** comes back short says why in `wire`; nothing is lost by calling again.
** Owns the bytes pushed back; does not own the descriptor.
** Calls: fdwait, clock. Called by: src/tls/fdbio, src/bind/socket.
*/
#ifndef PYSSL_SYS_FDIO_H
#define PYSSL_SYS_FDIO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "compat.h"
#include "wire.h"

HIDDEN_BEGIN

#define FDIO_HEAD 5 /* a TLS record's header, fetched ahead */

struct fdio {
  struct wire wire;
  int fd;               /* -1: none */
  double deadline;      /* CLOCK_NEVER: none; used where wire.wait is true */
  unsigned calls;       /* receives since the deadline was set */
  int lost;             /* errno of a receive that failed: no end comes after */
  unsigned char *front; /* bytes to hand out first: head, or owned memory */
  size_t front_left;
  unsigned char *owned; /* allocated start of front, or NULL */
  unsigned char head[FDIO_HEAD];
};

void fdio_init(struct fdio *io, int fd);

/* Free what was pushed back. */
void fdio_clear(struct fdio *io);

/* Put a copy of bytes in front of what is still to be received; 0 on success,
** else ENOMEM. */
MUST_USE int fdio_push_back(struct fdio *io, const void *data, size_t length);

/* 1..length bytes, or 0 with the reason in wire.event. */
size_t fdio_receive(struct fdio *io, void *data, size_t length);

/* Fetch up to FDIO_HEAD bytes into the front, without waiting; true when there
** is something in front. */
bool fdio_fetch(struct fdio *io);

/* 1..length bytes sent, or 0 with the reason in wire.event. Never SIGPIPE. */
size_t fdio_send(struct fdio *io, const void *data, size_t length);

HIDDEN_END

#endif
