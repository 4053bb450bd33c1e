/*
** egd.c - the client's side of the Entropy Gathering Daemon's protocol.
*/
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "egd.h"
#include "fdio.h"
#include "fdwait.h"
#include "net.h"

enum command { READ_SOME = 0x01, READ_ALL = 0x02 };

#define MOST 255 /* a count is one byte */

/* Why a transfer stopped: 0 for a signal, after which it goes on. */
static int stopped(const struct fdio *io) {
  switch (io->wire.event) {
  case WIRE_SIGNAL: return 0;
  case WIRE_TIMEOUT: return ETIMEDOUT;
  case WIRE_END: return ECONNRESET;
  default: return io->wire.error;
  }
}

static int send_all(struct fdio *io, const unsigned char *data, size_t length) {
  while (length > 0) {
    size_t n = fdio_send(io, data, length);
    int error = n > 0 ? 0 : stopped(io);
    if (error != 0) return error;
    data += n;
    length -= n;
  }
  return 0;
}

/* Receive `length` bytes; *got is raised by what came, on an error too. */
static int receive_all(struct fdio *io, unsigned char *data, size_t length,
                       size_t *got) {
  while (length > 0) {
    size_t n = fdio_receive(io, data, length);
    int error = n > 0 ? 0 : stopped(io);
    if (error != 0) return error;
    data += n;
    length -= n;
    *got += n;
  }
  return 0;
}

/* Ask once for 1..MOST bytes; READ_SOME may give fewer, even none. */
static int ask(struct fdio *io, enum command command, unsigned char *out,
               size_t count, size_t *got) {
  unsigned char request[2] = {(unsigned char)command, (unsigned char)count};
  unsigned char answer = request[1];
  size_t header = 0;
  int error = send_all(io, request, sizeof request);
  if (error == 0 && command == READ_SOME)
    error = receive_all(io, &answer, 1, &header);
  if (error != 0) return error;
  if (answer > count) return EPROTO;
  error = receive_all(io, out, answer, got);
  return error == 0 && net_peek(io->fd) ? EPROTO : error;
}

/* Fill out with what the daemon has, and wait for what is missing. */
static int converse(struct fdio *io, unsigned char *out, size_t wanted,
                    size_t *got) {
  int error = 0;
  enum command command = READ_SOME;
  while (error == 0 && *got < wanted) {
    size_t before = *got;
    size_t missing = wanted - before;
    size_t count = missing < MOST ? missing : MOST;
    error = ask(io, command, out + before, count, got);
    if (*got - before < count) command = READ_ALL;
  }
  return error;
}

static int await_connected(int fd, double deadline) {
  for (;;) {
    switch (fdwait(fd, FDWAIT_WRITE, deadline)) {
    case FDWAIT_READY: return net_connect_result(fd);
    case FDWAIT_TIMEOUT: return ETIMEDOUT;
    case FDWAIT_SIGNAL: break;
    default: return errno;
    }
  }
}

static int connect_path(const char *path, double deadline, int *fd) {
  struct address a;
  *fd = -1;
  if (path[0] == '\0') return ENOENT;
  if (!address_unix(&a, path, strlen(path))) return ENAMETOOLONG;
  int error = net_open(AF_UNIX, fd);
  if (error != 0) return error;
  error = net_connect(*fd, &a);
  return error == EINPROGRESS ? await_connected(*fd, deadline) : error;
}

int egd_read(const char *path, unsigned char *out, size_t wanted,
             double deadline, size_t *got) {
  struct fdio io;
  int fd;
  *got = 0;
  int error = connect_path(path, deadline, &fd);
  if (error == 0) {
    fdio_init(&io, fd);
    io.wire.wait = true;
    io.deadline = deadline;
    error = converse(&io, out, wanted, got);
  }
  if (fd >= 0) (void)net_close(fd);
  return error;
}
