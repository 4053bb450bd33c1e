#include <string.h>

#include "../sys/forklock.h"
#include "trustcache.h"

#define BUCKETS 256 /* by the first byte of the key, which is a digest */

/* All of it is guarded by FORKLOCK_TRUSTCACHE. Sets are destroyed without it:
** that takes other locks. */
static struct trustcache_node *buckets[BUCKETS];
static struct trustcache_node *kept[TRUSTCACHE_KEPT]; /* most recent first */

static void lock(void) {
  forklock_enter(FORKLOCK_TRUSTCACHE);
}

static void unlock(void) {
  forklock_leave(FORKLOCK_TRUSTCACHE);
}

/* ---- with the lock held ---- */

static struct trustcache_node *lookup(const unsigned char *key) {
  struct trustcache_node *node = buckets[key[0]];
  while (node != NULL && memcmp(node->key, key, TRUSTCACHE_KEY) != 0)
    node = node->next;
  return node;
}

static void unlink_node(struct trustcache_node *node) {
  struct trustcache_node **at = &buckets[node->key[0]];
  while (*at != node)
    at = &(*at)->next;
  *at = node->next;
}

/* Drop a reference; the node, where it was the last: destroy it. */
static struct trustcache_node *drop(struct trustcache_node *node) {
  if (node == NULL || --node->refs > 0) return NULL;
  unlink_node(node);
  return node;
}

/* Move a costly one to the front of the kept; what that leaves to destroy. */
static struct trustcache_node *keep(struct trustcache_node *node) {
  size_t i = 0;
  if (!node->costly) return NULL;
  while (i < TRUSTCACHE_KEPT - 1 && kept[i] != node && kept[i] != NULL)
    i++;
  struct trustcache_node *out = kept[i];
  memmove(kept + 1, kept, i * sizeof *kept);
  kept[0] = node;
  node->refs++;
  return drop(out); /* `node` itself, where it was among them */
}

/* ---- */

static void destroy(struct trustcache_node *node) {
  if (node != NULL) node->destroy(node);
}

struct trustcache_node *trustcache_find(const unsigned char *key) {
  struct trustcache_node *dead = NULL;
  lock();
  struct trustcache_node *node = lookup(key);
  if (node != NULL) {
    node->refs++;
    dead = keep(node);
  }
  unlock();
  destroy(dead);
  return node;
}

struct trustcache_node *trustcache_insert(struct trustcache_node *node) {
  struct trustcache_node *dead = NULL;
  lock();
  struct trustcache_node *first = lookup(node->key);
  if (first == NULL) {
    first = node;
    node->refs = 0;
    node->next = buckets[node->key[0]];
    buckets[node->key[0]] = node;
  }
  first->refs++;
  dead = keep(first);
  unlock();
  destroy(dead);
  if (first != node) destroy(node);
  return first;
}

void trustcache_ref(struct trustcache_node *node) {
  lock();
  node->refs++;
  unlock();
}

void trustcache_release(struct trustcache_node *node) {
  lock();
  struct trustcache_node *dead = drop(node);
  unlock();
  destroy(dead);
}
