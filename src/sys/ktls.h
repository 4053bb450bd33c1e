/*
** ktls.h - TLS records through a descriptor whose kernel does the encryption
** (Linux, Documentation/networking/tls.rst): what a plain send and recv cannot
** say is the type of a record, if it is another than application data.
** Waits where the fdio says so, as fdio does; never SIGPIPE.
** Owns nothing.
** Calls: fdio. Called by: src/tls/ktlsbio, src/tls/step.
*/
#ifndef PYSSL_SYS_KTLS_H
#define PYSSL_SYS_KTLS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "compat.h"
#include "fdio.h"

HIDDEN_BEGIN

/* Let the kernel's TLS be switched on for a connected TCP socket. That changes
** nothing yet, and cannot be undone. False: this kernel has none. */
MUST_USE bool ktls_prepare(int fd);

/* 1..length bytes sent as records of a type, or 0 with the reason in
** wire.event. */
size_t ktls_send(struct fdio *io, unsigned char type, const void *data,
                 size_t length);

/*
** One record, decrypted, with a header before it that tells of its type and
** length: how many bytes that makes, or 0 with the reason in wire.event.
** `size` must leave room for header and tag.
*/
size_t ktls_receive(struct fdio *io, void *data, size_t size);

/* SIGPIPE in this thread, kept away from calls that have no MSG_NOSIGNAL. What
** they raise is forgotten. errno stays as it is. */
struct ktls_quiet {
  sigset_t before;
  bool pending;
};

void ktls_hush(struct ktls_quiet *q);
void ktls_unhush(const struct ktls_quiet *q);

HIDDEN_END

#endif
