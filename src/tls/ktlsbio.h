/*
** ktlsbio.h - the BIO over a descriptor whose TLS the kernel may do. Until
** OpenSSL has handed it the keys, and where it cannot, records go through as
** they do through fdbio.
** The one thing that OpenSSL's own socket BIO is kept for is to give the kernel
** the keys, in a form that is OpenSSL's secret. Never calls Lua.
** The BIO does not own its fdio, which must outlive it.
** Calls: fdio, ktls, tape. Called by: engine.
*/
#ifndef PYSSL_TLS_KTLSBIO_H
#define PYSSL_TLS_KTLSBIO_H

#include <openssl/bio.h>

#include "../sys/fdio.h"
#include "compat.h"

HIDDEN_BEGIN

/* A BIO over *io, or NULL where the kernel, the descriptor or OpenSSL cannot
** do that, or there is no memory. */
MUST_USE BIO *ktlsbio_new(struct fdio *io);

HIDDEN_END

#endif
