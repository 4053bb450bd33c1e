#include "credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sys/file.h"
#include "../tls/pemwalk.h"
#include "buffer.h"
#include "error.h"

#define CREDENTIALS_T "ssl.credentials"

void credentials_clear(struct credentials *box) {
  certkey_clear(&box->parsed);
  file_wipe(box->key.data, box->key.length);
  file_wipe(box->certificate.data, box->certificate.length);
  memset(box, 0, sizeof *box);
}

static int credentials_gc(lua_State *L) {
  credentials_clear(class_self(L));
  return 0;
}

static const luaL_Reg metamethods[] = {{"__gc", credentials_gc}, {NULL, NULL}};

const struct class credentials_class = {
    .name = CREDENTIALS_T,
    .metamethods = metamethods,
};

struct credentials *credentials_push(lua_State *L) {
  return class_box(L, CREDENTIALS_T, sizeof(struct credentials), 0);
}

const char *credentials_path(const struct args *a, int i) {
  size_t length;
  const char *path = args_string(a, i, &length);
  if (strlen(path) != length)
    error_throw(a->L, ERROR_VALUE, "embedded NUL in '%s'", a->names[i]);
  return path;
}

bool credentials_is_bytes(lua_State *L, int index) {
  struct bytes bytes;
  return lua_type(L, index) == LUA_TSTRING || buffer_to_bytes(L, index, &bytes);
}

bool credentials_given(const struct args *a, int file, int data) {
  if (args_given(a, file)) credentials_path(a, file);
  if (args_given(a, file) && args_given(a, data))
    error_throw(a->L, ERROR_TYPE, "either %s or %s, not both", a->names[file],
                a->names[data]);
  return args_given(a, file) || args_given(a, data);
}

/* The bytes of a string or buffer. */
static struct bytes to_bytes(lua_State *L, int index) {
  struct bytes bytes;
  if (!buffer_to_bytes(L, index, &bytes))
    bytes.data = (unsigned char *)lua_tolstring(L, index, &bytes.length);
  return bytes;
}

static struct certkey_source source_of(const struct secret *s, bool der) {
  return (struct certkey_source){s->data, s->length, der};
}

struct certkey_source credentials_read(lua_State *L, const char *path,
                                       struct secret *into) {
  struct tls_error e;
  int number = file_read(path, &into->data, &into->length);
  if (number == 0) return source_of(into, false);
  tlserr_system(&e, number);
  size_t used = strlen(e.message);
  snprintf(e.message + used, sizeof e.message - used, ": '%.300s'", path);
  error_raise(L, &e, "load");
  return source_of(into, false);
}

/* A copy: a buffer may be closed by the password function. */
struct certkey_source credentials_copy(lua_State *L, int index,
                                       struct secret *into) {
  struct bytes bytes = to_bytes(L, index);
  into->data = malloc(bytes.length + 1);
  if (into->data == NULL) error_throw_errno(L, ENOMEM, "load");
  if (bytes.length > 0) memcpy(into->data, bytes.data, bytes.length);
  into->length = bytes.length;
  return source_of(into, !pemwalk_is_pem(into->data, into->length));
}

struct certkey_source credentials_fetch(const struct args *a, int file,
                                        int data, struct secret *into) {
  if (args_given(a, file))
    return credentials_read(a->L, credentials_path(a, file), into);
  return credentials_copy(a->L, a->first + data, into);
}

/* ---- passwords (D-20) ---- */

void credentials_check_password(const struct args *a, int i) {
  int index = a->first + i;
  if (args_given(a, i) && !lua_isfunction(a->L, index) &&
      !credentials_is_bytes(a->L, index))
    args_type_error(a, i, "string, buffer or function");
}

/* Replace a password function at `index` by what it returns. */
static void call_password(lua_State *L, int index) {
  if (!lua_isfunction(L, index)) return;
  lua_pushvalue(L, index);
  lua_call(L, 0, 1);
  if (!credentials_is_bytes(L, -1))
    luaL_error(
        L,
        "bad result of the password function (string or buffer expected, "
        "got %s)",
        luaL_typename(L, -1));
  lua_replace(L, index);
}

static struct bytes password_bytes(lua_State *L, int index) {
  struct bytes bytes = to_bytes(L, index);
  if (bytes.length > CERTKEY_PASSWORD_MAX)
    error_throw(L, ERROR_VALUE, "password cannot be longer than %d bytes",
                CERTKEY_PASSWORD_MAX);
  return bytes;
}

bool credentials_unlock(lua_State *L, struct credentials *box,
                        const struct certkey_source *source, int password,
                        credentials_reader *read, struct tls_error *e) {
  bool encrypted;
  if (read(&box->parsed, source, NULL, 0, &encrypted, e)) return true;
  if (!encrypted || lua_isnil(L, password)) return false;
  call_password(L, password);
  struct bytes bytes = password_bytes(L, password);
  return read(&box->parsed, source, (const char *)bytes.data, bytes.length,
              &encrypted, e);
}
