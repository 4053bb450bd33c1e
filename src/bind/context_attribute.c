/*
** context_attribute.c - the settings of ssl.context that are read and assigned
** with a dot.
*/
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "../tls/keylog.h"
#include "args.h"
#include "context.h"
#include "error.h"
#include "warning.h"

/* TLSVersion's two that are no wire version (C.8). */
#define MINIMUM_SUPPORTED (-2)
#define MAXIMUM_SUPPORTED (-1)

static int get_verify_mode(lua_State *L) {
  lua_pushinteger(L, context_verify_mode(context_self(L)));
  return 1;
}

/* D-01 */
static int set_attribute_verify_mode(lua_State *L) {
  struct context *c = context_self(L);
  lua_Integer mode = attribute_integer(L);
  if (mode < 0 || mode > 2)
    return error_throw(L, ERROR_VALUE, "invalid value for verify_mode");
  if (mode == 0 && c->check_hostname)
    return error_throw(L, ERROR_VALUE,
                       "cannot set verify_mode to CERT_NONE while "
                       "check_hostname is on");
  context_set_verify_mode(c, (int)mode);
  if (!context_mark_sessions(c)) return error_throw_ssl(L, "verify_mode");
  return 0;
}

static int get_check_hostname(lua_State *L) {
  lua_pushboolean(L, context_self(L)->check_hostname);
  return 1;
}

/* D-02 */
static int set_check_hostname(lua_State *L) {
  struct context *c = context_self(L);
  bool check = attribute_boolean(L);
  if (check && context_verify_mode(c) == 0) context_set_verify_mode(c, 2);
  c->check_hostname = check;
  if (!context_mark_sessions(c)) return error_throw_ssl(L, "check_hostname");
  return 0;
}

static int get_verify_flags(lua_State *L) {
  struct context *c = context_self(L);
  lua_pushinteger(L, (lua_Integer)X509_VERIFY_PARAM_get_flags(
                         SSL_CTX_get0_param(c->handle)));
  return 1;
}

/* D-03: assignment replaces the whole set. On the context, never a store. */
static int set_verify_flags(lua_State *L) {
  struct context *c = context_self(L);
  lua_Integer flags = attribute_integer(L);
  X509_VERIFY_PARAM *param = SSL_CTX_get0_param(c->handle);
  if (flags < 0) return error_throw(L, ERROR_VALUE, "negative verify_flags");
  if ((lua_Unsigned)flags > ULONG_MAX)
    return error_throw(L, ERROR_OVERFLOW, "verify_flags is too big");
  X509_VERIFY_PARAM_clear_flags(param, ~(unsigned long)flags);
  X509_VERIFY_PARAM_set_flags(param, (unsigned long)flags);
  if (!context_mark_sessions(c)) return error_throw_ssl(L, "verify_flags");
  return 0;
}

static int get_options(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)SSL_CTX_get_options(context_self(L)->handle));
  return 1;
}

/* Options that min/max versions have made superfluous. */
static const struct deprecated_option {
  uint64_t bit;
  const char *name;
} deprecated_options[] = {
    {SSL_OP_NO_SSLv3, "OP_NO_SSLv3"},     {SSL_OP_NO_TLSv1, "OP_NO_TLSv1"},
    {SSL_OP_NO_TLSv1_1, "OP_NO_TLSv1_1"}, {SSL_OP_NO_TLSv1_2, "OP_NO_TLSv1_2"},
    {SSL_OP_NO_TLSv1_3, "OP_NO_TLSv1_3"},
};

static void warn_options(lua_State *L, uint64_t added) {
  size_t n = sizeof deprecated_options / sizeof *deprecated_options;
  for (size_t i = 0; i < n; i++)
    if (added & deprecated_options[i].bit)
      warning_deprecated(L, deprecated_options[i].name);
}

/*
** The 64-bit set assigned at index 3. 2^63 comes as a float or as Lua's
** smallest integer; a small negative number is a mistake and no set.
*/
static uint64_t attribute_bits(lua_State *L) {
  int exact;
  if (lua_type(L, 3) == LUA_TNUMBER) {
    lua_Number n = lua_tonumber(L, 3);
    (void)lua_tointegerx(L, 3, &exact);
    if (!exact && n >= 0x1p63 && n < 0x1p64) return (uint64_t)n;
  }
  lua_Integer value = attribute_integer(L);
  if (value < 0 && value >= INT32_MIN)
    error_throw(L, ERROR_OVERFLOW, "options must not be negative");
  return (uint64_t)value;
}

/* D-04: assignment replaces the whole set. */
static int set_options(lua_State *L) {
  uint64_t present = SSL_CTX_get_options(context_self(L)->handle);
  uint64_t wanted = attribute_bits(L);
  warn_options(L, wanted & ~present); /* may run a finaliser */
  SSL_CTX *handle = context_self(L)->handle;
  SSL_CTX_clear_options(handle, ~wanted);
  SSL_CTX_set_options(handle, wanted);
  return 0;
}

