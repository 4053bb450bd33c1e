/*
** certinfo.h - certificates as plain nested Lua tables (api.md G).
** Names, times, alternative names and the addresses of issuer, OCSP and CRLs,
** in the shape of Python's getpeercert().
** Owns nothing but a boxed temporary for each call, which frees what OpenSSL
** has allocated if Lua raises on the way; the caller keeps the certificate
** alive. Calls: class, error, OpenSSL. Called by: certificate, context,
** socket, error texts of verification.
*/
#ifndef PYSSL_BIND_CERTINFO_H
#define PYSSL_BIND_CERTINFO_H

#include <openssl/x509.h>

#include "compat.h"

HIDDEN_BEGIN

/* Make the class of the temporaries; leaves nothing on the stack. */
void certinfo_open(lua_State *L);

/*
** Push the table of a certificate (G.1). An extension that is malformed or
** there twice counts as absent. Raises SSLError where a name cannot be
** converted to UTF-8.
*/
void certinfo_push(lua_State *L, X509 *certificate);

/*
** Push a name as an array of RDNs, each an array of {name, value} (G.2). It
** is for error objects, so a value that cannot be converted is "<invalid>"
** here, and nothing but a lack of memory raises.
*/
void certinfo_push_name(lua_State *L, const X509_NAME *name);

/* Push the certificate's DER as a string, and return 1. Raises SSLError. */
int certinfo_push_der(lua_State *L, X509 *certificate);

HIDDEN_END

#endif
