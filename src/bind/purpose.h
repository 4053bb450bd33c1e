/*
** purpose.h - the ssl.purpose objects, members of ssl.Purpose (api.md C.9).
** Each stands for an extended key usage and shows OpenSSL's names for it.
** Owns nothing. Calls: class, OpenSSL. Called by: constants, context.
*/
#ifndef PYSSL_BIND_PURPOSE_H
#define PYSSL_BIND_PURPOSE_H

#include "compat.h"

HIDDEN_BEGIN

/* Make the class; leaves nothing on the stack. */
void purpose_open(lua_State *L);

/*
** Push a new purpose object: `name` is its name in ssl.Purpose (static text),
** `nid` OpenSSL's number for it.
*/
void purpose_push(lua_State *L, const char *name, int nid);

/*
** The number of the purpose object at `index`: NID_server_auth,
** NID_client_auth, or NID_undef where the value is none.
*/
int purpose_nid(lua_State *L, int index);

HIDDEN_END

#endif
