/*
** credentials.h - what is held while a certificate and its key are loaded: the
** bytes, a password, what was parsed of them.
** Owns copies of the bytes, which it wipes, and one reference to each thing
** parsed. Lua code may run on the way, a finaliser or the password function.
** Calls: certkey, file, buffer, class, args, error. Called by: keypair,
** context_load, privatekey, settings, module.
*/
#ifndef PYSSL_BIND_CREDENTIALS_H
#define PYSSL_BIND_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

#include "../tls/certkey.h"
#include "args.h"
#include "class.h"
#include "compat.h"

HIDDEN_BEGIN

/* Bytes that may be secret. */
struct secret {
  unsigned char *data;
  size_t length;
};

struct credentials {
  struct certkey parsed;
  struct secret certificate;
  struct secret key;
};

extern const struct class credentials_class;

/* Push an empty box. */
struct credentials *credentials_push(lua_State *L);

/* Wipe and free what is in a box. Its finaliser does the same, but a private
** key must not wait for the collector: call it as soon as the key is parsed. */
void credentials_clear(struct credentials *box);

/* Parameter i as a path, which has no NUL. */
const char *credentials_path(const struct args *a, int i);

/* Is it a string or a buffer? */
bool credentials_is_bytes(lua_State *L, int index);

/* Is a path, or what comes in its place, given? Raises TypeError for both. */
bool credentials_given(const struct args *a, int file, int data);

/* Read a file into the box; raises OSError, naming it. */
struct certkey_source credentials_read(lua_State *L, const char *path,
                                       struct secret *into);

/* Copy a string or buffer into the box; DER unless it has a PEM block. */
struct certkey_source credentials_copy(lua_State *L, int index,
                                       struct secret *into);

/* Do the one or the other, as credentials_given has seen. */
struct certkey_source credentials_fetch(const struct args *a, int file,
                                        int data, struct secret *into);

/* Check the type of a password, needed or not: string, buffer or function. */
void credentials_check_password(const struct args *a, int i);

/* certkey_read_key, pkcs12_read. */
typedef bool credentials_reader(struct certkey *c,
                                const struct certkey_source *source,
                                const char *password, size_t password_length,
                                bool *encrypted, struct tls_error *e);

/*
** Read what may be encrypted: without a password first, which tells whether it
** needs one, so that a password function runs outside of OpenSSL, once, and
** only when needed. `password` is the index of the parameter. False with *e;
** raises what the function raises.
*/
MUST_USE bool credentials_unlock(lua_State *L, struct credentials *box,
                                 const struct certkey_source *source,
                                 int password, credentials_reader *read,
                                 struct tls_error *e);

HIDDEN_END

#endif
