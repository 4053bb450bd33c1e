/*
** systemtrust.h - where this system keeps the certificates it trusts.
** SSL_CERT_FILE and SSL_CERT_DIR, OpenSSL's own places, else those that
** distributions are known to use. Only looks; loads nothing.
** Calls: environment, paths, OpenSSL. Called by: trustplan, src/bind.
*/
#ifndef PYSSL_TLS_SYSTEMTRUST_H
#define PYSSL_TLS_SYSTEMTRUST_H

#include <stdbool.h>
#include <stddef.h>

#include "compat.h"

HIDDEN_BEGIN

/* What get_default_verify_paths tells. Static text, or the
** environment's: to be copied at once. */
struct system_paths {
  const char *cafile; /* NULL unless it is a regular file */
  const char *capath; /* NULL unless it is a directory */
  const char *openssl_cafile_env;
  const char *openssl_cafile;
  const char *openssl_capath_env;
  const char *openssl_capath;
};

void systemtrust_default_paths(struct system_paths *out);

#define SYSTEMTRUST_PLACES 2

struct system_place {
  bool directory; /* a hashed directory, or several with ':' between; else a
                     bundle */
  char *path;
};

struct systemtrust {
  struct system_place places[SYSTEMTRUST_PLACES];
  size_t count;   /* 0: no trust was found */
  char *searched; /* every path that was looked at, ", " between */
};

/* Find the places, directories first. 0, or ENOMEM; then *out is empty. */
MUST_USE int systemtrust_find(struct systemtrust *out);

void systemtrust_clear(struct systemtrust *out);

/* Does one of these directories (':' between) hold a certificate that can be
** looked up by its hash? */
bool systemtrust_is_hashed(const char *directories);

HIDDEN_END

#endif
