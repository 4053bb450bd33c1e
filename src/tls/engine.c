#include "engine.h"

#include <string.h>

#include <openssl/x509_vfy.h>

#include "fdbio.h"
#include "ktlsbio.h"

/* Own ex_data index on SSL; never index 0, which foreign code uses. */
static int engine_index = -1;
static CRYPTO_ONCE index_once = CRYPTO_ONCE_STATIC_INIT;

static void index_make(void) {
  do
    engine_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
  while (engine_index == 0);
}

static void on_info(const SSL *ssl, int where, int value) {
  struct engine *e = SSL_get_ex_data(ssl, engine_index);
  if (e == NULL) return;
  if ((where & SSL_CB_ALERT) && (value >> 8) == SSL3_AL_FATAL)
    e->alert = value & 0xff;
  if ((where & SSL_CB_HANDSHAKE_DONE) && e->inquiry != NULL)
    certask_end(&e->inquiry->certask);
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

/* Verification, for an SSL_CTX. */
static int on_verify(X509_STORE_CTX *store, void *unused) {
  int index = SSL_get_ex_data_X509_STORE_CTX_idx();
  const SSL *ssl = X509_STORE_CTX_get_ex_data(store, index);
  struct engine *e = ssl ? engine_of(ssl) : NULL;
  (void)unused;
  struct inquiry *q = e != NULL ? e->inquiry : NULL;
  if (q == NULL) return X509_verify_cert(store) > 0;
  return verdict_verify(&q->verdict, &q->fibre, store);
}

/* OpenSSL calls this when a server knows which session it resumes, before it
** sends anything; and on clients. */
static int on_servername(SSL *ssl, int *alert, void *unused) {
  struct engine *e = engine_of(ssl);
  struct inquiry *q = e != NULL ? e->inquiry : NULL;
  (void)unused;
  if (q == NULL || !SSL_is_server(ssl)) return SSL_TLSEXT_ERR_NOACK;
  int number = verdict_agree(&q->verdict, &q->fibre, ssl);
  if (number == HELLO_ACCEPTED) return hello_acknowledge(&q->hello);
  *alert = number;
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

void engine_prepare_context(SSL_CTX *context) {
  SSL_CTX_set_info_callback(context, on_info);
  SSL_CTX_set_cert_verify_callback(context, on_verify, NULL);
  hello_prepare_context(context);
}

void engine_prepare_asking(SSL_CTX *context) {
  SSL_CTX_set_tlsext_servername_callback(context, on_servername);
}

/* The inquiry, where there is one, has the hello of this SSL. */
static bool watch(struct engine *e, SSL *ssl) {
  return e->inquiry == NULL || hello_watch(&e->inquiry->hello, ssl);
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
      SSL_set_ex_data(ssl, engine_index, e) && (!server || watch(e, ssl)))
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
  BIO *bio = NULL;
  bool begun = begin(e, context, server);
  if (begun && (SSL_get_options(e->ssl) & SSL_OP_ENABLE_KTLS))
    bio = ktlsbio_new(io);
  e->kernel = bio != NULL;
  if (begun && bio == NULL) bio = fdbio_new(io);
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

void engine_drop(unsigned char **bytes, size_t *length) {
  OPENSSL_clear_free(*bytes, *length);
  *bytes = NULL;
  *length = 0;
}

/* Transport of an SSL that is to do no more: nothing gets through. */
static long cut_off(BIO *bio, int operation, const char *data, size_t length,
                    int argument, long number, int result, size_t *count) {
  (void)bio, (void)data, (void)length, (void)argument, (void)number;
  (void)count;
  return operation == BIO_CB_READ || operation == BIO_CB_WRITE ? -1 : result;
}

/* A fibre that waits for a verdict must come to its end: refuse, unheard. */
static void end_fibre(struct engine *e, SSL *ssl) {
  struct inquiry *q = e->inquiry;
  if (q == NULL || SSL_want(ssl) != SSL_ASYNC_PAUSED) return;
  BIO_set_callback_ex(SSL_get_rbio(ssl), cut_off);
  BIO_set_callback_ex(SSL_get_wbio(ssl), cut_off);
  e->failed = true;
  while (SSL_want(ssl) == SSL_ASYNC_PAUSED) {
    verdict_answer(&q->verdict, X509_V_ERR_APPLICATION_VERIFICATION, NULL);
    if (fibre_handshake(&q->fibre, ssl) == 1) break;
  }
  tlserr_clear();
}

/* Free the inquiry, which this SSL is not in the middle of. */
static void end_inquiry(struct engine *e, SSL *ssl) {
  e->wire->tape = NULL;
  inquiry_free(e->inquiry, ssl);
  e->inquiry = NULL;
}

void engine_end_inquiry(struct engine *e) {
  if (e->inquiry == NULL) return;
  verdict_end(&e->inquiry->verdict);
  if (!inquiry_goes_on(e->inquiry, e->ssl)) end_inquiry(e, e->ssl);
}

/* It is nobody's any more, for sessions and for users. */
static void drop_identity(struct engine *e) {
  identity_release(e->identity);
  e->identity = NULL;
  OPENSSL_free(e->cache_key);
  e->cache_key = NULL;
}

void engine_close(struct engine *e) {
  SSL *ssl = e->ssl;
  if (ssl == NULL) return;
  e->doomed = e->running;
  if (e->running) return; /* OpenSSL is at work with it, below */
  e->ssl = NULL;
  end_fibre(e, ssl);
  end_inquiry(e, ssl);
  drop_identity(e);
  engine_drop(&e->held, &e->held_length);
  engine_drop(&e->kept, &e->kept_length);
  if (e->io != NULL) e->io->read_ahead = false;
  OPENSSL_free(e->late);
  e->late = NULL;
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
  engine_prepare_asking(context);
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
  tape_rewind(&e->inquiry->tape);
  return true;
}

/* Its inquiry, made if there is none yet. */
static struct inquiry *inquire(struct engine *e) {
  if (e->inquiry == NULL) e->inquiry = inquiry_new();
  return e->inquiry;
}

bool engine_ask(struct engine *e, bool certificate, void (*decide)(SSL *ssl)) {
  int mode = SSL_get_verify_mode(e->ssl);
  bool asks = certificate || decide != NULL;
  struct inquiry *q = asks ? inquire(e) : e->inquiry;
  if (q == NULL) return !asks;
  q->certificate = certificate;
  certask_watch(certificate ? &q->certask : NULL, e->ssl);
  q->verdict.decide = decide;
  q->fibre.on = false;
  if (decide == NULL) return true;
  if (SSL_is_server(e->ssl))
    fibre_allow(&q->fibre);
  else /* so that its refusal counts with CERT_NONE as well */
    SSL_set_verify(e->ssl, mode | SSL_VERIFY_PEER, engine_note_fault);
  return true;
}

bool engine_await_hello(struct engine *e) {
  struct inquiry *q = inquire(e);
  if (q == NULL || !watch(e, e->ssl)) return false;
  q->hello.state = HELLO_AWAITED;
  tape_record(&q->tape);
  e->wire->tape = &q->tape;
  return true;
}

enum engine_asks engine_question(const struct engine *e) {
  const struct inquiry *q = e->inquiry;
  if (e->ssl == NULL || e->doomed || q == NULL) return QUESTION_NONE;
  if (q->hello.state == HELLO_ASKED) return QUESTION_HELLO;
  if (q->certask.state == CERTASK_ASKED) return QUESTION_CERTIFICATE;
  if (q->verdict.state == VERDICT_ASKED) return QUESTION_VERDICT;
  return QUESTION_NONE;
}

const struct hello *engine_hello(const struct engine *e) {
  return e->inquiry != NULL ? &e->inquiry->hello : NULL;
}

const struct verdict *engine_verdict(const struct engine *e) {
  return e->inquiry != NULL ? &e->inquiry->verdict : NULL;
}

struct fibre *engine_fibre(struct engine *e) {
  return e->inquiry != NULL ? &e->inquiry->fibre : NULL;
}

bool engine_answer_hello(struct engine *e, int alert, SSL_CTX *context) {
  struct inquiry *q = e->inquiry;
  if (q == NULL) return true;
  hello_answer(&q->hello, alert);
  if (alert == HELLO_ACCEPTED && context != NULL) {
    if (replay(e, context)) return true;
    q->hello.alert = SSL_AD_INTERNAL_ERROR;
  }
  if (q->tape.recording) tape_clear(&q->tape);
  return q->hello.alert == alert;
}

void engine_answer_certificate(struct engine *e, bool refused) {
  if (e->inquiry != NULL) certask_answer(&e->inquiry->certask, refused);
}

/* Note the peer's own certificate as the one at fault. */
static void blame_leaf(struct engine *e) {
  X509 *leaf = sk_X509_value(e->inquiry->verdict.chain, 0);
  if (leaf == NULL || !X509_up_ref(leaf)) return;
  e->fault = leaf;
  e->fault_depth = 0;
}

void engine_answer_verdict(struct engine *e, int code, const char *reason) {
  if (e->inquiry == NULL) return;
  if (code == X509_V_OK) {
    X509_free(e->fault);
    e->fault = NULL;
  } else if (e->fault == NULL) {
    blame_leaf(e);
  }
  verdict_answer(&e->inquiry->verdict, code, reason);
}

/* OpenSSL's mode, as both the context and where it waits would have it. */
static void set_mode(const struct engine *e) {
  bool give =
      e->buffers == ENGINE_AS_IT_WAITS ? e->idles : e->buffers == ENGINE_GIVE;
  if (give)
    SSL_set_mode(e->ssl, SSL_MODE_RELEASE_BUFFERS);
  else
    SSL_clear_mode(e->ssl, SSL_MODE_RELEASE_BUFFERS);
}

void engine_idle(struct engine *e, bool idles) {
  e->idles = idles;
  set_mode(e);
}

void engine_tune(struct engine *e, enum engine_buffers buffers,
                 bool read_ahead) {
  e->buffers = buffers;
  set_mode(e);
  /* The kernel must find all of what came. */
  if (e->io != NULL) e->io->read_ahead = read_ahead && !e->kernel;
}

bool engine_kernel_sends(const struct engine *e) {
  return e->kernel && e->ssl != NULL && BIO_get_ktls_send(SSL_get_wbio(e->ssl));
}

bool engine_kernel_receives(const struct engine *e) {
  return e->kernel && e->ssl != NULL && BIO_get_ktls_recv(SSL_get_rbio(e->ssl));
}
