/*
** fdwait.c - wait until one descriptor is ready or a deadline has passed.
*/
#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "clock.h"
#include "fdwait.h"

enum fdwait fdwait(int fd, enum fdwait_mode mode, double deadline) {
  struct pollfd p = {.fd = fd, .events = POLLIN};
  int ms, ready;
  if (mode == FDWAIT_WRITE) p.events = POLLOUT;
  if (fd < 0) goto closed; /* poll would skip it and wait */
  do {                     /* once, unless the deadline is weeks away */
    ms = clock_poll_ms(deadline);
    ready = poll(&p, 1, ms);
  } while (ready == 0 && ms == INT_MAX);
  if (ready < 0) return errno == EINTR ? FDWAIT_SIGNAL : FDWAIT_ERROR;
  if (ready == 0) return FDWAIT_TIMEOUT;
  if (!(p.revents & POLLNVAL)) return FDWAIT_READY;
closed:
  errno = EBADF;
  return FDWAIT_ERROR;
}
