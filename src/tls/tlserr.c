#include "tlserr.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

/* Reasons from SSL_AD_REASON_OFFSET on stand for alerts of the peer. */
#define LAST_ALERT_REASON (SSL_AD_REASON_OFFSET + 255)

/* To look costs a fifth of clearing, and mostly there is nothing. */
void tlserr_clear(void) {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

static void reset(struct tls_error *e, enum error_class class) {
  memset(e, 0, sizeof *e);
  e->class = class;
  e->number = TLS_ERROR_NONE;
  e->verify_code = TLS_ERROR_NONE;
  e->alert = TLS_ERROR_NONE;
}

/* "certificate verify failed" becomes CERTIFICATE_VERIFY_FAILED. */
static void set_mnemonic(struct tls_error *e, const char *text) {
  size_t i;
  for (i = 0; text[i] != '\0' && i + 1 < sizeof e->reason; i++) {
    unsigned char c = (unsigned char)text[i];
    e->reason[i] = (char)(isalnum(c) ? toupper(c) : '_');
  }
  e->reason[i] = '\0';
}

/* OpenSSL's library names for people, as the mnemonics of ERR_LIB_*. */
static const struct library {
  int number;
  const char *mnemonic;
} libraries[] = {
    {ERR_LIB_ASN1, "ASN1"},
    {ERR_LIB_ASYNC, "ASYNC"},
    {ERR_LIB_BIO, "BIO"},
    {ERR_LIB_BN, "BN"},
    {ERR_LIB_BUF, "BUF"},
    {ERR_LIB_CONF, "CONF"},
    {ERR_LIB_CRYPTO, "CRYPTO"},
    {ERR_LIB_DH, "DH"},
    {ERR_LIB_DSA, "DSA"},
    {ERR_LIB_DSO, "DSO"},
    {ERR_LIB_EC, "EC"},
    {ERR_LIB_ENGINE, "ENGINE"},
    {ERR_LIB_EVP, "EVP"},
    {ERR_LIB_HMAC, "HMAC"},
    {ERR_LIB_OBJ, "OBJ"},
    {ERR_LIB_OCSP, "OCSP"},
    {ERR_LIB_OSSL_DECODER, "OSSL_DECODER"},
    {ERR_LIB_OSSL_STORE, "OSSL_STORE"},
    {ERR_LIB_PEM, "PEM"},
    {ERR_LIB_PKCS12, "PKCS12"},
    {ERR_LIB_PKCS7, "PKCS7"},
    {ERR_LIB_PROV, "PROV"},
    {ERR_LIB_RAND, "RAND"},
    {ERR_LIB_RSA, "RSA"},
    {ERR_LIB_SSL, "SSL"},
    {ERR_LIB_UI, "UI"},
    {ERR_LIB_X509, "X509"},
    {ERR_LIB_X509V3, "X509V3"},
};

static const char *library_mnemonic(int number) {
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
    if (libraries[i].number == number) return libraries[i].mnemonic;
  return NULL;
}

static void take_reason(struct tls_error *e, unsigned long code) {
  int reason = ERR_GET_REASON(code);
  const char *text = ERR_reason_error_string(code);
  e->number = reason;
  e->library = library_mnemonic(ERR_GET_LIB(code));
  snprintf(e->message, sizeof e->message, "%s",
           text != NULL ? text : "unknown error");
  /* Reasons that all libraries share ("PEM lib") are no mnemonics (B.2). */
  if (text != NULL && (ERR_GET_RFLAGS(code) & ERR_RFLAG_COMMON) == 0)
    set_mnemonic(e, text);
  if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET &&
      reason <= LAST_ALERT_REASON)
    e->alert = reason - SSL_AD_REASON_OFFSET;
}

void tlserr_take(struct tls_error *e, const char *fallback) {
  unsigned long code = ERR_peek_last_error();
  if (code != 0 && ERR_SYSTEM_ERROR(code)) {
    tlserr_system(e, ERR_GET_REASON(code));
  } else if (code != 0) {
    reset(e, ERROR_SSL);
    take_reason(e, code);
  } else {
    tlserr_set(e, ERROR_SSL, "%s", fallback);
  }
  ERR_clear_error();
}

unsigned long tlserr_newest(void) {
  return ERR_peek_last_error();
}

void tlserr_restore(unsigned long newest) {
  ERR_clear_error();
  if (newest == 0) return;
  ERR_new();
  ERR_set_error(ERR_GET_LIB(newest), ERR_GET_REASON(newest), NULL);
}

void tlserr_system(struct tls_error *e, int number) {
  reset(e, ERROR_OS);
  e->number = number;
  snprintf(e->message, sizeof e->message, "%s", strerror(number));
}

void tlserr_set(struct tls_error *e, enum error_class class, const char *format,
                ...) {
  va_list arguments;
  reset(e, class);
  va_start(arguments, format);
  vsnprintf(e->message, sizeof e->message, format, arguments);
  va_end(arguments);
}
