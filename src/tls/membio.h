/*
** membio.h - bytes in memory as a transport (api.md F.2): a queue that one
** side writes and the other reads, with an end that can be set.
** Counted references: a connection keeps the queues that it works on. Belongs
** to one Lua state; no locks.
** Calls: OpenSSL, wire, tape. Called by: engine, src/bind/memorybio.
*/
#ifndef PYSSL_TLS_MEMBIO_H
#define PYSSL_TLS_MEMBIO_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/bio.h>

#include "../sys/wire.h"
#include "compat.h"

HIDDEN_BEGIN

struct membio;

/* An empty queue with one reference; NULL: out of memory. */
struct membio *membio_new(void);
struct membio *membio_ref(struct membio *m);

/* Give a reference back; the last one wipes the bytes. NULL is allowed. */
void membio_free(struct membio *m);

/* Bytes stored. */
size_t membio_pending(const struct membio *m);

/* The stored bytes; they stay there until the next call. */
const unsigned char *membio_data(const struct membio *m);

/* Take the first n of them out. */
void membio_skip(struct membio *m, size_t n);

/* Store a copy; false: out of memory, and nothing is stored. */
MUST_USE bool membio_write(struct membio *m, const void *data, size_t length);

/* No more will be written: an empty queue is then the end, and not "nothing
** yet". OpenSSL may write all the same. */
void membio_set_end(struct membio *m);
bool membio_has_end(const struct membio *m);

/* A BIO on the queue that tells *wire how each call ends. It has a reference
** of its own; *wire must outlive it. NULL: out of memory. */
MUST_USE BIO *membio_bio(struct membio *m, struct wire *wire);

HIDDEN_END

#endif
