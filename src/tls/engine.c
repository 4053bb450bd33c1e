#include "engine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "fdbio.h"
#include "peername.h"

/* SSL_get_error's numbers, which errors carry (api.md B.3). */
#define NUMBER_SSL 1
#define NUMBER_EOF 8

/* Own ex_data index on SSL; never index 0, which foreign code uses. */
static int engine_index = -1;
static CRYPTO_ONCE index_once = CRYPTO_ONCE_STATIC_INIT;

static void index_make(void) {
  do
    engine_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
  while (engine_index == 0);
}

static void note_alert(const SSL *ssl, int where, int value) {
  struct engine *e;
  if ((where & SSL_CB_ALERT) == 0 || (value >> 8) != SSL3_AL_FATAL) return;
  e = SSL_get_ex_data(ssl, engine_index);
  if (e != NULL) e->alert = value & 0xff;
}

struct engine *engine_of(const SSL *ssl) {
  return engine_index < 0 ? NULL : SSL_get_ex_data(ssl, engine_index);
}

void engine_note_failure(const SSL *ssl, int error) {
  struct engine *e = engine_of(ssl);
  if (e != NULL) e->refusal = error;
}

void engine_interrupt(struct engine *e) {
  e->interrupted = true;
}

int engine_note_fault(int ok, X509_STORE_CTX *store) {
  if (ok) return ok;
  int index = SSL_get_ex_data_X509_STORE_CTX_idx();
  const SSL *ssl = X509_STORE_CTX_get_ex_data(store, index);
  struct engine *e = ssl ? SSL_get_ex_data(ssl, engine_index) : NULL;
  X509 *fault = X509_STORE_CTX_get_current_cert(store);
  if (e == NULL || fault == NULL || !X509_up_ref(fault)) return ok;
  X509_free(e->fault);
  e->fault = fault;
  e->fault_depth = X509_STORE_CTX_get_error_depth(store);
  return ok;
}

void engine_prepare_context(SSL_CTX *context) {
  SSL_CTX_set_info_callback(context, note_alert);
  hello_prepare_context(context);
}

