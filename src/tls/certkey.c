#include "certkey.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

void certkey_clear(struct certkey *c) {
  X509_free(c->leaf);
  sk_X509_pop_free(c->chain, X509_free);
  EVP_PKEY_free(c->key);
  memset(c, 0, sizeof *c);
}

static BIO *memory_of(const void *data, size_t length) {
  return length <= INT_MAX ? BIO_new_mem_buf(data, (int)length) : NULL;
}

/* Certificates are not encrypted; a PEM that says so is refused, not asked
** about on a terminal. */
static int no_password(char *out, int size, int writing, void *unused) {
  (void)out, (void)size, (void)writing, (void)unused;
  return -1;
}

/*
** What CPython reports for any PEM it cannot use (I-42): library SSL, no
** reason, "PEM lib". The queue's own last word is put behind it.
*/
static bool fail_pem(struct tls_error *e, const char *what) {
  const char *detail = ERR_reason_error_string(ERR_peek_last_error());
  struct tls_error generic;
  ERR_raise(ERR_LIB_SSL, ERR_R_PEM_LIB);
  tlserr_take(&generic, "PEM lib");
  int number = generic.number;
  const char *library = generic.library;
  tlserr_set(e, ERROR_SSL, "PEM lib: %s (%s)", what,
             detail != NULL ? detail : "no PEM block");
  e->number = number;
  e->library = library;
  return false;
}

