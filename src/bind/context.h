/*
** context.h - the ssl.context userdata: settings that connections share.
** Owns an SSL_CTX and a reference to the trust behind its certificate store.
** A context belongs to one Lua state; its trust may be shared by the process.
** Calls: trust, engine, class, args, error. Called by: context_*, socket.
*/
#ifndef PYSSL_BIND_CONTEXT_H
#define PYSSL_BIND_CONTEXT_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "../tls/trust.h"
#include "class.h"
#include "compat.h"

HIDDEN_BEGIN

#define CONTEXT_T "ssl.context"

struct context {
  SSL_CTX *handle;
  struct trust *trust; /* whom handle's certificate store trusts */
  int protocol;        /* PROTOCOL_*, as given */
  bool check_hostname;
};

extern const struct class context_class;

/* The context at `arg`; raises if it is none. */
struct context *context_check(lua_State *L, int arg);

/* The receiver of a method. */
struct context *context_self(lua_State *L);

/* Let the context trust `trust` (the reference is taken over). */
void context_set_trust(lua_State *L, struct context *c, struct trust *trust);

/* verify_mode as 0, 1, 2 (CERT_*). */
int context_verify_mode(const struct context *c);
void context_set_verify_mode(struct context *c, int mode);

/* Bind sessions to what decides about peers; after each change of that.
** False: the error queue says why. */
MUST_USE bool context_mark_sessions(struct context *c);

/* Is it made for a range of versions, and not for just one? */
bool context_is_ranged(const struct context *c);

/* SSLContext([protocol]) */
int context_new(lua_State *L);

extern const struct class_attribute context_attributes[];

/* Methods by subject; module.c puts them into the class. */
extern const luaL_Reg context_trust_methods[];
extern const luaL_Reg context_load_methods[];
extern const luaL_Reg context_cipher_methods[];
extern const luaL_Reg context_negotiation_methods[];
extern const luaL_Reg context_negotiation_functions[]; /* of core */

HIDDEN_END

#endif
