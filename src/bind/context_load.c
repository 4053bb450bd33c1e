/*
** context_load.c - a context's own credentials: the methods of ssl.context
** that load its certificate, private key and DH parameters from files.
*/
#include <stdio.h>
#include <string.h>

#include "../sys/file.h"
#include "../tls/certkey.h"
#include "args.h"
#include "buffer.h"
#include "context.h"
#include "error.h"

#define CREDENTIALS_T "ssl.credentials"

/* What is read on the way; everything in it is secret or costly. */
struct credentials {
  struct certkey parsed;
  unsigned char *certificate;
  size_t certificate_length;
  unsigned char *key; /* the same as certificate where one file has both */
  size_t key_length;
};

static int credentials_gc(lua_State *L) {
  struct credentials *box = class_self(L);
  certkey_clear(&box->parsed);
  if (box->key != box->certificate) file_wipe(box->key, box->key_length);
  file_wipe(box->certificate, box->certificate_length);
  memset(box, 0, sizeof *box);
  return 0;
}

static const luaL_Reg credentials_metamethods[] = {{"__gc", credentials_gc},
                                                   {NULL, NULL}};

const struct class context_credentials_class = {
    .name = CREDENTIALS_T,
    .metamethods = credentials_metamethods,
};

/* Parameter i as a path without NULs. */
static const char *path_argument(const struct args *a, int i) {
  size_t length;
  const char *path = args_string(a, i, &length);
  if (strlen(path) != length)
    error_throw(a->L, ERROR_VALUE, "embedded NUL in '%s'", a->names[i]);
  return path;
}

static void read_file(lua_State *L, const char *path, unsigned char **data,
                      size_t *length) {
  struct tls_error e;
  int number = file_read(path, data, length);
  if (number == 0) return;
  tlserr_system(&e, number);
  size_t used = strlen(e.message);
  snprintf(e.message + used, sizeof e.message - used, ": '%.300s'", path);
  error_raise(L, &e, "load");
}

/* A password that was given: its bytes, checked (D-20). */
static const char *password_bytes(lua_State *L, int index, size_t *length) {
  struct bytes bytes;
  const char *text;
  if (buffer_to_bytes(L, index, &bytes)) {
    text = (const char *)bytes.data;
    *length = bytes.length;
  } else {
    text = lua_tolstring(L, index, length);
  }
  if (*length > CERTKEY_PASSWORD_MAX)
    error_throw(L, ERROR_VALUE, "password cannot be longer than %d bytes",
                CERTKEY_PASSWORD_MAX);
  return text;
}

static bool is_bytes(lua_State *L, int index) {
  struct bytes bytes;
  return lua_type(L, index) == LUA_TSTRING || buffer_to_bytes(L, index, &bytes);
}

/* The password's type is checked even where none is needed. */
static void check_password(const struct args *a, int i) {
  int index = a->first + i;
  size_t length;
  if (!args_given(a, i) || lua_isfunction(a->L, index)) return;
  if (!is_bytes(a->L, index))
    args_type_error(a, i, "string, buffer or function");
  password_bytes(a->L, index, &length);
}

/* Replace a password function at `index` by what it returns; called once. */
static void call_password(lua_State *L, int index) {
  if (!lua_isfunction(L, index)) return;
  lua_pushvalue(L, index);
  lua_call(L, 0, 1);
  if (!is_bytes(L, -1))
    luaL_error(L,
               "bad result of the password function (string expected, "
               "got %s)",
               luaL_typename(L, -1));
  lua_replace(L, index);
}

/*
** Read the key: without a password first, which tells whether it needs one,
** so that a password function runs outside of OpenSSL and only when needed.
*/
static bool read_key(lua_State *L, struct credentials *box, int password,
                     struct tls_error *e) {
  bool encrypted;
  size_t length;
  if (certkey_read_key(&box->parsed, box->key, box->key_length, NULL, 0,
                       &encrypted, e))
    return true;
  if (!encrypted || lua_isnil(L, password)) return false;
  call_password(L, password);
  const char *text = password_bytes(L, password, &length);
  return certkey_read_key(&box->parsed, box->key, box->key_length, text, length,
                          &encrypted, e);
}

/*
** ctx:load_cert_chain(certfile, keyfile, password) loads the certificate that
** this side presents (D-20).
** @param certfile  path of a PEM file: [key,] leaf, then its chain
** @param keyfile   path of a PEM file with the key; default: certfile
** @param password  string, buffer or function () -> string, used if the key is
**                  encrypted; at most 1024 bytes. Nobody is ever prompted.
** @return true
** Raises OSError for a file that cannot be read; SSLError for bad contents, a
** wrong or missing password (PEM BAD_PASSWORD_READ) and a key that does not
** match (X509 KEY_VALUES_MISMATCH, KEY_TYPE_MISMATCH); ValueError for a
** password that is too long; what the password function raises, unchanged.
** A failed load leaves the context as it was.
*/
static int load_cert_chain(lua_State *L) {
  static const char *const names[] = {"certfile", "keyfile", "password", NULL};
  struct context *c = context_self(L);
  struct tls_error e;
  struct args a;
  args_take(&a, L, 2, names);
  if (!args_given(&a, 0))
    return error_throw(L, ERROR_TYPE, "certfile is missing: a path is needed");
  const char *certfile = path_argument(&a, 0);
  const char *keyfile = args_given(&a, 1) ? path_argument(&a, 1) : NULL;
  check_password(&a, 2);
  struct credentials *box = class_box(L, CREDENTIALS_T, sizeof *box, 0);
  read_file(L, certfile, &box->certificate, &box->certificate_length);
  if (keyfile != NULL) {
    read_file(L, keyfile, &box->key, &box->key_length);
  } else {
    box->key = box->certificate;
    box->key_length = box->certificate_length;
  }
  if (!certkey_read_chain(&box->parsed, box->certificate,
                          box->certificate_length, &e) ||
      !read_key(L, box, a.first + 2, &e) ||
      !certkey_install(&box->parsed, c->handle, &e))
    return error_raise(L, &e, "load");
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
  struct context *c = context_self(L);
  struct tls_error e;
  luaL_checktype(L, 2, LUA_TSTRING);
  struct credentials *box = class_box(L, CREDENTIALS_T, sizeof *box, 0);
  read_file(L, lua_tostring(L, 2), &box->certificate, &box->certificate_length);
  box->key = box->certificate;
  if (!certkey_install_dh(c->handle, box->certificate, box->certificate_length,
                          &e))
    return error_raise(L, &e, "load");
  lua_pushboolean(L, 1);
  return 1;
}

const luaL_Reg context_load_methods[] = {
    {"load_cert_chain", load_cert_chain},
    {"load_dh_params", load_dh_params},
    {NULL, NULL},
};
