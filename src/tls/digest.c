#include "digest.h"

#include <openssl/crypto.h>

/* Made once for the process and never freed: other threads may use it. */
static EVP_MD *fetched;
static CRYPTO_ONCE fetched_once = CRYPTO_ONCE_STATIC_INIT;

static void fetch(void) {
  fetched = EVP_MD_fetch(NULL, "SHA256", NULL);
}

const EVP_MD *digest_method(void) {
  /* Without memory it is looked up each time, as if there were no digest.c. */
  if (!CRYPTO_THREAD_run_once(&fetched_once, fetch) || fetched == NULL)
    return EVP_sha256();
  return fetched;
}

bool digest_bytes(const void *data, size_t length,
                  unsigned char out[DIGEST_SIZE]) {
  return EVP_Digest(data, length, out, NULL, digest_method(), NULL) == 1;
}

bool digest_both(const void *head, size_t head_length, const void *rest,
                 size_t rest_length, unsigned char out[DIGEST_SIZE]) {
  EVP_MD_CTX *c = EVP_MD_CTX_new();
  bool ok = c != NULL && EVP_DigestInit_ex(c, digest_method(), NULL) &&
            EVP_DigestUpdate(c, head, head_length) &&
            EVP_DigestUpdate(c, rest, rest_length) &&
            EVP_DigestFinal_ex(c, out, NULL);
  EVP_MD_CTX_free(c);
  return ok;
}
