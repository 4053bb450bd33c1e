/*
** verdict.h - the question whether the peer's certificate is to be accepted,
** put once OpenSSL has said what it thinks of it, the name included.
** Clients pause by SSL_set_retry_verify. OpenSSL 3.0 takes that for acceptance
** on servers (proofs.md 3.2): these pause on a fibre, and where they are not on
** one the question is put at once (`decide`) and cannot wait.
** OpenSSL does not verify for a session that is resumed, so it is asked about
** here: a server before it answers the hello, a client when the handshake is
** through, and both before anything else moves.
** Owns the chain and the answer's text. Calls: fibre, peername, OpenSSL. Called
** by: inquiry, which has one, engine and step.
*/
#ifndef PYSSL_TLS_VERDICT_H
#define PYSSL_TLS_VERDICT_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "compat.h"
#include "fibre.h"

HIDDEN_BEGIN

enum verdict_state { VERDICT_UNASKED, VERDICT_ASKED, VERDICT_GIVEN };

struct verdict {
  void (*decide)(SSL *ssl); /* put the question now; NULL: nobody asks */
  enum verdict_state state;
  bool resumed;
  int code;               /* what OpenSSL says: X509_V_OK, or an error */
  int depth;              /* of the certificate that it says it of */
  STACK_OF(X509) * chain; /* as far as it was built, the peer's own first */
  int refusal;            /* the answer: X509_V_OK accepts */
  char *reason;           /* the answer's own words, or NULL */
  bool refused;           /* the answer has ended the handshake */
  X509 *agreed;           /* a resumed session's, accepted in this handshake */
};

/* What goes for certificate verification of SSL_CTX. */
int verdict_verify(struct verdict *v, struct fibre *f, X509_STORE_CTX *store);

/* A server's, when it knows which session it resumes, and nothing is sent yet:
** HELLO_ACCEPTED, or the alert to refuse with. */
int verdict_agree(struct verdict *v, struct fibre *f, SSL *ssl);

/* A client's, when its handshake is through. */
enum verdict_step { VERDICT_ACCEPTED, VERDICT_WAITS, VERDICT_REFUSED };
MUST_USE enum verdict_step verdict_conclude(struct verdict *v, SSL *ssl);

/* Give the answer: X509_V_OK accepts, else it refuses with that code, and where
** it has words of its own with these. */
void verdict_answer(struct verdict *v, int code, const char *reason);

/* A handshake is over. */
void verdict_end(struct verdict *v);

/* Free what it owns. */
void verdict_clear(struct verdict *v);

/* Write into text[size] what `code` means for this SSL's peer. */
void verdict_describe(SSL *ssl, long code, char *text, size_t size);

HIDDEN_END

#endif
