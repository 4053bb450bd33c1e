/*
** trustplan.h - what is to be trusted, taken apart into steps with keys.
** A key tells what a step would load, without loading it: the process-wide
** cache is asked by keys first.
** Owns copies of the paths, and what it had to read to make a key.
** Calls: systemtrust, file, paths, OpenSSL, tlserr. Called by: trust.
*/
#ifndef PYSSL_TLS_TRUSTPLAN_H
#define PYSSL_TLS_TRUSTPLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "compat.h"
#include "tlserr.h"
#include "trustsource.h"

HIDDEN_BEGIN

enum step_kind {
  STEP_DATA,
  STEP_CRL,
  STEP_CERTIFICATES,
  STEP_FILE,      /* loaded at once */
  STEP_DIRECTORY, /* hashed, looked into on demand; several with ':' between */
  STEP_BUNDLE,    /* a file that is looked into on demand */
  STEP_SYSTEM     /* `path` is the list of what was searched */
};

#define STEP_KEY 32 /* SHA-256 */

struct truststep {
  enum step_kind kind;
  char *path;
  const void *data; /* STEP_DATA, STEP_CRL: the caller's; STEP_FILE: NULL, or
                       `content` */
  size_t length;
  STACK_OF(X509) * certificates;    /* STEP_CERTIFICATES: the caller's */
  unsigned char *content;           /* owned */
  unsigned char key[STEP_KEY];      /* tells what was there at this moment */
  unsigned char identity[STEP_KEY]; /* tells what is trusted, in any process;
                                       not of data, certificates and files:
                                       loading tells */
};

struct trustplan {
  struct truststep *steps;
  size_t count;
};

/* Take the sources apart. False with *e; the plan is then empty. */
MUST_USE bool trustplan_make(struct trustplan *plan,
                             const struct trust_source *sources, size_t count,
                             struct tls_error *e);

void trustplan_clear(struct trustplan *plan);

/* Take steps out for which has(arg, key) is true, and repeated ones. */
void trustplan_drop(struct trustplan *plan,
                    bool (*has)(const void *arg, const unsigned char *key),
                    const void *arg);

/* Is what the plan loads worth keeping when nobody uses it? */
bool trustplan_is_costly(const struct trustplan *plan);

HIDDEN_END

#endif
