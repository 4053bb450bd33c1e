#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../sys/file.h"
#include "trustbundle.h"

/* Tags of X.690 and, of a certificate, [0] version (RFC 5280, 4.1). */
enum tag {
  TAG_INTEGER = 0x02,
  TAG_UNIVERSAL_STRING = 0x1c,
  TAG_BMP_STRING = 0x1e,
  TAG_SEQUENCE = 0x30,
  TAG_VERSION = 0xa0
};

struct der {
  const unsigned char *at;
  const unsigned char *end;
};

static size_t der_left(const struct der *d) {
  return (size_t)(d->end - d->at);
}

static bool take_length(struct der *d, size_t *length) {
  if (d->at == d->end) return false;
  unsigned char first = *d->at++;
  *length = first;
  if (first < 0x80) return true;
  size_t bytes = first & 0x7f;
  if (bytes == 0 || bytes > 4 || bytes > der_left(d)) return false;
  for (*length = 0; bytes > 0; bytes--)
    *length = *length << 8 | *d->at++;
  return true;
}

/* Take the next value off *d: its tag, its content. */
static bool der_take(struct der *d, unsigned *tag, struct der *content) {
  size_t length;
  if (d->at == d->end) return false;
  *tag = *d->at++;
  if (!take_length(d, &length) || length > der_left(d)) return false;
  content->at = d->at;
  d->at = content->end = d->at + length;
  return true;
}

/* Narrow *d to the content of the SEQUENCE it begins with, of which only the
** beginning may be there. */
static bool der_enter(struct der *d) {
  size_t length;
  if (d->at == d->end || *d->at++ != TAG_SEQUENCE) return false;
  if (!take_length(d, &length)) return false;
  if (length < der_left(d)) d->end = d->at + length;
  return true;
}

/* Where the name stands: an optional value, others, then the name. */
static const struct layout {
  unsigned optional;
  int before;
} layouts[] = {
    [BUNDLE_CERTIFICATE] = {TAG_VERSION, 4}, /* serial ... validity */
    [BUNDLE_TRUSTED] = {TAG_VERSION, 4},
    [BUNDLE_CRL] = {TAG_INTEGER, 1}, /* version; signature */
};

/* Narrow *d, a certificate or CRL, to its subject or issuer. */
static bool enter_name(struct der *d, enum bundle_kind kind) {
  const struct layout *layout = &layouts[kind];
  struct der skipped;
  unsigned tag;
  if (!der_enter(d) || !der_enter(d) || d->at == d->end) return false;
  if (*d->at == layout->optional && !der_take(d, &tag, &skipped)) return false;
  for (int i = 0; i < layout->before; i++)
    if (!der_take(d, &tag, &skipped)) return false;
  const unsigned char *start = d->at;
  if (!der_take(d, &tag, &skipped) || tag != TAG_SEQUENCE) return false;
  d->at = start;
  d->end = skipped.end;
  return true;
}

/*
** A hash of the ASCII letters and digits of a string, case folded. All that
** OpenSSL's canonical form (X509_NAME_cmp) may change is left out: string type,
** case, blanks, and how characters beyond ASCII are encoded.
*/
static unsigned string_hash(const struct der *value, size_t width) {
  unsigned hash = 2166136261u; /* FNV-1a */
  const unsigned char *at = value->at;
  for (; (size_t)(value->end - at) >= width; at += width) {
    unsigned c = at[width - 1];
    if (c >= 0x80 || (width > 1 && at[width - 2] != 0)) continue;
    if (c >= 'A' && c <= 'Z') c += 'a' - 'A';
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
      hash = (hash ^ c) * 16777619u;
  }
  return hash;
}

static size_t character_width(unsigned tag) {
  if (tag == TAG_BMP_STRING) return 2;
  return tag == TAG_UNIVERSAL_STRING ? 4 : 1;
}

/* A sum, for the order within a SET is that of the encodings. */
static unsigned set_hash(struct der set) {
  unsigned hash = 0, tag;
  struct der pair, oid, value;
  while (der_take(&set, &tag, &pair))
    if (der_take(&pair, &tag, &oid) && der_take(&pair, &tag, &value))
      hash += string_hash(&value, character_width(tag));
  return hash;
}

unsigned trustbundle_name_hash(const unsigned char *der, size_t length) {
  struct der name = {der, der + length}, set;
  unsigned hash = 0, tag;
  if (!der_enter(&name)) return 0;
  while (der_take(&name, &tag, &set))
    hash += set_hash(set);
  return hash;
}

/* ---- base64 ---- */

enum { PADDING = 64, BLANK, INVALID };

/* What each character stands for: a value below 64, or one of these. */
struct alphabet {
  unsigned char value[256];
};

static void alphabet_init(struct alphabet *a) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789+/=";
  static const char blanks[] = " \t\r\n";
  memset(a->value, INVALID, sizeof a->value);
  for (unsigned char i = 0; digits[i] != '\0'; i++)
    a->value[(unsigned char)digits[i]] = i;
  for (size_t i = 0; blanks[i] != '\0'; i++)
    a->value[(unsigned char)blanks[i]] = BLANK;
}

/* The bytes of the last, incomplete group of `digits` digits. */
static size_t decode_rest(unsigned bits, unsigned digits, unsigned char *out) {
  if (digits < 2) return 0;
  bits <<= 6 * (4 - digits);
  out[0] = (unsigned char)(bits >> 16);
  out[1] = (unsigned char)(bits >> 8);
  return digits - 1;
}

static void put_group(unsigned bits, unsigned char *out) {
  out[0] = (unsigned char)(bits >> 16);
  out[1] = (unsigned char)(bits >> 8);
  out[2] = (unsigned char)bits;
}

