#include "context.h"

#include <limits.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "../tls/engine.h"
#include "args.h"
#include "error.h"
#include "pressure.h"
#include "warning.h"

/* PROTOCOL_* (api.md C.3). */
enum {
  PROTOCOL_TLS = 2,
  PROTOCOL_TLSv1 = 3,
  PROTOCOL_TLSv1_1 = 4,
  PROTOCOL_TLSv1_2 = 5,
  PROTOCOL_TLS_CLIENT = 16,
  PROTOCOL_TLS_SERVER = 17
};

/* TLSVersion's two that are no wire version (C.8). */
#define MINIMUM_SUPPORTED (-2)
#define MAXIMUM_SUPPORTED (-1)

/* The protocols a context can be made for. `fixed`: just one version. */
static const struct protocol {
  int number;
  const SSL_METHOD *(*method)(void);
  int fixed;
  const char *deprecated; /* the name to warn about */
} protocols[] = {
    {PROTOCOL_TLS, TLS_method, 0, "PROTOCOL_TLS"},
    {PROTOCOL_TLSv1, TLS_method, TLS1_VERSION, "PROTOCOL_TLSv1"},
    {PROTOCOL_TLSv1_1, TLS_method, TLS1_1_VERSION, "PROTOCOL_TLSv1_1"},
    {PROTOCOL_TLSv1_2, TLS_method, TLS1_2_VERSION, "PROTOCOL_TLSv1_2"},
    {PROTOCOL_TLS_CLIENT, TLS_client_method, 0, NULL},
    {PROTOCOL_TLS_SERVER, TLS_server_method, 0, NULL},
};

/* The documented defaults (D.1). */
#define DEFAULT_CIPHERS                                                        \
  "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:"      \
  "!aDSS:!SHA1:!AESCCM"
#define DEFAULT_OPTIONS                                                        \
  ((SSL_OP_ALL & ~SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS) | SSL_OP_NO_SSLv3 |      \
   SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE)

static struct context *check_open(lua_State *L, struct context *c) {
  if (c->handle == NULL)
    error_throw(L, ERROR_VALUE, "operation on a closed context");
  return c;
}

struct context *context_check(lua_State *L, int arg) {
  return check_open(L, class_check(L, arg, CONTEXT_T));
}

struct context *context_self(lua_State *L) {
  return check_open(L, class_self(L));
}

/* CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED as OpenSSL's bits. */
static const int verify_bits[] = {
    SSL_VERIFY_NONE,
    SSL_VERIFY_PEER,
    SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
};

static int verify_mode_of(const struct context *c) {
  int bits = SSL_CTX_get_verify_mode(c->handle);
  if ((bits & SSL_VERIFY_PEER) == 0) return 0;
  return (bits & SSL_VERIFY_FAIL_IF_NO_PEER_CERT) ? 2 : 1;
}

/*
** A session may be resumed only where it would have been made: the session-id
** context is a digest of all that decides whether a peer is let in. It is
** never empty, or resumption with client certificates is a fatal error.
*/
static bool mark_sessions(struct context *c) {
  unsigned char material[32 + 3 * sizeof(unsigned long)];
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length;
  X509_VERIFY_PARAM *param = SSL_CTX_get0_param(c->handle);
  unsigned long numbers[] = {
      (unsigned long)SSL_CTX_get_verify_mode(c->handle),
      X509_VERIFY_PARAM_get_flags(param),
      c->check_hostname,
  };
  memcpy(material, trust_digest(c->trust), 32);
  memcpy(material + 32, numbers, sizeof numbers);
  return EVP_Digest(material, sizeof material, digest, &length, EVP_sha256(),
                    NULL) &&
         SSL_CTX_set_session_id_context(c->handle, digest, length);
}

static void set_verify_mode(struct context *c, int mode) {
  SSL_CTX_set_verify(c->handle, verify_bits[mode], engine_note_fault);
}

void context_set_trust(lua_State *L, struct context *c, struct trust *trust) {
  trust_free(c->trust);
  c->trust = trust;
  SSL_CTX_set1_cert_store(c->handle, trust_store(trust));
  if (!mark_sessions(c)) error_throw_ssl(L, "cannot set the session context");
}

