/*
** settings.h - what a connection has instead of its context's:
** certificate and key, trust, verify_mode, ALPN protocols.
** A box that is made of the options of whatever makes connections, and never
** changes: a listener shares it with the connections that it accepts. Most
** connections have none, and it costs them nothing.
** Owns references to certificates and keys, to the trust, and a list of
** protocols; connections keep the box in VALUE_SETTINGS.
** Calls: keypair, authorities, protocols, certkey, trust, alpn, context. Called
** by: connection, connection_session, connection_credentials, socket_adopt,
** object, module.
*/
#ifndef PYSSL_BIND_SETTINGS_H
#define PYSSL_BIND_SETTINGS_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "../tls/certkey.h"
#include "../tls/trust.h"
#include "args.h"
#include "class.h"
#include "compat.h"
#include "context.h"

HIDDEN_BEGIN

struct settings;

extern const struct class settings_class;

/* The options, in the order in which settings_take finds them. */
#define SETTINGS_OPTIONS                                                       \
  "certificate", "private_key", "trust", "verify_mode", "alpn_protocols"
#define SETTINGS_COUNT 5

/*
** Push a box with what is given from parameter i on, or nil where nothing is;
** all of it has been tried on `c`, which stays open on return. Raises TypeError
** for a key without a certificate and the reverse, what ctx:load_cert_chain,
** load_verify_locations and set_alpn_protocols raise, and ValueError for what
** the context's attribute verify_mode would not take either.
*/
void settings_take(const struct args *a, int i, const struct context *c);

/* Give a connection's SSL what its box has; for a server also a session-id
** context of its own where it judges its peer otherwise. False with *e. */
MUST_USE bool settings_apply(const struct settings *s, const struct context *c,
                             SSL *ssl, struct tls_error *e);

/* The trust that is in force; `s` may be NULL. */
struct trust *settings_trust(const struct settings *s, const struct context *c);

/* Has it a certificate? `s` may be NULL. */
bool settings_has_certificate(const struct settings *s);

/* The part of it that is about certificates: they take the place of the
** context's. */
MUST_USE bool settings_apply_certificates(const struct settings *s, SSL *ssl,
                                          struct tls_error *e);

/*
** Push a box with what `base` has (it may be NULL), and with the certificate
** and key of *c, which is emptied, besides; they take the place of those with
** the same kind of key. It has been tried on `context`. False with *e, also
** where that is closed.
*/
MUST_USE bool settings_extend(lua_State *L, const struct settings *base,
                              struct certkey *c, const struct context *context,
                              struct tls_error *e);

HIDDEN_END

#endif
