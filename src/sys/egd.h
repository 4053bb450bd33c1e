/*
** egd.h - the client's side of the Entropy Gathering Daemon's protocol.
** A request is a command and a count: 0x01 asks for what there is, and is
** answered by a count and as many bytes; 0x02 waits until there is enough, and
** is answered by the bytes alone. OpenSSL 3 no longer speaks it.
** Owns nothing beyond a call. Calls: address, net, fdwait, fdio, clock.
** Called by: src/bind/random.
*/
#ifndef PYSSL_SYS_EGD_H
#define PYSSL_SYS_EGD_H

#include <stddef.h>

#include "compat.h"

HIDDEN_BEGIN

/*
** Read `wanted` bytes of entropy from the daemon at the Unix-domain socket
** `path` into out[], until `deadline` (see clock.h). 0 when all are there;
** else an errno value: of the connection, ETIMEDOUT, ECONNRESET where the
** daemon closed early, EPROTO where it answered more than was asked. *got is
** the number of bytes in out either way. A signal does not end it.
*/
MUST_USE int egd_read(const char *path, unsigned char *out, size_t wanted,
                      double deadline, size_t *got);

HIDDEN_END

#endif
