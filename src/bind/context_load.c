/*
** context_load.c - a context's own credentials: the methods of ssl.context
** that load its certificate, private key and DH parameters.
** Lua code that runs on the way, a finaliser or the password function, may
** close the context: it is asked for again (context_self) when it is changed.
*/
#include <string.h>

#include "../tls/certkey.h"
#include "context.h"
#include "credentials.h"
#include "error.h"
#include "keypair.h"

/* What has been read goes into the receiver, which a finaliser or the password
** function may have closed meanwhile. */
static int install(lua_State *L, struct credentials *box, struct tls_error *e) {
  bool ok =
      box != NULL && certkey_install(&box->parsed, context_self(L)->handle, e);
  if (box != NULL) credentials_clear(box);
  if (!ok) return error_raise(L, e, "load");
  lua_pushboolean(L, 1);
  return 1;
}

/*
** ctx:load_cert_chain(certfile, keyfile, password) loads the certificate that
** this side presents (D-20).
** @param certfile  path of a PEM file: [key,] leaf, then its chain
** @param keyfile   path of a PEM file with the key; default: the certificate's
** @param password  string, buffer or function () -> string or buffer, used if
**                  the key is encrypted; at most 1024 bytes. Nobody is ever
**                  prompted.
** @param certdata  by keyword, in place of certfile: its contents as a string
**                  or buffer, PEM if they have "-----BEGIN", else DER; or an
**                  ssl.certificate, or a list of these, the leaf first
** @param keydata   the same in place of keyfile; or an ssl.privatekey
** @return true
** Raises TypeError without a certificate, and without a key where certdata
** cannot have one; OSError for a file that cannot be read; SSLError for bad
** contents, a wrong or missing password (PEM BAD_PASSWORD_READ) and a key that
** does not match (X509 KEY_VALUES_MISMATCH, KEY_TYPE_MISMATCH); ValueError for
** a password that is too long, an empty list and a closed object; what the
** password function raises, unchanged. A failed load leaves the context as it
** was.
*/
static int load_cert_chain(lua_State *L) {
  struct tls_error e;
  context_self(L);
  return install(L, keypair_take_chain(L, &e), &e);
}

/*
** ctx:load_pkcs12(file, password) loads certificate, chain and key from one
** PKCS #12 file (.p12, .pfx). Nothing of it is trusted.
** @param file      path
** @param password  as for load_cert_chain, without a NUL
** @param data      string or buffer, by keyword: the contents in place of file
** @return true
** Raises as load_cert_chain does; for a wrong password SSLError PKCS12
** MAC_VERIFY_FAILURE, and ValueError where it has a NUL; SSLError where there
** is no key, or no certificate that belongs to it. A failed load leaves the
** context as it was.
*/
static int load_pkcs12(lua_State *L) {
  struct tls_error e;
  context_self(L);
  return install(L, keypair_take_pkcs12(L, &e), &e);
}

/*
** ctx:load_dh_params(dhfile) loads Diffie-Hellman parameters (D-36).
** @param dhfile  path of a PEM file
** @return true
** Raises OSError for a file that cannot be read, SSLError PEM NO_START_LINE
** where it has no parameters.
*/
static int load_dh_params(lua_State *L) {
  struct tls_error e;
  size_t length;
  context_self(L);
  luaL_checktype(L, 2, LUA_TSTRING);
  const char *path = lua_tolstring(L, 2, &length);
  if (strlen(path) != length)
    return error_throw(L, ERROR_VALUE, "embedded NUL in 'dhfile'");
  struct credentials *box = credentials_push(L);
  struct certkey_source source = credentials_read(L, path, &box->certificate);
  if (!certkey_install_dh(context_self(L)->handle, source.data, source.length,
                          &e))
    return error_raise(L, &e, "load");
  lua_pushboolean(L, 1);
  return 1;
}

const luaL_Reg context_load_methods[] = {
    {"load_cert_chain", load_cert_chain},
    {"load_pkcs12", load_pkcs12},
    {"load_dh_params", load_dh_params},
    {NULL, NULL},
};
