#include "verdict.h"

#include <stdio.h>

#include <openssl/crypto.h>
#include <openssl/x509_vfy.h>

#include "hello.h"
#include "peername.h"

/* ---- the question ---- */

static void forget(struct verdict *v) {
  sk_X509_pop_free(v->chain, X509_free);
  v->chain = NULL;
}

/* A chain of the leaf alone. */
static STACK_OF(X509) * chain_of_one(X509 *leaf) {
  STACK_OF(X509) *chain = sk_X509_new_null();
  if (chain == NULL || leaf == NULL) return chain;
  if (!X509_up_ref(leaf)) return chain;
  if (sk_X509_push(chain, leaf) == 0) X509_free(leaf);
  return chain;
}

/* What OpenSSL has found out is what is asked about. */
static void note_verified(struct verdict *v, X509_STORE_CTX *store) {
  forget(v);
  v->state = VERDICT_ASKED;
  v->resumed = false;
  v->code = X509_STORE_CTX_get_error(store);
  v->depth = X509_STORE_CTX_get_error_depth(store);
  v->chain = X509_STORE_CTX_get1_chain(store);
  if (v->chain == NULL)
    v->chain = chain_of_one(X509_STORE_CTX_get0_cert(store));
}

/* What the session brings along: what was said of its certificate once. On
** servers OpenSSL's chain has no leaf, and after a ticket there is none. */
static void note_resumed(struct verdict *v, SSL *ssl) {
  X509 *leaf = SSL_get0_peer_certificate(ssl);
  STACK_OF(X509) *sent = SSL_get_peer_cert_chain(ssl);
  forget(v);
  v->state = VERDICT_ASKED;
  v->resumed = true;
  v->code = (int)SSL_get_verify_result(ssl);
  v->depth = 0;
  if (sent != NULL && !SSL_is_server(ssl))
    v->chain = X509_chain_up_ref(sent);
  else
    v->chain = chain_of_one(leaf);
}

/* On a server: wait for the answer, or where that cannot be have it now. */
static void wait_for_answer(struct verdict *v, struct fibre *f, SSL *ssl) {
  while (v->state == VERDICT_ASKED && fibre_pause(f))
    ;
  if (v->state == VERDICT_ASKED) v->decide(ssl);
  if (v->state == VERDICT_ASKED)
    verdict_answer(v, X509_V_ERR_CERT_REJECTED, NULL);
}

/* The answer, used up. */
static bool is_accepted(struct verdict *v) {
  v->state = VERDICT_UNASKED;
  v->refused = v->refusal != X509_V_OK;
  return !v->refused;
}

/* ---- where OpenSSL verifies ---- */

static int give_back(struct verdict *v, X509_STORE_CTX *store) {
  bool accepted = is_accepted(v);
  X509_STORE_CTX_set_error_depth(store, v->depth);
  /* What OpenSSL has said stays what it says of an accepted one, too: a session
  ** tells it when it is resumed, and nobody takes its chain for good. */
  X509_STORE_CTX_set_error(store, accepted ? v->code : v->refusal);
  return accepted;
}

/* OpenSSL comes twice, and remembers nothing of the first time. */
static int verify_client(struct verdict *v, SSL *ssl, X509_STORE_CTX *store) {
  if (v->state == VERDICT_GIVEN) {
    if (v->chain != NULL) X509_STORE_CTX_set0_verified_chain(store, v->chain);
    v->chain = NULL;
    return give_back(v, store);
  }
  int result = X509_verify_cert(store);
  (void)result; /* the code tells */
  note_verified(v, store);
  return SSL_set_retry_verify(ssl) > 0;
}

static void run_verification(void *store) {
  int result = X509_verify_cert(store);
  (void)result;
}

/* A retry would be acceptance here. */
static int verify_server(struct verdict *v, struct fibre *f, SSL *ssl,
                         X509_STORE_CTX *store) {
  fibre_run(f, run_verification, store); /* it may need much of a stack */
  note_verified(v, store);
  wait_for_answer(v, f, ssl);
  return give_back(v, store);
}

int verdict_verify(struct verdict *v, struct fibre *f, X509_STORE_CTX *store) {
  SSL *ssl =
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
  if (v->decide == NULL) return X509_verify_cert(store) > 0;
  return SSL_is_server(ssl) ? verify_server(v, f, ssl, store)
                            : verify_client(v, ssl, store);
}

/* ---- where it does not ---- */

/* Is this a session whose peer has shown a certificate? */
static bool is_resumed(const struct verdict *v, SSL *ssl) {
  return v->decide != NULL && SSL_session_reused(ssl) &&
         SSL_get0_peer_certificate(ssl) != NULL;
}

/* The same session comes a second time behind a HelloRetryRequest. */
static bool is_agreed(const struct verdict *v, SSL *ssl) {
  return v->agreed != NULL &&
         X509_cmp(v->agreed, SSL_get0_peer_certificate(ssl)) == 0;
}

static int refuse(struct verdict *v, SSL *ssl) {
  SSL_set_verify_result(ssl, v->refusal);
  return v->refusal == X509_V_ERR_APPLICATION_VERIFICATION
             ? SSL_AD_HANDSHAKE_FAILURE
             : SSL_AD_BAD_CERTIFICATE;
}

int verdict_agree(struct verdict *v, struct fibre *f, SSL *ssl) {
  if (!is_resumed(v, ssl) || is_agreed(v, ssl)) return HELLO_ACCEPTED;
  note_resumed(v, ssl);
  wait_for_answer(v, f, ssl);
  if (!is_accepted(v)) return refuse(v, ssl);
  X509_free(v->agreed);
  v->agreed = SSL_get1_peer_certificate(ssl);
  return HELLO_ACCEPTED;
}

enum verdict_step verdict_conclude(struct verdict *v, SSL *ssl) {
  if (!is_resumed(v, ssl)) return VERDICT_ACCEPTED;
  if (v->state != VERDICT_GIVEN) {
    note_resumed(v, ssl);
    return VERDICT_WAITS;
  }
  if (is_accepted(v)) return VERDICT_ACCEPTED;
  refuse(v, ssl);
  return VERDICT_REFUSED;
}

/* ---- the answer ---- */

void verdict_answer(struct verdict *v, int code, const char *reason) {
  OPENSSL_free(v->reason);
  v->reason = reason != NULL ? OPENSSL_strdup(reason) : NULL;
  v->state = VERDICT_GIVEN;
  v->refusal = code;
}

void verdict_end(struct verdict *v) {
  forget(v);
  X509_free(v->agreed);
  v->agreed = NULL;
}

void verdict_clear(struct verdict *v) {
  verdict_end(v);
  OPENSSL_free(v->reason);
  v->reason = NULL;
}

void verdict_describe(SSL *ssl, long code, char *text, size_t size) {
  char name[PEERNAME_MAX + 1];
  bool host = code == X509_V_ERR_HOSTNAME_MISMATCH;
  if (!host && code != X509_V_ERR_IP_ADDRESS_MISMATCH) {
    snprintf(text, size, "%s", X509_verify_cert_error_string(code));
    return;
  }
  peername_demanded(ssl, name, sizeof name);
  snprintf(text, size, "%s mismatch, certificate is not valid for '%s'",
           host ? "Hostname" : "IP address", name);
}
