#include "ktls.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "fdwait.h"

/* linux/tcp.h and linux/tls.h, which not every system has. */
enum {
  TCP_LAYER = 31,      /* TCP_ULP */
  LEVEL_TLS = 282,     /* SOL_TLS */
  SET_RECORD_TYPE = 1, /* TLS_SET_RECORD_TYPE */
  GET_RECORD_TYPE = 2, /* TLS_GET_RECORD_TYPE */
  TAG_ROOM = 16        /* of a record's tag, which OpenSSL counts in */
};

/* Room for one byte beside a message. */
union control {
  struct cmsghdr header;
  unsigned char space[CMSG_SPACE(1)];
};

bool ktls_prepare(int fd) {
  static const char layer[] = "tls";
  if (!HAS_KERNEL_TLS) return false;
  return setsockopt(fd, IPPROTO_TCP, TCP_LAYER, layer, sizeof layer) == 0 ||
         errno == EEXIST;
}

static size_t done(struct fdio *io, size_t n) {
  io->wire.event = WIRE_NONE;
  return n;
}

size_t ktls_send(struct fdio *io, unsigned char type, const void *data,
                 size_t length) {
  union control beside = {.space = {0}};
  struct iovec from = {(void *)data, length};
  struct msghdr message = {.msg_iov = &from,
                           .msg_iovlen = 1,
                           .msg_control = &beside,
                           .msg_controllen = sizeof beside.space};
  struct cmsghdr *c = CMSG_FIRSTHDR(&message);
  c->cmsg_level = LEVEL_TLS;
  c->cmsg_type = SET_RECORD_TYPE;
  c->cmsg_len = CMSG_LEN(1);
  *CMSG_DATA(c) = type;
  for (;;) {
    ssize_t n = sendmsg(io->fd, &message, fdio_flags(io) | MSG_NOSIGNAL);
    if (n >= 0) return done(io, (size_t)n);
    if (!fdio_again(io, FDWAIT_WRITE, errno)) return 0;
  }
}

/* Write the header that the kernel has taken off; 0 where the kernel has not
** said what the record is. */
static size_t put_header(struct fdio *io, struct msghdr *message,
                         unsigned char *to, size_t length) {
  struct cmsghdr *c = CMSG_FIRSTHDR(message);
  if (c == NULL || c->cmsg_level != LEVEL_TLS ||
      c->cmsg_type != GET_RECORD_TYPE)
    return fdio_fail(io, EBADMSG);
  to[0] = *CMSG_DATA(c);
  to[1] = to[2] = 3; /* TLS 1.2, as every record says */
  to[3] = (unsigned char)(length >> 8);
  to[4] = (unsigned char)length;
  return done(io, FDIO_HEAD + length);
}

size_t ktls_receive(struct fdio *io, void *data, size_t size) {
  unsigned char *to = data;
  union control beside;
  struct iovec into = {to + FDIO_HEAD, size - FDIO_HEAD - TAG_ROOM};
  if (size <= FDIO_HEAD + TAG_ROOM) return fdio_fail(io, EMSGSIZE);
  for (;;) {
    struct msghdr message = {.msg_iov = &into,
                             .msg_iovlen = 1,
                             .msg_control = &beside,
                             .msg_controllen = sizeof beside.space};
    ssize_t n = recvmsg(io->fd, &message, fdio_flags(io));
    if (n > 0) return put_header(io, &message, to, (size_t)n);
    if (n == 0) return fdio_end(io);
    if (!fdio_again(io, FDWAIT_READ, errno)) return 0;
  }
}

/* ---- SIGPIPE ---- */

static sigset_t only_pipe(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  return set;
}

void ktls_hush(struct ktls_quiet *q) {
  sigset_t pipe = only_pipe(), pending;
  sigemptyset(&pending);
  sigpending(&pending);
  q->pending = sigismember(&pending, SIGPIPE) == 1;
  (void)pthread_sigmask(SIG_BLOCK, &pipe, &q->before);
}

void ktls_unhush(const struct ktls_quiet *q) {
  const struct timespec at_once = {0, 0};
  sigset_t pipe = only_pipe();
  int error = errno;
  if (!q->pending)
    while (sigtimedwait(&pipe, NULL, &at_once) < 0 && errno == EINTR)
      continue;
  (void)pthread_sigmask(SIG_SETMASK, &q->before, NULL);
  errno = error;
}
