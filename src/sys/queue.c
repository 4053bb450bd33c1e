#include "queue.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 1024

void queue_clear(struct queue *q) {
  free(q->data);
  memset(q, 0, sizeof *q);
}

/* Make room behind the bytes for `more`. */
static bool make_room(struct queue *q, size_t more) {
  size_t capacity = q->capacity > 0 ? q->capacity : FIRST_CAPACITY;
  if (q->start > 0) memmove(q->data, q->data + q->start, q->length);
  q->start = 0;
  while (capacity < q->length + more)
    capacity *= 2;
  if (capacity == q->capacity) return true;
  unsigned char *data = realloc(q->data, capacity);
  if (data == NULL) return false;
  q->data = data;
  q->capacity = capacity;
  return true;
}

bool queue_add(struct queue *q, const void *data, size_t length) {
  if (length == 0) return true;
  if (length > SIZE_MAX / 4 - q->length) return false;
  if (q->capacity - q->start - q->length < length && !make_room(q, length))
    return false;
  memcpy(q->data + q->start + q->length, data, length);
  q->length += length;
  return true;
}

size_t queue_take(struct queue *q, void *data, size_t length) {
  size_t n = length < q->length ? length : q->length;
  if (n == 0) return 0;
  memcpy(data, q->data + q->start, n);
  queue_skip(q, n);
  return n;
}

const unsigned char *queue_data(const struct queue *q) {
  return q->length > 0 ? q->data + q->start : q->data;
}

void queue_skip(struct queue *q, size_t n) {
  q->start += n;
  q->length -= n;
  if (q->length == 0) queue_clear(q);
}
