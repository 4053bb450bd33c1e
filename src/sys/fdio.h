/*
** fdio.h - receive and send on a stream descriptor, waiting where told to; or
** on two queues in its place, which somebody else fills and empties.
** TLS's BIO and the plain mode of a socket both go through here. A call that
** comes back short says why in `wire`; nothing is lost by calling again.
** Reading ahead: behind the rest of a large record the next one's header is
** received in the same call, and small records many at a time. What is ahead
** waits in front; no byte is copied that would not have been, but those.
** Owns the bytes pushed back and those in the queues; not the descriptor.
** Calls: fdwait, clock, queue. Called by: egd, ktls, src/tls (fdbio, ktlsbio,
** engine, step), src/bind (socket, transport).
*/
#ifndef PYSSL_SYS_FDIO_H
#define PYSSL_SYS_FDIO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "clock.h"
#include "compat.h"
#include "fdwait.h"
#include "queue.h"
#include "wire.h"

HIDDEN_BEGIN

#define FDIO_HEAD 5 /* a TLS record's header, fetched ahead */

#define FDIO_AHEAD 1024 /* bytes of small records, received ahead at most */

#define FDIO_QUEUED (64 * 1024) /* the most bytes that wait to be taken */

/* In place of a descriptor: what has come, and what is to go. */
struct fdio_memory {
  struct queue in, out;
  bool ended;   /* no more comes */
  bool carried; /* somebody is taking what is queued, until nothing is left */
  int refused;  /* errno: nothing more can be sent; 0: it can */
};

struct fdio {
  struct wire wire;
  int fd;                     /* -1: none */
  struct fdio_memory *memory; /* in its place; NULL: none */
  double deadline;      /* CLOCK_NEVER: none; used where wire.wait is true */
  unsigned calls;       /* receives since the deadline was set */
  int lost;             /* errno of a receive that failed: no end comes after */
  unsigned char *front; /* bytes to hand out first: head, or owned memory */
  size_t front_left;
  unsigned char *owned; /* allocated start of front, or NULL */
  unsigned char head[FDIO_HEAD];
  bool read_ahead; /* receive beyond what is asked for, in the same call */
  bool bulk;       /* the last record was a large one */
  bool dry;        /* while reading ahead: nothing but what is in front */
};

void fdio_init(struct fdio *io, int fd);

/* Use the queues of *memory, zeroed, which must outlive *io. They never wait.
 */
void fdio_use_memory(struct fdio *io, struct fdio_memory *memory);

/* Free what was pushed back, and what is queued. */
void fdio_clear(struct fdio *io);

/* Bytes that are received without the descriptor. */
size_t fdio_buffered(const struct fdio *io);

/* Bytes sent that nobody has taken yet, nor is about to. */
static inline size_t fdio_unsent(const struct fdio *io) {
  const struct fdio_memory *m = io->memory;
  return m == NULL || m->carried ? 0 : m->out.length;
}

/* Is a whole TLS record in front? */
static inline bool fdio_has_record(const struct fdio *io) {
  const unsigned char *p = io->front;
  return io->front_left >= FDIO_HEAD &&
         io->front_left - FDIO_HEAD >= ((size_t)p[3] << 8 | p[4]);
}

/* Put a copy of bytes in front of what is still to be received; 0 on success,
** else ENOMEM. */
MUST_USE int fdio_push_back(struct fdio *io, const void *data, size_t length);

/* 1..length bytes, or 0 with the reason in wire.event. */
size_t fdio_receive(struct fdio *io, void *data, size_t length);

/* Go on with fdio_receive, whose first call gave `n` and errno. */
size_t fdio_receive_on(struct fdio *io, void *data, size_t length, ssize_t n);

/* Is fdio_receive one call that waits for as long as it takes? */
static inline bool fdio_is_direct(const struct fdio *io) {
  return io->wire.wait && io->deadline == CLOCK_NEVER && io->front_left == 0 &&
         io->memory == NULL && !io->read_ahead;
}

/* It, where it is that, and length is not 0; for the reads of each record. */
static inline size_t fdio_receive_directly(struct fdio *io, void *data,
                                           size_t length) {
  ssize_t n = recv(io->fd, data, length, 0);
  if (n <= 0) return fdio_receive_on(io, data, length, n);
  io->wire.event = WIRE_NONE;
  return (size_t)n;
}

/* Fetch a record's header into the front, without waiting, or what io reads
** ahead; true when there is something in front. */
bool fdio_fetch(struct fdio *io);

/* 1..length bytes sent, or 0 with the reason in wire.event: of queues, that
** FDIO_QUEUED are in them. Never SIGPIPE. */
size_t fdio_send(struct fdio *io, const void *data, size_t length);

/* For those who call the descriptor in other ways (ktls.h): the flags that make
** a call wait, or not. */
int fdio_flags(const struct fdio *io);

/* A call failed with `error`: wait where that helps and io says so. True: call
** again; else wire.event has the reason. */
MUST_USE bool fdio_again(struct fdio *io, enum fdwait_mode mode, int error);

/* A receive gave 0 bytes, nothing more comes; or a call fails with `error`.
** Both give 0. */
size_t fdio_end(struct fdio *io);
size_t fdio_fail(struct fdio *io, int error);

HIDDEN_END

#endif
