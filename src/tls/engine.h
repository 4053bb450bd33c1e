/*
** engine.h - a TLS connection as a machine of steps.
** A step is tried and ends in one of enum step; it waits only inside its fdio,
** where that is told to wait. Where OpenSSL can pause, a question is put to the
** user, and a step ends in STEP_CALLBACK; it is answered from outside, and the
** step is called again.
** Owns its SSL and the record that OpenSSL holds half written.
** Knows neither sockets nor Lua.
** Calls: fdbio, ktlsbio, membio, inquiry and what that has, identity, tlserr.
** Called by: step (which has the steps), outcome, src/bind.
*/
#ifndef PYSSL_TLS_ENGINE_H
#define PYSSL_TLS_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "../sys/fdio.h"
#include "compat.h"
#include "identity.h"
#include "inquiry.h"
#include "membio.h"
#include "tlserr.h"

HIDDEN_BEGIN

enum step {
  STEP_DONE,
  STEP_WANT_READ,
  STEP_WANT_WRITE,
  STEP_SIGNAL,   /* a signal came; call again */
  STEP_CALLBACK, /* a question is put: answer it, and call again */
  STEP_TIMEOUT,  /* the deadline passed */
  STEP_END,      /* read: the peer closed cleanly */
  STEP_FAILED    /* *error says why */
};

/* What OpenSSL waits to be told (engine_question). */
enum engine_asks {
  QUESTION_NONE,
  QUESTION_HELLO,       /* which context? engine_answer_hello */
  QUESTION_CERTIFICATE, /* which is to be shown? engine_answer_certificate */
  QUESTION_VERDICT      /* is the peer accepted? engine_answer_verdict */
};

/* How the peer's half of the stream ended (conn:eof()). */
enum engine_end { ENGINE_OPEN, ENGINE_CLEAN, ENGINE_RAGGED };

/* When is OpenSSL to give its buffers back? */
enum engine_buffers {
  ENGINE_AS_IT_WAITS, /* while the connection idles outside OpenSSL */
  ENGINE_GIVE,        /* after each use */
  ENGINE_KEEP         /* never */
};

#define ENGINE_RECORD 16384 /* the most plaintext in a record, RFC 8446 5.1 */

#define ENGINE_CACHE_KEY IDENTITY_DIGEST

struct engine {
  SSL *ssl;            /* NULL: no TLS here (yet, or any more) */
  struct wire *wire;   /* what the last call on its transport came to */
  struct fdio *io;     /* the transport where it is a descriptor, else NULL */
  unsigned char *held; /* copy of a record that is not wholly out yet */
  size_t held_length;
  size_t record;       /* the most bytes engine_write takes */
  unsigned char *kept; /* read when a callback failed: for the next read */
  size_t kept_length;
  struct inquiry *inquiry; /* what can be asked, or NULL: nothing */
  X509 *fault;             /* the certificate that verification stumbled at */
  int fault_depth;
  int alert;   /* the last fatal alert, sent or received, or TLS_ERROR_NONE */
  int refusal; /* errno of a callback that failed (the key log), or 0 */
  enum engine_end end;
  bool kernel;                      /* may the kernel do its TLS? (ktlsbio) */
  struct shared_identity *identity; /* what decides about the peer, or NULL */
  unsigned char *cache_key; /* of its context's sessions; NULL: it has none */
  enum engine_buffers buffers;
  bool idles;             /* does it wait outside OpenSSL? */
  struct tls_error *late; /* why engine_look failed: for the next step */
  bool handshaken;
  bool interrupted; /* a callback failed: the step that runs is to fail */
  bool running;     /* a step runs, perhaps a callback below it */
  bool doomed;      /* closed by a callback: released when the step is done */
  bool failed;      /* a fatal error: every later step fails */
};

/* Install the callbacks that engines on this context report through. */
void engine_prepare_context(SSL_CTX *context);

/* Let servers on this context ask about the hello (hello_set_asking), and about
** sessions that are resumed. Not for every context: with a servername callback
** OpenSSL tries TLS 1.3 also without a certificate. */
void engine_prepare_asking(SSL_CTX *context);

/* The verify callback that goes with every verify mode. */
int engine_note_fault(int ok, X509_STORE_CTX *store);

/* The engine of an SSL, or NULL. */
struct engine *engine_of(const SSL *ssl);

/* A callback of this connection failed with an errno value: the step that it
** ran under is to fail with it. */
void engine_note_failure(const SSL *ssl, int error);

/* A callback failed in a way that the caller of the step knows: the step that
** it ran under is to fail, whatever OpenSSL makes of it. Nothing is lost by
** that: what was read is there for the next read, and while a record is held
** half written, steps that wait say so and a later one fails. */
void engine_interrupt(struct engine *e);

/*
** Begin a connection over a descriptor, or over memory: what the peer sends is
** read from `incoming`, what it is to get is written to `outgoing` (the same
** queue, even). *io, *wire must outlive the engine. False: the error queue says
** why, and the engine is empty still.
*/
MUST_USE bool engine_open(struct engine *e, SSL_CTX *context, struct fdio *io,
                          bool server);
