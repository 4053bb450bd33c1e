/*
** queue.h - bytes in memory that one side adds and the other takes, in order.
** Owns its memory, and keeps none while it is empty. Zeroed: empty.
** Calls: nothing. Called by: fdio, src/bind/transport.
*/
#ifndef PYSSL_SYS_QUEUE_H
#define PYSSL_SYS_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "compat.h"

HIDDEN_BEGIN

struct queue {
  unsigned char *data; /* NULL: nothing is in it */
  size_t capacity;
  size_t start; /* of the bytes in data */
  size_t length;
};

/* Add a copy; false: out of memory, and nothing is added. */
MUST_USE bool queue_add(struct queue *q, const void *data, size_t length);

/* Move the first bytes, `length` at most, to `data`: how many. */
size_t queue_take(struct queue *q, void *data, size_t length);

/* The first bytes; they stay there until the next call. */
const unsigned char *queue_data(const struct queue *q);

/* Drop the first n of them. */
void queue_skip(struct queue *q, size_t n);

/* Drop all. Idempotent. */
void queue_clear(struct queue *q);

HIDDEN_END

#endif
