#include "session.h"

#include <string.h>

#include <openssl/crypto.h>

#include "../tls/sessionbytes.h"
#include "args.h"
#include "buffer.h"
#include "error.h"
#include "pressure.h"

/* The receiver, which is not closed. */
static struct session *session_self(lua_State *L) {
  struct session *s = class_self(L);
  if (s->handle == NULL)
    error_throw(L, ERROR_VALUE, "operation on a closed session");
  return s;
}

struct session *session_box(lua_State *L) {
  return class_box(L, SESSION_T, sizeof(struct session), SESSION_VALUES);
}

void session_fill(lua_State *L, struct session *s, SSL_SESSION *handle) {
  s->handle = handle;
  pressure_add(L, PRESSURE_SESSION);
}

/***
Let go of the session; connections that resume it keep it.
@function session:close
@treturn boolean  true
*/
static int session_close(lua_State *L) {
  struct session *s = class_self(L);
  if (s->handle != NULL) {
    SSL_SESSION_free(s->handle);
    s->handle = NULL;
    pressure_drop(L, PRESSURE_SESSION);
  }
  lua_pushboolean(L, 1);
  return 1;
}

/* Two are equal by their ids (F.3), also two without one. */
static int session_eq(lua_State *L) {
  const struct session *a = luaL_testudata(L, 1, SESSION_T);
  const struct session *b = luaL_testudata(L, 2, SESSION_T);
  unsigned a_length, b_length;
  if (a == NULL && b == NULL) class_self(L);
  if (a == NULL || b == NULL || a->handle == NULL || b->handle == NULL) {
    lua_pushboolean(L, a == b);
    return 1;
  }
  const unsigned char *a_id = SSL_SESSION_get_id(a->handle, &a_length);
  const unsigned char *b_id = SSL_SESSION_get_id(b->handle, &b_length);
  lua_pushboolean(L, a_length == b_length && memcmp(a_id, b_id, a_length) == 0);
  return 1;
}

/* ---- attributes (F.3) ---- */

/* A copy is pushed: Lua 5.1 may run a finaliser before it makes its own. */
static int get_id(lua_State *L) {
  char copy[SSL_MAX_SSL_SESSION_ID_LENGTH];
  unsigned length;
  const unsigned char *id =
      SSL_SESSION_get_id(session_self(L)->handle, &length);
  memcpy(copy, id, length);
  lua_pushlstring(L, copy, length);
  return 1;
}

static int get_time(lua_State *L) {
  lua_pushinteger(L, SSL_SESSION_get_time(session_self(L)->handle));
  return 1;
}

static int get_timeout(lua_State *L) {
  lua_pushinteger(L, SSL_SESSION_get_timeout(session_self(L)->handle));
  return 1;
}

static int get_hint(lua_State *L) {
  SSL_SESSION *handle = session_self(L)->handle;
  unsigned long hint = SSL_SESSION_get_ticket_lifetime_hint(handle);
  lua_pushinteger(L, (lua_Integer)hint);
  return 1;
}

static int has_ticket(lua_State *L) {
  lua_pushboolean(L, SSL_SESSION_has_ticket(session_self(L)->handle));
  return 1;
}

/* ---- as bytes ---- */

/***
The session as bytes, for `ssl.session_import`, here or in another process.
They hold its secret: whoever has them can pose as either end.
@function session:export
@treturn string
@raise ValueError for one that cannot be resumed: in TLS 1.3 no ticket has come
before the client's first read
*/
static int session_export(lua_State *L) {
  SSL_SESSION *handle = session_self(L)->handle;
  size_t size =
      SSL_SESSION_is_resumable(handle) ? sessionbytes_size(handle) : 0;
  if (size == 0)
    return error_throw(L, ERROR_VALUE,
                       "the session cannot be resumed: there is no ticket");
  unsigned char *out = lua_newuserdatauv(L, size, 0);
  struct session *s = session_self(L); /* a finaliser may have closed it */
  tlserr_clear();
  if (!sessionbytes_write(s->handle, &s->identity, out, size))
    return error_throw_ssl(L, "cannot export the session");
  lua_pushlstring(L, (const char *)out, size);
  OPENSSL_cleanse(out, size);
  return 1;
}

/* Argument 1 as bytes: they stay there until Lua runs again. */
static struct bytes check_data(lua_State *L) {
  struct bytes bytes;
  if (buffer_to_bytes(L, 1, &bytes)) return bytes;
  luaL_checktype(L, 1, LUA_TSTRING);
  bytes.data = (unsigned char *)lua_tolstring(L, 1, &bytes.length);
  return bytes;
}

/***
Make a session of bytes that `session:export` gave. It belongs to no context: a
connection accepts it whose identity is that of the one it was made on.
@function ssl.session_import
@tparam string|ssl.buffer data
@treturn ssl.session
@raise ValueError for bytes that are cut short, altered or of other origin
*/
static int session_import(lua_State *L) {
  struct tls_error e;
  check_data(L);
  struct session *s = session_box(L);
  struct bytes data = check_data(L); /* a finaliser may have closed it */
  tlserr_clear();
  SSL_SESSION *handle =
      sessionbytes_read(data.data, data.length, &s->identity, &e);
  if (handle == NULL) return error_raise(L, &e, "session_import");
  session_fill(L, s, handle);
  return 1;
}

const luaL_Reg session_functions[] = {{"session_import", session_import},
                                      {NULL, NULL}};

static const struct class_attribute attributes[] = {
    {"id", get_id, NULL},
    {"time", get_time, NULL},
    {"timeout", get_timeout, NULL},
    {"ticket_lifetime_hint", get_hint, NULL},
    {"has_ticket", has_ticket, NULL},
    {NULL, NULL, NULL},
};

static const luaL_Reg methods[] = {
    {"export", session_export},
    {"close", session_close},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__gc", session_close},
    {"__close", session_close},
    {"__eq", session_eq},
    {NULL, NULL},
};

const struct class session_class = {
    .name = SESSION_T,
    .methods = methods,
    .metamethods = metamethods,
    .attributes = attributes,
};
