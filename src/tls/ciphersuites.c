#include "ciphersuites.h"

#include <openssl/err.h>

/* TLS 1.3's suites leave the key exchange open; all others name theirs. */
static int count_older(SSL_CTX *context) {
  STACK_OF(SSL_CIPHER) *suites = SSL_CTX_get_ciphers(context);
  int count = 0;
  for (int i = 0; i < sk_SSL_CIPHER_num(suites); i++) {
    const SSL_CIPHER *suite = sk_SSL_CIPHER_value(suites, i);
    count += SSL_CIPHER_get_kx_nid(suite) != NID_kx_any;
  }
  return count;
}

/* Does the list do what it should? Tried on a context thrown away. */
static bool is_sound(const char *names) {
  SSL_CTX *scratch = SSL_CTX_new(TLS_method());
  if (scratch == NULL) return false;
  int before = count_older(scratch);
  bool ok = SSL_CTX_set_ciphersuites(scratch, names);
  if (ok && count_older(scratch) != before) {
    ERR_raise(ERR_LIB_SSL, SSL_R_NO_CIPHER_MATCH);
    ok = false;
  }
  SSL_CTX_free(scratch);
  return ok;
}

bool ciphersuites_set(SSL_CTX *context, const char *names) {
  return is_sound(names) && SSL_CTX_set_ciphersuites(context, names);
}
