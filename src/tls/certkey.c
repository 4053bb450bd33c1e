#include "certkey.h"

#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

void certkey_clear(struct certkey *c) {
  X509_free(c->leaf);
  sk_X509_pop_free(c->chain, X509_free);
  EVP_PKEY_free(c->key);
  memset(c, 0, sizeof *c);
}

static BIO *memory_of(const void *pem, size_t length) {
  return length <= INT_MAX ? BIO_new_mem_buf(pem, (int)length) : NULL;
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

static bool read_rest(struct certkey *c, BIO *bio) {
  X509 *next;
  while ((next = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL) {
    if (sk_X509_push(c->chain, next) == 0) {
      X509_free(next);
      return false;
    }
  }
  return at_end();
}

bool certkey_read_chain(struct certkey *c, const void *pem, size_t length,
                        struct tls_error *e) {
  bool ok = false;
  tlserr_clear();
  BIO *bio = memory_of(pem, length);
  if (bio == NULL) goto out;
  c->chain = sk_X509_new_null();
  if (c->chain == NULL) goto out;
  c->leaf = PEM_read_bio_X509_AUX(bio, NULL, no_password, NULL);
  ok = c->leaf != NULL && read_rest(c, bio);
out:
  BIO_free(bio);
  if (!ok) return fail_pem(e, "cannot read the certificate chain");
  tlserr_clear();
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

/* An encrypted key and no password: say so (api.md, section 0). */
static bool fail_without_password(struct tls_error *e) {
  ERR_raise(ERR_LIB_PEM, PEM_R_BAD_PASSWORD_READ);
  struct tls_error raised;
  tlserr_take(&raised, "bad password read");
  *e = raised;
  strcpy(e->message, "the private key is encrypted: a password is needed");
  return false;
}

bool certkey_read_key(struct certkey *c, const void *pem, size_t length,
                      const char *password, size_t password_length,
                      bool *encrypted, struct tls_error *e) {
  struct password p = {password, password_length, false};
  tlserr_clear();
  BIO *bio = memory_of(pem, length);
  if (bio != NULL)
    c->key = PEM_read_bio_PrivateKey(bio, NULL, give_password, &p);
  BIO_free(bio);
  *encrypted = p.asked;
  if (c->key == NULL && p.asked && password == NULL)
    return fail_without_password(e);
  if (c->key == NULL) return fail_pem(e, "cannot read the private key");
  tlserr_clear();
  return true;
}

bool certkey_install(const struct certkey *c, SSL_CTX *context,
                     struct tls_error *e) {
  tlserr_clear();
  if (X509_check_private_key(c->leaf, c->key) == 1 &&
      SSL_CTX_use_cert_and_key(context, c->leaf, c->key, c->chain, 1) == 1)
    return true;
  tlserr_take(e, "cannot use the certificate");
  return false;
}

bool certkey_install_dh(SSL_CTX *context, const void *pem, size_t length,
                        struct tls_error *e) {
  EVP_PKEY *dh = NULL;
  bool ok = false;
  tlserr_clear();
  BIO *bio = memory_of(pem, length);
  if (bio == NULL) goto out;
  dh = PEM_read_bio_Parameters(bio, NULL);
  if (dh == NULL) goto out;
  if (!EVP_PKEY_is_a(dh, "DH") && !EVP_PKEY_is_a(dh, "DHX")) {
    ERR_raise(ERR_LIB_PEM, PEM_R_NO_START_LINE);
    goto out;
  }
  ok = SSL_CTX_set0_tmp_dh_pkey(context, dh) == 1;
  if (ok) dh = NULL; /* the context owns it now */
out:
  EVP_PKEY_free(dh);
  BIO_free(bio);
  if (!ok) tlserr_take(e, "no DH parameters");
  return ok;
}
