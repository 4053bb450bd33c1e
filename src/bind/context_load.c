/*
** context_load.c - a context's own credentials: the methods of ssl.context
** that load its certificate, private key and DH parameters.
** Lua code that runs on the way, a finaliser or the password function, may
** close the context: it is asked for again (context_self) when it is changed.
*/
#include <errno.h>
#include <string.h>

#include "../tls/certkey.h"
#include "../tls/pkcs12.h"
#include "args.h"
#include "certificate.h"
#include "context.h"
#include "credentials.h"
#include "error.h"
#include "privatekey.h"

/* load_cert_chain's parameters. */
enum { CERTFILE, KEYFILE, PASSWORD, CERTDATA, KEYDATA };

static void check_certificate(const struct args *a) {
  int index = a->first + CERTDATA;
  if (args_given(a, CERTDATA) && !credentials_is_bytes(a->L, index) &&
      !lua_istable(a->L, index) && !luaL_testudata(a->L, index, CERTIFICATE_T))
    args_type_error(a, CERTDATA, "string, buffer or " CERTIFICATE_T);
  if (!credentials_given(a, CERTFILE, CERTDATA))
    error_throw(a->L, ERROR_TYPE, "certfile is missing: a path is needed");
}

static bool check_key(const struct args *a) {
  int index = a->first + KEYDATA;
  if (args_given(a, KEYDATA) && !credentials_is_bytes(a->L, index) &&
      !luaL_testudata(a->L, index, PRIVATEKEY_T))
    args_type_error(a, KEYDATA, "string, buffer or " PRIVATEKEY_T);
  return credentials_given(a, KEYFILE, KEYDATA);
}

static bool share_chain(lua_State *L, struct credentials *box,
                        const struct certbox *objects, struct tls_error *e) {
  if (sk_X509_num(objects->list) == 0)
    error_throw(L, ERROR_VALUE, "Empty certificate data");
  if (certkey_share_chain(&box->parsed, objects->list)) return true;
  tlserr_system(e, ENOMEM);
  return false;
}

/* The leaf and its chain; *text is where they were read from. */
static bool take_chain(const struct args *a, struct credentials *box,
                       struct certkey_source *text, struct tls_error *e) {
  struct certbox *objects =
      args_given(a, CERTDATA) ? certificate_collect(a, CERTDATA) : NULL;
  if (objects != NULL) return share_chain(a->L, box, objects, e);
  *text = credentials_fetch(a, CERTFILE, CERTDATA, &box->certificate);
  return certkey_read_chain(&box->parsed, text, e);
}

/* The key, which may stand in the certificate's text. */
static bool take_key(const struct args *a, struct credentials *box,
                     const struct certkey_source *text, bool given,
                     struct tls_error *e) {
  struct certkey_source source = *text;
  box->parsed.key = privatekey_share(a->L, a->first + KEYDATA);
  if (box->parsed.key != NULL) return true;
  if (given)
    source = credentials_fetch(a, KEYFILE, KEYDATA, &box->key);
  else if (source.data == NULL)
    error_throw(a->L, ERROR_TYPE,
                "keydata is missing: a " CERTIFICATE_T " has no key");
  return credentials_unlock(a->L, box, &source, a->first + PASSWORD,
                            certkey_read_key, e);
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
  static const char *const names[] = {"certfile", "keyfile", "password",
                                      "certdata", "keydata", NULL};
  struct certkey_source text = {NULL, 0, false};
  struct tls_error e;
  struct args a;
  context_self(L);
  args_take(&a, L, 2, names);
  check_certificate(&a);
  bool has_key = check_key(&a);
  credentials_check_password(&a, PASSWORD);
  struct credentials *box = credentials_push(L);
  bool ok = take_chain(&a, box, &text, &e) &&
            take_key(&a, box, &text, has_key, &e) &&
            certkey_install(&box->parsed, context_self(L)->handle, &e);
  credentials_clear(box);
  if (!ok) return error_raise(L, &e, "load");
  lua_pushboolean(L, 1);
  return 1;
}

/* load_pkcs12's parameters. */
enum { P12_FILE, P12_PASSWORD, P12_DATA };

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
  static const char *const names[] = {"file", "password", "data", NULL};
  struct tls_error e;
  struct args a;
  context_self(L);
  args_take(&a, L, 2, names);
  if (args_given(&a, P12_DATA) && !credentials_is_bytes(L, a.first + P12_DATA))
    return args_type_error(&a, P12_DATA, "string or buffer");
  if (!credentials_given(&a, P12_FILE, P12_DATA))
    return error_throw(L, ERROR_TYPE, "file is missing: a path is needed");
  credentials_check_password(&a, P12_PASSWORD);
  struct credentials *box = credentials_push(L);
  struct certkey_source source =
      credentials_fetch(&a, P12_FILE, P12_DATA, &box->key);
  bool ok = credentials_unlock(L, box, &source, a.first + P12_PASSWORD,
                               pkcs12_read, &e) &&
            certkey_install(&box->parsed, context_self(L)->handle, &e);
  credentials_clear(box);
  if (!ok) return error_raise(L, &e, "load");
  lua_pushboolean(L, 1);
  return 1;
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
