/*
** pemwalk.h - the blocks of a PEM text, one after the other.
** Nothing is decrypted, so nobody is prompted; what stands between blocks is
** passed over.
** Owns nothing. Calls: OpenSSL. Called by: trustload, certlist.
*/
#ifndef PYSSL_TLS_PEMWALK_H
#define PYSSL_TLS_PEMWALK_H

#include <stdbool.h>
#include <stddef.h>

#include "compat.h"

HIDDEN_BEGIN

/* Is it PEM? Anything without this is taken for DER (api.md, section 0). */
bool pemwalk_is_pem(const void *data, size_t length);

/*
** Call take(arg, label, der, length) for each block until one gives false.
** What a block held may be a private key, so it is wiped afterwards. True if
** all were taken and none was broken; else OpenSSL's queue says why. `length`
** is at most INT_MAX.
*/
MUST_USE bool pemwalk(const void *text, size_t length,
                      bool (*take)(void *arg, const char *label,
                                   const unsigned char *der, long length),
                      void *arg);

HIDDEN_END

#endif
