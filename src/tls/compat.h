/*
** compat.h (OpenSSL) - what differs between versions of OpenSSL; the only
** place in src/tls with a version #if. Every symbol declared in our headers
** is hidden: a rockspec passes no flags, so a pragma does it.
*/
#ifndef PYSSL_TLS_COMPAT_H
#define PYSSL_TLS_COMPAT_H

#include <openssl/opensslv.h>

#if OPENSSL_VERSION_NUMBER < 0x30000000L
#error "pyssl needs OpenSSL 3.0 or later"
#endif

#include "../sys/compat.h"

#endif
