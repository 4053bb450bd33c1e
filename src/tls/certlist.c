#include "certlist.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/asn1err.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "pemwalk.h"

struct reading {
  STACK_OF(X509) * list;
  bool first; /* only the first is wanted */
  bool stopped;
};

/* Put a certificate, which is taken over and may be NULL, into the list. */
static bool add(struct reading *r, X509 *x) {
  if (x == NULL) return false;
  X509_check_purpose(x, -1, 0); /* caches the extensions before x is shared */
  if (sk_X509_push(r->list, x) > 0) return true;
  X509_free(x);
  return false;
}

static bool is_plain(const char *label) {
  return strcmp(label, PEM_STRING_X509) == 0 ||
         strcmp(label, PEM_STRING_X509_OLD) == 0;
}

static bool take_block(void *arg, const char *label, const unsigned char *der,
                       long length) {
  struct reading *r = arg;
  bool plain = is_plain(label);
  if (!plain && strcmp(label, PEM_STRING_X509_TRUSTED) != 0) return true;
  if (!add(r, plain ? d2i_X509(NULL, &der, length)
                    : d2i_X509_AUX(NULL, &der, length)))
    return false;
  r->stopped = r->first;
  return !r->stopped;
}

static bool read_der(struct reading *r, const unsigned char *der,
                     size_t length) {
  const unsigned char *end = der + length;
  bool ok = true;
  while (ok && der < end)
    ok = add(r, d2i_X509(NULL, &der, (long)(end - der))) &&
         (!r->first || der == end);
  if (!ok) ERR_raise(ERR_LIB_ASN1, ASN1_R_NOT_ENOUGH_DATA);
  return ok;
}

static bool read_pem(struct reading *r, const void *text, size_t length) {
  return pemwalk(text, length, take_block, r) || r->stopped;
}

/* What "nothing there" is called is as for cadata (I-57, I-58). */
static void fail_nothing(bool pem, struct tls_error *e) {
  if (pem)
    ERR_raise(ERR_LIB_PEM, PEM_R_NO_START_LINE);
  else
    ERR_raise(ERR_LIB_ASN1, ASN1_R_NOT_ENOUGH_DATA);
  tlserr_take(e, "no certificate");
  snprintf(e->message, sizeof e->message, "%s: there is no certificate",
           pem ? "no start line" : "not enough data");
}

static bool check_length(size_t length, struct tls_error *e) {
  if (length == 0)
    tlserr_set(e, ERROR_VALUE, "Empty certificate data");
  else if (length > INT_MAX)
    tlserr_set(e, ERROR_OVERFLOW, "certificate data is too long");
  return length > 0 && length <= INT_MAX;
}

static bool read_into(struct reading *r, const void *data, size_t length,
                      struct tls_error *e) {
  if (!check_length(length, e)) return false;
  tlserr_clear();
  bool pem = pemwalk_is_pem(data, length);
  bool ok = pem ? read_pem(r, data, length) : read_der(r, data, length);
  if (ok && sk_X509_num(r->list) > 0) {
    tlserr_clear();
    return true;
  }
  if (ok || (!pem && sk_X509_num(r->list) == 0))
    fail_nothing(pem, e);
  else
    tlserr_take(e, "cannot read the certificate");
  return false;
}

static STACK_OF(X509) * read_list(bool first, const void *data, size_t length,
                                  struct tls_error *e) {
  struct reading r = {.list = sk_X509_new_null(), .first = first};
  if (r.list == NULL) {
    tlserr_take(e, "out of memory");
    return NULL;
  }
  if (read_into(&r, data, length, e)) return r.list;
  sk_X509_pop_free(r.list, X509_free);
  return NULL;
}

STACK_OF(X509) *
    certlist_read(const void *data, size_t length, struct tls_error *e) {
  return read_list(false, data, length, e);
}

X509 *certlist_read_one(const void *data, size_t length, struct tls_error *e) {
  STACK_OF(X509) *list = read_list(true, data, length, e);
  X509 *x = sk_X509_pop(list);
  sk_X509_pop_free(list, X509_free);
  return x;
}

/* X509_cmp looks at a SHA-1 of all and at the part that is signed; the
** signature makes it the whole. */
bool certlist_same(const X509 *a, const X509 *b) {
  const ASN1_BIT_STRING *sign_a, *sign_b;
  const X509_ALGOR *kind_a, *kind_b;
  X509_get0_signature(&sign_a, &kind_a, a);
  X509_get0_signature(&sign_b, &kind_b, b);
  return X509_cmp(a, b) == 0 && X509_ALGOR_cmp(kind_a, kind_b) == 0 &&
         ASN1_STRING_cmp(sign_a, sign_b) == 0;
}
