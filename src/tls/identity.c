#include "identity.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "digest.h"

/* The parts, under the names that users know. */
#define PART(name, field)                                                      \
  {                                                                            \
    name, offsetof(struct identity, field),                                    \
        sizeof((struct identity *)0)->field                                    \
  }

static const struct part {
  const char *name;
  size_t offset;
  size_t size;
} parts[] = {
    PART("server_side", server_side),
    PART("verify_mode", verify_mode),
    PART("verify_flags", verify_flags),
    PART("check_hostname", check_hostname),
    PART("hostname_checks_common_name", hostname_flags),
    PART("security_level", security_level),
    PART("pre-shared keys", psk),
    PART("verify_callback", verify_callback),
    PART("server_hostname", server_hostname),
    PART("trust", trust),
    PART("client certificate", certificate),
    PART("ALPN protocols", alpn),
};

static void put_number(unsigned char *out, size_t size, uint64_t number) {
  for (size_t i = size; i > 0; i--) {
    out[i - 1] = (unsigned char)(number & 0xff);
    number >>= 8;
  }
}

/* Add the certificate that is current for the SSL, with its chain. */
static bool add_certificate(EVP_MD_CTX *digest, SSL *ssl) {
  unsigned char each[EVP_MAX_MD_SIZE];
  unsigned length;
  STACK_OF(X509) *chain = NULL;
  if (!X509_digest(SSL_get_certificate(ssl), digest_method(), each, &length) ||
      !EVP_DigestUpdate(digest, each, length))
    return false;
  SSL_get0_chain_certs(ssl, &chain);
  for (int i = 0; i < sk_X509_num(chain); i++)
    if (!X509_digest(sk_X509_value(chain, i), digest_method(), each, &length) ||
        !EVP_DigestUpdate(digest, each, length))
      return false;
  return true;
}

/* Walk through those of all key types. The one that was current is again. */
static bool add_certificates(EVP_MD_CTX *digest, SSL *ssl) {
  X509 *current = SSL_get_certificate(ssl);
  bool ok = true;
  long more = SSL_set_current_cert(ssl, SSL_CERT_SET_FIRST);
  for (; ok && more; more = SSL_set_current_cert(ssl, SSL_CERT_SET_NEXT))
    ok = add_certificate(digest, ssl);
  SSL_select_current_cert(ssl, current);
  return ok;
}

bool identity_take_certificates(struct identity *id, SSL *ssl) {
  unsigned char *out = id->certificate;
  memset(out, 0, sizeof id->certificate);
  if (SSL_get_certificate(ssl) == NULL) return true;
  EVP_MD_CTX *digest = EVP_MD_CTX_new();
  bool ok =
      digest != NULL && EVP_DigestInit_ex(digest, digest_method(), NULL) &&
      add_certificates(digest, ssl) && EVP_DigestFinal_ex(digest, out, NULL);
  EVP_MD_CTX_free(digest);
  return ok;
}

bool identity_take(struct identity *id, SSL *ssl,
                   const struct identity_terms *terms) {
  X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
  memset(id, 0, sizeof *id);
  id->server_side = terms->server;
  id->verify_mode = (unsigned char)SSL_get_verify_mode(ssl);
  put_number(id->verify_flags, sizeof id->verify_flags,
             X509_VERIFY_PARAM_get_flags(param));
  id->check_hostname = terms->check_hostname;
  id->psk = terms->psk;
  id->verify_callback = terms->verify_callback;
  put_number(id->hostname_flags, sizeof id->hostname_flags,
             X509_VERIFY_PARAM_get_hostflags(param));
  id->security_level = (unsigned char)SSL_get_security_level(ssl);
  memcpy(id->trust, terms->trust, sizeof id->trust);
  if (terms->hostname != NULL &&
      !digest_bytes(terms->hostname, strlen(terms->hostname),
                    id->server_hostname))
    return false;
  if (terms->alpn_length > 0 &&
      !digest_bytes(terms->alpn, terms->alpn_length, id->alpn))
    return false;
  /* A server's own is no part of what it trusts: only what tells it from the
  ** other connections of its context. */
  return (terms->server && !terms->own_certificate) ||
         identity_take_certificates(id, ssl);
}

struct shared_identity *identity_share(struct shared_identity **last,
                                       const struct identity *id) {
  struct shared_identity *s = *last;
  if (s == NULL || !identity_equal(&s->value, id)) {
    s = OPENSSL_malloc(sizeof *s);
    if (s == NULL) return NULL;
    s->value = *id;
    s->users = 1;
    identity_release(*last);
    *last = s;
  }
  s->users++;
  return s;
}

void identity_release(struct shared_identity *s) {
  if (s != NULL && --s->users == 0) OPENSSL_free(s);
}

bool identity_equal(const struct identity *a, const struct identity *b) {
  return memcmp(a, b, sizeof *a) == 0;
}

void identity_difference(const struct identity *a, const struct identity *b,
                         char *text, size_t size) {
  size_t used = 0;
  text[0] = '\0';
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    const struct part *p = &parts[i];
    if (memcmp((const unsigned char *)a + p->offset,
               (const unsigned char *)b + p->offset, p->size) == 0)
      continue;
    int length = snprintf(text + used, size - used, "%s%s",
                          used > 0 ? ", " : "", p->name);
    if (length < 0 || (size_t)length >= size - used) return;
    used += (size_t)length;
  }
}

bool identity_digest(const struct identity *id, const void *more, size_t length,
                     unsigned char digest[IDENTITY_DIGEST]) {
  return digest_both(id, sizeof *id, more, length, digest);
}
