#include "hello.h"

#include <stdint.h>
#include <string.h>

#include <openssl/crypto.h>

#define EXTENSION_SERVER_NAME 0 /* RFC 6066 */
#define HOST_NAME             0 /* the one type of name in it */
#define LIST_HEAD             2
#define NAME_HEAD             3
#define NAME_MOST             255 /* a host name's, RFC 1035 */

/* Own ex_data indexes; never index 0, which foreign code uses. */
static int ssl_index = -1;     /* on SSL: its struct hello */
static int context_index = -1; /* on SSL_CTX: what it asks for */
static CRYPTO_ONCE index_once = CRYPTO_ONCE_STATIC_INIT;

static void index_make(void) {
  do
    ssl_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
  while (ssl_index == 0);
  do
    context_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
  while (context_index == 0);
}

static bool has_indexes(void) {
  return CRYPTO_THREAD_run_once(&index_once, index_make) && ssl_index >= 0 &&
         context_index >= 0;
}

static size_t read_u16(const unsigned char *p) {
  return (size_t)p[0] << 8 | p[1];
}

/*
** The name in the extension's `length` bytes at p: one, of a host, and nothing
** behind it (RFC 6066, 3; OpenSSL takes no other). Gives an alert, or
** HELLO_ACCEPTED with *at and *size.
*/
static int find_name(const unsigned char *p, size_t length,
                     const unsigned char **at, size_t *size) {
  if (length < LIST_HEAD + NAME_HEAD || read_u16(p) != length - LIST_HEAD ||
      p[LIST_HEAD] != HOST_NAME)
    return SSL_AD_DECODE_ERROR;
  *size = read_u16(p + LIST_HEAD + 1);
  *at = p + LIST_HEAD + NAME_HEAD;
  if (*size == 0 || *size != length - LIST_HEAD - NAME_HEAD)
    return SSL_AD_DECODE_ERROR;
  if (*size > NAME_MOST || memchr(*at, 0, *size) != NULL)
    return SSL_AD_UNRECOGNIZED_NAME;
  for (size_t i = 0; i < *size; i++)
    if ((*at)[i] > 0x7f) return SSL_AD_INTERNAL_ERROR; /* D-44 */
  return HELLO_ACCEPTED;
}

/* A copy of the name in the hello, NULL where it has none: the hello's bytes go
** with the next call. An alert, or HELLO_ACCEPTED. */
static int copy_name(SSL *ssl, char **name) {
  const unsigned char *p, *at;
  size_t length, size;
  *name = NULL;
  if (!SSL_client_hello_get0_ext(ssl, EXTENSION_SERVER_NAME, &p, &length))
    return HELLO_ACCEPTED;
  int alert = find_name(p, length, &at, &size);
  if (alert != HELLO_ACCEPTED) return alert;
  *name = OPENSSL_strndup((const char *)at, size);
  return *name != NULL ? HELLO_ACCEPTED : SSL_AD_INTERNAL_ERROR;
}

/* Is the name that was answered for still the one? A client that was told to
** try again may change little else (RFC 8446, 4.1.2), and this it may not. */
static int compare_name(const struct hello *h, SSL *ssl) {
  char *name;
  int alert = copy_name(ssl, &name);
  bool same = (name == NULL) == (h->name == NULL) &&
              (name == NULL || strcmp(name, h->name) == 0);
  OPENSSL_free(name);
  if (alert != HELLO_ACCEPTED) return alert;
  return same ? HELLO_ACCEPTED : SSL_AD_ILLEGAL_PARAMETER;
}

static int refuse(int *alert, int number) {
  if (number == HELLO_ACCEPTED) return SSL_CLIENT_HELLO_SUCCESS;
  *alert = number;
  return SSL_CLIENT_HELLO_ERROR;
}

/* The first hello: put the question, where it can be put. */
static int ask(struct hello *h, SSL *ssl, int *alert) {
  int number = copy_name(ssl, &h->name);
  if (number != HELLO_ACCEPTED) return refuse(alert, number);
  if ((hello_asking(SSL_get_SSL_CTX(ssl)) & HELLO_OFFER) &&
      !offer_take(&h->offer, h->tape, alert))
    return SSL_CLIENT_HELLO_ERROR;
  h->state = HELLO_ASKED;
  return SSL_CLIENT_HELLO_RETRY;
}

static int on_hello(SSL *ssl, int *alert, void *unused) {
  struct hello *h = SSL_get_ex_data(ssl, ssl_index);
  (void)unused;
  if (h == NULL) return SSL_CLIENT_HELLO_SUCCESS;
  switch (h->state) {
  case HELLO_AWAITED: return ask(h, ssl, alert);
  case HELLO_ASKED: return SSL_CLIENT_HELLO_RETRY;
  case HELLO_ANSWERED:
    return refuse(alert,
                  h->alert != HELLO_ACCEPTED ? h->alert : compare_name(h, ssl));
  default: return SSL_CLIENT_HELLO_SUCCESS;
  }
}

void hello_prepare_context(SSL_CTX *context) {
  if (!has_indexes()) return; /* then nothing can ask */
  SSL_CTX_set_client_hello_cb(context, on_hello, NULL);
}

bool hello_set_asking(SSL_CTX *context, unsigned what) {
  return has_indexes() &&
         SSL_CTX_set_ex_data(context, context_index, (void *)(uintptr_t)what);
}

unsigned hello_asking(const SSL_CTX *context) {
  if (!has_indexes()) return 0;
  return (unsigned)(uintptr_t)SSL_CTX_get_ex_data(context, context_index);
}

bool hello_watch(struct hello *h, SSL *ssl) {
  return has_indexes() && SSL_set_ex_data(ssl, ssl_index, h);
}

void hello_leave(SSL *ssl) {
  SSL_set_ex_data(ssl, ssl_index, NULL); /* its slot exists */
}

/* OpenSSL asks on clients too, where there is no hello. */
int hello_acknowledge(const struct hello *h) {
  return h != NULL && h->state == HELLO_ANSWERED ? SSL_TLSEXT_ERR_OK
                                                 : SSL_TLSEXT_ERR_NOACK;
}

void hello_answer(struct hello *h, int alert) {
  h->state = HELLO_ANSWERED;
  h->alert = alert;
  offer_clear(&h->offer);
}

void hello_clear(struct hello *h) {
  OPENSSL_free(h->name);
  h->name = NULL;
  offer_clear(&h->offer);
}
