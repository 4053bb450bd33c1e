/*
** post_handshake.c - asking a client for its certificate when the handshake is
** long done (RFC 8446, 4.6.2), for ssl.socket and ssl.object.
*/
#include "call.h"
#include "connection.h"
#include "error.h"

/*
** conn:verify_client_post_handshake() asks the client for its certificate
** (E-26, H-16). Nothing is sent yet: the server's next write or read sends the
** request, and a read takes in the answer.
** @return true
** Raises SSLError NOT_SERVER, WRONG_SSL_VERSION (TLS 1.2, or no handshake yet),
** EXTENSION_NOT_RECEIVED (the client has no post_handshake_auth),
** INVALID_CONFIG (verify_mode is CERT_NONE), STILL_IN_INIT, REQUEST_PENDING or
** REQUEST_SENT (asked already); ValueError without TLS; NotImplementedError
** where the TLS library has no TLS 1.3.
*/
static int verify_client_post_handshake(lua_State *L) {
  struct connection *c = connection_self(L);
  if (c->engine.ssl == NULL || c->engine.doomed)
    return error_throw(L, ERROR_VALUE, "no TLS connection");
#ifdef OPENSSL_NO_TLS1_3
  return error_throw(L, ERROR_NOT_IMPLEMENTED,
                     "the TLS library has no TLS 1.3");
#endif
  call_enter(L, c);
  tlserr_clear();
  if (!SSL_verify_client_post_handshake(c->engine.ssl))
    return error_throw_ssl(L, "cannot ask for a certificate");
  lua_pushboolean(L, 1);
  return 1;
}

const luaL_Reg post_handshake_methods[] = {
    {"verify_client_post_handshake", verify_client_post_handshake},
    {NULL, NULL},
};
