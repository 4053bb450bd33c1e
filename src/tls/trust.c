#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "../sys/file.h"
#include "digest.h"
#include "trust.h"
#include "trustcache.h"
#include "trustdir.h"
#include "trustindex.h"
#include "trustload.h"
#include "trustplace.h"
#include "trustplan.h"

#define DIGEST TRUST_DIGEST

/* What one step of a plan has brought in. */
struct part {
  unsigned char key[DIGEST];
  unsigned char identity[DIGEST]; /* zeros: it adds no trust */
  struct trustplace *place;       /* or NULL */
};

struct trust {
  struct trustcache_node node; /* first: the two are cast to each other */
  X509_STORE *store;
  struct part *parts;
  size_t count;
  char *searched;
  unsigned char digest[DIGEST];
};

static void destroy(struct trustcache_node *node) {
  struct trust *t = (struct trust *)node;
  for (size_t i = 0; i < t->count; i++)
    trustplace_free(t->parts[i].place);
  X509_STORE_free(t->store);
  free(t->parts);
  free(t->searched);
  free(t);
}

/* A set without parts, and with room for so many. */
static struct trust *create(size_t room) {
  struct trust *t = calloc(1, sizeof *t);
  if (t == NULL) return NULL;
  t->node.destroy = destroy;
  t->store = X509_STORE_new();
  t->parts = calloc(room + 1, sizeof *t->parts);
  if (t->store != NULL && t->parts != NULL) return t;
  destroy(&t->node);
  return NULL;
}

static int compare_digests(const void *a, const void *b) {
  return memcmp(a, b, DIGEST);
}

/* A digest of digests, whatever their order and repetition; zeros of none.
** Sorts them. */
static bool digest_set(unsigned char *digests, size_t count,
                       unsigned char *out) {
  size_t left = 0;
  if (count == 0) memset(out, 0, DIGEST);
  if (count == 0) return true;
  qsort(digests, count, DIGEST, compare_digests);
  for (size_t i = 0; i < count; i++) {
    const unsigned char *at = digests + i * DIGEST;
    if (left > 0 && memcmp(at, at - DIGEST, DIGEST) == 0) continue;
    memmove(digests + left++ * DIGEST, at, DIGEST);
  }
  return digest_bytes(digests, left * DIGEST, out);
}

/* The digest of all keys: those of the base and those of the plan. */
static bool set_key(const struct trust *base, const struct trustplan *plan,
                    unsigned char *key) {
  size_t count = base->count + plan->count;
  unsigned char *keys = malloc((count + 1) * DIGEST);
  if (keys == NULL) return false;
  for (size_t i = 0; i < base->count; i++)
    memcpy(keys + i * DIGEST, base->parts[i].key, DIGEST);
  for (size_t i = 0; i < plan->count; i++)
    memcpy(keys + (base->count + i) * DIGEST, plan->steps[i].key, DIGEST);
  bool ok = digest_set(keys, count, key);
  free(keys);
  return ok;
}

static bool set_digest(struct trust *t) {
  static const unsigned char none[DIGEST];
  size_t count = 0;
  unsigned char *identities = malloc((t->count + 1) * DIGEST);
  if (identities == NULL) return false;
  for (size_t i = 0; i < t->count; i++)
    if (memcmp(t->parts[i].identity, none, DIGEST) != 0)
      memcpy(identities + count++ * DIGEST, t->parts[i].identity, DIGEST);
  bool ok = digest_set(identities, count, t->digest);
  free(identities);
  return ok;
}

/* ---- a copy of the base ---- */

/* Fresh objects on an unshared store's own stack: adding them one by one would
** have OpenSSL sort the stack each time. */
static bool copy_objects(X509_STORE *to, X509_STORE *from) {
  STACK_OF(X509_OBJECT) *out = X509_STORE_get0_objects(to);
  bool ok = true;
  if (X509_STORE_lock(from) != 1) return false;
  STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(from);
  for (int i = 0; ok && i < sk_X509_OBJECT_num(objects); i++) {
    const X509_OBJECT *o = sk_X509_OBJECT_value(objects, i);
    ok = trustplace_append(out, X509_OBJECT_get0_X509(o),
                           X509_OBJECT_get0_X509_CRL(o));
  }
  X509_STORE_unlock(from);
  return ok;
}

/* Look-ups are no objects of a store: they are attached anew. */
static bool copy_part(struct trust *t, const struct part *from) {
  struct part *to = &t->parts[t->count++];
  *to = *from;
  if (from->place == NULL) return true;
  trustplace_ref(to->place);
  return trustplace_attach(to->place, t->store);
}

static bool copy_searched(struct trust *t, const char *searched) {
  if (searched == NULL) return true;
  char *copy = strdup(searched);
  free(t->searched);
  t->searched = copy;
  return copy != NULL;
}

