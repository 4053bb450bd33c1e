#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "systemtrust.h"
#include "trustdir.h"

struct directory {
  struct trustplace place; /* first: the two are cast to each other */
  X509_STORE *store;       /* what was found so far */
  X509_LOOKUP *lookup;     /* OpenSSL's, of that store */
  char paths[];
};

static void destroy(struct trustplace *place) {
  struct directory *d = (struct directory *)place;
  X509_STORE_free(d->store);
  free(d);
}

static bool is_wanted(const X509_OBJECT *o, const struct wanted *w) {
  const X509 *x = X509_OBJECT_get0_X509(o);
  const X509_CRL *crl = X509_OBJECT_get0_X509_CRL(o);
  if (w->type == X509_LU_CRL)
    return crl != NULL && X509_NAME_cmp(X509_CRL_get_issuer(crl), w->name) == 0;
  return x != NULL && X509_NAME_cmp(X509_get_subject_name(x), w->name) == 0;
}

/* Have OpenSSL look into the files whose name is the hash. */
static bool look(struct directory *d, const struct wanted *w) {
  X509_OBJECT *found = X509_OBJECT_new();
  if (found == NULL) return false;
  /* It comes without a reference of its own, but freeing drops one. */
  if (X509_LOOKUP_by_subject(d->lookup, w->type, w->name, found) == 1)
    X509_OBJECT_up_ref_count(found);
  X509_OBJECT_free(found);
  return true;
}

static bool append_known(struct directory *d, const struct wanted *w,
                         STACK_OF(X509_OBJECT) * out) {
  STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(d->store);
  bool ok = true;
  for (int i = 0; ok && i < sk_X509_OBJECT_num(objects); i++) {
    const X509_OBJECT *o = sk_X509_OBJECT_value(objects, i);
    if (!is_wanted(o, w)) continue;
    ok = trustplace_append(out, X509_OBJECT_get0_X509(o),
                           X509_OBJECT_get0_X509_CRL(o));
  }
  return ok;
}

/* Certificates are read once; of CRLs there may be new ones each time. What a
** directory has is not listed (D-22). */
static bool collect(struct trustplace *place, const struct wanted *w,
                    STACK_OF(X509_OBJECT) * out) {
  struct directory *d = (struct directory *)place;
  int before = sk_X509_OBJECT_num(out);
  if (w == NULL) return true;
  if (w->type == X509_LU_X509) {
    if (!append_known(d, w, out)) return false;
    if (sk_X509_OBJECT_num(out) > before) return true;
  }
  return look(d, w) && append_known(d, w, out);
}

static bool has_certificates(struct trustplace *place) {
  return systemtrust_is_hashed(((struct directory *)place)->paths);
}

static const struct trustplace_kind kind = {collect, has_certificates, destroy};

static bool open_paths(struct directory *d) {
  d->store = X509_STORE_new();
  if (d->store == NULL) return false;
  d->lookup = X509_STORE_add_lookup(d->store, X509_LOOKUP_hash_dir());
  return d->lookup != NULL &&
         X509_LOOKUP_add_dir(d->lookup, d->paths, X509_FILETYPE_PEM) == 1;
}

struct trustplace *trustdir_new(const char *paths) {
  size_t size = strlen(paths) + 1;
  struct directory *d = calloc(1, sizeof *d + size);
  if (d == NULL) return NULL;
  d->place = (struct trustplace){&kind, 1};
  memcpy(d->paths, paths, size);
  if (open_paths(d)) return &d->place;
  destroy(&d->place);
  return NULL;
}
