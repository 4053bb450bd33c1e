/*
** forklock.h - the process-wide locks, which a forked child finds free.
** A fork waits until no other thread holds one of them, so what they guard is
** whole in the child; there they are made anew. OpenSSL's own locks are not
** among them: a fork while another thread is inside OpenSSL is not safe.
** Owns one mutex per member of the list. No thread holds two of them.
** Calls: the system. Called by: src/tls (trustcache, trustplace).
*/
#ifndef PYSSL_SYS_FORKLOCK_H
#define PYSSL_SYS_FORKLOCK_H

#include "compat.h"

HIDDEN_BEGIN

enum forklock { FORKLOCK_TRUSTCACHE, FORKLOCK_TRUSTPLACE, FORKLOCKS };

void forklock_enter(enum forklock which);
void forklock_leave(enum forklock which);

HIDDEN_END

#endif
