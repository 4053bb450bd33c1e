#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "../sys/file.h"
#include "../sys/forklock.h"
#include "trustbundle.h"
#include "trustindex.h"

/* What became of an entry of the bundle; all NULL: not parsed yet. */
struct parsed {
  X509 *certificate;
  X509_CRL *crl;
  bool broken;
};

/* All of it is guarded by FORKLOCK_TRUSTINDEX. */
struct trustindex {
  size_t refs;
  bool read;
  struct trustbundle bundle;
  struct parsed *parsed; /* one for each entry of the bundle */
  char path[];
};

/* What the look-up of a store holds: a reference to each of its indexes. */
struct index_list {
  size_t count;
  struct trustindex *items[];
};

static void lock(void) {
  forklock_enter(FORKLOCK_TRUSTINDEX);
}

static void unlock(void) {
  forklock_leave(FORKLOCK_TRUSTINDEX);
}

struct trustindex *trustindex_new(const char *path) {
  size_t size = strlen(path) + 1;
  struct trustindex *index = calloc(1, sizeof *index + size);
  if (index == NULL) return NULL;
  index->refs = 1;
  memcpy(index->path, path, size);
  return index;
}

struct trustindex *trustindex_ref(struct trustindex *index) {
  lock();
  index->refs++;
  unlock();
  return index;
}

static void destroy(struct trustindex *index) {
  for (size_t i = 0; index->parsed != NULL && i < index->bundle.count; i++) {
    X509_free(index->parsed[i].certificate);
    X509_CRL_free(index->parsed[i].crl);
  }
  free(index->parsed);
  trustbundle_clear(&index->bundle);
  free(index);
}

void trustindex_free(struct trustindex *index) {
  if (index == NULL) return;
  lock();
  bool last = --index->refs == 0;
  unlock();
  if (last) destroy(index);
}

/* ---- with the lock held ---- */

static int index_text(struct trustindex *index, unsigned char *text,
                      size_t length) {
  int error = trustbundle_read(&index->bundle, text, length);
  if (error != 0 || index->bundle.count == 0) return error;
  index->parsed = calloc(index->bundle.count, sizeof *index->parsed);
  if (index->parsed != NULL) return 0;
  trustbundle_clear(&index->bundle);
  return ENOMEM;
}

/* Read the file if that was not done yet. A missing one is an empty one; only
** where memory was short is it tried again. */
static void index_read(struct trustindex *index) {
  unsigned char *text;
  size_t length;
  if (index->read) return;
  int error = file_read(index->path, &text, &length);
  if (error == 0) error = index_text(index, text, length);
  index->read = error != ENOMEM;
}

static void parse_der(enum bundle_kind kind, const unsigned char *der,
                      long length, struct parsed *p) {
  if (kind == BUNDLE_CRL)
    p->crl = d2i_X509_CRL(NULL, &der, length);
  else if (kind == BUNDLE_TRUSTED)
    p->certificate = d2i_X509_AUX(NULL, &der, length);
  else
    p->certificate = d2i_X509(NULL, &der, length);
  /* Caches the extensions, before another thread can see it. */
  if (p->certificate != NULL) X509_check_purpose(p->certificate, -1, 0);
}

static bool parse(const struct bundle_entry *e, struct parsed *p) {
  size_t length;
  unsigned char *der = trustbundle_decode(e, &length);
  if (der != NULL) parse_der(e->kind, der, (long)length, p);
  free(der);
  p->broken = p->crl == NULL && p->certificate == NULL;
  return !p->broken;
}

/* The entry, parsed; NULL: it is malformed. */
static const struct parsed *entry_parsed(struct trustindex *index, size_t i) {
  struct parsed *p = &index->parsed[i];
  if (p->certificate == NULL && p->crl == NULL)
    if (p->broken || !parse(&index->bundle.entries[i], p)) return NULL;
  return p;
}

/* One that is there already is not added again. */
static bool add_to(X509_STORE *store, const struct parsed *p) {
  if (p->crl != NULL) return X509_STORE_add_crl(store, p->crl) == 1;
  return X509_STORE_add_cert(store, p->certificate) == 1;
}

/* What is looked for. */
struct wanted {
  X509_LOOKUP_TYPE type;
  const X509_NAME *name;
  unsigned hash;
};

static bool wanted_init(struct wanted *w, X509_LOOKUP_TYPE type,
                        const X509_NAME *name) {
  const unsigned char *der;
  size_t length;
  if (type != X509_LU_X509 && type != X509_LU_CRL) return false;
  if (X509_NAME_get0_der(name, &der, &length) != 1) return false;
  w->type = type;
  w->name = name;
  w->hash = trustbundle_name_hash(der, length);
  return true;
}

