/*
** context_cipher.c - cipher suites and curves: the methods of ssl.context that
** choose and list them.
*/
#include <string.h>

#include <openssl/objects.h>

#include "args.h"
#include "context.h"
#include "error.h"

/* Would the string select anything? Tried on a connection thrown away, for
** OpenSSL changes a context's list even when it then refuses it. */
static bool selects(SSL_CTX *context, const char *list) {
  SSL *scratch = SSL_new(context);
  bool ok = scratch != NULL && SSL_set_cipher_list(scratch, list);
  SSL_free(scratch);
  tlserr_clear();
  return ok;
}

/*
** ctx:set_ciphers(list) chooses the suites up to TLS 1.2 (D-27).
** @param list  string in OpenSSL's cipher list format; may hold @SECLEVEL=n
** @return true
** Raises SSLError when nothing is selected (the list stays as it was),
** ValueError for an embedded NUL.
*/
static int set_ciphers(lua_State *L) {
  struct context *c = context_self(L);
  size_t length;
  luaL_checktype(L, 2, LUA_TSTRING);
  const char *list = lua_tolstring(L, 2, &length);
  if (strlen(list) != length)
    return error_throw(L, ERROR_VALUE, "embedded NUL in the cipher list");
  if (!selects(c->handle, list) || !SSL_CTX_set_cipher_list(c->handle, list)) {
    tlserr_clear();
    return error_throw(L, ERROR_SSL, "No cipher can be selected.");
  }
  if (!context_mark_sessions(c)) return error_throw_ssl(L, "set_ciphers");
  lua_pushboolean(L, 1);
  return 1;
}

static void set_text(lua_State *L, const char *name, const char *text) {
  if (text == NULL) return;
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

static void set_integer(lua_State *L, const char *name, lua_Integer value) {
  lua_pushinteger(L, value);
  lua_setfield(L, -2, name);
}

static const char *long_name(int nid) {
  return nid != NID_undef ? OBJ_nid2ln(nid) : NULL;
}

/* The protocol's field is the suite's minimum version, in D-26's spelling. */
static void push_cipher(lua_State *L, const SSL_CIPHER *cipher) {
  char description[256] = "";
  int bits;
  SSL_CIPHER_description(cipher, description, sizeof description);
  description[strcspn(description, "\n")] = '\0';
  lua_createtable(L, 0, 11);
  set_integer(L, "id", SSL_CIPHER_get_id(cipher));
  set_text(L, "name", SSL_CIPHER_get_name(cipher));
  set_text(L, "protocol", SSL_CIPHER_get_version(cipher));
  set_text(L, "description", description);
  set_integer(L, "strength_bits", SSL_CIPHER_get_bits(cipher, &bits));
  set_integer(L, "alg_bits", bits);
  lua_pushboolean(L, SSL_CIPHER_is_aead(cipher));
  lua_setfield(L, -2, "aead");
  set_text(L, "symmetric", long_name(SSL_CIPHER_get_cipher_nid(cipher)));
  set_text(L, "digest", long_name(SSL_CIPHER_get_digest_nid(cipher)));
  set_text(L, "kea", long_name(SSL_CIPHER_get_kx_nid(cipher)));
  set_text(L, "auth", long_name(SSL_CIPHER_get_auth_nid(cipher)));
}

/*
** The receiver's suite i, from 0, or NULL: looked up each time, for a finaliser
** may have changed the list or closed the context. Suites are static.
*/
static const SSL_CIPHER *nth_cipher(lua_State *L, int i) {
  return sk_SSL_CIPHER_value(SSL_CTX_get_ciphers(context_self(L)->handle), i);
}

/*
** ctx:get_ciphers() lists the suites in order of priority (D-26).
** @return list of tables: id, name, protocol, description, strength_bits,
**         alg_bits, aead, symmetric, digest, kea, auth
*/
static int get_ciphers(lua_State *L) {
  const SSL_CIPHER *cipher;
  lua_newtable(L);
  for (int i = 0; (cipher = nth_cipher(L, i)) != NULL; i++) {
    push_cipher(L, cipher);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/*
** ctx:set_ecdh_curve(name) makes one curve the only group (D-37, J-20: for
** clients too).
** @param name  string, OpenSSL's short name ("prime256v1", "X25519")
** @return true
** Raises ValueError for an unknown name, SSLError for what is no curve.
*/
static int set_ecdh_curve(lua_State *L) {
  struct context *c = context_self(L);
  luaL_checktype(L, 2, LUA_TSTRING);
  const char *name = lua_tostring(L, 2);
  int nid = strlen(name) == lua_rawlen(L, 2) ? OBJ_sn2nid(name) : NID_undef;
  tlserr_clear();
  if (nid == NID_undef)
    return error_throw(L, ERROR_VALUE, "unknown elliptic curve name '%s'",
                       name);
  if (!SSL_CTX_set1_groups(c->handle, &nid, 1))
    return error_throw_ssl(L, "not an elliptic curve");
  lua_pushboolean(L, 1);
  return 1;
}

const luaL_Reg context_cipher_methods[] = {
    {"set_ciphers", set_ciphers},
    {"get_ciphers", get_ciphers},
    {"set_ecdh_curve", set_ecdh_curve},
    {NULL, NULL},
};
