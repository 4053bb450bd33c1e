#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/asn1err.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "digest.h"
#include "pemwalk.h"
#include "trustload.h"

struct block;

struct load {
  X509_STORE *store;
  unsigned char *digest; /* of the objects so far, in their order */
  const struct block *certificates, *crls; /* PEM's, or NULL: passed over */
  int count;
};

static bool digest_add(struct load *l, const unsigned char *object) {
  unsigned char both[2 * TRUST_DIGEST];
  memcpy(both, l->digest, TRUST_DIGEST);
  memcpy(both + TRUST_DIGEST, object, TRUST_DIGEST);
  return digest_bytes(both, sizeof both, l->digest);
}

/* The store keeps a reference of its own. */
static bool add_certificate(struct load *l, X509 *x) {
  unsigned char digest[TRUST_DIGEST];
  X509_check_purpose(x, -1, 0); /* caches the extensions before x is shared */
  if (X509_digest(x, digest_method(), digest, NULL) != 1) return false;
  if (!digest_add(l, digest) || X509_STORE_add_cert(l->store, x) != 1)
    return false;
  l->count++;
  return true;
}

static bool add_crl(struct load *l, X509_CRL *crl) {
  unsigned char digest[TRUST_DIGEST];
  if (X509_CRL_digest(crl, digest_method(), digest, NULL) != 1) return false;
  if (!digest_add(l, digest) || X509_STORE_add_crl(l->store, crl) != 1)
    return false;
  l->count++;
  return true;
}

static bool take_certificate(struct load *l, const unsigned char *der,
                             long length) {
  X509 *x = d2i_X509(NULL, &der, length);
  bool ok = x != NULL && add_certificate(l, x);
  X509_free(x);
  return ok;
}

/* With OpenSSL's own trust settings behind it. */
static bool take_trusted(struct load *l, const unsigned char *der,
                         long length) {
  X509 *x = d2i_X509_AUX(NULL, &der, length);
  bool ok = x != NULL && add_certificate(l, x);
  X509_free(x);
  return ok;
}

static bool take_crl(struct load *l, const unsigned char *der, long length) {
  X509_CRL *crl = d2i_X509_CRL(NULL, &der, length);
  bool ok = crl != NULL && add_crl(l, crl);
  X509_CRL_free(crl);
  return ok;
}

struct block {
  const char *label;
  bool (*take)(struct load *l, const unsigned char *der, long length);
};

static const struct block certificate_blocks[] = {
    {PEM_STRING_X509, take_certificate},
    {PEM_STRING_X509_OLD, take_certificate},
    {PEM_STRING_X509_TRUSTED, take_trusted},
    {NULL, NULL},
};

static const struct block crl_blocks[] = {{PEM_STRING_X509_CRL, take_crl},
                                          {NULL, NULL}};

static const struct block *find_block(const struct block *list,
                                      const char *label) {
  for (; list != NULL && list->label != NULL; list++)
    if (strcmp(label, list->label) == 0) return list;
  return NULL;
}

/* Other blocks are passed over. */
static bool take_block(void *arg, const char *label, const unsigned char *der,
                       long length) {
  struct load *l = arg;
  const struct block *block = find_block(l->certificates, label);
  if (block == NULL) block = find_block(l->crls, label);
  return block == NULL || block->take(l, der, length);
}

static bool load_der(struct load *l, const unsigned char *der, size_t length) {
  const unsigned char *end = der + length;
  bool ok = true;
  while (ok && der < end) {
    X509 *x = d2i_X509(NULL, &der, (long)(end - der));
    ok = x != NULL && add_certificate(l, x);
    X509_free(x);
  }
  if (!ok) ERR_raise(ERR_LIB_ASN1, ASN1_R_NOT_ENOUGH_DATA);
  return ok;
}

static bool load_der_crls(struct load *l, const unsigned char *der,
                          size_t length) {
  const unsigned char *end = der + length;
  bool ok = true;
  while (ok && der < end) {
    X509_CRL *crl = d2i_X509_CRL(NULL, &der, (long)(end - der));
    ok = crl != NULL && add_crl(l, crl);
    X509_CRL_free(crl);
  }
  if (!ok) ERR_raise(ERR_LIB_ASN1, ASN1_R_NOT_ENOUGH_DATA);
  return ok;
}

