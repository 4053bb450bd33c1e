/*
** keypair.h - a certificate with its chain and its private key as the arguments
** of a call: paths, bytes or objects.
** What is read stands in a box (credentials), to be installed, and cleared at
** once. Lua code may run meanwhile, a finaliser or the password function.
** Calls: credentials, certificate, privatekey, pkcs12, args, error. Called by:
** context_load, connection_credentials, settings.
*/
#ifndef PYSSL_BIND_KEYPAIR_H
#define PYSSL_BIND_KEYPAIR_H

#include <stdbool.h>

#include "args.h"
#include "compat.h"
#include "credentials.h"

HIDDEN_BEGIN

/* A parameter that a call does not have. */
#define KEYPAIR_NONE (-1)

/* Which parameters stand for what. */
struct keypair_places {
  int certfile;
  int keyfile;
  int password;
  int certificate; /* string, buffer, ssl.certificate or a list of these */
  int key;         /* string, buffer or ssl.privatekey */
};

/* Check the types; raises TypeError without a certificate, and for both a path
** and what comes in its place. */
void keypair_check(const struct args *a, const struct keypair_places *p);

/* Read what keypair_check has seen, into an empty box. False with *e. Raises
** OSError, TypeError, ValueError (load_cert_chain), and what the password
** function raises. */
MUST_USE bool keypair_read(const struct args *a, const struct keypair_places *p,
                           struct credentials *box, struct tls_error *e);

/* Read the arguments of load_cert_chain and of load_pkcs12, from index 2 on,
** into a box that is pushed. NULL with *e; raises. */
MUST_USE struct credentials *keypair_take_chain(lua_State *L,
                                                struct tls_error *e);
MUST_USE struct credentials *keypair_take_pkcs12(lua_State *L,
                                                 struct tls_error *e);

HIDDEN_END

#endif
