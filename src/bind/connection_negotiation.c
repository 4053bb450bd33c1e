/*
** connection_negotiation.c - what a handshake has agreed on, beside the cipher.
** These methods serve every class whose struct begins with its engine.
*/
#include <stddef.h>
#include <string.h>

#include "../tls/algorithm.h"
#include "../tls/alpn.h"
#include "connection.h"

_Static_assert(offsetof(struct connection, engine) == 0,
               "the receiver is read as an engine");

/* The receiver's SSL once its handshake is done, or NULL. */
static SSL *settled(lua_State *L) {
  const struct engine *e = class_self(L);
  return e->handshaken ? e->ssl : NULL;
}

/*
** conn:selected_alpn_protocol() tells the application protocol (E-23).
** @return string; nil where none was agreed on, and before
*/
static int selected_alpn_protocol(lua_State *L) {
  const struct engine *e = class_self(L);
  const unsigned char *name = NULL;
  char copy[ALPN_NAME_MAX]; /* Lua 5.1 may run a finaliser before it copies */
  unsigned length = 0;
  if (e->ssl != NULL) SSL_get0_alpn_selected(e->ssl, &name, &length);
  if (length == 0 || length > sizeof copy) {
    lua_pushnil(L);
    return 1;
  }
  memcpy(copy, name, length);
  lua_pushlstring(L, copy, length);
  return 1;
}

/*
** conn:group() tells the group of the key agreement (E-18).
** @return string, IANA's name ("x25519"); nil without one, and before the
**         handshake is done
*/
static int group(lua_State *L) {
  SSL *ssl = settled(L);
  lua_pushstring(L, ssl != NULL ? algorithm_group(ssl) : NULL);
  return 1;
}

/*
** conn:client_sigalg(), conn:server_sigalg() tell what each side has signed
** the handshake with (E-19, E-20).
** @return string, the scheme's name of IANA's; nil where that side has not
**         authenticated itself by a signature, and before the handshake is done
*/
static int client_sigalg(lua_State *L) {
  SSL *ssl = settled(L);
  lua_pushstring(L, ssl != NULL ? algorithm_scheme(ssl, false) : NULL);
  return 1;
}

static int server_sigalg(lua_State *L) {
  SSL *ssl = settled(L);
  lua_pushstring(L, ssl != NULL ? algorithm_scheme(ssl, true) : NULL);
  return 1;
}

const luaL_Reg connection_negotiation_methods[] = {
    {"selected_alpn_protocol", selected_alpn_protocol},
    {"group", group},
    {"client_sigalg", client_sigalg},
    {"server_sigalg", server_sigalg},
    {NULL, NULL},
};
