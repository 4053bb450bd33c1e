/*
** fdbio.h - the BIO over a descriptor: OpenSSL's end of an fdio.
** A plainly blocking socket waits in here, so that OpenSSL's state machine is
** not left and entered again for every packet. Never calls Lua.
** The BIO does not own its fdio, which must outlive it.
** Calls: fdio, tape. Called by: engine.
*/
#ifndef PYSSL_TLS_FDBIO_H
#define PYSSL_TLS_FDBIO_H

#include <openssl/bio.h>

#include "../sys/fdio.h"
#include "compat.h"

HIDDEN_BEGIN

/* A BIO over *io, or NULL when out of memory. */
MUST_USE BIO *fdbio_new(struct fdio *io);

HIDDEN_END

#endif
