#include "offer.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/ssl.h>

#define RECORD_HEAD   5
#define RECORD_SHAKE  22 /* content type of handshake messages */
#define MESSAGE_HELLO 1
#define RANDOM_LENGTH 32
#define TYPES         65536 /* that an extension may have */

static unsigned read_u16(const unsigned char *p) {
  return (unsigned)p[0] << 8 | p[1];
}

/* ---- cutting bytes off a span ---- */

static bool cut(struct span *from, size_t length, struct span *out) {
  if (from->length < length) return false;
  out->at = from->at;
  out->length = length;
  from->at += length;
  from->length -= length;
  return true;
}

/* What stands behind its length, which is a number of `head` bytes. */
static bool cut_vector(struct span *from, size_t head, struct span *out) {
  struct span number;
  size_t length = 0;
  if (!cut(from, head, &number)) return false;
  for (size_t i = 0; i < head; i++)
    length = length << 8 | number.at[i];
  return cut(from, length, out);
}

/* ---- the message, out of its records ---- */

/* The next record of the tape that has some of the handshake. */
static bool next_record(struct span *tape, struct span *body) {
  struct span head;
  do {
    if (!cut(tape, RECORD_HEAD, &head)) return false;
    if (!cut(tape, read_u16(head.at + 3), body)) return false;
  } while (head.at[0] != RECORD_SHAKE);
  return true;
}

/* Put the records' contents together, which are never longer than these. */
static size_t join_records(const struct tape *t, unsigned char *data) {
  struct span rest = {t->data, t->length};
  struct span body;
  size_t length = 0;
  while (next_record(&rest, &body)) {
    if (body.length > 0) memcpy(data + length, body.at, body.length);
    length += body.length;
  }
  return length;
}

/* ---- what is in it ---- */

/* A list of numbers of two bytes, behind its length of `head` bytes: not empty,
** and alone. */
static bool take_numbers(struct span body, size_t head, struct span *out) {
  return cut_vector(&body, head, out) && body.length == 0 && out->length > 0 &&
         out->length % 2 == 0;
}

/* A list of names, none of them empty (RFC 7301, 3.1). */
static bool take_protocols(struct span body, struct span *out) {
  struct span name;
  if (!cut_vector(&body, 2, out) || body.length > 0 || out->length == 0)
    return false;
  struct span rest = *out;
  while (rest.length > 0)
    if (!cut_vector(&rest, 1, &name) || name.length == 0) return false;
  return true;
}

static bool take_extension(struct offer *o, unsigned type, struct span body) {
  switch (type) {
  case TLSEXT_TYPE_supported_groups: return take_numbers(body, 2, &o->groups);
  case TLSEXT_TYPE_signature_algorithms:
    return take_numbers(body, 2, &o->algorithms);
  case TLSEXT_TYPE_application_layer_protocol_negotiation:
    return take_protocols(body, &o->protocols);
  case TLSEXT_TYPE_supported_versions:
    return take_numbers(body, 1, &o->versions);
  default: return true;
  }
}

/* Was it marked before? Then it is there twice. */
static bool mark(unsigned char *seen, unsigned type) {
  unsigned char bit = (unsigned char)(1u << type % 8);
  bool before = seen[type / 8] & bit;
  seen[type / 8] |= bit;
  return before;
}

static bool walk_extensions(struct offer *o, unsigned char *seen, int *alert) {
  struct span rest = o->extensions;
  struct span body;
  unsigned type;
  while (rest.length > 0) {
    if (!offer_next(&rest, &type, &body)) return false;
    if (mark(seen, type)) *alert = SSL_AD_ILLEGAL_PARAMETER; /* RFC 8446, 4.2 */
    if (*alert != SSL_AD_DECODE_ERROR || !take_extension(o, type, body))
      return false;
  }
  return true;
}

static bool take_extensions(struct offer *o, int *alert) {
  unsigned char *seen = OPENSSL_zalloc(TYPES / 8);
  bool ok = seen != NULL && walk_extensions(o, seen, alert);
  if (seen == NULL) *alert = SSL_AD_INTERNAL_ERROR;
  OPENSSL_free(seen);
  return ok;
}

/* The message's fields, in their order. */
static bool take_fields(struct offer *o, struct span all) {
  struct span type, message, version, skipped;
  if (!cut(&all, 1, &type) || type.at[0] != MESSAGE_HELLO) return false;
  if (!cut_vector(&all, 3, &message)) return false;
  if (!cut(&message, 2, &version) || !cut(&message, RANDOM_LENGTH, &skipped) ||
      !cut_vector(&message, 1, &skipped) ||
      !cut_vector(&message, 2, &o->suites) || o->suites.length % 2 != 0 ||
      !cut_vector(&message, 1, &skipped))
    return false;
  o->version = read_u16(version.at);
  if (message.length == 0) return true; /* older than extensions */
  return cut_vector(&message, 2, &o->extensions) && message.length == 0;
}

/* A hello in the manner of SSL 2.0 has no records, and none of all this. */
static bool is_ancient(const struct tape *t) {
  return t->length > 0 && (t->data[0] & 0x80) != 0;
}

bool offer_take(struct offer *o, const struct tape *t, int *alert) {
  *alert = SSL_AD_INTERNAL_ERROR;
  o->data = OPENSSL_zalloc(t->length + 1);
  if (o->data == NULL) return false;
  o->size = t->length;
  *alert = SSL_AD_DECODE_ERROR;
  if (is_ancient(t)) return true;
  struct span message = {o->data, join_records(t, o->data)};
  return take_fields(o, message) && take_extensions(o, alert);
}

bool offer_next(struct span *rest, unsigned *type, struct span *body) {
  struct span head;
  if (!cut(rest, 2, &head) || !cut_vector(rest, 2, body)) return false;
  *type = read_u16(head.at);
  return true;
}

void offer_copy(struct offer *to, const struct offer *from,
                unsigned char *data) {
  *to = *from;
  to->data = data;
  memcpy(data, from->data, from->size);
  struct span *const spans[] = {&to->suites,    &to->versions,
                                &to->groups,    &to->algorithms,
                                &to->protocols, &to->extensions};
  for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
    if (spans[i]->at != NULL) spans[i]->at = data + (spans[i]->at - from->data);
}

void offer_clear(struct offer *o) {
  OPENSSL_free(o->data);
  memset(o, 0, sizeof *o);
}
