#include "alpn.h"

#include <stdlib.h>
#include <string.h>

struct alpn {
  unsigned length;
  unsigned char list[];
};

/* Where a context has its list, and a connection one of its own. */
static int context_index = -1;
static int connection_index = -1;
static CRYPTO_ONCE index_once = CRYPTO_ONCE_STATIC_INIT;

/* Called by OpenSSL when the SSL_CTX or the SSL goes. */
static void free_list(void *parent, void *value, CRYPTO_EX_DATA *data,
                      int index, long number, void *pointer) {
  (void)parent, (void)data, (void)index, (void)number, (void)pointer;
  free(value);
}

static void index_make(void) {
  do
    context_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_list);
  while (context_index == 0);
  do
    connection_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_list);
  while (connection_index == 0);
}

/* Asked as each context is made, so that they are there wherever a list is
** looked up; another thread may be making them. */
static bool have_indexes(void) {
  return CRYPTO_THREAD_run_once(&index_once, index_make) &&
         context_index >= 0 && connection_index >= 0;
}

static const struct alpn *alpn_of(const SSL *ssl) {
  const struct alpn *a = SSL_get_ex_data(ssl, connection_index);
  if (a != NULL) return a;
  return SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), context_index);
}

/* The server's choice. OpenSSL copies it out of the list. */
static int choose(SSL *ssl, const unsigned char **name, unsigned char *length,
                  const unsigned char *theirs, unsigned theirs_length,
                  void *unused) {
  const struct alpn *a = alpn_of(ssl);
  unsigned char *found = NULL;
  (void)unused;
  if (a == NULL || a->length == 0) return SSL_TLSEXT_ERR_NOACK;
  int result = SSL_select_next_proto(&found, length, a->list, a->length, theirs,
                                     theirs_length);
  *name = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK
                                          : SSL_TLSEXT_ERR_NOACK;
}

bool alpn_prepare_context(SSL_CTX *context) {
  SSL_CTX_set_alpn_select_cb(context, choose, NULL);
  return have_indexes();
}

static struct alpn *copy_list(const unsigned char *list, size_t length) {
  struct alpn *a = malloc(sizeof *a + length);
  if (a == NULL) return NULL;
  a->length = (unsigned)length;
  if (length > 0) memcpy(a->list, list, length);
  return a;
}

/* Put the list (NULL: none) in the place of the one before. */
static bool replace_list(SSL_CTX *context, struct alpn *a) {
  struct alpn *old = SSL_CTX_get_ex_data(context, context_index);
  if (!SSL_CTX_set_ex_data(context, context_index, a)) return false;
  /* Unlike its neighbours this one gives 0 where it succeeds. */
  if (SSL_CTX_set_alpn_protos(context, a != NULL ? a->list : NULL,
                              a != NULL ? a->length : 0) != 0) {
    SSL_CTX_set_ex_data(context, context_index, old); /* its slot exists */
    return false;
  }
  free(old);
  return true;
}

bool alpn_set(SSL_CTX *context, const unsigned char *list, size_t length) {
  struct alpn *a = length > 0 ? copy_list(list, length) : NULL;
  if (length > 0 && a == NULL) return false;
  if (replace_list(context, a)) return true;
  free(a);
  return false;
}

bool alpn_set_connection(SSL *ssl, const unsigned char *list, size_t length) {
  struct alpn *a = copy_list(list, length);
  if (a == NULL) return false;
  struct alpn *old = SSL_get_ex_data(ssl, connection_index);
  if (!SSL_set_ex_data(ssl, connection_index, a)) {
    free(a);
    return false;
  }
  free(old); /* the SSL owns the new one */
  return SSL_set_alpn_protos(ssl, a->list, a->length) == 0;
}

const unsigned char *alpn_list(const SSL *ssl, size_t *length) {
  const struct alpn *a = alpn_of(ssl);
  *length = a != NULL ? a->length : 0;
  return *length > 0 ? a->list : NULL;
}
