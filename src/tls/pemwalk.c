#include "pemwalk.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#define BEGIN "-----BEGIN"

bool pemwalk_is_pem(const void *data, size_t length) {
  return memmem(data, length, BEGIN, sizeof BEGIN - 1) != NULL;
}

/* No more blocks? Else what PEM_read_bio failed at is an error. */
static bool at_end(void) {
  unsigned long code = ERR_peek_last_error();
  return ERR_GET_LIB(code) == ERR_LIB_PEM &&
         ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

bool pemwalk(const void *text, size_t length,
             bool (*take)(void *arg, const char *label,
                          const unsigned char *der, long length),
             void *arg) {
  bool ok = true;
  char *label, *header;
  unsigned char *der;
  long size;
  BIO *bio = BIO_new_mem_buf(text, (int)length);
  if (bio == NULL) return false;
  while (ok && PEM_read_bio(bio, &label, &header, &der, &size) == 1) {
    ok = take(arg, label, der, size);
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_clear_free(der, (size_t)size);
  }
  BIO_free(bio);
  return ok && at_end();
}
