/*
** offer.h - all that a client offers in its ClientHello: a copy of the message,
** and where its parts are in there. Read from the bytes themselves, for OpenSSL
** tells of no extension that it does not know (RFC 8446, 4.1.2).
** Owns the copy. Calls: tape. Called by: hello, src/bind.
*/
#ifndef PYSSL_TLS_OFFER_H
#define PYSSL_TLS_OFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "../sys/tape.h"
#include "compat.h"

HIDDEN_BEGIN

/* Bytes somewhere in the copy; at is NULL for what is not there. */
struct span {
  const unsigned char *at;
  size_t length;
};

struct offer {
  unsigned char *data; /* the message, NULL where nobody wants to see it */
  size_t size;         /* of data */
  unsigned version;    /* the highest, as hellos said it before TLS 1.3 */
  struct span suites;  /* numbers of two bytes each, as the next three */
  struct span versions;
  struct span groups;
  struct span algorithms; /* for signatures */
  struct span protocols;  /* of ALPN, each behind a byte with its length */
  struct span extensions; /* for offer_next */
};

/* Fill the offer from the records on the tape, which OpenSSL has found a hello
** in. False, with the alert to refuse with: a length in it is wrong, or an
** extension is there twice. */
MUST_USE bool offer_take(struct offer *o, const struct tape *t, int *alert);

/* The first extension of *rest, and *rest without it. False: it is empty. */
MUST_USE bool offer_next(struct span *rest, unsigned *type, struct span *body);

/* *to becomes the same with its message in data[from->size], the caller's. */
void offer_copy(struct offer *to, const struct offer *from,
                unsigned char *data);

void offer_clear(struct offer *o);

HIDDEN_END

#endif
