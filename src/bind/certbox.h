/*
** certbox.h - certificates held while Lua values are made of them: a finaliser
** that runs meanwhile may close whatever they were borrowed from.
** Owns one reference to each. Calls: class. Called by: certificate,
** context_trust, connection_chain, socket_info, socket_step.
*/
#ifndef PYSSL_BIND_CERTBOX_H
#define PYSSL_BIND_CERTBOX_H

#include <openssl/x509.h>

#include "class.h"
#include "compat.h"

HIDDEN_BEGIN

struct certbox {
  X509 *one;
  STACK_OF(X509) * list;
};

extern const struct class certbox_class;

/* Push an empty box. That may run a finaliser: what is put into it is looked up
** afterwards. */
struct certbox *certbox_push(lua_State *L);

/* Let an empty box have a reference of its own to `certificate`, which is
** returned; NULL stays. */
X509 *certbox_keep(struct certbox *box, X509 *certificate);

HIDDEN_END

#endif