/* Did reading stop because there are no more certificates? */
static bool at_end(void) {
  unsigned long code = ERR_peek_last_error();
  return ERR_GET_LIB(code) == ERR_LIB_PEM &&
         ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

/* Put a certificate, which is taken over, behind those that were read. */
static bool add_certificate(struct certkey *c, X509 *x) {
  if (c->leaf == NULL) {
    c->leaf = x;
    return true;
  }
  if (sk_X509_push(c->chain, x) > 0) return true;
  X509_free(x);
  return false;
}

static bool read_pem(struct certkey *c, BIO *bio) {
  X509 *x = PEM_read_bio_X509_AUX(bio, NULL, no_password, NULL);
  if (x == NULL) return false;
  do
    if (!add_certificate(c, x)) return false;
  while ((x = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL);
  return at_end();
}

static bool read_der(struct certkey *c, const struct certkey_source *source) {
  const unsigned char *at = source->data, *end = at + source->length;
  do {
    X509 *x = d2i_X509(NULL, &at, (long)(end - at));
    if (x == NULL || !add_certificate(c, x)) return false;
  } while (at < end);
  return true;
}

bool certkey_read_chain(struct certkey *c, const struct certkey_source *source,
                        struct tls_error *e) {
  tlserr_clear();
  BIO *bio = memory_of(source->data, source->length);
  c->chain = sk_X509_new_null();
  bool ok = bio != NULL && c->chain != NULL &&
            (source->der ? read_der(c, source) : read_pem(c, bio));
  BIO_free(bio);
  if (!ok) return fail_pem(e, "cannot read the certificate chain");
  tlserr_clear();
  return true;
}

bool certkey_share_chain(struct certkey *c, STACK_OF(X509) * list) {
  c->chain = X509_chain_up_ref(list);
  if (c->chain == NULL) return false;
  c->leaf = sk_X509_shift(c->chain);
  return true;
}

struct password {
  const char *text;
  size_t length;
  bool asked;
};

static int give_password(char *out, int size, int writing, void *data) {
  struct password *p = data;
  (void)writing;
  p->asked = true;
  if (p->text == NULL || size < 0 || p->length > (size_t)size) return -1;
  memcpy(out, p->text, p->length);
  return (int)p->length;
}

bool certkey_fail_locked(const char *what, struct tls_error *e) {
  ERR_raise(ERR_LIB_PEM, PEM_R_BAD_PASSWORD_READ);
  tlserr_take(e, "bad password read");
  snprintf(e->message, sizeof e->message,
           "%s is encrypted: a password is needed", what);
  return false;
}

/* A key in DER: plain, of any kind, or an encrypted PKCS #8. */
static EVP_PKEY *read_der_key(const struct certkey_source *source, BIO *bio,
                              struct password *p) {
  const unsigned char *at = source->data;
  EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, (long)source->length);
  if (key != NULL) return key;
  return d2i_PKCS8PrivateKey_bio(bio, NULL, give_password, p);
}

bool certkey_read_key(struct certkey *c, const struct certkey_source *source,
                      const char *password, size_t password_length,
                      bool *encrypted, struct tls_error *e) {
  struct password p = {password, password_length, false};
  tlserr_clear();
  BIO *bio = memory_of(source->data, source->length);
  if (bio != NULL)
    c->key = source->der
                 ? read_der_key(source, bio, &p)
                 : PEM_read_bio_PrivateKey(bio, NULL, give_password, &p);
  BIO_free(bio);
  *encrypted = p.asked;
  if (c->key == NULL && p.asked && password == NULL)
    return certkey_fail_locked("the private key", e);
  if (c->key == NULL) return fail_pem(e, "cannot read the private key");
  tlserr_clear();
  return true;
}

bool certkey_share(struct certkey *c, const struct certkey *from) {
  memset(c, 0, sizeof *c);
  if (X509_up_ref(from->leaf)) c->leaf = from->leaf;
  if (EVP_PKEY_up_ref(from->key)) c->key = from->key;
  c->chain = X509_chain_up_ref(from->chain);
  if (c->leaf != NULL && c->key != NULL && c->chain != NULL) return true;
  certkey_clear(c);
  return false;
}

/* Without a chain of its own OpenSSL looks for one in what is trusted. */
static STACK_OF(X509) * own_chain(const struct certkey *c) {
  return sk_X509_num(c->chain) > 0 ? c->chain : NULL;
}

static bool finish_install(bool installed, struct tls_error *e) {
  if (!installed) tlserr_take(e, "cannot use the certificate");
  return installed;
}

bool certkey_install(const struct certkey *c, SSL_CTX *context,
                     struct tls_error *e) {
  tlserr_clear();
  return finish_install(X509_check_private_key(c->leaf, c->key) == 1 &&
                            SSL_CTX_use_cert_and_key(context, c->leaf, c->key,
                                                     own_chain(c), 1) == 1,
                        e);
}

bool certkey_install_connection(const struct certkey *c, SSL *ssl,
                                struct tls_error *e) {
  tlserr_clear();
  return finish_install(
      X509_check_private_key(c->leaf, c->key) == 1 &&
          SSL_use_cert_and_key(ssl, c->leaf, c->key, own_chain(c), 1) == 1,
      e);
}

/* The parameters in one PEM block, or NULL. */
static EVP_PKEY *parse_dh(const char *label, const unsigned char *der,
                          long length) {
  if (strcmp(label, PEM_STRING_DHPARAMS) == 0)
    return d2i_KeyParams(EVP_PKEY_DH, NULL, &der, length);
  if (strcmp(label, PEM_STRING_DHXPARAMS) == 0)
    return d2i_KeyParams(EVP_PKEY_DHX, NULL, &der, length);
  return NULL;
}

/* The first parameters. PEM_read_bio decrypts nothing: it never prompts. */
static EVP_PKEY *read_dh(BIO *bio) {
  EVP_PKEY *dh = NULL;
  char *label, *header;
  unsigned char *der;
  long length;
  while (dh == NULL && PEM_read_bio(bio, &label, &header, &der, &length) == 1) {
    dh = parse_dh(label, der, length);
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_clear_free(der, (size_t)length);
  }
  return dh;
}

bool certkey_install_dh(SSL_CTX *context, const void *pem, size_t length,
                        struct tls_error *e) {
  tlserr_clear();
  BIO *bio = memory_of(pem, length);
  EVP_PKEY *dh = bio != NULL ? read_dh(bio) : NULL;
  BIO_free(bio);
  if (dh != NULL && SSL_CTX_set0_tmp_dh_pkey(context, dh) == 1) {
    tlserr_clear();
    return true; /* the context owns them now */
  }
  EVP_PKEY_free(dh);
  tlserr_take(e, "no DH parameters");
  return false;
}
