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

#include "../tls/engine.h"
#include "../tls/trust.h"
#include "class.h"
#include "compat.h"

HIDDEN_BEGIN

#define CONTEXT_T "ssl.context"

/* Its user values. */
enum {
  CONTEXT_SOCKET_CLASS = 1, /* sslsocket_class, a function or nil */
  CONTEXT_OBJECT_CLASS,     /* sslobject_class, likewise */
  CONTEXT_SNI,              /* sni_callback, likewise */
  CONTEXT_MESSAGE_CALLBACK, /* _msg_callback, a function or nil */
  CONTEXT_PSK_CLIENT,       /* set_psk_client_callback's, likewise */
  CONTEXT_PSK_SERVER,       /* set_psk_server_callback's, likewise */
  CONTEXT_WAITER,           /* waiter, likewise */
  CONTEXT_HELLO,            /* client_hello_callback, likewise */
  CONTEXT_CERT,             /* cert_callback, likewise */
  CONTEXT_VERIFY,           /* verify_callback, likewise */
  CONTEXT_VALUES_END,
  CONTEXT_VALUES = CONTEXT_VALUES_END - 1
};

struct context {
  SSL_CTX *handle;
  struct trust *trust;          /* whom handle's certificate store trusts */
  int protocol;                 /* PROTOCOL_*, as given */
  struct shared_identity *last; /* the newest connection's, or NULL */
  bool check_hostname;
  bool post_handshake_auth;
  bool verify_callback;                /* is there one? */
  bool psk_server;                     /* is there a CONTEXT_PSK_SERVER? */
  bool has_waiter;                     /* is there a CONTEXT_WAITER? */
  bool read_ahead;                     /* for connections made from now on */
  enum engine_buffers release_buffers; /* likewise */
};

extern const struct class context_class;

/* The context at `arg`; raises if it is none. */
struct context *context_check(lua_State *L, int arg);

/* The receiver of a method. */
struct context *context_self(lua_State *L);

/* Let the context trust `trust` (the reference is taken over), or raise and
** change nothing. */
void context_set_trust(lua_State *L, struct context *c, struct trust *trust);

/* verify_mode as 0, 1, 2 (CERT_*). Where post_handshake_auth is on, servers
** that verify ask for no certificate in the first handshake. */
int context_verify_mode(const struct context *c);
int context_verify_bits(const struct context *c, int mode); /* as OpenSSL's */
void context_set_verify_mode(struct context *c, int mode);

/* Bind sessions to what decides about peers; after each change of that.
** False: the error queue says why. */
MUST_USE bool context_mark_sessions(struct context *c);

/* The same for a connection of the context with another trust or verify mode.
 */
MUST_USE bool context_mark_connection(const struct context *c, SSL *ssl,
                                      const struct trust *trust);

/* Is it made for a range of versions, and not for just one? */
bool context_is_ranged(const struct context *c);

/* SSLContext([protocol]) */
int context_new(lua_State *L);

extern const struct class_attribute context_attributes[];

/* Attributes about sessions: context_session.c. */
int context_get_num_tickets(lua_State *L);
int context_set_num_tickets(lua_State *L);
int context_get_auto_resume(lua_State *L);
int context_set_auto_resume(lua_State *L);

/* The attribute _msg_callback (context_message.c). */
int context_get_message_callback(lua_State *L);
int context_set_message_callback(lua_State *L);

/* The attribute waiter: waiter.c. */
int context_get_waiter(lua_State *L);
int context_set_waiter(lua_State *L);

/* The callbacks that are asked in the handshake: context_callback.c. */
int context_get_sni_callback(lua_State *L);
int context_set_sni_callback(lua_State *L);
int context_get_hello_callback(lua_State *L);
int context_set_hello_callback(lua_State *L);
int context_get_cert_callback(lua_State *L);
int context_set_cert_callback(lua_State *L);
int context_get_verify_callback(lua_State *L);
int context_set_verify_callback(lua_State *L);

/* Methods by subject; module.c puts them into the class. */
extern const luaL_Reg context_callback_methods[];
extern const luaL_Reg context_session_methods[];
extern const luaL_Reg context_trust_methods[];
extern const luaL_Reg context_load_methods[];
extern const luaL_Reg context_cipher_methods[];
extern const luaL_Reg context_negotiation_methods[];
extern const luaL_Reg context_psk_methods[];
extern const luaL_Reg context_negotiation_functions[]; /* of core */

HIDDEN_END

#endif
