/*
** file.h - read a file whole; tell whether it has changed.
** Owns nothing: what file_read gives is the caller's, to be given back with
** file_wipe (it may be a private key) or free.
** Calls: the system. Called by: src/tls (trust, keys), src/bind.
*/
#ifndef PYSSL_SYS_FILE_H
#define PYSSL_SYS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "compat.h"

HIDDEN_BEGIN

/*
** Read all of `path`, which may be a pipe (/dev/stdin, a process
** substitution), into allocated memory: *length bytes at *data, and a NUL
** after them. 0, or an errno value, EISDIR for a directory; then *data is
** NULL, and what had been read is wiped.
*/
MUST_USE int file_read(const char *path, unsigned char **data, size_t *length);

/* Overwrite and free memory; NULL is allowed. */
void file_wipe(unsigned char *data, size_t length);

/* What changes when a file is replaced or written to. */
struct file_identity {
  dev_t dev;
  ino_t ino;
  off_t size;
  time_t seconds; /* the last modification */
  long nanoseconds;
  bool directory;
};

/* The identity of what `path` leads to, links followed: 0 or an errno value.
** A directory has one, which changes with its entries. */
MUST_USE int file_identify(const char *path, struct file_identity *id);

bool file_identity_equal(const struct file_identity *a,
                         const struct file_identity *b);

HIDDEN_END

#endif