/* What "nothing there" is called in each format (I-57, I-58). */
struct nothing {
  int library, reason;
  const char *message;
};

/* What can be loaded from memory. */
struct kind {
  const struct block *certificates, *crls;
  bool (*load_der)(struct load *l, const unsigned char *der, size_t length);
  struct nothing no_pem, no_der;
};

static const struct kind certificate_kind = {
    .certificates = certificate_blocks,
    .load_der = load_der,
    .no_pem = {ERR_LIB_PEM, PEM_R_NO_START_LINE,
               "no start line: cadata does not contain a certificate"},
    .no_der = {ERR_LIB_ASN1, ASN1_R_NOT_ENOUGH_DATA,
               "not enough data: cadata does not contain a certificate"},
};

static const struct kind crl_kind = {
    .crls = crl_blocks,
    .load_der = load_der_crls,
    .no_pem = {ERR_LIB_PEM, PEM_R_NO_START_LINE,
               "no start line: there is no revocation list"},
    .no_der = {ERR_LIB_ASN1, ASN1_R_NOT_ENOUGH_DATA,
               "not enough data: there is no revocation list"},
};

static bool fail_nothing(const struct nothing *n, struct tls_error *e) {
  ERR_raise(n->library, n->reason);
  tlserr_take(e, n->message);
  snprintf(e->message, sizeof e->message, "%s", n->message);
  return false;
}

static bool too_long(size_t length, struct tls_error *e) {
  if (length <= INT_MAX) return false;
  tlserr_set(e, ERROR_OVERFLOW, "certificate data is too long");
  return true;
}

static bool load_memory(const struct kind *kind, struct load *l,
                        const void *data, size_t length, struct tls_error *e) {
  l->certificates = kind->certificates;
  l->crls = kind->crls;
  memset(l->digest, 0, TRUST_DIGEST);
  if (too_long(length, e)) return false;
  bool pem = pemwalk_is_pem(data, length);
  bool ok = pem ? pemwalk(data, length, take_block, l)
                : kind->load_der(l, data, length);
  if (l->count == 0)
    return fail_nothing(pem ? &kind->no_pem : &kind->no_der, e);
  if (!ok) tlserr_take(e, "cannot load the data");
  return ok;
}

bool trustload_data(X509_STORE *store, const void *data, size_t length,
                    unsigned char *digest, struct tls_error *e) {
  struct load l = {.store = store, .digest = digest};
  return load_memory(&certificate_kind, &l, data, length, e);
}

bool trustload_crls(X509_STORE *store, const void *data, size_t length,
                    unsigned char *digest, struct tls_error *e) {
  struct load l = {.store = store, .digest = digest};
  return load_memory(&crl_kind, &l, data, length, e);
}

bool trustload_certificates(X509_STORE *store, STACK_OF(X509) * list,
                            unsigned char *digest, struct tls_error *e) {
  struct load l = {.store = store, .digest = digest};
  bool ok = true;
  memset(digest, 0, TRUST_DIGEST);
  for (int i = 0; ok && i < sk_X509_num(list); i++)
    ok = add_certificate(&l, sk_X509_value(list, i));
  if (!ok) tlserr_take(e, "cannot load the certificates");
  return ok;
}

bool trustload_pem(X509_STORE *store, const void *text, size_t length,
                   unsigned char *digest, struct tls_error *e) {
  struct load l = {.store = store,
                   .digest = digest,
                   .certificates = certificate_blocks,
                   .crls = crl_blocks};
  memset(digest, 0, TRUST_DIGEST);
  if (too_long(length, e)) return false;
  bool ok = pemwalk(text, length, take_block, &l);
  if (ok && l.count > 0) return true;
  ERR_raise(ERR_LIB_X509,
            ok ? X509_R_NO_CERTIFICATE_OR_CRL_FOUND : ERR_R_PEM_LIB);
  tlserr_take(e, "cannot load the file");
  return false;
}
