/*
** context_load.c - a context's own credentials: the methods of ssl.context
** that load its certificate, private key and DH parameters.
** Lua code that runs on the way, a finaliser or the password function, may
** close the context: it is asked for again (context_self) when it is changed.
*/
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
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
  unsigned char *key; /* the same as certificate where one text has both */
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

static bool is_bytes(lua_State *L, int index) {
  struct bytes bytes;
  return lua_type(L, index) == LUA_TSTRING || buffer_to_bytes(L, index, &bytes);
}

/* The bytes of a string or buffer. */
static struct bytes to_bytes(lua_State *L, int index) {
  struct bytes bytes;
  if (!buffer_to_bytes(L, index, &bytes))
    bytes.data = (unsigned char *)lua_tolstring(L, index, &bytes.length);
  return bytes;
}

/* The bytes of a password that is needed (D-20). */
static struct bytes password_bytes(lua_State *L, int index) {
  struct bytes bytes = to_bytes(L, index);
  if (bytes.length > CERTKEY_PASSWORD_MAX)
    error_throw(L, ERROR_VALUE, "password cannot be longer than %d bytes",
                CERTKEY_PASSWORD_MAX);
  return bytes;
}

/* The password's type is checked even where none is needed. */
static void check_password(const struct args *a, int i) {
  int index = a->first + i;
  if (args_given(a, i) && !lua_isfunction(a->L, index) &&
      !is_bytes(a->L, index))
    args_type_error(a, i, "string, buffer or function");
}

/* Replace a password function at `index` by what it returns; called once. */
static void call_password(lua_State *L, int index) {
  if (!lua_isfunction(L, index)) return;
  lua_pushvalue(L, index);
  lua_call(L, 0, 1);
  if (!is_bytes(L, -1))
    luaL_error(
        L,
        "bad result of the password function (string or buffer expected, "
        "got %s)",
        luaL_typename(L, -1));
  lua_replace(L, index);
}

/*
** Read the key: without a password first, which tells whether it needs one,
** so that a password function runs outside of OpenSSL and only when needed.
*/
static bool read_key(lua_State *L, struct credentials *box,
                     const struct certkey_source *source, int password,
                     struct tls_error *e) {
  bool encrypted;
  if (certkey_read_key(&box->parsed, source, NULL, 0, &encrypted, e))
    return true;
  if (!encrypted || lua_isnil(L, password)) return false;
  call_password(L, password);
  struct bytes bytes = password_bytes(L, password);
  return certkey_read_key(&box->parsed, source, (const char *)bytes.data,
                          bytes.length, &encrypted, e);
}

/* load_cert_chain's parameters. */
enum { CERTFILE, KEYFILE, PASSWORD, CERTDATA, KEYDATA };

/* Check a path and the bytes that may come instead. Is either given? */
static bool check_source(const struct args *a, int file, int data) {
  if (args_given(a, file)) path_argument(a, file);
  if (args_given(a, data) && !is_bytes(a->L, a->first + data))
    args_type_error(a, data, "string or buffer");
  if (args_given(a, file) && args_given(a, data))
    error_throw(a->L, ERROR_TYPE, "either %s or %s, not both", a->names[file],
                a->names[data]);
  return args_given(a, file) || args_given(a, data);
}

/* A copy: a buffer may be closed by the password function. */
static void copy_bytes(lua_State *L, int index, unsigned char **data,
                       size_t *length) {
  struct bytes bytes = to_bytes(L, index);
  *data = malloc(bytes.length + 1);
  if (*data == NULL) error_throw_errno(L, ENOMEM, "load");
  if (bytes.length > 0) memcpy(*data, bytes.data, bytes.length);
  *length = bytes.length;
}

/* Fetch what check_source has seen. Bytes without a PEM block are DER. */
static struct certkey_source fetch(const struct args *a, int file, int data,
                                   unsigned char **text, size_t *length) {
  struct certkey_source source = {NULL, 0, false};
  if (args_given(a, file)) {
    read_file(a->L, path_argument(a, file), text, length);
  } else {
    copy_bytes(a->L, a->first + data, text, length);
    source.der = memmem(*text, *length, "-----BEGIN", 10) == NULL;
  }
  source.data = *text;
  source.length = *length;
  return source;
}

/*
** ctx:load_cert_chain(certfile, keyfile, password) loads the certificate that
** this side presents (D-20).
** @param certfile  path of a PEM file: [key,] leaf, then its chain
** @param keyfile   path of a PEM file with the key; default: the certificate's
** @param password  string, buffer or function () -> string or buffer, used if
**                  the key is encrypted; at most 1024 bytes. Nobody is ever
**                  prompted.
** @param certdata, keydata  string or buffer, by keyword: contents in place of
**                  a path; PEM if they have "-----BEGIN", else DER
** @return true
** Raises TypeError without a certificate; OSError for a file that cannot be
** read; SSLError for bad contents, a wrong or missing password (PEM
** BAD_PASSWORD_READ) and a key that does not match (X509 KEY_VALUES_MISMATCH,
** KEY_TYPE_MISMATCH); ValueError for a password that is too long; what the
** password function raises, unchanged. A failed load leaves the context as it
** was.
*/
static int load_cert_chain(lua_State *L) {
  static const char *const names[] = {"certfile", "keyfile", "password",
                                      "certdata", "keydata", NULL};
  struct tls_error e;
  struct args a;
  context_self(L);
  args_take(&a, L, 2, names);
  if (!check_source(&a, CERTFILE, CERTDATA))
    return error_throw(L, ERROR_TYPE, "certfile is missing: a path is needed");
  bool has_key = check_source(&a, KEYFILE, KEYDATA);
  check_password(&a, PASSWORD);
  struct credentials *box = class_box(L, CREDENTIALS_T, sizeof *box, 0);
  struct certkey_source chain = fetch(&a, CERTFILE, CERTDATA, &box->certificate,
                                      &box->certificate_length);
  struct certkey_source key = chain;
  if (has_key)
    key = fetch(&a, KEYFILE, KEYDATA, &box->key, &box->key_length);
  else
    box->key = box->certificate;
  if (!certkey_read_chain(&box->parsed, &chain, &e) ||
      !read_key(L, box, &key, a.first + PASSWORD, &e) ||
      !certkey_install(&box->parsed, context_self(L)->handle, &e))
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
  struct tls_error e;
  size_t length;
  context_self(L);
  luaL_checktype(L, 2, LUA_TSTRING);
  const char *path = lua_tolstring(L, 2, &length);
  if (strlen(path) != length)
    return error_throw(L, ERROR_VALUE, "embedded NUL in 'dhfile'");
  struct credentials *box = class_box(L, CREDENTIALS_T, sizeof *box, 0);
  read_file(L, path, &box->certificate, &box->certificate_length);
  box->key = box->certificate;
  if (!certkey_install_dh(context_self(L)->handle, box->certificate,
                          box->certificate_length, &e))
    return error_raise(L, &e, "load");
  lua_pushboolean(L, 1);
  return 1;
}

const luaL_Reg context_load_methods[] = {
    {"load_cert_chain", load_cert_chain},
    {"load_dh_params", load_dh_params},
    {NULL, NULL},
};