/* The versions that may be assigned (D-05, D-06). */
static const struct version {
  int number;
  const char *deprecated;
} versions[] = {
    {SSL3_VERSION, "TLSVersion.SSLv3"},
    {TLS1_VERSION, "TLSVersion.TLSv1"},
    {TLS1_1_VERSION, "TLSVersion.TLSv1_1"},
    {TLS1_2_VERSION, NULL},
    {TLS1_3_VERSION, NULL},
};

/* The oldest version that this library has code for. */
static int lowest_version(void) {
#if !defined(OPENSSL_NO_SSL3)
  return SSL3_VERSION;
#elif !defined(OPENSSL_NO_TLS1)
  return TLS1_VERSION;
#elif !defined(OPENSSL_NO_TLS1_1)
  return TLS1_1_VERSION;
#else
  return TLS1_2_VERSION;
#endif
}

static const struct version *find_version(lua_Integer number) {
  for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
    if (versions[i].number == number) return &versions[i];
  return NULL;
}

static int refuse_version(lua_State *L, int version) {
  tlserr_clear();
  return error_throw(L, ERROR_VALUE, "unsupported TLS/SSL version 0x%x",
                     (unsigned)version);
}

/*
** The version assigned to an attribute of the receiver, in OpenSSL's terms,
** where 0 is the library's own bound. The warning may run a finaliser.
*/
static int attribute_version(lua_State *L, int for_minimum, int for_maximum) {
  const struct context *c = context_self(L);
  lua_Integer number = attribute_integer(L);
  if (!context_is_ranged(c))
    error_throw(L, ERROR_VALUE,
                "the context's protocol does not support modification of "
                "its versions");
  if (number > INT_MAX || number < INT_MIN)
    error_throw(L, ERROR_OVERFLOW, "version is too big");
  if (number == MINIMUM_SUPPORTED) return for_minimum;
  if (number == MAXIMUM_SUPPORTED) return for_maximum;
  const struct version *v = find_version(number);
  if (v == NULL) return refuse_version(L, (int)number);
  if (v->deprecated != NULL) warning_deprecated(L, v->deprecated);
  return v->number;
}

static int get_minimum_version(lua_State *L) {
  const struct context *c = context_self(L);
  int version = (int)SSL_CTX_get_min_proto_version(c->handle);
  if (version == 0 || !context_is_ranged(c)) version = MINIMUM_SUPPORTED;
  lua_pushinteger(L, version);
  return 1;
}

/* D-05. A refused version changes nothing. */
static int set_minimum_version(lua_State *L) {
  int version = attribute_version(L, 0, TLS1_3_VERSION);
  SSL_CTX *handle = context_self(L)->handle;
  if (!SSL_CTX_set_min_proto_version(handle, version))
    return refuse_version(L, version);
  if (version == SSL3_VERSION) SSL_CTX_clear_options(handle, SSL_OP_NO_SSLv3);
  return 0;
}

static int get_maximum_version(lua_State *L) {
  const struct context *c = context_self(L);
  int version = (int)SSL_CTX_get_max_proto_version(c->handle);
  if (version == 0 || !context_is_ranged(c)) version = MAXIMUM_SUPPORTED;
  lua_pushinteger(L, version);
  return 1;
}

/* D-06 */
static int set_maximum_version(lua_State *L) {
  int version = attribute_version(L, lowest_version(), 0);
  if (!SSL_CTX_set_max_proto_version(context_self(L)->handle, version))
    return refuse_version(L, version);
  return 0;
}

static int get_common_name(lua_State *L) {
  X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context_self(L)->handle);
  unsigned flags = X509_VERIFY_PARAM_get_hostflags(param);
  lua_pushboolean(L, (flags & X509_CHECK_FLAG_NEVER_CHECK_SUBJECT) == 0);
  return 1;
}

/* D-11 */
static int set_common_name(lua_State *L) {
  X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context_self(L)->handle);
  unsigned flags = X509_VERIFY_PARAM_get_hostflags(param) &
                   ~(unsigned)X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
  if (!attribute_boolean(L)) flags |= X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
  X509_VERIFY_PARAM_set_hostflags(param, flags);
  return 0;
}

static int get_post_handshake_auth(lua_State *L) {
  lua_pushboolean(L, context_self(L)->post_handshake_auth);
  return 1;
}

/* D-08: clients offer it; servers that verify leave the certificate to
** conn:verify_client_post_handshake(). */
static int set_post_handshake_auth(lua_State *L) {
  struct context *c = context_self(L);
  c->post_handshake_auth = attribute_boolean(L);
  SSL_CTX_set_post_handshake_auth(c->handle, c->post_handshake_auth);
  context_set_verify_mode(c, context_verify_mode(c));
  if (!context_mark_sessions(c))
    return error_throw_ssl(L, "post_handshake_auth");
  return 0;
}

/* D-12 */
static int get_protocol(lua_State *L) {
  lua_pushinteger(L, context_self(L)->protocol);
  return 1;
}

