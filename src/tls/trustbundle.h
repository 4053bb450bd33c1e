/*
** trustbundle.h - what stands in a PEM bundle, found without parsing it.
** Decoding a certificate costs OpenSSL 1.2 million instructions, and a system
** bundle holds about 150, of which a program needs two. Here only the name of
** each is looked at, and a hash of it kept to look it up by.
** Owns the text. Calls: file. Called by: trustindex.
*/
#ifndef PYSSL_TLS_TRUSTBUNDLE_H
#define PYSSL_TLS_TRUSTBUNDLE_H

#include <stddef.h>

#include "compat.h"

HIDDEN_BEGIN

enum bundle_kind {
  BUNDLE_CERTIFICATE,
  BUNDLE_TRUSTED, /* a certificate with OpenSSL's trust settings behind it */
  BUNDLE_CRL
};

struct bundle_entry {
  enum bundle_kind kind;
  unsigned name_hash; /* of a certificate's subject, of a CRL's issuer */
  const unsigned char *base64;
  size_t length;
};

struct trustbundle {
  struct bundle_entry *entries;
  size_t count;
  unsigned char *text; /* what the entries point into */
  size_t length;
};

/*
** Find the certificates and CRLs in PEM text, which came from file_read and
** belongs to the bundle from here on, whatever the result. Blocks of other
** kinds are skipped, and those in which no name is found. 0, or ENOMEM; then
** *b is empty.
*/
MUST_USE int trustbundle_read(struct trustbundle *b, unsigned char *text,
                              size_t length);

/* Free what it holds; it is empty afterwards. */
void trustbundle_clear(struct trustbundle *b);

/* The DER of an entry, *length bytes, to be freed with free. NULL: malformed,
** or out of memory. */
unsigned char *trustbundle_decode(const struct bundle_entry *entry,
                                  size_t *length);

/*
** A hash of a Name in DER. Names that OpenSSL takes for equal (whatever their
** string types, case and blanks) have the same one; different names may.
*/
unsigned trustbundle_name_hash(const unsigned char *der, size_t length);

HIDDEN_END

#endif
