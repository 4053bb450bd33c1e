#include <pthread.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "../sys/forklock.h"
#include "trustplace.h"

/* What the look-up of a store holds: a reference to each of its places. */
struct place_list {
  size_t count;
  struct trustplace *items[];
};

static void lock(void) {
  forklock_enter(FORKLOCK_TRUSTPLACE);
}

static void unlock(void) {
  forklock_leave(FORKLOCK_TRUSTPLACE);
}

struct trustplace *trustplace_ref(struct trustplace *place) {
  lock();
  place->refs++;
  unlock();
  return place;
}

void trustplace_free(struct trustplace *place) {
  if (place == NULL) return;
  lock();
  bool last = --place->refs == 0;
  unlock();
  if (last) place->kind->destroy(place);
}

bool trustplace_append(STACK_OF(X509_OBJECT) * out, X509 *x, X509_CRL *crl) {
  X509_OBJECT *o = X509_OBJECT_new();
  if (o == NULL) return false;
  if (x != NULL) X509_check_purpose(x, -1, 0);
  int ok = x != NULL ? X509_OBJECT_set1_X509(o, x)
                     : X509_OBJECT_set1_X509_CRL(o, crl);
  if (ok == 1 && sk_X509_OBJECT_push(out, o) > 0) return true;
  X509_OBJECT_free(o);
  return false;
}

/* What the places have, with references of its own; NULL: out of memory. */
static STACK_OF(X509_OBJECT) * collect(struct trustplace *const *places,
                                       size_t count, const struct wanted *w) {
  STACK_OF(X509_OBJECT) *out = sk_X509_OBJECT_new_null();
  bool ok = out != NULL;
  ERR_set_mark();
  lock();
  for (size_t i = 0; ok && i < count; i++)
    ok = places[i]->kind->collect(places[i], w, out);
  unlock();
  ERR_pop_to_mark();
  if (ok) return out;
  sk_X509_OBJECT_pop_free(out, X509_OBJECT_free);
  return NULL;
}

/*
** Move the objects into the store, those that it has not yet, all in one go:
** OpenSSL looks no further than the store once a certificate of that name is in
** it, and another thread would miss the others of that name.
*/
static bool move_into(X509_STORE *store, STACK_OF(X509_OBJECT) * from) {
  bool ok = true;
  if (X509_STORE_lock(store) != 1) return false;
  STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
  for (int i = 0; ok && i < sk_X509_OBJECT_num(from); i++) {
    X509_OBJECT *o = sk_X509_OBJECT_value(from, i);
    if (X509_OBJECT_retrieve_match(objects, o) != NULL) continue;
    ok = sk_X509_OBJECT_push(objects, o) > 0;
    if (ok) sk_X509_OBJECT_set(from, i, NULL);
  }
  X509_STORE_unlock(store);
  return ok;
}

/* Give OpenSSL an object without a reference of its own: the caller takes one.
** The place keeps the object for as long as the store has the look-up. */
static bool give(X509_OBJECT *found, X509 *x, X509_CRL *crl) {
  if (x != NULL && X509_OBJECT_set1_X509(found, x) == 1) {
    X509_free(x);
    return true;
  }
  if (crl != NULL && X509_OBJECT_set1_X509_CRL(found, crl) == 1) {
    X509_CRL_free(crl);
    return true;
  }
  return false;
}

/* Add to the store what its places have, and give the first of it where `found`
** is not NULL. False: there is none. */
static bool load(X509_LOOKUP *lookup, const struct wanted *w,
                 X509_OBJECT *found) {
  const struct place_list *list = X509_LOOKUP_get_method_data(lookup);
  if (list == NULL) return false;
  STACK_OF(X509_OBJECT) *objects = collect(list->items, list->count, w);
  if (objects == NULL) return false;
  const X509_OBJECT *first = sk_X509_OBJECT_value(objects, 0);
  X509 *x = X509_OBJECT_get0_X509(first);
  X509_CRL *crl = X509_OBJECT_get0_X509_CRL(first);
  bool ok = first != NULL &&
            move_into(X509_LOOKUP_get_store(lookup), objects) &&
            (found == NULL || give(found, x, crl));
  sk_X509_OBJECT_pop_free(objects, X509_OBJECT_free);
  return ok;
}

/* ---- what OpenSSL calls ---- */

static int find_by_subject(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type,
                           const X509_NAME *name, X509_OBJECT *found) {
  struct wanted w = {type, name};
  if (type != X509_LU_X509 && type != X509_LU_CRL) return 0;
  return load(lookup, &w, found);
}

static void lookup_free(X509_LOOKUP *lookup) {
  struct place_list *list = X509_LOOKUP_get_method_data(lookup);
  if (list == NULL) return;
  for (size_t i = 0; i < list->count; i++)
    trustplace_free(list->items[i]);
  free(list);
}

static X509_LOOKUP_METHOD *method; /* kept for as long as the process lives */
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void make_method(void) {
  X509_LOOKUP_METHOD *m = X509_LOOKUP_meth_new("pyssl: places");
  if (m == NULL) return;
  X509_LOOKUP_meth_set_get_by_subject(m, find_by_subject);
  X509_LOOKUP_meth_set_free(m, lookup_free);
  method = m;
}

/* The look-up of a store; made if it has none yet. */
static X509_LOOKUP *lookup_of(X509_STORE *store) {
  pthread_once(&method_once, make_method);
  return method != NULL ? X509_STORE_add_lookup(store, method) : NULL;
}

bool trustplace_attach(struct trustplace *place, X509_STORE *store) {
  X509_LOOKUP *lookup = lookup_of(store);
  if (lookup == NULL) return false;
  struct place_list *list = X509_LOOKUP_get_method_data(lookup);
  size_t count = list != NULL ? list->count : 0;
  list = realloc(list, sizeof *list + (count + 1) * sizeof *list->items);
  if (list == NULL) return false;
  list->items[count] = trustplace_ref(place);
  list->count = count + 1;
  X509_LOOKUP_set_method_data(lookup, list);
  return true;
}

static int issuer_of(X509 **issuer, X509_STORE_CTX *ctx, X509 *x) {
  X509_LOOKUP *lookup = lookup_of(X509_STORE_CTX_get0_store(ctx));
  struct wanted w = {X509_LU_X509, X509_get_issuer_name(x)};
  if (lookup != NULL) load(lookup, &w, NULL);
  return X509_STORE_CTX_get1_issuer(issuer, ctx, x);
}

void trustplace_ask_always(X509_STORE *store) {
  X509_STORE_set_get_issuer(store, issuer_of);
}

bool trustplace_load_all(struct trustplace *place, X509_STORE *store) {
  STACK_OF(X509_OBJECT) *objects = collect(&place, 1, NULL);
  bool ok = objects != NULL && move_into(store, objects);
  sk_X509_OBJECT_pop_free(objects, X509_OBJECT_free);
  return ok;
}

bool trustplace_has_certificates(struct trustplace *place) {
  lock();
  bool found = place->kind->has_certificates(place);
  unlock();
  return found;
}
