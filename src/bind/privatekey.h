/*
** privatekey.h - the ssl.privatekey userdata: a private key that is parsed
** once and shared by reference with the contexts it is given to.
** Owns one EVP_PKEY reference per userdata; OpenSSL wipes a key when the last
** one goes. Nothing in it can be read from Lua.
** Calls: credentials, certkey, class, args, error. Called by: keypair,
** module.
*/
#ifndef PYSSL_BIND_PRIVATEKEY_H
#define PYSSL_BIND_PRIVATEKEY_H

#include <openssl/evp.h>

#include "class.h"
#include "compat.h"

HIDDEN_BEGIN

#define PRIVATEKEY_T "ssl.privatekey"

extern const struct class privatekey_class;

/*
** The key at `index`, as a reference for the caller, who boxes it before Lua
** runs again; NULL if there is none. Raises ValueError for a closed one.
*/
EVP_PKEY *privatekey_share(lua_State *L, int index);

/* The module's function `private_key`. */
extern const luaL_Reg privatekey_functions[];

HIDDEN_END

#endif
