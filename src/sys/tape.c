#include "tape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 1024 /* most hellos fit */

void tape_clear(struct tape *t) {
  free(t->data);
  memset(t, 0, sizeof *t);
}

void tape_record(struct tape *t) {
  tape_clear(t);
  t->recording = true;
}

void tape_rewind(struct tape *t) {
  t->recording = false;
  t->left = t->length;
}

size_t tape_play(struct wire *w, void *data, size_t size) {
  struct tape *t = w->tape;
  size_t n = t == NULL || size < t->left ? size : t->left;
  if (t == NULL || n == 0) return 0;
  memcpy(data, t->data + (t->length - t->left), n);
  t->left -= n;
  if (t->left == 0) tape_clear(t);
  w->event = WIRE_NONE;
  return n;
}

/* Room for `more` bytes; 0, or an errno value. */
static int make_room(struct tape *t, size_t more) {
  size_t capacity = t->capacity > 0 ? t->capacity : FIRST_CAPACITY;
  if (more > TAPE_MOST - t->length) return EMSGSIZE;
  while (capacity < t->length + more)
    capacity *= 2;
  if (capacity == t->capacity) return 0;
  unsigned char *data = realloc(t->data, capacity);
  if (data == NULL) return ENOMEM;
  t->data = data;
  t->capacity = capacity;
  return 0;
}

bool tape_note(struct wire *w, const void *data, size_t got) {
  struct tape *t = w->tape;
  if (t == NULL || !t->recording) return true;
  if (t->error == 0) t->error = make_room(t, got);
  if (t->error != 0) {
    w->event = WIRE_ERROR;
    w->error = t->error;
    return false;
  }
  memcpy(t->data + t->length, data, got);
  t->length += got;
  return true;
}
