#include "privatekey.h"

#include <openssl/objects.h>

#include "args.h"
#include "credentials.h"
#include "error.h"
#include "pressure.h"

struct privatekey {
  EVP_PKEY *key; /* NULL: closed */
};

EVP_PKEY *privatekey_share(lua_State *L, int index) {
  struct privatekey *k = luaL_testudata(L, index, PRIVATEKEY_T);
  if (k == NULL) return NULL;
  if (k->key == NULL)
    error_throw(L, ERROR_VALUE, "operation on a closed private key");
  return EVP_PKEY_up_ref(k->key) ? k->key : NULL;
}

/* private_key's parameters. */
enum { DATA, PASSWORD };

/***
Parse a private key.
@function ssl.private_key
@tparam string|ssl.buffer data  PEM if it has "-----BEGIN": the first private
key in it; else DER
@param password  string, ssl.buffer or function () -> string or ssl.buffer, used
if the key is encrypted; at most 1024 bytes. Nobody is ever prompted.
@treturn ssl.privatekey
@raise SSLError for no key, for a wrong or missing password (PEM
BAD_PASSWORD_READ); ValueError for a password that is too long; what the
password function raises, unchanged
*/
static int private_key(lua_State *L) {
  static const char *const names[] = {"data", "password", NULL};
  struct tls_error e;
  struct args a;
  args_take(&a, L, 1, names);
  if (!credentials_is_bytes(L, a.first + DATA))
    return args_type_error(&a, DATA, "string or buffer");
  credentials_check_password(&a, PASSWORD);
  struct credentials *box = credentials_push(L);
  struct certkey_source source = credentials_copy(L, a.first + DATA, &box->key);
  bool ok = credentials_unlock(L, box, &source, a.first + PASSWORD,
                               certkey_read_key, &e);
  if (!ok) {
    credentials_clear(box);
    return error_raise(L, &e, "load");
  }
  struct privatekey *k = class_box(L, PRIVATEKEY_T, sizeof *k, 0);
  k->key = box->parsed.key;
  box->parsed.key = NULL;
  credentials_clear(box);
  pressure_add(L, PRESSURE_KEY);
  return 1;
}

const luaL_Reg privatekey_functions[] = {{"private_key", private_key},
                                         {NULL, NULL}};

/***
Let go of the key; contexts that it was given to keep it.
@function privatekey:close
@treturn boolean  true
*/
static int privatekey_close(lua_State *L) {
  struct privatekey *k = class_self(L);
  if (k->key != NULL) {
    EVP_PKEY_free(k->key);
    k->key = NULL;
    pressure_drop(L, PRESSURE_KEY);
  }
  lua_pushboolean(L, 1);
  return 1;
}

/* Its kind and size, which its certificate tells too. */
static int privatekey_tostring(lua_State *L) {
  struct privatekey *k = class_self(L);
  if (k->key == NULL) {
    lua_pushliteral(L, PRIVATEKEY_T ": closed");
    return 1;
  }
  const char *kind = EVP_PKEY_get0_type_name(k->key);
  lua_pushfstring(L, PRIVATEKEY_T ": %s, %d bits",
                  kind != NULL ? kind : "unknown", EVP_PKEY_get_bits(k->key));
  return 1;
}

static const luaL_Reg methods[] = {{"close", privatekey_close}, {NULL, NULL}};

static const luaL_Reg metamethods[] = {
    {"__gc", privatekey_close},
    {"__close", privatekey_close},
    {"__tostring", privatekey_tostring},
    {NULL, NULL},
};

const struct class privatekey_class = {
    .name = PRIVATEKEY_T,
    .methods = methods,
    .metamethods = metamethods,
};
