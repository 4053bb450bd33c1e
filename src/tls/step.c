#include "engine.h"

#include <errno.h>
#include <string.h>

#include <openssl/err.h>

#include "../sys/ktls.h"
#include "outcome.h"

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
  if (SSL_is_server(e->ssl) && e->wire->wait && e->buffers != ENGINE_KEEP)
    SSL_free_buffers(e->ssl);
  engine_end_inquiry(e);
}

/* Say goodbye to a server whose session is refused: OpenSSL is through with the
** handshake, and has no call that sends an alert. */
static enum step refuse_session(struct engine *e, struct tls_error *error) {
  int result = SSL_shutdown(e->ssl);
  (void)result; /* as far as that gets through */
  return outcome_fail_verification(e, error);
}

/* OpenSSL has shaken hands. Is the user content with what was resumed? */
static enum step conclude(struct engine *e, struct tls_error *error) {
  tlserr_clear();
  if (e->inquiry != NULL && !SSL_is_server(e->ssl)) {
    switch (verdict_conclude(&e->inquiry->verdict, e->ssl)) {
    case VERDICT_WAITS: return STEP_CALLBACK;
    case VERDICT_REFUSED: return refuse_session(e, error);
    default: break;
    }
  }
  note_handshake(e);
  return STEP_DONE;
}

/* Before the first byte: where the context asks, keep a copy of the hello. */
static bool await_hello(struct engine *e, struct tls_error *error) {
  const struct hello *h = engine_hello(e);
  if ((h != NULL && h->state != HELLO_UNASKED) || !SSL_in_before(e->ssl) ||
      !SSL_is_server(e->ssl) || hello_asking(SSL_get_SSL_CTX(e->ssl)) == 0 ||
      engine_await_hello(e))
    return true;
  tlserr_clear();
  tlserr_system(error, ENOMEM);
  return false;
}

/* A step after a failure; what engine_look met with is told once. */
static enum step fail_again(struct engine *e, struct tls_error *error) {
  if (e->late == NULL) return outcome_fail_again(error);
  *error = *e->late;
  OPENSSL_free(e->late);
  e->late = NULL;
  return STEP_FAILED;
}

static enum step shake_hands(struct engine *e, struct tls_error *error) {
  if (e->handshaken && !e->failed) return STEP_DONE;
  if (e->failed) return fail_again(e, error);
  if (engine_question(e) != QUESTION_NONE) return STEP_CALLBACK;
  if (!await_hello(e, error)) return STEP_FAILED;
  tlserr_clear();
  e->wire->event = WIRE_NONE;
  if (fibre_handshake(engine_fibre(e), e->ssl) != 1)
    return outcome_stopped(e, error);
  return conclude(e, error);
}

/* A read found nothing more: how did the stream end? */
static enum step read_end(struct engine *e, struct tls_error *error) {
  bool ignored = SSL_get_options(e->ssl) & SSL_OP_IGNORE_UNEXPECTED_EOF;
  if (e->wire->event == WIRE_END && !ignored) return outcome_stopped(e, error);
  e->end = ENGINE_CLEAN;
  if ((SSL_get_shutdown(e->ssl) & SSL_SENT_SHUTDOWN) == 0) return STEP_END;
  return outcome_fail_closed(error);
}

/*
** Is there anything to enter OpenSSL for? There is while it has a message of
** its own to send, as the request for a client's certificate. On a socket that
** does not wait the record's header is fetched first: finding nothing then
** costs next to nothing (proofs.md 4.3). Not where the kernel takes it off.
*/
static bool has_input(struct engine *e) {
  return e->io == NULL || e->kernel || SSL_has_pending(e->ssl) ||
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
  if (!e->wire->wait) {
    if (is_closed(e)) return read_end(e, error);
    if (!has_input(e))
      return e->wire->event == WIRE_ERROR ? outcome_fail_system(e, error)
                                          : outcome_waits(e, SSL_READING);
    e->wire->event = WIRE_NONE;
  }
  if (SSL_read_ex(e->ssl, data, size, got)) return STEP_DONE;
  if (is_closed(e)) return read_end(e, error);
  return outcome_stopped(e, error);
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
  if (e->held == NULL) tlserr_clear();
  return e->held != NULL;
}

static enum step write_record(struct engine *e, const void *data, size_t length,
                              struct tls_error *error) {
  size_t put;
  e->wire->event = WIRE_NONE;
  if (SSL_write_ex(e->ssl, data, length, &put)) return STEP_DONE;
  return outcome_stopped(e, error);
}

static enum step flush_held(struct engine *e, struct tls_error *error) {
  if (e->held == NULL) return STEP_DONE;
  if (e->failed) return outcome_fail_again(error);
  enum step step = write_record(e, e->held, e->held_length, error);
  if (step != STEP_CALLBACK && !is_held(step) && !is_refused(e, step))
    engine_drop(&e->held, &e->held_length);
  return step;
}

/*
** Where the kernel encrypts, OpenSSL has no copy of a record: of one that is
** half out it remembers where the rest was, and takes it from there. So that is
** a place of ours, until all of it is out.
*/
static enum step write_copy(struct engine *e, const void *data, size_t length,
                            bool *accepted, struct tls_error *error) {
  if (!hold(e, data, length)) {
    tlserr_system(error, ENOMEM);
    return STEP_FAILED;
  }
  enum step step = flush_held(e, error);
  *accepted = step == STEP_DONE || step == STEP_CALLBACK || is_held(step);
  return step;
}