MUST_USE bool engine_open_memory(struct engine *e, SSL_CTX *context,
                                 struct membio *incoming,
                                 struct membio *outgoing, struct wire *wire,
                                 bool server);

/* Drop TLS. Sends nothing. The session stays usable unless e failed. Where a
** callback asks for it, it happens when the step has left OpenSSL, and the step
** fails with EBADF. */
void engine_close(struct engine *e);

/*
** Before the handshake, on a fresh SSL: does anybody want to be asked for a
** certificate, and about the peer's? `decide` is called where that question
** cannot wait, below OpenSSL; it gives the answer, or refuses by giving none.
** NULL: OpenSSL's verdict counts. False: out of memory.
*/
MUST_USE bool engine_ask(struct engine *e, bool certificate,
                         void (*decide)(SSL *ssl));

/* Let it have an inquiry, and that the hello. False: out of memory. */
MUST_USE bool engine_await_hello(struct engine *e);

/* The handshake is over, and for most connections the inquiry with it. */
void engine_end_inquiry(struct engine *e);

/* The question that is to be answered before a step can go on. */
enum engine_asks engine_question(const struct engine *e);

/* The hello and the verdict, for those who ask; NULL where a finaliser has
** closed the connection meanwhile. */
const struct hello *engine_hello(const struct engine *e);
const struct verdict *engine_verdict(const struct engine *e);

/* What its handshake runs on, or NULL. */
struct fibre *engine_fibre(struct engine *e);

/*
** Answer QUESTION_HELLO: refuse with `alert`, or with HELLO_ACCEPTED go on:
** where `context` is not NULL, with a fresh SSL of that one, which is handed
** the hello once more. False: it could not be made, the error queue says why,
** and the next step refuses. Called again, it changes an answer to a refusal.
** As the other answers it does nothing on a closed connection.
*/
MUST_USE bool engine_answer_hello(struct engine *e, int alert,
                                  SSL_CTX *context);

/* Answer QUESTION_CERTIFICATE (certask_answer). */
void engine_answer_certificate(struct engine *e, bool refused);

/* Answer QUESTION_VERDICT (verdict_answer). Whom a refusal is about counts as
** the certificate at fault. */
void engine_answer_verdict(struct engine *e, int code, const char *reason);

/* Wipe and free bytes that an engine holds or keeps. */
void engine_drop(unsigned char **bytes, size_t *length);

/* Does it wait outside OpenSSL, perhaps long? (design.md, Memory) */
void engine_idle(struct engine *e, bool idles);

/* What its context wants: of OpenSSL's buffers, and whether more is received
** than a record at a time. */
void engine_tune(struct engine *e, enum engine_buffers buffers,
                 bool read_ahead);

/* Does the kernel encrypt what is sent, decrypt what comes? As OpenSSL says. */
bool engine_kernel_sends(const struct engine *e);
bool engine_kernel_receives(const struct engine *e);

/* Bytes that a read gives without its transport. */
size_t engine_pending(const struct engine *e);

/* Would a read give anything without its transport, were it an error, or the
** end? */
bool engine_is_ready(const struct engine *e);

/* Decrypt what was read ahead, as far as engine_pending then knows what a read
** gives. A failure is for the next step. */
void engine_look(struct engine *e);

/* The steps (step.c). *error is written only where the result is STEP_FAILED.
** A step below another one of the same engine, from a callback, fails at once.
*/
MUST_USE enum step engine_handshake(struct engine *e, struct tls_error *error);

/* 1..size bytes; performs the handshake if it has not run. */
MUST_USE enum step engine_read(struct engine *e, void *data, size_t size,
                               size_t *got, struct tls_error *error);

/*
** Write at most e->record bytes, all or nothing. If it ends in a want, a
** time-out or a signal, the bytes are accepted all the same: the engine holds
** them and sends them before anything else. It must not be given them again.
** *accepted tells whether they were.
*/
MUST_USE enum step engine_write(struct engine *e, const void *data,
                                size_t length, bool *accepted,
                                struct tls_error *error);

/* Send what engine_write still holds. */
MUST_USE enum step engine_flush(struct engine *e, struct tls_error *error);

/*
** Where engine_kernel_sends: let the kernel send 1..size bytes of a plain file,
** and count them; 0 at its end. A descriptor that blocks does so until all are
** sent, whatever the deadline; it comes back short where a signal came.
*/
MUST_USE enum step engine_send_file(struct engine *e, int fd, off_t offset,
                                    size_t size, size_t *sent,
                                    struct tls_error *error);

/* Send close_notify; reading goes on. */
MUST_USE enum step engine_close_write(struct engine *e,
                                      struct tls_error *error);

/* Send close_notify and await the peer's (unwrap). */
MUST_USE enum step engine_shutdown(struct engine *e, struct tls_error *error);

HIDDEN_END

#endif
