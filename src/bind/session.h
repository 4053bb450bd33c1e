/*
** session.h - the ssl.session userdata: what a client resumes by.
** Owns one SSL_SESSION reference. Carries the identity of the connection that
** it was made on, and keeps that connection's context alive.
** Calls: identity, sessionbytes, class, error. Called by: connection_session,
** module.
*/
#ifndef PYSSL_BIND_SESSION_H
#define PYSSL_BIND_SESSION_H

#include <openssl/ssl.h>

#include "../tls/identity.h"
#include "class.h"
#include "compat.h"

HIDDEN_BEGIN

#define SESSION_T "ssl.session"

enum { SESSION_CONTEXT = 1, SESSION_VALUES = SESSION_CONTEXT };

struct session {
  SSL_SESSION *handle;      /* NULL: closed */
  struct identity identity; /* user value SESSION_CONTEXT: nil if imported */
};

extern const struct class session_class;

/* Push a new one, without a handle. */
struct session *session_box(lua_State *L);

/* Give a new one its handle (the reference is taken over), at the very end of
** a function: finalisers may run. */
void session_fill(lua_State *L, struct session *s, SSL_SESSION *handle);

/* session_import(data), for core. */
extern const luaL_Reg session_functions[];

HIDDEN_END

#endif
