/*
** connection_chain.c - the certificate chains of a connection: methods for any
** class whose userdata begins with a struct engine.
*/
#include <errno.h>

#include <openssl/x509v3.h>

#include "args.h"
#include "certbox.h"
#include "certificate.h"
#include "certinfo.h"
#include "connection.h"
#include "error.h"

/* The receiver's SSL once its handshake is done, or NULL. */
static SSL *ssl_of(lua_State *L) {
  const struct engine *e = class_self(L);
  return e->handshaken ? e->ssl : NULL;
}

/* What get_verified_chain and get_unverified_chain take. */
static bool take_certificates(lua_State *L) {
  static const char *const names[] = {"certificates", NULL};
  struct args a;
  class_self(L);
  args_take(&a, L, 2, names);
  return args_opt_boolean(&a, 0, false);
}

/*
** The chain that was verified, borrowed; NULL where there is none. OpenSSL
** builds one without being asked to (CERT_NONE), and keeps one that failed.
*/
static STACK_OF(X509) * verified_chain(SSL *ssl) {
  bool verified = ssl != NULL && SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER &&
                  SSL_get_verify_result(ssl) == X509_V_OK;
  return verified ? SSL_get0_verified_chain(ssl) : NULL;
}

/*
** What the peer sent on this connection, borrowed. A resumed session may bring
** along what was sent on another; a chain that was verified here is none of
** that (authentication after the handshake).
*/
static STACK_OF(X509) * sent_chain(SSL *ssl) {
  bool here = ssl != NULL && (!SSL_session_reused(ssl) ||
                              SSL_get0_verified_chain(ssl) != NULL);
  return here ? SSL_get_peer_cert_chain(ssl) : NULL;
}

/* References to a chain's certificates; NULL: out of memory. */
static STACK_OF(X509) * share(STACK_OF(X509) * chain) {
  return chain != NULL ? X509_chain_up_ref(chain) : sk_X509_new_null();
}

/* Put the leaf in front, which OpenSSL leaves out on servers. */
static bool insert_leaf(STACK_OF(X509) * chain, SSL *ssl) {
  X509 *leaf = SSL_get1_peer_certificate(ssl);
  if (leaf == NULL || sk_X509_unshift(chain, leaf) > 0) return true;
  X509_free(leaf);
  return false;
}

/* Push what is in the box, as a list. */
static int push_chain(lua_State *L, const struct certbox *box,
                      bool certificates) {
  int count = sk_X509_num(box->list);
  if (certificates) {
    certificate_push_list(L, box->list);
    return 1;
  }
  lua_createtable(L, count, 0);
  for (int i = 0; i < count; i++) {
    certinfo_push_der(L, sk_X509_value(box->list, i));
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/***
The chain that verification has led from the peer's certificate to a trusted
one. [E-14]
@function socket:get_verified_chain
@tparam[opt=false] boolean certificates  give ssl.certificate objects
@treturn table  a list of DER strings or objects, the peer's own first; empty
unless verification ran on this connection and succeeded: before the handshake
is done, without a certificate, with CERT_NONE, on a resumed connection
*/
static int get_verified_chain(lua_State *L) {
  bool certificates = take_certificates(L);
  struct certbox *box = certbox_push(L); /* may run a finaliser */
  box->list = share(verified_chain(ssl_of(L)));
  if (box->list == NULL)
    return error_throw_errno(L, ENOMEM, "get_verified_chain");
  return push_chain(L, box, certificates);
}

/***
The certificates as the peer sent them. [E-15]
@function socket:get_unverified_chain
@tparam[opt=false] boolean certificates  give ssl.certificate objects
@treturn table  a list of DER strings or objects, the peer's own first; empty
before the handshake is done, where none were sent, and on a resumed connection
*/
static int get_unverified_chain(lua_State *L) {
  bool certificates = take_certificates(L);
  struct certbox *box = certbox_push(L);
  SSL *ssl = ssl_of(L);
  STACK_OF(X509) *sent = sent_chain(ssl);
  box->list = share(sent);
  if (box->list == NULL ||
      (sent != NULL && SSL_is_server(ssl) && !insert_leaf(box->list, ssl)))
    return error_throw_errno(L, ENOMEM, "get_unverified_chain");
  return push_chain(L, box, certificates);
}

const luaL_Reg connection_chain_methods[] = {
    {"get_verified_chain", get_verified_chain},
    {"get_unverified_chain", get_unverified_chain},
    {NULL, NULL},
};
