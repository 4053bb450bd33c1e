/*
** turn.h - whose turn it is on a connection that several coroutines use.
** One may read while another writes and a third one controls (handshake,
** connect, accept). A step that leaves OpenSSL to wait notes who waits, in
** which of these kinds, and for what (turn_wait); when it comes back it is
** forgotten (turn_end). Nothing is held while a step runs: coroutines do not
** overlap. Owners are held weakly, so a coroutine that has died, or was
** collected, holds no turn (proofs.md 6.2).
** Owns nothing but a table in the registry. Called by: socket,
** socket_wait, ringer, transport, object.
*/
#ifndef PYSSL_BIND_TURN_H
#define PYSSL_BIND_TURN_H

#include <stdbool.h>

#include "compat.h"

HIDDEN_BEGIN

enum turn_kind { TURN_READ, TURN_WRITE, TURN_CONTROL, TURN_KINDS };

enum turn_need {
  NEED_NOTHING,
  NEED_READ,
  NEED_WRITE,
  NEED_CALLBACK, /* the user's answer */
  NEED_BELL      /* that another coroutine, which needs the same, goes on */
};

/* Zeroed: nobody waits. */
struct turn {
  unsigned char needs[TURN_KINDS];
  unsigned char waiting; /* how many of them are not NEED_NOTHING */
};

/* In luaopen: make the table of owners. */
void turn_open(lua_State *L);

/* Does another live coroutine than L's wait in this kind of operation? */
bool turn_is_held(lua_State *L, struct turn *t, enum turn_kind kind);

/* Does any other live coroutine wait? */
bool turn_is_shared(lua_State *L, struct turn *t);

/* Does L's coroutine wait for a callback, and was called by that? */
bool turn_is_asked(lua_State *L, const struct turn *t);

/*
** The operation of L's coroutine leaves to wait for `need`. The result is what
** it is to wait for: the same, or NEED_BELL where another one waits for that.
*/
enum turn_need turn_wait(lua_State *L, struct turn *t, enum turn_kind kind,
                         enum turn_need need);

/* What L's coroutine waits for is to be told by the bell instead. */
void turn_attend(lua_State *L, struct turn *t);

/* The wait of L's coroutine has ended, if it had one. True where it was not for
** the bell: then those who wait for that are to look again. */
bool turn_end(lua_State *L, struct turn *t);

/*
** Is another live coroutine at work with OpenSSL's state machine? While it
** waits for the peer, nobody else may take in what it waits for, or it would
** wait for ever. That is so in the handshake, and when that is over for a write
** (or a handshake) that needs a read.
*/
bool turn_is_barred(lua_State *L, struct turn *t, bool handshaken);

/* Does anybody wait for the bell? */
bool turn_needs_bell(const struct turn *t);

HIDDEN_END

#endif
