/*
** sessioncache.h - a context's sessions for its clients, kept so that later
** connections resume them by themselves (ctx.auto_resume).
** A context owns its cache through the SSL_CTX, whose last user frees it. It
** holds SESSIONCACHE_MAX sessions, the least recently used goes first. A TLS
** 1.3 ticket is given out once (RFC 8446, C.4); and never in a child process,
** whose parent has it as well.
** Not for several threads at a time: neither is a context.
** Calls: engine, OpenSSL. Called by: src/bind (connection_session,
** context_session).
*/
#ifndef PYSSL_TLS_SESSIONCACHE_H
#define PYSSL_TLS_SESSIONCACHE_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "engine.h"

HIDDEN_BEGIN

enum {
  SESSIONCACHE_MAX = 256,
  SESSIONCACHE_EACH = 4 /* of one peer: tickets that wait to be used */
};

/* Begin to keep sessions, or end it and drop them. False: the error queue says
** why. */
MUST_USE bool sessioncache_set(SSL_CTX *context, bool on);

/* Are sessions kept? */
bool sessioncache_is_on(const SSL_CTX *context);

/*
** Let a client's connection take part, under the key that its engine has, if it
** has one: it tries the newest session of that key, and those it is given are
** kept. False: the error queue says why.
*/
MUST_USE bool sessioncache_join(struct engine *e);

HIDDEN_END

#endif
