/*
** clock.h - monotonic time and deadlines.
** A deadline is a point of clock_now() in seconds; CLOCK_NEVER is none.
** Owns nothing. Calls: the system. Called by: fdwait, fdio, egd, src/bind.
*/
#ifndef PYSSL_SYS_CLOCK_H
#define PYSSL_SYS_CLOCK_H

#include <math.h>

#include "compat.h"

HIDDEN_BEGIN

#define CLOCK_NEVER HUGE_VAL

/* Seconds since an unspecified start. Never goes back, whatever is done to the
** time of day. */
double clock_now(void);

/* The deadline `timeout` seconds from now; CLOCK_NEVER for a negative one. */
double clock_deadline(double timeout);

/* What is left until `deadline`, as poll(2) wants it: -1 for never, 0 when it
** has passed, else milliseconds, rounded up, INT_MAX at most. */
int clock_poll_ms(double deadline);

HIDDEN_END

#endif
