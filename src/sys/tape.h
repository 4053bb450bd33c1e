/*
** tape.h - a copy of the first bytes that a transport has handed out, to be
** handed out once more (design.md, "Switching contexts").
** Owns its copy. A transport that has a tape (struct wire) takes from it what
** is to come again, and then puts on it what it hands out.
** Calls: nothing. Called by: src/tls/{fdbio,ktlsbio,membio,inquiry,engine}.
*/
#ifndef PYSSL_SYS_TAPE_H
#define PYSSL_SYS_TAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "compat.h"
#include "wire.h"

HIDDEN_BEGIN

#define TAPE_MOST (128 * 1024) /* bytes that it takes */

struct tape {
  unsigned char *data; /* NULL: nothing is on it */
  size_t length;
  size_t capacity;
  size_t left; /* of `length`, to be handed out once more: the last ones */
  int error;   /* errno of a copy that could not be made, or 0 */
  bool recording;
};

/* Begin to copy what is handed out. */
void tape_record(struct tape *t);

/* Copy no more, and hand out once more, from the beginning, what is on it. */
void tape_rewind(struct tape *t);

/* Copy no more, and forget what is on it. Idempotent. */
void tape_clear(struct tape *t);

/* Is nothing to be played, nor to be noted? */
static inline bool tape_is_idle(const struct wire *w) {
  return w->tape == NULL || (w->tape->left == 0 && !w->tape->recording);
}

/* Hand out up to `size` bytes of w's tape once more; 0 where there is none, or
** nothing is left on it. */
size_t tape_play(struct wire *w, void *data, size_t size);

/*
** The transport has handed out `got` bytes of its own. False, with the error in
** *w, where w's tape was to have a copy and could not: ENOMEM, or EMSGSIZE
** beyond TAPE_MOST. From then on that comes out of every call.
*/
MUST_USE bool tape_note(struct wire *w, const void *data, size_t got);

HIDDEN_END

#endif