/* Four digits in a row, as nearly all are; false: something else is there. */
static bool decode_group(const struct alphabet *a, const unsigned char *at,
                         unsigned char *out) {
  unsigned w = a->value[at[0]], x = a->value[at[1]];
  unsigned y = a->value[at[2]], z = a->value[at[3]];
  if ((w | x | y | z) >= PADDING) return false;
  put_group(w << 18 | x << 12 | y << 6 | z, out);
  return true;
}

/* Decode up to `most` bytes, a multiple of 3, into `out`, which has room for
** two more. How many there are; 0: malformed. */
static size_t decode(const struct alphabet *a, const struct bundle_entry *e,
                     unsigned char *out, size_t most) {
  const unsigned char *at = e->base64, *end = at + e->length;
  unsigned bits = 0, digits = 0; /* of a group with something in between */
  size_t done = 0;
  while (at < end && done < most) {
    if (digits == 0 && end - at >= 4 && decode_group(a, at, out + done)) {
      at += 4;
      done += 3;
      continue;
    }
    unsigned value = a->value[*at++];
    if (value == INVALID) return 0;
    if (value >= PADDING) continue;
    bits = bits << 6 | value;
    if (++digits < 4) continue;
    put_group(bits, out + done);
    done += 3;
    digits = 0;
  }
  return digits == 1 ? 0 : done + decode_rest(bits, digits, out + done);
}

static unsigned char *decode_all(const struct alphabet *a,
                                 const struct bundle_entry *e, size_t *length) {
  size_t most = (e->length / 4 + 1) * 3;
  unsigned char *der = malloc(most + 2);
  if (der == NULL) return NULL;
  *length = decode(a, e, der, most);
  if (*length > 0) return der;
  free(der);
  return NULL;
}

unsigned char *trustbundle_decode(const struct bundle_entry *entry,
                                  size_t *length) {
  struct alphabet a;
  alphabet_init(&a);
  return decode_all(&a, entry, length);
}

/* ---- the blocks of the text ---- */

static const struct label {
  const char *text;
  enum bundle_kind kind;
} labels[] = {
    {"CERTIFICATE-----", BUNDLE_CERTIFICATE},
    {"X509 CERTIFICATE-----", BUNDLE_CERTIFICATE},
    {"TRUSTED CERTIFICATE-----", BUNDLE_TRUSTED},
    {"X509 CRL-----", BUNDLE_CRL},
};

static const char begin[] = "-----BEGIN ";

struct scan {
  const unsigned char *start, *at, *end;
};

/* Is there `text` at s->at? Then go behind it. */
static bool skip_text(struct scan *s, const char *text) {
  size_t length = strlen(text);
  if ((size_t)(s->end - s->at) < length) return false;
  if (memcmp(s->at, text, length) != 0) return false;
  s->at += length;
  return true;
}

static bool skip_label(struct scan *s, enum bundle_kind *kind) {
  for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
    if (skip_text(s, labels[i].text)) {
      *kind = labels[i].kind;
      return true;
    }
  return false;
}

/* Go behind the next BEGIN line, of whatever kind. */
static bool skip_begin(struct scan *s) {
  size_t length = sizeof begin - 1;
  const unsigned char *line;
  do {
    line = memmem(s->at, (size_t)(s->end - s->at), begin, length);
    if (line == NULL) return false;
    s->at = line + length;
  } while (line != s->start && line[-1] != '\n');
  return true;
}

/* Go behind the next block that counts; false: there is none. */
static bool next_block(struct scan *s, struct bundle_entry *e) {
  while (skip_begin(s)) {
    if (!skip_label(s, &e->kind)) continue;
    e->base64 = s->at;
    s->at = memchr(s->at, '-', (size_t)(s->end - s->at));
    if (s->at == NULL) return false;
    e->length = (size_t)(s->at - e->base64);
    if (skip_text(s, "-----END ")) return true;
  }
  return false;
}

static bool hash_name(struct bundle_entry *e, const unsigned char *der,
                      size_t length) {
  struct der name = {der, der + length};
  if (!enter_name(&name, e->kind)) return false;
  e->name_hash = trustbundle_name_hash(name.at, der_left(&name));
  return true;
}

#define HEAD 510 /* bytes, a multiple of 3; few names stand further back */

/* Decode as much as is needed to see the name. */
static bool find_name(const struct alphabet *a, struct bundle_entry *e) {
  unsigned char head[HEAD + 2];
  size_t length = decode(a, e, head, HEAD);
  if (length == 0) return false;
  if (hash_name(e, head, length)) return true;
  if (length < HEAD) return false;
  unsigned char *der = decode_all(a, e, &length);
  bool found = der != NULL && hash_name(e, der, length);
  free(der);
  return found;
}

static int reserve(struct trustbundle *b, size_t *room) {
  if (b->count < *room) return 0;
  size_t wanted = *room == 0 ? 64 : *room * 2;
  void *entries = realloc(b->entries, wanted * sizeof *b->entries);
  if (entries == NULL) return ENOMEM;
  b->entries = entries;
  *room = wanted;
  return 0;
}

int trustbundle_read(struct trustbundle *b, unsigned char *text,
                     size_t length) {
  struct scan s = {text, text, text + length};
  struct alphabet a;
  struct bundle_entry e;
  size_t room = 0;
  *b = (struct trustbundle){.text = text, .length = length};
  alphabet_init(&a);
  while (next_block(&s, &e)) {
    if (!find_name(&a, &e)) continue;
    if (reserve(b, &room) != 0) {
      trustbundle_clear(b);
      return ENOMEM;
    }
    b->entries[b->count++] = e;
  }
  return 0;
}

void trustbundle_clear(struct trustbundle *b) {
  free(b->entries);
  file_wipe(b->text, b->length); /* there may be a private key in it */
  memset(b, 0, sizeof *b);
}
