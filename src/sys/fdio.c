/*
** fdio.c - receive and send on a stream descriptor, or on queues.
** The hot path of every connection: with no deadline a plain recv or send,
** else one that does not wait, and poll only after EAGAIN.
*/
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "clock.h"
#include "fdio.h"
#include "fdwait.h"

#define CALLS_PER_LOOK 64

void fdio_init(struct fdio *io, int fd) {
  memset(io, 0, sizeof *io);
  io->fd = fd;
  io->deadline = CLOCK_NEVER;
  if (MSG_NOSIGNAL == 0 && fd >= 0) {
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
  }
}

void fdio_use_memory(struct fdio *io, struct fdio_memory *memory) {
  io->memory = memory;
}

static void clear_front(struct fdio *io) {
  free(io->owned);
  io->owned = NULL;
  io->front = NULL;
  io->front_left = 0;
}

void fdio_clear(struct fdio *io) {
  clear_front(io);
  if (io->memory == NULL) return;
  queue_clear(&io->memory->in);
  queue_clear(&io->memory->out);
}

size_t fdio_buffered(const struct fdio *io) {
  return io->front_left + (io->memory != NULL ? io->memory->in.length : 0);
}

int fdio_push_back(struct fdio *io, const void *data, size_t length) {
  if (length == 0) return 0;
  if (length > SIZE_MAX - io->front_left) return ENOMEM;
  size_t all = length + io->front_left;
  unsigned char *memory = malloc(all);
  if (memory == NULL) return ENOMEM;
  memcpy(memory, data, length);
  if (io->front_left > 0) memcpy(memory + length, io->front, io->front_left);
  free(io->owned);
  io->owned = memory;
  io->front = memory;
  io->front_left = all;
  return 0;
}

/* Hand out what is in front. */
static size_t take_front(struct fdio *io, void *data, size_t length) {
  size_t n = length < io->front_left ? length : io->front_left;
  io->wire.event = WIRE_NONE;
  if (n == 0) return 0;
  memcpy(data, io->front, n);
  io->front += n;
  io->front_left -= n;
  if (io->front_left == 0) clear_front(io);
  return n;
}

/* The flags that make a call wait, or not, as io says. */
static int wait_flags(const struct fdio *io) {
  return io->wire.wait && io->deadline == CLOCK_NEVER ? 0 : MSG_DONTWAIT;
}

static bool stop(struct fdio *io, enum wire_event event) {
  io->wire.event = event;
  return false;
}

static bool stop_error(struct fdio *io, int error) {
  io->wire.error = error;
  return stop(io, WIRE_ERROR);
}

/* The descriptor was not ready: wait where io says so. Ready now? */
static bool await(struct fdio *io, enum fdwait_mode mode) {
  if (!io->wire.wait) return stop(io, WIRE_BLOCKED);
  switch (fdwait(io->fd, mode, io->deadline)) {
  case FDWAIT_READY: return true;
  case FDWAIT_TIMEOUT: return stop(io, WIRE_TIMEOUT);
  case FDWAIT_SIGNAL: return stop(io, WIRE_SIGNAL);
  default: return stop_error(io, errno);
  }
}

/* A call failed with `error`: is it to be repeated? */
static bool again(struct fdio *io, enum fdwait_mode mode, int error) {
  if (error == EAGAIN || error == EWOULDBLOCK) return await(io, mode);
  if (error == EINTR) return stop(io, WIRE_SIGNAL);
  if (mode == FDWAIT_READ) io->lost = error;
  return stop_error(io, error);
}

/* Nothing more comes. The system tells a reset once, and an end from then on:
** that is the same failure still. */
static bool end(struct fdio *io) {
  return io->lost != 0 ? stop_error(io, io->lost) : stop(io, WIRE_END);
}

/* Has the deadline passed? A flood that never lets us wait is not to outlast
** it, so the clock is looked at now and then. */
static bool is_late(struct fdio *io) {
  if (!io->wire.wait || io->deadline == CLOCK_NEVER) return false;
  return ++io->calls % CALLS_PER_LOOK == 0 && clock_now() >= io->deadline;
}

/* ---- queues ---- */

static bool stop_empty(struct fdio *io) {
  return io->memory->ended ? end(io) : stop(io, WIRE_BLOCKED);
}

static size_t take_queued(struct fdio *io, void *data, size_t length) {
  size_t n = queue_take(&io->memory->in, data, length);
  io->wire.event = WIRE_NONE;
  return n > 0 ? n : stop_empty(io);
}