static bool copy(struct trust *t, const struct trust *base) {
  bool ok = copy_objects(t->store, base->store);
  for (size_t i = 0; ok && i < base->count; i++)
    ok = copy_part(t, &base->parts[i]);
  return ok && copy_searched(t, base->searched);
}

/* ---- the steps of a plan, one kind each; false with *e ---- */

static bool done(bool ok, struct tls_error *e) {
  if (!ok) tlserr_system(e, ENOMEM);
  return ok;
}

static bool add_data(struct trust *t, struct part *p, const struct truststep *s,
                     struct tls_error *e) {
  return trustload_data(t->store, s->data, s->length, p->identity, e);
}

static bool add_crl(struct trust *t, struct part *p, const struct truststep *s,
                    struct tls_error *e) {
  return trustload_crls(t->store, s->data, s->length, p->identity, e);
}

static bool add_certificates(struct trust *t, struct part *p,
                             const struct truststep *s, struct tls_error *e) {
  return trustload_certificates(t->store, s->certificates, p->identity, e);
}

static bool add_file(struct trust *t, struct part *p, const struct truststep *s,
                     struct tls_error *e) {
  unsigned char *text;
  size_t length;
  if (s->data != NULL)
    return trustload_pem(t->store, s->data, s->length, p->identity, e);
  int error = file_read(s->path, &text, &length);
  if (error != 0) {
    tlserr_system(e, error);
    return false;
  }
  bool ok = trustload_pem(t->store, text, length, p->identity, e);
  file_wipe(text, length);
  return ok;
}

/* Takes the place over; NULL: out of memory. */
static bool add_place(struct trust *t, struct part *p,
                      const struct truststep *s, struct trustplace *place,
                      struct tls_error *e) {
  memcpy(p->identity, s->identity, DIGEST);
  p->place = place;
  return done(place != NULL && trustplace_attach(place, t->store), e);
}

static bool add_directory(struct trust *t, struct part *p,
                          const struct truststep *s, struct tls_error *e) {
  return add_place(t, p, s, trustdir_new(s->path), e);
}

static bool add_bundle(struct trust *t, struct part *p,
                       const struct truststep *s, struct tls_error *e) {
  return add_place(t, p, s, trustindex_new(s->path), e);
}

static bool add_system(struct trust *t, struct part *p,
                       const struct truststep *s, struct tls_error *e) {
  (void)p;
  return done(copy_searched(t, s->path), e);
}

static bool (*const add_functions[])(struct trust *, struct part *,
                                     const struct truststep *,
                                     struct tls_error *) = {
    [STEP_DATA] = add_data,
    [STEP_CRL] = add_crl,
    [STEP_CERTIFICATES] = add_certificates,
    [STEP_FILE] = add_file,
    [STEP_DIRECTORY] = add_directory,
    [STEP_BUNDLE] = add_bundle,
    [STEP_SYSTEM] = add_system,
};

static bool add_step(struct trust *t, const struct truststep *s,
                     struct tls_error *e) {
  struct part *p = &t->parts[t->count++];
  memcpy(p->key, s->key, DIGEST);
  return add_functions[s->kind](t, p, s, e);
}

/* ---- */

/* Are there places, and anchors of which they may have more of that name? */
static bool has_both(const struct trust *t) {
  bool places = false;
  for (size_t i = 0; i < t->count; i++)
    places = places || t->parts[i].place != NULL;
  return places && sk_X509_OBJECT_num(X509_STORE_get0_objects(t->store)) > 0;
}

static bool fill(struct trust *t, const struct trust *base,
                 const struct trustplan *plan, struct tls_error *e) {
  if (base != NULL && !copy(t, base)) return done(false, e);
  for (size_t i = 0; i < plan->count; i++)
    if (!add_step(t, &plan->steps[i], e)) return false;
  if (has_both(t)) trustplace_ask_always(t->store);
  return done(set_digest(t), e);
}

static struct trust *build(const struct trust *base,
                           const struct trustplan *plan, struct tls_error *e) {
  struct trust *t = create((base != NULL ? base->count : 0) + plan->count);
  if (!done(t != NULL, e)) return NULL;
  t->node.costly = trustplan_is_costly(plan);
  if (fill(t, base, plan, e)) return t;
  destroy(&t->node);
  return NULL;
}

static struct trust *find_or_build(const struct trust *base,
                                   const struct trustplan *plan,
                                   const unsigned char *key,
                                   struct tls_error *e) {
  struct trust *t = (struct trust *)trustcache_find(key);
  if (t != NULL) return t;
  t = build(base, plan, e);
  if (t == NULL) return NULL;
  memcpy(t->node.key, key, sizeof t->node.key);
  return (struct trust *)trustcache_insert(&t->node);
}

