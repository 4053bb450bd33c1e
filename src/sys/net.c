/*
** net.c - stream sockets: open, connect, bind, listen, accept, describe.
*/
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#include "net.h"

/* The outcome of a system call. */
static int outcome(int result) {
  return result < 0 ? errno : 0;
}

static int turn_on(int fd, int level, int name) {
  int on = 1;
  return outcome(setsockopt(fd, level, name, &on, sizeof on));
}

static bool is_inet(int family) {
  return family == AF_INET || family == AF_INET6;
}

void net_adopt(int fd) {
  (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
  if (MSG_NOSIGNAL == 0) (void)turn_on(fd, SOL_SOCKET, SO_NOSIGPIPE);
}

/* What every socket of ours has; none of it is worth failing for. */
static void prepare(int fd, int family) {
  if (SOCK_CLOEXEC == 0 || MSG_NOSIGNAL == 0) net_adopt(fd);
  if (is_inet(family)) (void)turn_on(fd, IPPROTO_TCP, TCP_NODELAY);
}

int net_open(int family, int *fd) {
  *fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (*fd < 0) return errno;
  prepare(*fd, family);
  return 0;
}

int net_connect(int fd, const struct address *a) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return errno;
  bool blocking = !(flags & O_NONBLOCK);
  if (blocking && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return errno;
  int error = outcome(connect(fd, &a->u.sa, a->length));
  if (error == ECONNABORTED) /* Linux: the last connect's failure, once more */
    error = outcome(connect(fd, &a->u.sa, a->length));
  if (blocking) (void)fcntl(fd, F_SETFL, flags);
  bool goes_on = error == EINTR || error == EALREADY; /* POSIX */
  return goes_on ? EINPROGRESS : error;
}

int net_connect_result(int fd) {
  int error = 0;
  size_t length = sizeof error;
  int failed = net_get_option(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  return failed != 0 ? failed : error;
}

int net_connected(int fd) {
  struct address peer;
  int error = net_peer(fd, &peer);
  return error == EINVAL ? ENOTCONN : error; /* BSD, after a shutdown */
}

int net_bind(int fd, const struct address *a) {
  if (is_inet(a->u.sa.sa_family)) {
    int error = turn_on(fd, SOL_SOCKET, SO_REUSEADDR);
    if (error != 0) return error;
  }
  return outcome(bind(fd, &a->u.sa, a->length));
}

int net_unblock(int fd) {
  int flags = fcntl(fd, F_GETFL);
  return flags < 0 ? errno : outcome(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

int net_listen(int fd, int backlog) {
  return listen(fd, backlog) < 0 ? errno : net_unblock(fd);
}

/* An address for the system to fill. */
static void blank(struct address *a) {
  memset(a, 0, sizeof *a);
  a->length = sizeof a->u;
}

int net_accept(int fd, int *connection, struct address *peer) {
  blank(peer);
  *connection = accept4(fd, &peer->u.sa, &peer->length, SOCK_CLOEXEC);
  if (*connection < 0) return errno;
  prepare(*connection, peer->u.sa.sa_family);
  return 0;
}

int net_local(int fd, struct address *a) {
  blank(a);
  return outcome(getsockname(fd, &a->u.sa, &a->length));
}

int net_peer(int fd, struct address *a) {
  blank(a);
  return outcome(getpeername(fd, &a->u.sa, &a->length));
}

int net_describe(int fd, int *family, int *type, int *protocol) {
  struct address local;
  size_t length = sizeof *type;
  int error = net_local(fd, &local);
  if (error != 0) return error;
  *family = local.u.sa.sa_family;
  error = net_get_option(fd, SOL_SOCKET, SO_TYPE, type, &length);
  if (error != 0) return error;
  length = sizeof *protocol;
  if (net_get_option(fd, SOL_SOCKET, SO_PROTOCOL, protocol, &length) != 0)
    *protocol = 0;
  return 0;
}

bool net_blocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && !(flags & O_NONBLOCK);
}

int net_pair(int ends[2]) {
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
    return errno;
  for (int i = 0; SOCK_CLOEXEC == 0 && i < 2; i++)
    (void)fcntl(ends[i], F_SETFD, FD_CLOEXEC);
  return 0;
}

int net_shutdown(int fd, int how) {
  return outcome(shutdown(fd, how));
}

int net_close(int fd) {
  int error = outcome(close(fd));
  return error == EINTR ? 0 : error;
}

int net_duplicate(int fd, int *copy) {
  *copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return outcome(*copy);
}

int net_peek(int fd) {
  char byte;
  return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

void net_drain(int fd, size_t limit) {
  char bytes[4096];
  while (limit > 0) {
    size_t most = limit < sizeof bytes ? limit : sizeof bytes;
    ssize_t n = recv(fd, bytes, most, MSG_DONTWAIT);
    if (n <= 0) break;
    limit -= (size_t)n;
  }
}

int net_set_option(int fd, int level, int name, const void *value,
                   size_t length) {
  return outcome(setsockopt(fd, level, name, value, (socklen_t)length));
}

int net_get_option(int fd, int level, int name, void *value, size_t *length) {
  socklen_t size = (socklen_t)*length;
  int error = outcome(getsockopt(fd, level, name, value, &size));
  if (error == 0) *length = size;
  return error;
}
