/*
** trustcache.h - the trust sets of the process, by what they were made from.
** Every set that lives can be found again; the ones that were costly to make
** are also kept for a while when nobody uses them any more, so that a context
** per request does not load them anew. Threads and forked children may use it
** at any time.
** Owns the reference counts and, of the kept ones, a reference each.
** Calls: forklock. Called by: trust.
*/
#ifndef PYSSL_TLS_TRUSTCACHE_H
#define PYSSL_TLS_TRUSTCACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "compat.h"

HIDDEN_BEGIN

#define TRUSTCACHE_KEY  32
#define TRUSTCACHE_KEPT 8 /* sets kept alive, the least recent goes first */

/* The part of a set that the cache works with. */
struct trustcache_node {
  unsigned char key[TRUSTCACHE_KEY];
  bool costly; /* worth keeping */
  void (*destroy)(struct trustcache_node *node);
  size_t refs;
  struct trustcache_node *next;
};

/* A new reference to the set with that key, or NULL. */
struct trustcache_node *trustcache_find(const unsigned char *key);

/*
** Take in a new set: key, costly and destroy are filled in, the caller's
** reference is made here. Where another thread was faster, its set is returned
** instead, and this one destroyed.
*/
struct trustcache_node *trustcache_insert(struct trustcache_node *node);

void trustcache_ref(struct trustcache_node *node);

/* Give a reference back; the last one destroys the set. */
void trustcache_release(struct trustcache_node *node);

HIDDEN_END

#endif