static bool has_part(const void *set, const unsigned char *key) {
  const struct trust *t = set;
  for (size_t i = 0; i < t->count; i++)
    if (memcmp(t->parts[i].key, key, DIGEST) == 0) return true;
  return false;
}

static struct trust *extend(struct trust *base, struct trustplan *plan,
                            struct tls_error *e) {
  unsigned char key[DIGEST];
  trustplan_drop(plan, has_part, base);
  if (plan->count == 0) return trust_ref(base);
  if (!done(set_key(base, plan, key), e)) return NULL;
  return find_or_build(base, plan, key, e);
}

struct trust *trust_extend(struct trust *base,
                           const struct trust_source *sources, size_t count,
                           struct tls_error *error) {
  struct trustplan plan;
  tlserr_clear();
  if (!trustplan_make(&plan, sources, count, error)) return NULL;
  struct trust *t = extend(base, &plan, error);
  trustplan_clear(&plan);
  tlserr_clear(); /* what was passed over leaves entries */
  return t;
}

struct trust *trust_empty(void) {
  static const struct trustplan nothing;
  static const unsigned char key[DIGEST]; /* of no digests at all */
  struct tls_error unused;
  return find_or_build(NULL, &nothing, key, &unused);
}

struct trust *trust_ref(struct trust *t) {
  trustcache_ref(&t->node);
  return t;
}

void trust_free(struct trust *t) {
  if (t != NULL) trustcache_release(&t->node);
}

X509_STORE *trust_store(const struct trust *t) {
  return t->store;
}

const unsigned char *trust_digest(const struct trust *t) {
  return t->digest;
}

const char *trust_searched(const struct trust *t) {
  return t->searched;
}

/* ---- what is in it ---- */

static bool load_bundles(struct trust *t) {
  bool ok = true;
  for (size_t i = 0; ok && i < t->count; i++)
    if (t->parts[i].place != NULL)
      ok = trustplace_load_all(t->parts[i].place, t->store);
  return ok;
}

static void count_object(struct trust_stats *stats, const X509_OBJECT *o) {
  X509 *x = X509_OBJECT_get0_X509(o);
  stats->x509 += x != NULL;
  stats->x509_ca += x != NULL && X509_check_ca(x) != 0;
  stats->crl += X509_OBJECT_get0_X509_CRL(o) != NULL;
}

static bool count_objects(X509_STORE *store, struct trust_stats *stats) {
  memset(stats, 0, sizeof *stats);
  if (X509_STORE_lock(store) != 1) return false;
  STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
  for (int i = 0; i < sk_X509_OBJECT_num(objects); i++)
    count_object(stats, sk_X509_OBJECT_value(objects, i));
  return X509_STORE_unlock(store) == 1;
}

bool trust_stats(struct trust *t, struct trust_stats *out,
                 struct tls_error *error) {
  return done(load_bundles(t) && count_objects(t->store, out), error);
}

/* By name, then by content. */
static int compare_certificates(const X509 *const *a, const X509 *const *b) {
  int order = X509_subject_name_cmp(*a, *b);
  return order != 0 ? order : X509_cmp(*a, *b);
}

static bool collect(STACK_OF(X509) * out, const X509_OBJECT *o) {
  X509 *x = X509_OBJECT_get0_X509(o);
  if (x == NULL || X509_check_ca(x) == 0) return true;
  if (X509_up_ref(x) != 1) return false;
  if (sk_X509_push(out, x) > 0) return true;
  X509_free(x);
  return false;
}

static bool collect_all(STACK_OF(X509) * out, X509_STORE *store) {
  bool ok = true;
  if (X509_STORE_lock(store) != 1) return false;
  STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
  for (int i = 0; ok && i < sk_X509_OBJECT_num(objects); i++)
    ok = collect(out, sk_X509_OBJECT_value(objects, i));
  X509_STORE_unlock(store);
  return ok;
}

STACK_OF(X509) *
    trust_ca_certificates(struct trust *t, struct tls_error *error) {
  STACK_OF(X509) *out = sk_X509_new(compare_certificates);
  bool ok = out != NULL && load_bundles(t) && collect_all(out, t->store);
  if (done(ok, error)) {
    sk_X509_sort(out);
    return out;
  }
  sk_X509_pop_free(out, X509_free);
  return NULL;
}

bool trust_found_none(struct trust *t) {
  struct trust_stats stats;
  if (count_objects(t->store, &stats) && stats.x509 > 0) return false;
  for (size_t i = 0; i < t->count; i++)
    if (t->parts[i].place != NULL &&
        trustplace_has_certificates(t->parts[i].place))
      return false;
  return true;
}