static const struct protocol *find_protocol(lua_Integer number) {
  for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
    if (protocols[i].number == number) return &protocols[i];
  return NULL;
}

/* The documented defaults, on a new SSL_CTX. False: the queue says why. */
static bool set_defaults(struct context *c, const struct protocol *p) {
  X509_VERIFY_PARAM *param = SSL_CTX_get0_param(c->handle);
  int minimum = p->fixed != 0 ? p->fixed : TLS1_2_VERSION;
  SSL_CTX_set_options(c->handle, DEFAULT_OPTIONS);
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_TRUSTED_FIRST);
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  engine_prepare_context(c->handle);
  set_verify_mode(c, p->number == PROTOCOL_TLS_CLIENT ? 2 : 0);
  c->check_hostname = p->number == PROTOCOL_TLS_CLIENT;
  c->trust = trust_empty();
  return c->trust != NULL && mark_sessions(c) &&
         SSL_CTX_set_min_proto_version(c->handle, minimum) &&
         SSL_CTX_set_max_proto_version(c->handle, p->fixed) &&
         SSL_CTX_set_cipher_list(c->handle, DEFAULT_CIPHERS);
}

/*
** SSLContext([protocol]) makes a context (api.md D.1).
** @param protocol  integer, a PROTOCOL_* constant; nil is PROTOCOL_TLS
** @return ssl.context
** Raises ValueError for an unknown protocol.
*/
int context_new(lua_State *L) {
  static const char *const names[] = {"protocol", NULL};
  struct args a;
  args_take(&a, L, 1, names);
  lua_Integer number = args_opt_integer(&a, 0, PROTOCOL_TLS);
  const struct protocol *p = find_protocol(number);
  if (p == NULL)
    return error_throw(L, ERROR_VALUE,
                       "invalid or unsupported protocol version %lld",
                       (long long)number);
  if (p->deprecated != NULL) warning_deprecated(L, p->deprecated);
  struct context *c = class_box(L, CONTEXT_T, sizeof *c, 1);
  tlserr_clear();
  c->protocol = p->number;
  c->handle = SSL_CTX_new(p->method());
  if (c->handle == NULL || !set_defaults(c, p))
    return error_throw_ssl(L, "cannot make a context");
  pressure_add(L, PRESSURE_CONTEXT);
  return 1;
}

/*
** close(), __close and __gc: let go of everything. Connections hold their own
** references to what they need. Idempotent.
*/
static int context_close(lua_State *L) {
  struct context *c = class_self(L);
  SSL_CTX *handle = c->handle;
  if (handle != NULL) {
    c->handle = NULL;
    SSL_CTX_free(handle);
    trust_free(c->trust);
    c->trust = NULL;
    pressure_drop(L, PRESSURE_CONTEXT);
  }
  lua_pushboolean(L, 1);
  return 1;
}

static int get_verify_mode(lua_State *L) {
  lua_pushinteger(L, verify_mode_of(context_self(L)));
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
  set_verify_mode(c, (int)mode);
  if (!mark_sessions(c)) return error_throw_ssl(L, "verify_mode");
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
  if (check && verify_mode_of(c) == 0) set_verify_mode(c, 2);
  c->check_hostname = check;
  if (!mark_sessions(c)) return error_throw_ssl(L, "check_hostname");
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
  if (!mark_sessions(c)) return error_throw_ssl(L, "verify_flags");
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
  lua_Number n = lua_tonumber(L, 3);
  if (lua_type(L, 3) == LUA_TNUMBER && n >= 0x1p63 && n < 0x1p64)
    return (uint64_t)n;
  lua_Integer value = attribute_integer(L);
  if (value < 0 && value >= INT32_MIN)
    error_throw(L, ERROR_OVERFLOW, "options must not be negative");
  return (uint64_t)value;
}

