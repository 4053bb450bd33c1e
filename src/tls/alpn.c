#include "alpn.h"

#include <stdlib.h>
#include <string.h>

struct alpn {
  unsigned length;
  unsigned char list[];
};

static int alpn_index = -1;
static CRYPTO_ONCE index_once = CRYPTO_ONCE_STATIC_INIT;

/* Called by OpenSSL when the SSL_CTX goes. */
static void free_index(void *parent, void *value, CRYPTO_EX_DATA *data,
                       int index, long number, void *pointer) {
  (void)parent, (void)data, (void)index, (void)number, (void)pointer;
  free(value);
}

static void index_make(void) {
  do
    alpn_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_index);
  while (alpn_index == 0);
}

/* The server's choice. OpenSSL copies it out of the list. */
static int choose(SSL *ssl, const unsigned char **name, unsigned char *length,
                  const unsigned char *theirs, unsigned theirs_length,
                  void *own) {
  const struct alpn *a = own;
  unsigned char *found = NULL;
  (void)ssl;
  int result = SSL_select_next_proto(&found, length, a->list, a->length, theirs,
                                     theirs_length);
  *name = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK
                                          : SSL_TLSEXT_ERR_NOACK;
}

static struct alpn *copy_list(const unsigned char *list, size_t length) {
  struct alpn *a = malloc(sizeof *a + length);
  if (a == NULL) return NULL;
  a->length = (unsigned)length;
  memcpy(a->list, list, length);
  return a;
}

/* Put the list (NULL: none) in the place of the one before. */
static bool replace_list(SSL_CTX *context, struct alpn *a) {
  struct alpn *old = SSL_CTX_get_ex_data(context, alpn_index);
  if (!SSL_CTX_set_ex_data(context, alpn_index, a)) return false;
  /* Unlike its neighbours this one gives 0 where it succeeds. */
  if (SSL_CTX_set_alpn_protos(context, a != NULL ? a->list : NULL,
                              a != NULL ? a->length : 0) != 0) {
    SSL_CTX_set_ex_data(context, alpn_index, old); /* its slot exists */
    return false;
  }
  SSL_CTX_set_alpn_select_cb(context, a != NULL ? choose : NULL, a);
  free(old);
  return true;
}

bool alpn_set(SSL_CTX *context, const unsigned char *list, size_t length) {
  if (!CRYPTO_THREAD_run_once(&index_once, index_make) || alpn_index < 0)
    return false;
  struct alpn *a = length > 0 ? copy_list(list, length) : NULL;
  if (length > 0 && a == NULL) return false;
  if (replace_list(context, a)) return true;
  free(a);
  return false;
}

const unsigned char *alpn_list(const SSL_CTX *context, size_t *length) {
  const struct alpn *a =
      alpn_index < 0 ? NULL : SSL_CTX_get_ex_data(context, alpn_index);
  *length = a != NULL ? a->length : 0;
  return a != NULL ? a->list : NULL;
}