/* D-13 */
static int get_security_level(lua_State *L) {
  lua_pushinteger(L, SSL_CTX_get_security_level(context_self(L)->handle));
  return 1;
}

static int get_keylog(lua_State *L) {
  char copy[PATH_MAX]; /* Lua 5.1 may run a finaliser before it copies */
  const char *path = keylog_path(context_self(L)->handle);
  if (path != NULL) snprintf(copy, sizeof copy, "%s", path);
  lua_pushstring(L, path != NULL ? copy : NULL);
  return 1;
}

/* D-09: what cannot be opened, or is no path, ends logging too. */
static int set_keylog(lua_State *L) {
  struct context *c = context_self(L);
  bool is_path = lua_type(L, 3) == LUA_TSTRING;
  const char *path = is_path ? lua_tostring(L, 3) : NULL;
  bool whole = path == NULL || strlen(path) == lua_rawlen(L, 3);
  int number = keylog_set(c->handle, whole ? path : NULL);
  if (!is_path && !lua_isnil(L, 3)) return attribute_type_error(L, "string");
  if (!whole)
    return error_throw(L, ERROR_VALUE, "embedded NUL in keylog_filename");
  if (number != 0) return error_throw_errno(L, number, "keylog_filename");
  return 0;
}

static int get_release_buffers(lua_State *L) {
  enum engine_buffers buffers = context_self(L)->release_buffers;
  if (buffers == ENGINE_AS_IT_WAITS)
    lua_pushnil(L);
  else
    lua_pushboolean(L, buffers == ENGINE_GIVE);
  return 1;
}

/* nil: each connection by where it waits (design.md, Memory). */
static int set_release_buffers(lua_State *L) {
  struct context *c = context_self(L);
  enum engine_buffers buffers = ENGINE_AS_IT_WAITS;
  if (!lua_isnil(L, 3))
    buffers = attribute_boolean(L) ? ENGINE_GIVE : ENGINE_KEEP;
  c->release_buffers = buffers;
  return 0;
}

static int get_read_ahead(lua_State *L) {
  lua_pushboolean(L, context_self(L)->read_ahead);
  return 1;
}

static int set_read_ahead(lua_State *L) {
  struct context *c = context_self(L);
  c->read_ahead = attribute_boolean(L);
  return 0;
}

static int get_value(lua_State *L, int value) {
  context_self(L);
  lua_getiuservalue(L, 1, value);
  return 1;
}

static int set_class(lua_State *L, int value) {
  context_self(L);
  if (!lua_isnil(L, 3) && !lua_isfunction(L, 3))
    return attribute_type_error(L, "function");
  lua_setiuservalue(L, 1, value);
  return 0;
}

static int get_socket_class(lua_State *L) {
  return get_value(L, CONTEXT_SOCKET_CLASS);
}

/* D-14: what makes an ssl.socket what wrap_socket, accept and connect give. */
static int set_socket_class(lua_State *L) {
  return set_class(L, CONTEXT_SOCKET_CLASS);
}

static int get_object_class(lua_State *L) {
  return get_value(L, CONTEXT_OBJECT_CLASS);
}

/* D-15: the same for ssl.object and wrap_bio. */
static int set_object_class(lua_State *L) {
  return set_class(L, CONTEXT_OBJECT_CLASS);
}

const struct class_attribute context_attributes[] = {
    {"verify_mode", get_verify_mode, set_attribute_verify_mode},
    {"check_hostname", get_check_hostname, set_check_hostname},
    {"verify_flags", get_verify_flags, set_verify_flags},
    {"options", get_options, set_options},
    {"minimum_version", get_minimum_version, set_minimum_version},
    {"maximum_version", get_maximum_version, set_maximum_version},
    {"hostname_checks_common_name", get_common_name, set_common_name},
    {"post_handshake_auth", get_post_handshake_auth, set_post_handshake_auth},
    {"keylog_filename", get_keylog, set_keylog},
    {"_msg_callback", context_get_message_callback,
     context_set_message_callback},
    {"sni_callback", context_get_sni_callback, context_set_sni_callback},
    {"client_hello_callback", context_get_hello_callback,
     context_set_hello_callback},
    {"cert_callback", context_get_cert_callback, context_set_cert_callback},
    {"verify_callback", context_get_verify_callback,
     context_set_verify_callback},
    {"sslsocket_class", get_socket_class, set_socket_class},
    {"sslobject_class", get_object_class, set_object_class},
    {"num_tickets", context_get_num_tickets, context_set_num_tickets},
    {"auto_resume", context_get_auto_resume, context_set_auto_resume},
    {"waiter", context_get_waiter, context_set_waiter},
    {"release_buffers", get_release_buffers, set_release_buffers},
    {"read_ahead", get_read_ahead, set_read_ahead},
    {"protocol", get_protocol, NULL},
    {"security_level", get_security_level, NULL},
    {NULL, NULL, NULL},
};
