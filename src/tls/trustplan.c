#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509err.h>

#include "../sys/file.h"
#include "../sys/paths.h"
#include "digest.h"
#include "systemtrust.h"
#include "trustplan.h"

/* A file that was changed so many seconds ago might be changed again without
** its time telling: clocks of file systems tick slowly. */
#define FRESH_SECONDS 2

#define COSTLY_DATA 16384 /* bytes of cadata and revocation lists */

/* What a key is made of: a digest of this, with a path, or data, behind. Zeroed
** first, for its padding. */
struct facts {
  uint64_t kind, dev, ino, size, seconds, nanoseconds;
  unsigned char digest[STEP_KEY]; /* a directory list: of those before; of a
                                     file that its time does not tell */
};

static bool out_of_memory(struct tls_error *e) {
  tlserr_clear();
  tlserr_system(e, ENOMEM);
  return false;
}

static void facts_init(struct facts *f, enum step_kind kind) {
  memset(f, 0, sizeof *f);
  f->kind = (uint64_t)kind;
}

static void facts_file(struct facts *f, const struct file_identity *id) {
  f->dev = (uint64_t)id->dev;
  f->ino = (uint64_t)id->ino;
  f->size = (uint64_t)id->size;
  f->seconds = (uint64_t)id->seconds;
  f->nanoseconds = (uint64_t)id->nanoseconds;
}

static bool facts_key(const struct facts *f, const void *text, size_t length,
                      unsigned char *key) {
  return digest_both(f, sizeof *f, text, length, key);
}

static bool facts_path(const struct facts *f, const char *path,
                       unsigned char *key) {
  return facts_key(f, path, strlen(path), key);
}

/* ---- one kind of step each: fill in its key, and its identity ---- */

static bool key_data(struct truststep *s, struct tls_error *e) {
  struct facts f;
  if (s->length == 0) {
    tlserr_set(e, ERROR_VALUE, "Empty %s data",
               s->kind == STEP_CRL ? "revocation list" : "certificate");
    return false;
  }
  facts_init(&f, s->kind);
  return facts_key(&f, s->data, s->length, s->key) || out_of_memory(e);
}

/* Of the certificates' own digests, in their order. */
static bool key_certificates(struct truststep *s, struct tls_error *e) {
  unsigned char chain[2 * STEP_KEY] = {0};
  struct facts f;
  bool ok = true;
  if (sk_X509_num(s->certificates) < 1) {
    tlserr_set(e, ERROR_VALUE, "Empty certificate data");
    return false;
  }
  facts_init(&f, s->kind);
  for (int i = 0; ok && i < sk_X509_num(s->certificates); i++)
    ok = X509_digest(sk_X509_value(s->certificates, i), digest_method(),
                     chain + STEP_KEY, NULL) == 1 &&
         digest_bytes(chain, sizeof chain, chain);
  return (ok && facts_key(&f, chain, STEP_KEY, s->key)) || out_of_memory(e);
}

/* Can the file's time tell whether it is the same file? A pipe's cannot. */
static bool tells_by_time(const char *path, const struct file_identity *id) {
  return path_is_file(path) && id->seconds < time(NULL) - FRESH_SECONDS;
}

static bool read_content(struct truststep *s, struct tls_error *e) {
  int error = file_read(s->path, &s->content, &s->length);
  if (error != 0) tlserr_system(e, error);
  s->data = s->content;
  return error == 0;
}

static bool key_file(struct truststep *s, struct tls_error *e) {
  struct file_identity id;
  struct facts f;
  int error = file_identify(s->path, &id);
  if (error == 0 && id.directory) error = EISDIR;
  if (error != 0) {
    tlserr_system(e, error);
    return false;
  }
  facts_init(&f, s->kind);
  facts_file(&f, &id);
  if (!tells_by_time(s->path, &id)) {
    if (!read_content(s, e)) return false;
    if (!digest_bytes(s->data, s->length, f.digest)) return out_of_memory(e);
  }
  return facts_path(&f, s->path, s->key) || out_of_memory(e);
}

/* Add a directory, there or not, to the key of those before it. */
static bool key_element(struct truststep *s, const char *path, size_t length) {
  struct file_identity id;
  struct facts f;
  char *copy = strndup(path, length);
  if (copy == NULL) return false;
  facts_init(&f, s->kind);
  if (file_identify(copy, &id) == 0) facts_file(&f, &id);
  memcpy(f.digest, s->key, STEP_KEY);
  bool ok = facts_key(&f, copy, length, s->key);
  free(copy);
  return ok;
}

/* The key changes when entries come or go; the identity is the path. */
static bool key_directory(struct truststep *s, struct tls_error *e) {
  struct facts f;
  if (*s->path == '\0') {
    ERR_raise(ERR_LIB_X509, X509_R_INVALID_DIRECTORY);
    tlserr_take(e, "invalid directory");
    return false;
  }
  facts_init(&f, s->kind);
  bool ok = facts_path(&f, s->path, s->identity);
  for (const char *at = s->path; ok && at != NULL;) {
    size_t length = strcspn(at, ":");
    ok = key_element(s, at, length);
    at = at[length] == ':' ? at + length + 1 : NULL;
  }
  return ok || out_of_memory(e);
}

/* The identity holds for a copy of the file elsewhere, unlike the key. */
static bool key_bundle(struct truststep *s, struct tls_error *e) {
  struct file_identity id;
  struct facts f;
  facts_init(&f, s->kind);
  if (file_identify(s->path, &id) == 0) facts_file(&f, &id);
  bool ok = facts_path(&f, s->path, s->key);
  f.dev = f.ino = f.nanoseconds = 0;
  ok = ok && facts_path(&f, s->path, s->identity);
  return ok || out_of_memory(e);
}

