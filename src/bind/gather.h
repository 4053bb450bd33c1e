/*
** gather.h - what is to be written: a string, a buffer, or an array of these,
** read as one run of bytes without joining them.
** Points into the Lua values, which must stay on the stack, and no Lua code
** may run, while it is in use. Calls: args, buffer. Called by: socket_write.
*/
#ifndef PYSSL_BIND_GATHER_H
#define PYSSL_BIND_GATHER_H

#include <stdbool.h>
#include <stddef.h>

#include "args.h"
#include "compat.h"

HIDDEN_BEGIN

struct gather {
  lua_State *L;
  int index; /* of the value */
  bool list;
  lua_Integer piece;         /* of a list, the next to look at */
  const unsigned char *data; /* of the present piece, what is left */
  size_t left;
  size_t total;
};

/* Read parameter i; raises where it is none of the kinds. */
void gather_check(struct gather *g, const struct args *a, int i);

/* Go on `n` bytes further. */
void gather_skip(struct gather *g, size_t n);

/*
** The next 1..max bytes, 0 at the end: *out points to them, in the value or,
** where small pieces are joined, in scratch[max].
*/
size_t gather_next(struct gather *g, unsigned char *scratch, size_t max,
                   const unsigned char **out);

HIDDEN_END

#endif