static bool is_wanted(const struct wanted *w, const struct parsed *p) {
  const X509_NAME *name = p->crl != NULL
                              ? X509_CRL_get_issuer(p->crl)
                              : X509_get_subject_name(p->certificate);
  return X509_NAME_cmp(name, w->name) == 0;
}

/* Add all that is wanted to the store; the first of it, or NULL. */
static const struct parsed *load(struct trustindex *index, X509_STORE *store,
                                 const struct wanted *w) {
  const struct parsed *first = NULL;
  index_read(index);
  for (size_t i = 0; i < index->bundle.count; i++) {
    const struct bundle_entry *e = &index->bundle.entries[i];
    if (e->name_hash != w->hash) continue;
    if ((e->kind == BUNDLE_CRL) != (w->type == X509_LU_CRL)) continue;
    const struct parsed *p = entry_parsed(index, i);
    if (p == NULL || !is_wanted(w, p) || !add_to(store, p)) continue;
    if (first == NULL) first = p;
  }
  return first;
}

static const struct parsed *load_from(const struct index_list *list,
                                      X509_STORE *store,
                                      const struct wanted *w) {
  const struct parsed *first = NULL;
  for (size_t i = 0; i < list->count; i++) {
    const struct parsed *p = load(list->items[i], store, w);
    if (first == NULL) first = p;
  }
  return first;
}

/* ---- what OpenSSL calls ---- */

/*
** Give *found an object without a reference of its own: the caller takes one.
** The index keeps the object for as long as the store has the look-up.
*/
static bool give(X509_OBJECT *found, const struct parsed *p) {
  if (p->crl != NULL) {
    if (X509_OBJECT_set1_X509_CRL(found, p->crl) != 1) return false;
    X509_CRL_free(p->crl);
    return true;
  }
  if (X509_OBJECT_set1_X509(found, p->certificate) != 1) return false;
  X509_free(p->certificate);
  return true;
}

/* Add what the look-up's indexes have of that name to its store. Where `found`
** is not NULL, give it the first of it; false: there is none. */
static bool find(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type,
                 const X509_NAME *name, X509_OBJECT *found) {
  const struct index_list *list = X509_LOOKUP_get_method_data(lookup);
  struct wanted w;
  if (list == NULL || !wanted_init(&w, type, name)) return false;
  ERR_set_mark();
  lock();
  const struct parsed *p = load_from(list, X509_LOOKUP_get_store(lookup), &w);
  bool ok = p != NULL && (found == NULL || give(found, p));
  unlock();
  ERR_pop_to_mark();
  return ok;
}

static int find_by_subject(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type,
                           const X509_NAME *name, X509_OBJECT *found) {
  return find(lookup, type, name, found);
}

static void lookup_free(X509_LOOKUP *lookup) {
  struct index_list *list = X509_LOOKUP_get_method_data(lookup);
  if (list == NULL) return;
  for (size_t i = 0; i < list->count; i++)
    trustindex_free(list->items[i]);
  free(list);
}

static X509_LOOKUP_METHOD *method; /* kept for as long as the process lives */
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void make_method(void) {
  X509_LOOKUP_METHOD *m = X509_LOOKUP_meth_new("pyssl: index of a CA bundle");
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

bool trustindex_attach(struct trustindex *index, X509_STORE *store) {
  X509_LOOKUP *lookup = lookup_of(store);
  if (lookup == NULL) return false;
  struct index_list *list = X509_LOOKUP_get_method_data(lookup);
  size_t count = list != NULL ? list->count : 0;
  list = realloc(list, sizeof *list + (count + 1) * sizeof *list->items);
  if (list == NULL) return false;
  list->items[count] = trustindex_ref(index);
  list->count = count + 1;
  X509_LOOKUP_set_method_data(lookup, list);
  return true;
}

static int issuer_of(X509 **issuer, X509_STORE_CTX *ctx, X509 *x) {
  X509_LOOKUP *lookup = lookup_of(X509_STORE_CTX_get0_store(ctx));
  if (lookup != NULL) find(lookup, X509_LU_X509, X509_get_issuer_name(x), NULL);
  return X509_STORE_CTX_get1_issuer(issuer, ctx, x);
}

void trustindex_ask_always(X509_STORE *store) {
  X509_STORE_set_get_issuer(store, issuer_of);
}

bool trustindex_load_all(struct trustindex *index, X509_STORE *store) {
  bool ok = true;
  lock();
  index_read(index);
  for (size_t i = 0; ok && i < index->bundle.count; i++) {
    const struct parsed *p = entry_parsed(index, i);
    if (p != NULL) ok = add_to(store, p);
  }
  ok = ok && index->read;
  unlock();
  return ok;
}

bool trustindex_has_certificates(struct trustindex *index) {
  bool found = false;
  lock();
  index_read(index);
  for (size_t i = 0; !found && i < index->bundle.count; i++)
    found = index->bundle.entries[i].kind != BUNDLE_CRL;
  unlock();
  return found;
}
