#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/asn1err.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "trustload.h"

struct load {
  X509_STORE *store;
  unsigned char *digest; /* of the objects so far, in their order */
  int count;
};

static bool digest_add(struct load *l, const unsigned char *object) {
  unsigned char both[2 * TRUST_DIGEST];
  memcpy(both, l->digest, TRUST_DIGEST);
  memcpy(both + TRUST_DIGEST, object, TRUST_DIGEST);
  return SHA256(both, sizeof both, l->digest) != NULL;
}

/* The store keeps a reference of its own. */
static bool add_certificate(struct load *l, X509 *x) {
  unsigned char digest[TRUST_DIGEST];
  X509_check_purpose(x, -1, 0); /* caches the extensions before x is shared */
  if (X509_digest(x, EVP_sha256(), digest, NULL) != 1) return false;
  if (!digest_add(l, digest) || X509_STORE_add_cert(l->store, x) != 1)
    return false;
  l->count++;
  return true;
}

static bool add_crl(struct load *l, X509_CRL *crl) {
  unsigned char digest[TRUST_DIGEST];
  if (X509_CRL_digest(crl, EVP_sha256(), digest, NULL) != 1) return false;
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

static const struct block {
  const char *label;
  bool (*take)(struct load *l, const unsigned char *der, long length);
} blocks[] = {
    {PEM_STRING_X509, take_certificate},
    {PEM_STRING_X509_OLD, take_certificate},
    {PEM_STRING_X509_TRUSTED, take_trusted},
    {PEM_STRING_X509_CRL, take_crl}, /* the last: not for data */
};

#define BLOCKS      (sizeof blocks / sizeof *blocks)
#define DATA_BLOCKS (BLOCKS - 1)

static bool take_block(struct load *l, const char *label, size_t kinds,
                       const unsigned char *der, long length) {
  for (size_t i = 0; i < kinds; i++)
    if (strcmp(label, blocks[i].label) == 0)
      return blocks[i].take(l, der, length);
  return true;
}

/* No more blocks? Else what PEM_read_bio failed at is an error. */
static bool at_end(void) {
  unsigned long code = ERR_peek_last_error();
  return ERR_GET_LIB(code) == ERR_LIB_PEM &&
         ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

/* Load the first `kinds` kinds of blocks. What is read may be a private key,
** so it is wiped. False: the reason is in OpenSSL's queue. */
static bool load_blocks(struct load *l, BIO *bio, size_t kinds) {
  bool ok = true;
  char *label, *header;
  unsigned char *der;
  long length;
  while (ok && PEM_read_bio(bio, &label, &header, &der, &length) == 1) {
    ok = take_block(l, label, kinds, der, length);
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_clear_free(der, (size_t)length);
  }
  return ok && at_end();
}

static bool load_text(struct load *l, const void *text, size_t length,
                      size_t kinds) {
  BIO *bio = BIO_new_mem_buf(text, (int)length);
  if (bio == NULL) return false;
  bool ok = load_blocks(l, bio, kinds);
  BIO_free(bio);
  return ok;
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

/* What "nothing there" is called in each format (I-57, I-58). */
static const struct nothing {
  int library, reason;
  const char *message;
} no_pem = {ERR_LIB_PEM, PEM_R_NO_START_LINE,
            "no start line: cadata does not contain a certificate"},
  no_der = {ERR_LIB_ASN1, ASN1_R_NOT_ENOUGH_DATA,
            "not enough data: cadata does not contain a certificate"};

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

bool trustload_data(X509_STORE *store, const void *data, size_t length,
                    unsigned char *digest, struct tls_error *e) {
  struct load l = {.store = store, .digest = digest};
  memset(digest, 0, TRUST_DIGEST);
  if (too_long(length, e)) return false;
  bool pem = memmem(data, length, "-----BEGIN", 10) != NULL;
  bool ok = pem ? load_text(&l, data, length, DATA_BLOCKS)
                : load_der(&l, data, length);
  if (l.count == 0) return fail_nothing(pem ? &no_pem : &no_der, e);
  if (!ok) tlserr_take(e, "cannot load the certificate data");
  return ok;
}

bool trustload_pem(X509_STORE *store, const void *text, size_t length,
                   unsigned char *digest, struct tls_error *e) {
  struct load l = {.store = store, .digest = digest};
  memset(digest, 0, TRUST_DIGEST);
  if (too_long(length, e)) return false;
  bool ok = load_text(&l, text, length, BLOCKS);
  if (ok && l.count > 0) return true;
  ERR_raise(ERR_LIB_X509,
            ok ? X509_R_NO_CERTIFICATE_OR_CRL_FOUND : ERR_R_PEM_LIB);
  tlserr_take(e, "cannot load the file");
  return false;
}
