/*
** gather.h - what is to be written: a string, a buffer, or an array of these,
** read as one run of bytes without joining them.
** Points into the Lua values, which must stay on the stack, and no Lua code
** may run, while it is in use, unless gather_anchor was called. A list's first
** pieces are joined as they are checked, so that each is looked at once.
** Calls: args, buffer. Called by: socket_write, object, unfinished.
*/
#ifndef PYSSL_BIND_GATHER_H
#define PYSSL_BIND_GATHER_H

#include <stdbool.h>
#include <stddef.h>

#include "args.h"
#include "compat.h"

HIDDEN_BEGIN

#define GATHER_ROOM 16384 /* a record's */

struct gather {
  lua_State *L;
  int index;  /* of the value */
  int anchor; /* where a list's present piece is kept; 0: nowhere */
  bool list;
  lua_Integer piece;         /* of a list, the next to look at */
  const unsigned char *data; /* of the present piece, or of those joined, */
  size_t left;               /* what is left */
  size_t total;
  unsigned char joined[GATHER_ROOM];
};

/* Read parameter i; raises where it is none of the kinds. */
void gather_check(struct gather *g, const struct args *a, int i);

/*
** From now on Lua code may run, a callback or a finaliser: of what it takes out
** of a list the present piece stays, in a place that is pushed for it, and what
** is not there any more is left out.
*/
void gather_anchor(struct gather *g);

/* Go on `n` bytes further. */
void gather_skip(struct gather *g, size_t n);

/*
** The next 1..max bytes, 0 at the end; max is GATHER_ROOM at most. *out points
** to them, until the next call, in the value or, where small pieces are joined,
** in *g.
*/
size_t gather_next(struct gather *g, size_t max, const unsigned char **out);

HIDDEN_END

#endif
