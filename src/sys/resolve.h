/*
** resolve.h - look a host name up without blocking the caller.
** getaddrinfo(3) has no deadline, so it runs on a helper thread; its end is a
** descriptor that any poller can watch.
** Owns: the look-up, the list that it found, and one of two connected sockets.
** The thread owns the other, and frees what was given up before it ended.
** Calls: net, the system. Called by: src/bind/resolver.
*/
#ifndef PYSSL_SYS_RESOLVE_H
#define PYSSL_SYS_RESOLVE_H

#include <netdb.h>

#include "compat.h"

HIDDEN_BEGIN

struct resolve;

/*
** Begin to look up the stream addresses of `host` (copied) for a family
** (AF_UNSPEC: all). The thread has every signal blocked. NULL on failure, with
** an errno value in *error.
*/
MUST_USE struct resolve *resolve_start(const char *host, int family,
                                       int *error);

/* The descriptor that becomes readable when the look-up has ended; it belongs
** to r and is not to be read. */
int resolve_fd(const struct resolve *r);

/*
** The result of a look-up that has ended: 0 and the addresses in *list, which
** r keeps and resolve_free frees; or an EAI_ code with *list NULL (EAI_SYSTEM:
** errno says which). EAI_AGAIN where it has not ended. May be called twice.
*/
MUST_USE int resolve_finish(struct resolve *r, struct addrinfo **list);

/* "EAI_NONAME" for EAI_NONAME, and so on; "EAI_FAIL" for a code unheard of. */
const char *resolve_error_name(int code);

/* Make the descriptor readable, whether the look-up has ended or not. */
void resolve_wake(struct resolve *r);

/* Free a look-up, at any time: one that still runs is given up, and what it
** finds is freed when its thread ends. NULL is allowed. */
void resolve_free(struct resolve *r);

HIDDEN_END

#endif
