/*
** fibre.h - a handshake on a stack of its own (a job of OpenSSL's ASYNC), so
** that a callback which OpenSSL knows no "retry" for can pause all the same.
** That stack is small, some 32 KB: what may need more, Lua above all, a
** callback has done on the stack of the step's caller (fibre_run). So no Lua
** ever runs on a fibre.
** Owns nothing: the SSL has the job. Calls: OpenSSL. Called by: verdict,
** engine, step.
*/
#ifndef PYSSL_TLS_FIBRE_H
#define PYSSL_TLS_FIBRE_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "compat.h"

HIDDEN_BEGIN

struct fibre {
  bool on;                /* is the handshake to run on one? */
  bool inside;            /* does it, now? */
  unsigned entries;       /* how often it was entered */
  void (*errand)(void *); /* what a callback wants done, and with what */
  void *argument;
};

/* Let handshakes run on a fibre, where system and library have any. */
void fibre_allow(struct fibre *f);

/*
** SSL_do_handshake, on a fibre if it is to be one, errands included. It returns
** -1 with SSL_want() == SSL_ASYNC_PAUSED where a callback pauses; called again
** it goes on from there. A paused one must be brought to its end before the SSL
** is freed. Within somebody else's job it runs there, and cannot pause. Without
** a fibre, NULL, it is SSL_do_handshake.
*/
int fibre_handshake(struct fibre *f, SSL *ssl);

/* In a callback: pause, until the handshake is called again. False, at once:
** this is no fibre. */
MUST_USE bool fibre_pause(struct fibre *f);

/* In a callback: call errand(argument) on the stack of the step's caller. Off
** the fibre, or where it is NULL, that is at once. It must return. */
void fibre_run(struct fibre *f, void (*errand)(void *), void *argument);

HIDDEN_END

#endif