/* Where was searched decides nothing: no identity. */
static bool key_system(struct truststep *s, struct tls_error *e) {
  struct facts f;
  facts_init(&f, s->kind);
  return facts_path(&f, s->path, s->key) || out_of_memory(e);
}

static bool (*const key_functions[])(struct truststep *, struct tls_error *) = {
    [STEP_DATA] = key_data,
    [STEP_CRL] = key_data,
    [STEP_CERTIFICATES] = key_certificates,
    [STEP_FILE] = key_file,
    [STEP_DIRECTORY] = key_directory,
    [STEP_BUNDLE] = key_bundle,
    [STEP_SYSTEM] = key_system,
};

/* ---- */

static struct truststep *next_step(struct trustplan *plan,
                                   enum step_kind kind) {
  struct truststep *s = &plan->steps[plan->count];
  memset(s, 0, sizeof *s);
  s->kind = kind;
  return s;
}

/* Add a step that has a path, which is copied. */
static bool add(struct trustplan *plan, enum step_kind kind, const char *text,
                size_t length, struct tls_error *e) {
  struct truststep *s = next_step(plan, kind);
  s->path = strndup(text, length);
  if (s->path == NULL) return out_of_memory(e);
  plan->count++;
  return key_functions[kind](s, e);
}

/* Add a step that has what it needs in memory, which is borrowed. */
static bool add_memory(struct trustplan *plan, enum step_kind kind,
                       const struct trust_source *source, struct tls_error *e) {
  struct truststep *s = next_step(plan, kind);
  s->data = source->text;
  s->length = source->length;
  s->certificates = source->certificates;
  plan->count++;
  return key_functions[kind](s, e);
}

static bool add_places(struct trustplan *plan, const struct systemtrust *found,
                       struct tls_error *e) {
  bool ok = add(plan, STEP_SYSTEM, found->searched, strlen(found->searched), e);
  for (size_t i = 0; ok && i < found->count; i++) {
    const struct system_place *place = &found->places[i];
    ok = add(plan, place->directory ? STEP_DIRECTORY : STEP_BUNDLE, place->path,
             strlen(place->path), e);
  }
  return ok;
}

static bool add_system(struct trustplan *plan, struct tls_error *e) {
  struct systemtrust found;
  if (systemtrust_find(&found) != 0) return out_of_memory(e);
  bool ok = add_places(plan, &found, e);
  systemtrust_clear(&found);
  return ok;
}

static bool add_source(struct trustplan *plan, const struct trust_source *s,
                       struct tls_error *e) {
  static const enum step_kind kinds[] = {
      [TRUST_DATA] = STEP_DATA,
      [TRUST_FILE] = STEP_FILE,
      [TRUST_DIRECTORY] = STEP_DIRECTORY,
      [TRUST_CRL] = STEP_CRL,
      [TRUST_CERTIFICATES] = STEP_CERTIFICATES,
  };
  switch (s->kind) {
  case TRUST_SYSTEM: return add_system(plan, e);
  case TRUST_FILE:
  case TRUST_DIRECTORY: return add(plan, kinds[s->kind], s->text, s->length, e);
  default: return add_memory(plan, kinds[s->kind], s, e);
  }
}

bool trustplan_make(struct trustplan *plan, const struct trust_source *sources,
                    size_t count, struct tls_error *e) {
  size_t most = count * (1 + SYSTEMTRUST_PLACES);
  bool ok = true;
  plan->count = 0;
  plan->steps = calloc(most + 1, sizeof *plan->steps);
  if (plan->steps == NULL) return out_of_memory(e);
  for (size_t i = 0; ok && i < count; i++)
    ok = add_source(plan, &sources[i], e);
  if (!ok) trustplan_clear(plan);
  return ok;
}

static void step_clear(struct truststep *s) {
  if (s->content != NULL) file_wipe(s->content, s->length);
  free(s->path);
  memset(s, 0, sizeof *s);
}

void trustplan_clear(struct trustplan *plan) {
  for (size_t i = 0; i < plan->count; i++)
    step_clear(&plan->steps[i]);
  free(plan->steps);
  plan->steps = NULL;
  plan->count = 0;
}

static bool is_among(const struct truststep *steps, size_t count,
                     const unsigned char *key) {
  for (size_t i = 0; i < count; i++)
    if (memcmp(steps[i].key, key, STEP_KEY) == 0) return true;
  return false;
}

void trustplan_drop(struct trustplan *plan,
                    bool (*has)(const void *arg, const unsigned char *key),
                    const void *arg) {
  size_t left = 0;
  for (size_t i = 0; i < plan->count; i++) {
    struct truststep *s = &plan->steps[i];
    if (has(arg, s->key) || is_among(plan->steps, left, s->key))
      step_clear(s);
    else
      plan->steps[left++] = *s;
  }
  plan->count = left;
}

/* Certificates that were read already cost no reading. */
static bool is_costly(const struct truststep *s) {
  switch (s->kind) {
  case STEP_DIRECTORY:
  case STEP_CERTIFICATES: return false;
  case STEP_DATA:
  case STEP_CRL: return s->length >= COSTLY_DATA;
  default: return true;
  }
}

bool trustplan_is_costly(const struct trustplan *plan) {
  for (size_t i = 0; i < plan->count; i++)
    if (is_costly(&plan->steps[i])) return true;
  return false;
}
