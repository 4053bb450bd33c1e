/*
** outcome.h - why OpenSSL did not do what it was asked: the one place that
** classifies its results (api.md B.3), by what the transport recorded and not
** by the error queue (proofs.md 9.3).
** Owns nothing. Calls: engine, tlserr, verdict. Called by: step.
*/
#ifndef PYSSL_TLS_OUTCOME_H
#define PYSSL_TLS_OUTCOME_H

#include "compat.h"
#include "engine.h"

HIDDEN_BEGIN

/* A call of OpenSSL's has not succeeded: how does its step end? */
enum step outcome_stopped(struct engine *e, struct tls_error *error);

/* The step did not fail, it waits: for what? */
enum step outcome_waits(const struct engine *e, int want);

/* The user has refused the peer where OpenSSL does not verify. */
enum step outcome_fail_verification(struct engine *e, struct tls_error *error);

/* After a fatal error nothing works any more (B.3, last note). */
enum step outcome_fail_again(struct tls_error *error);

/* The transport's errno. */
enum step outcome_fail_system(struct engine *e, struct tls_error *error);

/* close_notify came where something else was awaited. */
enum step outcome_fail_closed(struct tls_error *error);

HIDDEN_END

#endif