static size_t queue_output(struct fdio *io, const void *data, size_t length) {
  struct fdio_memory *m = io->memory;
  size_t room = FDIO_QUEUED - m->out.length;
  size_t n = length < room ? length : room;
  if (m->refused != 0) return stop_error(io, m->refused);
  if (n == 0 && length > 0) return stop(io, WIRE_BLOCKED);
  if (!queue_add(&m->out, data, n)) return stop_error(io, ENOMEM);
  io->wire.event = WIRE_NONE;
  return n;
}

/* ---- reading ahead ---- */

/* A record follows whose size nobody knows: is there memory for many? */
static bool make_room(struct fdio *io) {
  if (!io->bulk) io->owned = malloc(FDIO_AHEAD);
  return io->owned != NULL;
}

static size_t receive_into(struct fdio *io, struct iovec *to, int places) {
  struct msghdr message = {.msg_iov = to, .msg_iovlen = (size_t)places};
  int flags = wait_flags(io);
  for (;;) {
    ssize_t n = recvmsg(io->fd, &message, flags);
    if (n > 0) {
      io->wire.event = WIRE_NONE;
      return (size_t)n;
    }
    if (n == 0) return end(io);
    if (!again(io, FDWAIT_READ, errno)) return 0;
  }
}

/* What is asked for, and with nothing in front something behind it. */
static size_t receive_ahead(struct fdio *io, void *data, size_t length) {
  struct iovec to[] = {{data, length}, {io->head, FDIO_HEAD}};
  int places = 2;
  if (io->dry) return stop(io, WIRE_BLOCKED);
  if (length > FDIO_HEAD) io->bulk = length >= FDIO_AHEAD;
  if (make_room(io))
    to[1] = (struct iovec){io->owned, FDIO_AHEAD};
  else if (length <= FDIO_HEAD)
    places = 1;
  size_t n = receive_into(io, to, places);
  io->front = to[1].iov_base;
  io->front_left = n > length ? n - length : 0;
  if (io->front_left == 0) clear_front(io);
  return n - io->front_left;
}

/* ---- either ---- */

size_t fdio_receive_on(struct fdio *io, void *data, size_t length, ssize_t n) {
  for (;;) {
    if (n > 0) {
      io->wire.event = WIRE_NONE;
      return (size_t)n;
    }
    if (n == 0) return end(io);
    if (!again(io, FDWAIT_READ, errno)) return 0;
    n = recv(io->fd, data, length, wait_flags(io));
  }
}

size_t fdio_receive(struct fdio *io, void *data, size_t length) {
  if (io->front_left > 0 || length == 0) return take_front(io, data, length);
  if (io->memory != NULL) return take_queued(io, data, length);
  if (is_late(io)) return stop(io, WIRE_TIMEOUT);
  if (io->read_ahead) return receive_ahead(io, data, length);
  return fdio_receive_on(io, data, length,
                         recv(io->fd, data, length, wait_flags(io)));
}

bool fdio_fetch(struct fdio *io) {
  io->wire.event = WIRE_NONE;
  if (io->front_left > 0) return true;
  if (io->memory != NULL) return io->memory->in.length > 0 || stop_empty(io);
  bool many = io->read_ahead && make_room(io);
  unsigned char *to = many ? io->owned : io->head;
  ssize_t n = recv(io->fd, to, many ? FDIO_AHEAD : FDIO_HEAD, MSG_DONTWAIT);
  if (n > 0) {
    io->front = to;
    io->front_left = (size_t)n;
    return true;
  }
  int error = errno;
  if (many) clear_front(io);
  if (n == 0) return end(io);
  if (error == EAGAIN || error == EWOULDBLOCK) return stop(io, WIRE_BLOCKED);
  return again(io, FDWAIT_READ, error);
}

size_t fdio_send(struct fdio *io, const void *data, size_t length) {
  if (io->memory != NULL) return queue_output(io, data, length);
  int flags = wait_flags(io) | MSG_NOSIGNAL;
  for (;;) {
    ssize_t n = send(io->fd, data, length, flags);
    if (n >= 0) {
      io->wire.event = WIRE_NONE;
      return (size_t)n;
    }
    if (!again(io, FDWAIT_WRITE, errno)) return 0;
  }
}

/* ---- for others ---- */

int fdio_flags(const struct fdio *io) {
  return wait_flags(io);
}

bool fdio_again(struct fdio *io, enum fdwait_mode mode, int error) {
  return again(io, mode, error);
}

size_t fdio_end(struct fdio *io) {
  return end(io);
}

size_t fdio_fail(struct fdio *io, int error) {
  return stop_error(io, error);
}
