#include "pkcs12.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs12err.h>
#include <openssl/x509v3.h>

/* Take the one that issued x out of the list; NULL where none did. */
static X509 *take_issuer(STACK_OF(X509) * from, X509 *x) {
  for (int i = 0; i < sk_X509_num(from); i++)
    if (X509_check_issued(sk_X509_value(from, i), x) == X509_V_OK)
      return sk_X509_delete(from, i);
  return NULL;
}

/*
** Files have the others in any order, and TLS 1.2 wants each issuer behind
** what it issued (RFC 5246, 7.4.2). What is no issuer of these comes last.
*/
static bool order_chain(struct certkey *c, STACK_OF(X509) * others) {
  c->chain = sk_X509_new_null();
  if (c->chain == NULL) return false;
  X509 *at = c->leaf, *next;
  while ((next = take_issuer(others, at)) != NULL ||
         (next = sk_X509_shift(others)) != NULL) {
    if (sk_X509_push(c->chain, next) <= 0) {
      X509_free(next);
      return false;
    }
    at = next;
  }
  return true;
}

/*
** A file may be encrypted and have no MAC, which tells whether the password is
** right; PKCS12_parse refuses that together with a password. It gets one here.
*/
static bool add_mac(PKCS12 *p, const char *password) {
  return password == NULL || PKCS12_mac_present(p) ||
         PKCS12_set_mac(p, password, -1, NULL, 0, 1, EVP_sha256()) == 1;
}

static bool parse(struct certkey *c, PKCS12 *p, const char *password) {
  STACK_OF(X509) *others = NULL;
  bool ok = add_mac(p, password) &&
            PKCS12_parse(p, password, &c->key, &c->leaf, &others) == 1;
  if (ok && c->key != NULL && c->leaf != NULL) ok = order_chain(c, others);
  sk_X509_pop_free(others, X509_free);
  return ok;
}

/* Could a password have helped? */
static bool is_locked(PKCS12 *p) {
  unsigned long code = ERR_peek_last_error();
  return !PKCS12_mac_present(p) ||
         (ERR_GET_LIB(code) == ERR_LIB_PKCS12 &&
          ERR_GET_REASON(code) == PKCS12_R_MAC_VERIFY_FAILURE);
}

/* Put our words before OpenSSL's. */
static bool fail(const char *what, struct tls_error *e) {
  char reason[sizeof e->message];
  bool old = ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_UNSUPPORTED;
  tlserr_take(e, "no reason given");
  memcpy(reason, e->message, sizeof reason);
  snprintf(e->message, sizeof e->message, "%s: %.300s%s", what, reason,
           old ? " (an old algorithm, which OpenSSL has in its legacy provider"
                 " only)"
               : "");
  return false;
}

static bool open_file(struct certkey *c, PKCS12 *p, const char *password,
                      bool *encrypted, struct tls_error *e) {
  bool ok = parse(c, p, password);
  *encrypted = !ok && is_locked(p);
  if (!ok && *encrypted && password == NULL)
    return certkey_fail_locked("the PKCS#12 data", e);
  if (!ok) return fail("cannot read the PKCS#12 data", e);
  if (c->key != NULL && c->leaf != NULL) return true;
  tlserr_set(e, ERROR_SSL,
             "the PKCS#12 data has no private key with its certificate");
  return false;
}

/* PKCS12_parse takes a string that ends with a NUL. */
static bool copy_password(const char *password, size_t length, char *out,
                          struct tls_error *e) {
  if (length > CERTKEY_PASSWORD_MAX || memchr(password, '\0', length) != NULL) {
    tlserr_set(e, ERROR_VALUE,
               "a PKCS#12 password is at most %d bytes, and has no NUL",
               CERTKEY_PASSWORD_MAX);
    return false;
  }
  memcpy(out, password, length);
  out[length] = '\0';
  return true;
}

bool pkcs12_read(struct certkey *c, const struct certkey_source *source,
                 const char *password, size_t password_length, bool *encrypted,
                 struct tls_error *e) {
  char text[CERTKEY_PASSWORD_MAX + 1] = "";
  const unsigned char *at = source->data;
  *encrypted = false;
  tlserr_clear();
  if (password != NULL && !copy_password(password, password_length, text, e))
    return false;
  PKCS12 *p = d2i_PKCS12(NULL, &at, (long)source->length);
  bool ok = p != NULL
                ? open_file(c, p, password != NULL ? text : NULL, encrypted, e)
                : fail("this is no PKCS#12", e);
  PKCS12_free(p);
  OPENSSL_cleanse(text, sizeof text);
  if (!ok) certkey_clear(c);
  tlserr_clear();
  return ok;
}
