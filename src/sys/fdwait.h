/*
** fdwait.h - wait until one descriptor is ready or a deadline has passed.
** By poll(2), so that descriptors above FD_SETSIZE work too.
** Owns nothing. Calls: clock. Called by: fdio, egd, src/bind (ssl.wait).
*/
#ifndef PYSSL_SYS_FDWAIT_H
#define PYSSL_SYS_FDWAIT_H

#include "compat.h"

HIDDEN_BEGIN

enum fdwait {
  FDWAIT_READY,
  FDWAIT_TIMEOUT,
  FDWAIT_SIGNAL, /* return to Lua, so that its hook runs; then call again */
  FDWAIT_ERROR   /* errno says which; EBADF for a descriptor that is closed */
};

enum fdwait_mode { FDWAIT_READ, FDWAIT_WRITE };

/*
** Wait until fd can be read or written without blocking, or `deadline` (see
** clock.h) has passed; one that has passed already asks once. A descriptor in
** error or hung up is ready: the next operation on it tells why.
*/
enum fdwait fdwait(int fd, enum fdwait_mode mode, double deadline);

HIDDEN_END

#endif
