/*
** connection_binding.c - what ties other protocols to a connection: channel
** bindings and exported keying material. These methods work for each class
** whose struct begins with a struct engine.
*/
#include <openssl/crypto.h>

#include "../tls/channelbinding.h"
#include "args.h"
#include "connection.h"
#include "error.h"

/* Every version and cipher can export that much: HKDF gives 255 times the
** length of its hash (RFC 5869, 2.3), 32 at least. */
#define MATERIAL_MAX 8160

/* TLS 1.3 puts "tls13 " before the label and has a byte for the length of both
** (RFC 8446, 7.1); the context's has two (RFC 5705, 4). */
#define LABEL_MAX   249
#define CONTEXT_MAX 65535

/* Before TLS 1.3 OpenSSL 3.0 takes no more than this of both. */
#define LABEL_AND_CONTEXT 958

/* Bytes that must not stay in C's memory. */
struct secret {
  const unsigned char *data;
  size_t length;
};

static struct engine *self(lua_State *L) {
  return class_self(L);
}

static int copy_secret(lua_State *L) {
  const struct secret *s = lua_touserdata(L, 1);
  lua_pushlstring(L, (const char *)s->data, s->length);
  return 1;
}

/* Push the bytes as a string and wipe them, also where memory runs out. */
static int push_wiped(lua_State *L, unsigned char *data, size_t length) {
  struct secret s = {data, length};
  lua_pushcfunction(L, copy_secret);
  lua_pushlightuserdata(L, &s);
  int status = lua_pcall(L, 1, 1, 0);
  OPENSSL_cleanse(data, length);
  return status == LUA_OK ? 1 : lua_error(L);
}

/*
** conn:get_channel_binding([cb_type]) ties a login to this connection (E-22).
** @param cb_type  string; "tls-unique", the default (RFC 5929, 3),
**        "tls-exporter" (RFC 9266), "tls-server-end-point" (RFC 5929, 4)
** @return string, the same on both ends; nil before the handshake is done
** Raises ValueError for another type, and where the type's RFC does not
** define it for this connection (channelbinding.h). TLS 1.3 does not define
** tls-unique; the bytes of its first Finished are given, as Python does.
*/
static int get_channel_binding(lua_State *L) {
  static const char *const names[] = {"cb_type", NULL};
  unsigned char data[CHANNELBINDING_MAX];
  enum channelbinding type = CHANNELBINDING_UNIQUE;
  struct engine *engine = self(L);
  struct tls_error e;
  struct args a;
  size_t length;
  args_take(&a, L, 2, names);
  const char *name = args_opt_string(&a, 0, &length);
  if (name != NULL && !channelbinding_find(&type, name, length))
    return error_throw(L, ERROR_VALUE,
                       "channel binding type '%s' is not implemented", name);
  if (engine->ssl == NULL || !engine->handshaken) {
    lua_pushnil(L);
    return 1;
  }
  if (!channelbinding_get(engine->ssl, type, data, &length, &e))
    return error_raise(L, &e, NULL);
  return push_wiped(L, data, length);
}

static void check_range(lua_State *L, const char *what, lua_Integer value,
                        lua_Integer least, lua_Integer most) {
  if (value >= least && value <= most) return;
  error_throw(L, ERROR_VALUE, "the %s must be %d to %d bytes", what, (int)least,
              (int)most);
}

/* What to export. */
struct request {
  const char *label, *context; /* context NULL: none */
  size_t label_length, context_length;
  lua_Integer length;
};

static void take_request(lua_State *L, struct request *r) {
  static const char *const names[] = {"label", "length", "context", NULL};
  struct args a;
  r->context_length = 0;
  args_take(&a, L, 2, names);
  r->label = args_string(&a, 0, &r->label_length);
  r->length = args_integer(&a, 1);
  r->context = args_opt_string(&a, 2, &r->context_length);
  check_range(L, "label", (lua_Integer)r->label_length, 1, LABEL_MAX);
  check_range(L, "length", r->length, 1, MATERIAL_MAX);
  check_range(L, "context", (lua_Integer)r->context_length, 0, CONTEXT_MAX);
}

static bool export_to(SSL *ssl, const struct request *r, unsigned char *data) {
  tlserr_clear();
  return SSL_export_keying_material(ssl, data, (size_t)r->length, r->label,
                                    r->label_length,
                                    (const unsigned char *)r->context,
                                    r->context_length, r->context != NULL) == 1;
}

/*
** conn:export_keying_material(label, length[, context]) derives a secret that
** only the two ends of this connection know (RFC 5705; RFC 8446, 7.5).
** @param label  string, 1 to 249 bytes: what the secret is for; registered, or
**        beginning with "EXPERIMENTAL"
** @param length  integer, 1 to 8160: bytes
** @param context  string, at most 65535 bytes, before TLS 1.3 with the label
**        958; nil: none, which before TLS 1.3 gives another secret than ""
** @return string
** Raises ValueError before the handshake is done and for values out of range,
** SSLError for a label that TLS itself uses.
*/
static int export_keying_material(lua_State *L) {
  unsigned char data[MATERIAL_MAX];
  struct engine *engine = self(L);
  struct request r;
  take_request(L, &r);
  if (engine->ssl == NULL || !engine->handshaken)
    return error_throw(L, ERROR_VALUE, "handshake not done yet");
  if (export_to(engine->ssl, &r, data))
    return push_wiped(L, data, (size_t)r.length);
  if (SSL_version(engine->ssl) >= TLS1_3_VERSION ||
      r.label_length + r.context_length <= LABEL_AND_CONTEXT)
    return error_throw_ssl(L, "cannot export keying material");
  tlserr_clear();
  return error_throw(L, ERROR_VALUE,
                     "the context is too long for this version of TLS");
}

const luaL_Reg connection_binding_methods[] = {
    {"get_channel_binding", get_channel_binding},
    {"export_keying_material", export_keying_material},
    {NULL, NULL},
};