static enum step write_data(struct engine *e, const void *data, size_t length,
                            bool *accepted, struct tls_error *error) {
  enum step step = STEP_DONE;
  *accepted = false;
  if (!e->handshaken || e->failed) step = shake_hands(e, error);
  if (step == STEP_DONE && e->held != NULL) step = flush_held(e, error);
  if (step != STEP_DONE) return step;
  if (e->kernel && engine_kernel_sends(e))
    return write_copy(e, data, length, accepted, error);
  step = write_record(e, data, length, error);
  *accepted = step == STEP_DONE || is_held(step);
  if (!is_held(step) && !is_refused(e, step)) return step;
  if (hold(e, data, length)) return step;
  e->failed = true; /* half a record is out and its bytes are lost */
  tlserr_set(error, ERROR_SSL, "out of memory");
  return STEP_FAILED;
}

/* SSL_sendfile goes past the BIO, and the system call past MSG_NOSIGNAL. */
static ssize_t send_file_once(struct engine *e, int fd, off_t offset,
                              size_t size) {
  struct ktls_quiet quiet;
  e->wire->event = WIRE_NONE;
  ktls_hush(&quiet);
  ssize_t n = SSL_sendfile(e->ssl, fd, offset, size, 0);
  ktls_unhush(&quiet);
  return n;
}

static enum step send_file(struct engine *e, int fd, off_t offset, size_t size,
                           size_t *sent, struct tls_error *error) {
  enum step step = flush_held(e, error);
  if (step != STEP_DONE) return step;
  for (;;) {
    ssize_t n = send_file_once(e, fd, offset, size);
    int number = errno;
    if (n >= 0) {
      *sent = (size_t)n;
      return STEP_DONE;
    }
    tlserr_clear();
    if (fdio_again(e->io, FDWAIT_WRITE, number)) continue;
    return e->wire->event == WIRE_ERROR ? outcome_fail_system(e, error)
                                        : outcome_waits(e, SSL_WRITING);
  }
}

static enum step close_write(struct engine *e, struct tls_error *error) {
  if (SSL_get_shutdown(e->ssl) & SSL_SENT_SHUTDOWN) return STEP_DONE;
  enum step step = flush_held(e, error);
  if (step != STEP_DONE) return step;
  tlserr_clear();
  e->wire->event = WIRE_NONE;
  return SSL_shutdown(e->ssl) >= 0 ? STEP_DONE : outcome_stopped(e, error);
}

static enum step shut_down(struct engine *e, struct tls_error *error) {
  enum step step = flush_held(e, error);
  /* OpenSSL may be through with a handshake that the user has yet to judge. */
  if (step == STEP_DONE && !SSL_in_init(e->ssl)) step = shake_hands(e, error);
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
  return outcome_stopped(e, error);
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
static enum step finish_oddly(struct engine *e, enum step step,
                              struct tls_error *error) {
  if (e->doomed) return leave(e, error);
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

static inline enum step finish(struct engine *e, enum step step,
                               struct tls_error *error) {
  e->running = false;
  if (!e->doomed && !e->interrupted && e->refusal == 0) return step;
  return finish_oddly(e, step, error);
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
  size_t left = e->kept_length - *got;
  memcpy(data, e->kept, *got);
  memmove(e->kept, e->kept + *got, left);
  OPENSSL_cleanse(e->kept + left, *got);
  e->kept_length = left;
  if (left == 0) engine_drop(&e->kept, &e->kept_length);
  return STEP_DONE;
}

size_t engine_pending(const struct engine *e) {
  return e->kept_length + (size_t)SSL_pending(e->ssl);
}

/* Has the peer's stream ended, and no read has told of it? */
static bool has_end(const struct engine *e) {
  return e->end == ENGINE_OPEN && e->handshaken && is_closed(e);
}

bool engine_is_ready(const struct engine *e) {
  return engine_pending(e) > 0 || e->late != NULL || has_end(e);
}

/* Of a peek that stopped, what the next step cannot find out again. */
static void note_late(struct engine *e) {
  struct tls_error error;
  if (is_closed(e)) return;
  if (outcome_stopped(e, &error) != STEP_FAILED) return;
  e->late = OPENSSL_memdup(&error, sizeof error);
  if (e->late == NULL) tlserr_clear();
}

void engine_look(struct engine *e) {
  char byte;
  size_t got;
  if (e->io == NULL || !e->io->read_ahead || e->running || e->failed ||
      !e->handshaken || !fdio_has_record(e->io) || engine_is_ready(e))
    return;
  e->running = true;
  e->io->dry = true;
  e->wire->event = WIRE_NONE;
  if (!SSL_peek_ex(e->ssl, &byte, 1, &got)) note_late(e);
  e->io->dry = false;
  e->running = false;
  if (e->doomed) engine_close(e);
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

enum step engine_send_file(struct engine *e, int fd, off_t offset, size_t size,
                           size_t *sent, struct tls_error *error) {
  *sent = 0;
  if (!enter(e, error)) return STEP_FAILED;
  return finish(e, send_file(e, fd, offset, size, sent, error), error);
}

enum step engine_close_write(struct engine *e, struct tls_error *error) {
  if (!enter(e, error)) return STEP_FAILED;
  return finish(e, close_write(e, error), error);
}

enum step engine_shutdown(struct engine *e, struct tls_error *error) {
  if (!enter(e, error)) return STEP_FAILED;
  return finish(e, shut_down(e, error), error);
}
