#include "peername.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "../sys/address.h"
#include "idna.h"

#define LABEL_MAX 63 /* RFC 1035, 2.3.4 */

/*
** An IPv6 zone ("%eth0") is this host's own business: not part of the name.
** OpenSSL is not asked what an address is: it takes ":" for one, and one with
** blanks around it.
*/
static bool take_ip(struct peername *name, const char *text, size_t length) {
  const char *zone = memchr(text, '%', length);
  size_t bare = zone != NULL ? (size_t)(zone - text) : length;
  if (bare > PEERNAME_MAX) return false;
  memcpy(name->text, text, bare);
  name->text[bare] = '\0';
  name->ip = address_is_ip(name->text) &&
             (zone == NULL || strchr(name->text, ':') != NULL);
  return name->ip;
}

/* What is wrong with the labels of a host name, or NULL. */
static const char *label_fault(const char *text, size_t length) {
  size_t label = 0;
  for (size_t i = 0; i < length; i++) {
    if (text[i] != '.') {
      if (++label > LABEL_MAX) return "has a label longer than 63 bytes";
    } else if (label == 0) {
      return i == 0 ? "must not begin with a dot" : "has an empty label";
    } else {
      label = 0;
    }
  }
  return NULL;
}

static bool refuse_long(struct tls_error *e) {
  tlserr_clear();
  ERR_raise(ERR_LIB_SSL, SSL_R_SSL3_EXT_INVALID_SERVERNAME);
  tlserr_take(e, "server_hostname is too long");
  return false;
}

static bool refuse(struct tls_error *e, const char *fault) {
  tlserr_set(e, ERROR_VALUE, "server_hostname %s", fault);
  return false;
}

/* A host name in ASCII. */
static bool take_host(struct peername *name, const char *text, size_t length,
                      struct tls_error *e) {
  size_t bare = length > 0 && text[length - 1] == '.' ? length - 1 : length;
  const char *fault = label_fault(text, length);
  if (fault != NULL) return refuse(e, fault);
  if (bare == 0) return refuse(e, "must not be empty");
  if (bare > PEERNAME_MAX) return refuse_long(e);
  memcpy(name->text, text, bare);
  name->text[bare] = '\0';
  name->ip = false;
  return true;
}

bool peername_parse(struct peername *name, const char *text, size_t length,
                    struct tls_error *e) {
  char ascii[IDNA_MAX + 1];
  const char *fault;
  if (memchr(text, '\0', length) != NULL) {
    tlserr_set(e, ERROR_TYPE, "server_hostname has an embedded NUL");
    return false;
  }
  if (length == 0) return refuse(e, "must not be empty");
  size_t bare = text[length - 1] == '.' ? length - 1 : length;
  if (take_ip(name, text, bare)) return true;
  if (!idna_is_needed(text, length)) return take_host(name, text, length, e);
  switch (idna_encode(text, length, ascii, &fault)) {
  case IDNA_TOO_LONG: return refuse_long(e);
  case IDNA_REFUSED: return refuse(e, fault);
  default: return take_host(name, ascii, strlen(ascii), e);
  }
}

bool peername_apply(const struct peername *name, SSL *ssl, bool check) {
  X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
  if (!name->ip && !SSL_set_tlsext_host_name(ssl, name->text)) return false;
  if (!check) return true;
  if (name->ip) return X509_VERIFY_PARAM_set1_ip_asc(param, name->text) == 1;
  return X509_VERIFY_PARAM_set1_host(param, name->text, 0) == 1;
}

void peername_demanded(SSL *ssl, char *text, size_t size) {
  X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
  const char *host = X509_VERIFY_PARAM_get0_host(param, 0);
  char *ip = host == NULL ? X509_VERIFY_PARAM_get1_ip_asc(param) : NULL;
  snprintf(text, size, "%s", host != NULL ? host : ip != NULL ? ip : "");
  OPENSSL_free(ip);
}