/* A new SSL of its side for an engine; NULL: the error queue says why. */
static SSL *new_ssl(struct engine *e, SSL_CTX *context, bool server) {
  SSL *ssl = SSL_new(context);
  if (ssl == NULL) return NULL;
  SSL_set_mode(ssl, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (server)
    SSL_set_accept_state(ssl);
  else
    SSL_set_connect_state(ssl);
  /* Session-id contexts are a server's business: for one of its own a client
  ** would refuse a TLS 1.3 session that it has made of a pre-shared key. */
  if ((server || SSL_set_session_id_context(ssl, NULL, 0)) &&
      SSL_set_ex_data(ssl, engine_index, e) &&
      (!server || hello_watch(&e->hello, ssl)))
    return ssl;
  SSL_free(ssl);
  return NULL;
}

/* An empty engine with a new SSL of its side, whose transport is to come. */
static bool begin(struct engine *e, SSL_CTX *context, bool server) {
  if (!CRYPTO_THREAD_run_once(&index_once, index_make) || engine_index < 0)
    return false;
  memset(e, 0, sizeof *e);
  e->record = ENGINE_RECORD;
  e->alert = TLS_ERROR_NONE;
  tlserr_clear();
  e->ssl = new_ssl(e, context, server);
  return e->ssl != NULL;
}

/* Give the SSL its BIOs, or drop it where one is missing. */
static bool attach(struct engine *e, BIO *in, BIO *out) {
  if (e->ssl != NULL && in != NULL && out != NULL) {
    SSL_set_bio(e->ssl, in, out);
    e->wire->tape = &e->tape;
    return true;
  }
  BIO_free(in);
  if (out != in) BIO_free(out);
  SSL_free(e->ssl);
  e->ssl = NULL;
  return false;
}

bool engine_open(struct engine *e, SSL_CTX *context, struct fdio *io,
                 bool server) {
  BIO *bio = begin(e, context, server) ? fdbio_new(io) : NULL;
  e->io = io;
  e->wire = &io->wire;
  return attach(e, bio, bio);
}

bool engine_open_memory(struct engine *e, SSL_CTX *context,
                        struct membio *incoming, struct membio *outgoing,
                        struct wire *wire, bool server) {
  bool begun = begin(e, context, server);
  BIO *in = begun ? membio_bio(incoming, wire) : NULL;
  BIO *out = begun ? membio_bio(outgoing, wire) : NULL;
  e->wire = wire;
  return attach(e, in, out);
}

static void drop_held(struct engine *e) {
  OPENSSL_clear_free(e->held, e->held_length);
  e->held = NULL;
  e->held_length = 0;
}

static void drop_kept(struct engine *e) {
  OPENSSL_clear_free(e->kept, e->kept_length);
  e->kept = NULL;
  e->kept_length = 0;
}

void engine_close(struct engine *e) {
  SSL *ssl = e->ssl;
  if (ssl == NULL) return;
  e->doomed = e->running;
  if (e->running) return; /* OpenSSL is at work with it, below */
  e->ssl = NULL;
  e->wire->tape = NULL;
  tape_clear(&e->tape);
  hello_clear(&e->hello);
  drop_held(e);
  drop_kept(e);
  X509_free(e->fault);
  e->fault = NULL;
  /* Without both flags OpenSSL throws the session away (proofs.md 1.5). */
  if (!e->failed)
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(ssl);
}

/* The hello once more, to a fresh SSL (design.md, "Switching contexts"): it has
** all of its settings from `context`, and its peer cannot tell. */
static bool replay(struct engine *e, SSL_CTX *context) {
  hello_acknowledge(context);
  SSL *ssl = new_ssl(e, context, true);
  BIO *in = SSL_get_rbio(e->ssl);
  BIO *out = SSL_get_wbio(e->ssl);
  if (ssl == NULL) return false;
  SSL_set_mode(ssl, SSL_get_mode(e->ssl)); /* the connection's own settings */
  BIO_up_ref(in);
  if (out != in) BIO_up_ref(out);
  SSL_free(e->ssl);
  e->ssl = ssl;
  SSL_set_bio(ssl, in, out);
  tape_rewind(&e->tape);
  return true;
}

bool engine_answer(struct engine *e, int alert, SSL_CTX *context) {
  e->hello.state = HELLO_ANSWERED;
  e->hello.alert = alert;
  if (alert == HELLO_ACCEPTED && context != NULL) {
    if (replay(e, context)) return true;
    e->hello.alert = SSL_AD_INTERNAL_ERROR;
  }
  if (e->tape.recording) tape_clear(&e->tape);
  return e->hello.alert == alert;
}

void engine_release_buffers(struct engine *e, bool release) {
  if (release)
    SSL_set_mode(e->ssl, SSL_MODE_RELEASE_BUFFERS);
  else
    SSL_clear_mode(e->ssl, SSL_MODE_RELEASE_BUFFERS);
}

/* Verification failed: say of which certificate what was wrong. */
static void describe_verification(struct engine *e, struct tls_error *error) {
  char name[PEERNAME_MAX + 1];
  long code = SSL_get_verify_result(e->ssl);
  size_t length = strlen(error->message);
  peername_demanded(e->ssl, name, sizeof name);
  error->class = ERROR_CERT_VERIFICATION;
  error->verify_code = (int)code;
  if (code == X509_V_ERR_HOSTNAME_MISMATCH ||
      code == X509_V_ERR_IP_ADDRESS_MISMATCH)
    snprintf(error->verify_message, sizeof error->verify_message,
             "%s mismatch, certificate is not valid for '%s'",
             code == X509_V_ERR_HOSTNAME_MISMATCH ? "Hostname" : "IP address",
             name);
  else
    snprintf(error->verify_message, sizeof error->verify_message, "%s",
             X509_verify_cert_error_string(code));
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

/* OpenSSL's own failure: the newest entry of the queue is ours. */
static enum step fail_protocol(struct engine *e, struct tls_error *error) {
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

/* After a fatal error nothing works any more (B.3, last note). */
static enum step fail_again(struct tls_error *error) {
  tlserr_set(error, ERROR_EOF, "EOF occurred in violation of protocol");
  error->number = NUMBER_EOF;
  return STEP_FAILED;
}

static enum step fail_system(struct engine *e, struct tls_error *error) {
  tlserr_clear();
  tlserr_system(error, e->wire->error);
  return STEP_FAILED;
}

/* close_notify came where something else was awaited. */
static enum step fail_closed(struct tls_error *error) {
  tlserr_set(error, ERROR_ZERO_RETURN,
             "the TLS connection has been closed (EOF)");
  error->number = SSL_ERROR_ZERO_RETURN;
  return STEP_FAILED;
}

/* The step did not fail, it waits: for what? */
static enum step waits(const struct engine *e, int want) {
  if (e->wire->event == WIRE_TIMEOUT) return STEP_TIMEOUT;
  if (e->wire->event == WIRE_SIGNAL) return STEP_SIGNAL;
  return want == SSL_WRITING ? STEP_WANT_WRITE : STEP_WANT_READ;
}

/*
** Why did OpenSSL not do what it was asked? `clean`: the queue was emptied
** before, so an entry in it is ours. Else an entry may be a stranger's: it is
** looked at only when what the BIO recorded explains nothing (proofs.md 9.3).
*/
static enum step stopped(struct engine *e, bool clean,
                         struct tls_error *error) {
  int want = SSL_want(e->ssl);
  bool wanting = want == SSL_READING || want == SSL_WRITING;
  if (want == SSL_CLIENT_HELLO_CB && e->hello.state == HELLO_ASKED)
    return STEP_CALLBACK;
  switch (e->wire->event) {
  case WIRE_BLOCKED:
  case WIRE_TIMEOUT:
  case WIRE_SIGNAL:
    if (wanting) return waits(e, want);
    break;
  case WIRE_ERROR:
    /* Unless it was the alert about an earlier failure that broke. */
    if (!(clean || want == SSL_WRITING) || ERR_peek_last_error() == 0)
      return fail_system(e, error);
    break;
  default: break;
  }
  if (ERR_peek_last_error() != 0) return fail_protocol(e, error);
  if (e->wire->event == WIRE_END)
    e->end = ENGINE_RAGGED;
  else if (SSL_get_shutdown(e->ssl) & SSL_RECEIVED_SHUTDOWN)
    return fail_closed(error);
  return fail_again(error);
}

/* What OpenSSL negotiated decides how much a record takes (RFC 6066, 4). */
static void note_handshake(struct engine *e) {
  const SSL_SESSION *session = SSL_get0_session(e->ssl);
  unsigned mode =
      session != NULL ? SSL_SESSION_get_max_fragment_length(session) : 0;
  e->handshaken = true;
  if (mode >= TLSEXT_max_fragment_length_512 &&
      mode <= TLSEXT_max_fragment_length_4096)
    e->record = (size_t)256 << mode;
  /* A plainly blocking server may idle: give its buffers back once. */
  if (SSL_is_server(e->ssl) && e->wire->wait) SSL_free_buffers(e->ssl);
}

/* Before the first byte: where the context asks, keep a copy of the hello. */
static void await_hello(struct engine *e) {
  if (e->hello.state != HELLO_UNASKED || !SSL_in_before(e->ssl) ||
      !SSL_is_server(e->ssl) || !hello_is_asking(SSL_get_SSL_CTX(e->ssl)))
    return;
  e->hello.state = HELLO_AWAITED;
  tape_record(&e->tape);
}

static enum step shake_hands(struct engine *e, struct tls_error *error) {
  if (e->handshaken && !e->failed) return STEP_DONE;
  if (e->failed) return fail_again(error);
  await_hello(e);
  tlserr_clear();
  e->wire->event = WIRE_NONE;
  if (SSL_do_handshake(e->ssl) != 1) return stopped(e, true, error);
  note_handshake(e);
  tlserr_clear();
  return STEP_DONE;
}

/* A read found nothing more: how did the stream end? */
static enum step read_end(struct engine *e, struct tls_error *error) {
  bool ignored = SSL_get_options(e->ssl) & SSL_OP_IGNORE_UNEXPECTED_EOF;
  if (e->wire->event == WIRE_END && !ignored) return stopped(e, false, error);
  e->end = ENGINE_CLEAN;
  if ((SSL_get_shutdown(e->ssl) & SSL_SENT_SHUTDOWN) == 0) return STEP_END;
  return fail_closed(error);
}

/*
** Is there anything to enter OpenSSL for? There is while it has a message of
** its own to send, as the request for a client's certificate. On a socket that
** does not wait the record's header is fetched first: finding nothing then
** costs next to nothing (proofs.md 4.3).
*/
static bool has_input(struct engine *e) {
  return e->wire->wait || e->io == NULL || SSL_has_pending(e->ssl) ||
         SSL_in_init(e->ssl) || fdio_fetch(e->io) || e->wire->event == WIRE_END;
}

/* Has the peer sent close_notify? A fatal alert sets the same flag, and takes
** the state machine out of its finished state. */
static bool is_closed(const struct engine *e) {
  return (SSL_get_shutdown(e->ssl) & SSL_RECEIVED_SHUTDOWN) &&
         !SSL_in_init(e->ssl);
}

static enum step read_data(struct engine *e, void *data, size_t size,
                           size_t *got, struct tls_error *error) {
  if (!e->handshaken || e->failed) {
    enum step step = shake_hands(e, error);
    if (step != STEP_DONE) return step;
  }
  e->wire->event = WIRE_NONE;
  if (is_closed(e)) return read_end(e, error);
  if (!has_input(e))
    return e->wire->event == WIRE_ERROR ? fail_system(e, error)
                                        : waits(e, SSL_READING);
  e->wire->event = WIRE_NONE;
  if (SSL_read_ex(e->ssl, data, size, got)) return STEP_DONE;
  if (is_closed(e)) return read_end(e, error);
  return stopped(e, false, error);
}

static bool is_held(enum step step) {
  return step == STEP_WANT_READ || step == STEP_WANT_WRITE ||
         step == STEP_SIGNAL || step == STEP_TIMEOUT;
}

/* Did the system refuse the bytes? OpenSSL waits for the same again: any other
** write would break the connection, and what the peer sent before with it. */
static bool is_refused(const struct engine *e, enum step step) {
  return step == STEP_FAILED && !e->failed && e->wire->event == WIRE_ERROR;
}

/* Keep a copy: a key update may stand before the record (so that OpenSSL has
** not read our bytes yet), and then a retry takes them from here. */
static bool hold(struct engine *e, const void *data, size_t length) {
  e->held = OPENSSL_memdup(data, length);
  e->held_length = e->held != NULL ? length : 0;
  return e->held != NULL;
}

static enum step write_record(struct engine *e, const void *data, size_t length,
                              struct tls_error *error) {
  size_t put;
  e->wire->event = WIRE_NONE;
  if (SSL_write_ex(e->ssl, data, length, &put)) return STEP_DONE;
  return stopped(e, false, error);
}

static enum step flush_held(struct engine *e, struct tls_error *error) {
  if (e->held == NULL) return STEP_DONE;
  if (e->failed) return fail_again(error);
  enum step step = write_record(e, e->held, e->held_length, error);
  if (!is_held(step) && !is_refused(e, step)) drop_held(e);
  return step;
}

static enum step write_data(struct engine *e, const void *data, size_t length,
                            bool *accepted, struct tls_error *error) {
  enum step step = STEP_DONE;
  *accepted = false;
  if (!e->handshaken || e->failed) step = shake_hands(e, error);
  if (step == STEP_DONE && e->held != NULL) step = flush_held(e, error);
  if (step != STEP_DONE) return step;
  step = write_record(e, data, length, error);
  *accepted = step == STEP_DONE || is_held(step);
  if (!is_held(step) && !is_refused(e, step)) return step;
  if (hold(e, data, length)) return step;
  e->failed = true; /* half a record is out and its bytes are lost */
  tlserr_set(error, ERROR_SSL, "out of memory");
  return STEP_FAILED;
}

static enum step close_write(struct engine *e, struct tls_error *error) {
  if (SSL_get_shutdown(e->ssl) & SSL_SENT_SHUTDOWN) return STEP_DONE;
  enum step step = flush_held(e, error);
  if (step != STEP_DONE) return step;
  tlserr_clear();
  e->wire->event = WIRE_NONE;
  return SSL_shutdown(e->ssl) >= 0 ? STEP_DONE : stopped(e, true, error);
}

static enum step shut_down(struct engine *e, struct tls_error *error) {
  enum step step = flush_held(e, error);
  if (step != STEP_DONE) return step;
  tlserr_clear();
  e->wire->event = WIRE_NONE;
  int result = SSL_shutdown(e->ssl);
  if (result == 0) /* ours is out; the second call awaits the peer's */
    result = SSL_shutdown(e->ssl);
  if (result > 0 && !SSL_in_init(e->ssl)) return STEP_DONE;
  if (result > 0 && ERR_peek_last_error() == 0)
    /* To OpenSSL a fatal alert counts as closed, once it has told of it. */
    ERR_raise(ERR_LIB_SSL, SSL_R_SHUTDOWN_WHILE_IN_INIT);
  return stopped(e, true, error);
}

/* ---- the steps, as others call them ---- */

/* A step begins; not below another one. */
static bool enter(struct engine *e, struct tls_error *error) {
  if (e->running)
    tlserr_set(error, ERROR_VALUE, "the connection is busy with an operation");
  if (e->running) return false;
  e->running = true;
  return true;
}

/* A callback has closed the connection. */
static enum step leave(struct engine *e, struct tls_error *error) {
  engine_close(e);
  tlserr_clear();
  tlserr_system(error, EBADF);
  return STEP_FAILED;
}

/* A callback that failed makes the step fail, whatever OpenSSL made of it. */
static enum step finish(struct engine *e, enum step step,
                        struct tls_error *error) {
  e->running = false;
  if (e->doomed) return leave(e, error);
  if (!e->interrupted && e->refusal == 0) return step;
  if (e->refusal == 0 && e->held != NULL && is_held(step)) return step;
  if (step == STEP_DONE && e->refusal != 0) e->failed = true;
  if (e->refusal != 0)
    tlserr_system(error, e->refusal);
  else
    tlserr_set(error, ERROR_SSL, "a callback failed");
  tlserr_clear();
  e->interrupted = false;
  e->refusal = 0;
  return STEP_FAILED;
}

/* The step that read this fails, but its data must not be lost. */
static void keep(struct engine *e, const void *data, size_t length) {
  e->kept = OPENSSL_memdup(data, length);
  e->kept_length = e->kept != NULL ? length : 0;
  if (e->kept == NULL) e->failed = true; /* the stream has a hole */
}

static enum step take_kept(struct engine *e, void *data, size_t size,
                           size_t *got) {
  e->running = false; /* OpenSSL is not asked */
  *got = size < e->kept_length ? size : e->kept_length;
  memcpy(data, e->kept, *got);
  memmove(e->kept, e->kept + *got, e->kept_length - *got);
  e->kept_length -= *got;
  if (e->kept_length == 0) drop_kept(e);
  return STEP_DONE;
}

size_t engine_pending(const struct engine *e) {
  return e->kept_length + (size_t)SSL_pending(e->ssl);
}

enum step engine_handshake(struct engine *e, struct tls_error *error) {
  if (e->handshaken && !e->failed && !e->running) return STEP_DONE;
  if (!enter(e, error)) return STEP_FAILED;
  return finish(e, shake_hands(e, error), error);
}

enum step engine_read(struct engine *e, void *data, size_t size, size_t *got,
                      struct tls_error *error) {
  if (!enter(e, error)) return STEP_FAILED;
  if (e->kept != NULL) return take_kept(e, data, size, got);
  enum step step = read_data(e, data, size, got, error);
  if (step == STEP_DONE && e->interrupted) keep(e, data, *got);
  return finish(e, step, error);
}

enum step engine_write(struct engine *e, const void *data, size_t length,
                       bool *accepted, struct tls_error *error) {
  *accepted = false;
  if (!enter(e, error)) return STEP_FAILED;
  return finish(e, write_data(e, data, length, accepted, error), error);
}

enum step engine_flush(struct engine *e, struct tls_error *error) {
  if (!enter(e, error)) return STEP_FAILED;
  return finish(e, flush_held(e, error), error);
}

enum step engine_close_write(struct engine *e, struct tls_error *error) {
  if (!enter(e, error)) return STEP_FAILED;
  return finish(e, close_write(e, error), error);
}

enum step engine_shutdown(struct engine *e, struct tls_error *error) {
  if (!enter(e, error)) return STEP_FAILED;
  return finish(e, shut_down(e, error), error);
}
