/*
** net.h - stream sockets: open, connect, bind, listen, accept, describe.
** No call here waits; waiting is fdwait's. Unless said otherwise a result is 0
** or an errno value. Sockets made here are close-on-exec, and those of the
** inet families have TCP_NODELAY: TLS writes whole records, for which Nagle's
** delay only adds a round trip.
** Owns nothing: descriptors are the caller's.
** Calls: address. Called by: bell, egd, resolve, src/bind.
*/
#ifndef PYSSL_SYS_NET_H
#define PYSSL_SYS_NET_H

#include <stdbool.h>
#include <stddef.h>

#include "address.h"

HIDDEN_BEGIN

/* Make a stream socket of a family (AF_INET, AF_INET6, AF_UNIX) in *fd, which
** is -1 after an error. */
MUST_USE int net_open(int family, int *fd);

/* Make a descriptor that was made elsewhere like ours: close-on-exec. */
void net_adopt(int fd);

/*
** Start to connect: 0 when done already, EINPROGRESS (wait until writable,
** then net_connect_result), or the error. Never blocks, whatever the
** descriptor's flags, which stay as they were. A Unix-domain listener
** with a full queue gives EAGAIN: nothing was started, poll would not wait.
*/
MUST_USE int net_connect(int fd, const struct address *a);

/* How a connect ended (SO_ERROR; reading it clears it). */
MUST_USE int net_connect_result(int fd);

/* Is fd connected? 0, ENOTCONN, or another error (ENOTSOCK, EBADF). */
MUST_USE int net_connected(int fd);

/* Bind; with SO_REUSEADDR on the inet families. */
MUST_USE int net_bind(int fd, const struct address *a);

/* Make a listener O_NONBLOCK, so that net_accept cannot block on a connection
** that has gone again, or that another process took. */
MUST_USE int net_unblock(int fd);

/* Listen; the listener becomes O_NONBLOCK. */
MUST_USE int net_listen(int fd, int backlog);

/*
** Take a connection: *connection (-1 after an error) and the peer's address.
** EAGAIN where there is none; EINTR, and ECONNABORTED or a network error of
** that one connection, leave the listener as it was.
*/
MUST_USE int net_accept(int fd, int *connection, struct address *peer);

/* The address of the near end, and of the far end (ENOTCONN). */
MUST_USE int net_local(int fd, struct address *a);
MUST_USE int net_peer(int fd, struct address *a);

/* The numbers that made a socket (AF_, SOCK_, IPPROTO_; a protocol that the
** system does not tell is 0). ENOTSOCK for another kind of descriptor. */
MUST_USE int net_describe(int fd, int *family, int *type, int *protocol);

/* Is the descriptor without O_NONBLOCK? False too where it is closed. */
bool net_blocking(int fd);

/* A pair of connected sockets, closed in programs that are executed: 0 or an
** errno value. */
MUST_USE int net_pair(int ends[2]);

/* shutdown(2); `how` is SHUT_RD, SHUT_WR or SHUT_RDWR. */
int net_shutdown(int fd, int how);

/* close(2). EINTR counts as closed: the descriptor is gone, and its number may
** be another thread's by now. */
int net_close(int fd);

/* A close-on-exec duplicate in *copy, -1 after an error. */
MUST_USE int net_duplicate(int fd, int *copy);

/* 1 where data waits to be received, else 0 (nothing yet, the end, an error).
** Takes nothing away. For plaintext ahead of a handshake, CVE-2023-40217. */
int net_peek(int fd);

/* Receive and discard what has arrived, `limit` bytes at most: a close() with
** data unread would send a reset, and the peer might lose our last words. */
void net_drain(int fd, size_t limit);

/* setsockopt(2) and getsockopt(2). *length is the room in, the size out. */
MUST_USE int net_set_option(int fd, int level, int name, const void *value,
                            size_t length);
MUST_USE int net_get_option(int fd, int level, int name, void *value,
                            size_t *length);

HIDDEN_END

#endif