/* D-04: assignment replaces the whole set. */
static int set_options(lua_State *L) {
  struct context *c = context_self(L);
  uint64_t wanted = attribute_bits(L);
  uint64_t present = SSL_CTX_get_options(c->handle);
  warn_options(L, wanted & ~present);
  SSL_CTX_clear_options(c->handle, present & ~wanted);
  SSL_CTX_set_options(c->handle, wanted & ~present);
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

static void check_ranged(lua_State *L, const struct context *c) {
  if (find_protocol(c->protocol)->fixed != 0)
    error_throw(L, ERROR_VALUE,
                "the context's protocol does not support modification of "
                "its versions");
}

/*
** The version assigned to attribute 2, in OpenSSL's terms, where 0 is the
** library's own bound.
*/
static int attribute_version(lua_State *L, int for_minimum, int for_maximum) {
  lua_Integer number = attribute_integer(L);
  if (number > INT_MAX || number < INT_MIN)
    error_throw(L, ERROR_OVERFLOW, "version is too big");
  if (number == MINIMUM_SUPPORTED) return for_minimum;
  if (number == MAXIMUM_SUPPORTED) return for_maximum;
  const struct version *v = find_version(number);
  if (v == NULL)
    error_throw(L, ERROR_VALUE, "unsupported TLS/SSL version 0x%x",
                (unsigned)number);
  if (v->deprecated != NULL) warning_deprecated(L, v->deprecated);
  return v->number;
}

static int get_minimum_version(lua_State *L) {
  const struct context *c = context_self(L);
  int version = (int)SSL_CTX_get_min_proto_version(c->handle);
  if (version == 0 || find_protocol(c->protocol)->fixed != 0)
    version = MINIMUM_SUPPORTED;
  lua_pushinteger(L, version);
  return 1;
}

/* D-05. A refused version changes nothing. */
static int set_minimum_version(lua_State *L) {
  struct context *c = context_self(L);
  lua_Integer wanted = attribute_integer(L);
  check_ranged(L, c);
  int version = attribute_version(L, 0, TLS1_3_VERSION);
  if (!SSL_CTX_set_min_proto_version(c->handle, version)) {
    tlserr_clear();
    return error_throw(L, ERROR_VALUE, "unsupported TLS/SSL version 0x%x",
                       (unsigned)version);
  }
  if (wanted == SSL3_VERSION) SSL_CTX_clear_options(c->handle, SSL_OP_NO_SSLv3);
  return 0;
}

static int get_maximum_version(lua_State *L) {
  const struct context *c = context_self(L);
  int version = (int)SSL_CTX_get_max_proto_version(c->handle);
  if (version == 0 || find_protocol(c->protocol)->fixed != 0)
    version = MAXIMUM_SUPPORTED;
  lua_pushinteger(L, version);
  return 1;
}

/* D-06 */
static int set_maximum_version(lua_State *L) {
  struct context *c = context_self(L);
  attribute_integer(L);
  check_ranged(L, c);
  int version = attribute_version(L, lowest_version(), 0);
  if (!SSL_CTX_set_max_proto_version(c->handle, version)) {
    tlserr_clear();
    return error_throw(L, ERROR_VALUE, "unsupported TLS/SSL version 0x%x",
                       (unsigned)version);
  }
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

static const struct class_attribute attributes[] = {
    {"verify_mode", get_verify_mode, set_attribute_verify_mode},
    {"check_hostname", get_check_hostname, set_check_hostname},
    {"verify_flags", get_verify_flags, set_verify_flags},
    {"options", get_options, set_options},
    {"minimum_version", get_minimum_version, set_minimum_version},
    {"maximum_version", get_maximum_version, set_maximum_version},
    {"hostname_checks_common_name", get_common_name, set_common_name},
    {"protocol", get_protocol, NULL},
    {"security_level", get_security_level, NULL},
    {NULL, NULL, NULL},
};

static const luaL_Reg methods[] = {{"close", context_close}, {NULL, NULL}};

static const luaL_Reg metamethods[] = {
    {"__gc", context_close},
    {"__close", context_close},
    {NULL, NULL},
};

const struct class context_class = {
    .name = CONTEXT_T,
    .methods = methods,
    .metamethods = metamethods,
    .attributes = attributes,
};
