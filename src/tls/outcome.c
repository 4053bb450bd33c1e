#include "outcome.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

/* SSL_get_error's numbers, which errors carry (api.md B.3). */
#define NUMBER_SSL 1
#define NUMBER_EOF 8

/* Verification failed: say what was wrong, in the words of whoever refused. */
static void describe_verification(struct engine *e, struct tls_error *error) {
  const struct verdict *v = engine_verdict(e);
  long code = SSL_get_verify_result(e->ssl);
  size_t length = strlen(error->message);
  error->class = ERROR_CERT_VERIFICATION;
  error->verify_code = (int)code;
  if (v != NULL && v->refused && v->reason != NULL)
    snprintf(error->verify_message, sizeof error->verify_message, "%s",
             v->reason);
  else
    verdict_describe(e->ssl, code, error->verify_message,
                     sizeof error->verify_message);
  snprintf(error->message + length, sizeof error->message - length, ": %.320s",
           error->verify_message);
}

static enum step fail_eof(struct engine *e, struct tls_error *error) {
  e->end = ENGINE_RAGGED;
  error->class = ERROR_EOF;
  error->number = NUMBER_EOF;
  return STEP_FAILED;
}

/* Is this entry of the queue the caller's mistake, and the connection whole? */
static bool is_harmless(unsigned long code) {
  int reason = ERR_GET_REASON(code);
  return ERR_GET_LIB(code) == ERR_LIB_SSL &&
         (reason == SSL_R_PROTOCOL_IS_SHUTDOWN ||
          reason == SSL_R_SHUTDOWN_WHILE_IN_INIT);
}

/* A refusal that OpenSSL knows under another name, or not at all: where it has
** not verified, for a session was resumed. */
static void rename_refusal(const struct engine *e) {
  const struct verdict *v = engine_verdict(e);
  if (v == NULL || !v->refused) return;
  tlserr_clear();
  ERR_raise(ERR_LIB_SSL, SSL_R_CERTIFICATE_VERIFY_FAILED);
}

/* OpenSSL's own failure: the newest entry of the queue is ours. */
static enum step fail_protocol(struct engine *e, struct tls_error *error) {
  rename_refusal(e);
  unsigned long code = ERR_peek_last_error();
  int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
  tlserr_take(error, "failure in the TLS library");
  if (error->class == ERROR_SSL) error->number = NUMBER_SSL;
  if (error->alert == TLS_ERROR_NONE) error->alert = e->alert;
  if (!is_harmless(code)) e->failed = true;
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
    describe_verification(e, error);
  if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) return fail_eof(e, error);
  return STEP_FAILED;
}

enum step outcome_fail_verification(struct engine *e, struct tls_error *error) {
  return fail_protocol(e, error);
}

/* After a fatal error nothing works any more (B.3, last note). */
enum step outcome_fail_again(struct tls_error *error) {
  tlserr_set(error, ERROR_EOF, "EOF occurred in violation of protocol");
  error->number = NUMBER_EOF;
  return STEP_FAILED;
}

enum step outcome_fail_system(struct engine *e, struct tls_error *error) {
  tlserr_clear();
  tlserr_system(error, e->wire->error);
  return STEP_FAILED;
}

/* close_notify came where something else was awaited. */
enum step outcome_fail_closed(struct tls_error *error) {
  tlserr_set(error, ERROR_ZERO_RETURN,
             "the TLS connection has been closed (EOF)");
  error->number = SSL_ERROR_ZERO_RETURN;
  return STEP_FAILED;
}

/* The step did not fail, it waits: for what? */
enum step outcome_waits(const struct engine *e, int want) {
  if (e->wire->event == WIRE_TIMEOUT) return STEP_TIMEOUT;
  if (e->wire->event == WIRE_SIGNAL) return STEP_SIGNAL;
  return want == SSL_WRITING ? STEP_WANT_WRITE : STEP_WANT_READ;
}

/* Has OpenSSL failed for good? Then the newest entry of the queue says why. The
** alert about it may be what the transport has not taken. */
static bool has_failed(const struct engine *e) {
  return strcmp(SSL_state_string(e->ssl), "SSLERR") == 0 &&
         ERR_peek_last_error() != 0;
}

/* An entry of the queue may be a stranger's: it is looked at only where OpenSSL
** has failed, or what the transport recorded explains nothing. */
enum step outcome_stopped(struct engine *e, struct tls_error *error) {
  int want = SSL_want(e->ssl);
  bool wanting = want == SSL_READING || want == SSL_WRITING;
  if (want >= SSL_X509_LOOKUP && engine_question(e) != QUESTION_NONE) {
    tlserr_clear(); /* Lua is next */
    return STEP_CALLBACK;
  }
  switch (e->wire->event) {
  case WIRE_BLOCKED:
  case WIRE_TIMEOUT:
  case WIRE_SIGNAL:
    if (want == SSL_WRITING && has_failed(e)) break;
    if (wanting) return outcome_waits(e, want);
    break;
  case WIRE_ERROR:
    if (!has_failed(e)) return outcome_fail_system(e, error);
    break;
  default: break;
  }
  if (ERR_peek_last_error() != 0) return fail_protocol(e, error);
  if (e->wire->event == WIRE_END)
    e->end = ENGINE_RAGGED;
  else if (SSL_get_shutdown(e->ssl) & SSL_RECEIVED_SHUTDOWN)
    return outcome_fail_closed(error);
  return outcome_fail_again(error);
}
