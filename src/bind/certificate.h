/*
** certificate.h - the ssl.certificate userdata: a certificate that is parsed
** once and shared by reference with whatever it is given to.
** Owns one X509 reference per userdata.
** Calls: certlist, peername, certinfo, certbox, class, args, error. Called by:
** authorities, keypair, connection_chain, module.
*/
#ifndef PYSSL_BIND_CERTIFICATE_H
#define PYSSL_BIND_CERTIFICATE_H

#include <openssl/x509.h>

#include "args.h"
#include "certbox.h"
#include "class.h"
#include "compat.h"

HIDDEN_BEGIN

#define CERTIFICATE_T "ssl.certificate"

extern const struct class certificate_class;

/* Push userdata for all certificates of a list that the caller keeps in a
** box, as a Lua list. */
void certificate_push_list(lua_State *L, STACK_OF(X509) * list);

/*
** Parameter i as an ssl.certificate or a list of these: push a box with
** references to them, and return it; its list is empty for {}. NULL, and
** nothing is pushed, for another type. Raises ValueError for a closed one; a
** list with anything else in it is a wrong type.
*/
struct certbox *certificate_collect(const struct args *a, int i);

/* The module's functions `certificate` and `certificates`. */
extern const luaL_Reg certificate_functions[];

HIDDEN_END

#endif
