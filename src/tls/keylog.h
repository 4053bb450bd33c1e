/*
** keylog.h - the file that TLS secrets are logged to, for debuggers
** (NSS key log format).
** A context owns its log through the SSL_CTX, whose last user closes it. Lines
** go out in one appending write each: threads and processes may share a file.
** Calls: OpenSSL, engine. Called by: src/bind/context_attribute.
*/
#ifndef PYSSL_TLS_KEYLOG_H
#define PYSSL_TLS_KEYLOG_H

#include <openssl/ssl.h>

#include "compat.h"

HIDDEN_BEGIN

/*
** Log the secrets of the context's connections to the end of a file, which is
** made with mode 0600 if there is none; NULL ends logging. 0, or an errno
** value, and then nothing is logged any more.
*/
MUST_USE int keylog_set(SSL_CTX *context, const char *path);

/* The path that was set, or NULL. It belongs to the context. */
const char *keylog_path(SSL_CTX *context);

HIDDEN_END

#endif
