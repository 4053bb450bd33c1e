#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "../sys/file.h"
#include "trustbundle.h"
#include "trustindex.h"

/* An entry of the bundle, parsed: one of the two; both NULL: not yet. */
struct parsed {
  X509 *certificate;
  X509_CRL *crl;
};

struct index {
  struct trustplace place; /* first: the two are cast to each other */
  bool read;
  struct trustbundle bundle;
  struct parsed *parsed; /* one for each entry of the bundle */
  char path[];
};

static void destroy(struct trustplace *place) {
  struct index *index = (struct index *)place;
  for (size_t i = 0; i < index->bundle.count; i++) {
    X509_free(index->parsed[i].certificate);
    X509_CRL_free(index->parsed[i].crl);
  }
  free(index->parsed);
  trustbundle_clear(&index->bundle);
  free(index);
}

/* Takes the text over. 0 or ENOMEM. */
static int read_text(struct index *index, unsigned char *text, size_t length) {
  int error = trustbundle_read(&index->bundle, text, length);
  if (error != 0 || index->bundle.count == 0) return error;
  index->parsed = calloc(index->bundle.count, sizeof *index->parsed);
  if (index->parsed != NULL) return 0;
  trustbundle_clear(&index->bundle);
  return ENOMEM;
}

/* Read the file if that was not done yet. A missing one is an empty one; only
** where memory was short is it tried again, and this is false. */
static bool ready(struct index *index) {
  unsigned char *text;
  size_t length;
  if (index->read) return true;
  int error = file_read(index->path, &text, &length);
  if (error == 0) error = read_text(index, text, length);
  index->read = error != ENOMEM;
  return index->read;
}

static void parse_der(enum bundle_kind kind, const unsigned char *der,
                      long length, struct parsed *p) {
  if (kind == BUNDLE_CRL)
    p->crl = d2i_X509_CRL(NULL, &der, length);
  else if (kind == BUNDLE_TRUSTED)
    p->certificate = d2i_X509_AUX(NULL, &der, length);
  else
    p->certificate = d2i_X509(NULL, &der, length);
}

/* The entry, parsed; NULL: it is malformed (or memory was short). */
static const struct parsed *entry_parsed(struct index *index, size_t i) {
  const struct bundle_entry *e = &index->bundle.entries[i];
  struct parsed *p = &index->parsed[i];
  if (p->certificate != NULL || p->crl != NULL) return p;
  size_t length;
  unsigned char *der = trustbundle_decode(e, &length);
  if (der == NULL) return NULL;
  parse_der(e->kind, der, (long)length, p);
  free(der);
  return p->certificate != NULL || p->crl != NULL ? p : NULL;
}

static bool has_name(const struct parsed *p, const X509_NAME *wanted) {
  const X509_NAME *name = p->crl != NULL
                              ? X509_CRL_get_issuer(p->crl)
                              : X509_get_subject_name(p->certificate);
  return X509_NAME_cmp(name, wanted) == 0;
}

static bool hash_of(const X509_NAME *name, unsigned *hash) {
  const unsigned char *der;
  size_t length;
  if (X509_NAME_get0_der(name, &der, &length) != 1) return false;
  *hash = trustbundle_name_hash(der, length);
  return true;
}

/* Parse only what has the hash of the name. */
static bool collect_wanted(struct index *index, const struct wanted *w,
                           STACK_OF(X509_OBJECT) * out) {
  unsigned hash;
  bool ok = hash_of(w->name, &hash);
  for (size_t i = 0; ok && i < index->bundle.count; i++) {
    const struct bundle_entry *e = &index->bundle.entries[i];
    if (e->name_hash != hash) continue;
    if ((e->kind == BUNDLE_CRL) != (w->type == X509_LU_CRL)) continue;
    const struct parsed *p = entry_parsed(index, i);
    if (p != NULL && has_name(p, w->name))
      ok = trustplace_append(out, p->certificate, p->crl);
  }
  return ok;
}

static bool collect_all(struct index *index, STACK_OF(X509_OBJECT) * out) {
  bool ok = true;
  for (size_t i = 0; ok && i < index->bundle.count; i++) {
    const struct parsed *p = entry_parsed(index, i);
    if (p != NULL) ok = trustplace_append(out, p->certificate, p->crl);
  }
  return ok;
}

static bool collect(struct trustplace *place, const struct wanted *w,
                    STACK_OF(X509_OBJECT) * out) {
  struct index *index = (struct index *)place;
  if (!ready(index)) return false;
  return w != NULL ? collect_wanted(index, w, out) : collect_all(index, out);
}

static bool has_certificates(struct trustplace *place) {
  struct index *index = (struct index *)place;
  bool found = false;
  ready(index);
  for (size_t i = 0; !found && i < index->bundle.count; i++)
    found = index->bundle.entries[i].kind != BUNDLE_CRL;
  return found;
}

static const struct trustplace_kind kind = {collect, has_certificates, destroy};

struct trustplace *trustindex_new(const char *path) {
  size_t size = strlen(path) + 1;
  struct index *index = calloc(1, sizeof *index + size);
  if (index == NULL) return NULL;
  index->place = (struct trustplace){&kind, 1};
  memcpy(index->path, path, size);
  return &index->place;
}
