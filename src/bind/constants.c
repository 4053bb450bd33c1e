#include "constants.h"

#include <stdbool.h>

#include <openssl/crypto.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "../tls/channelbinding.h"
#include "enumtable.h"
#include "purpose.h"

struct constant {
  const char *name; /* NULL ends a list */
  lua_Integer value;
};

/* C.1 */
static const struct constant verify_modes[] = {
    {"CERT_NONE", 0},
    {"CERT_OPTIONAL", 1},
    {"CERT_REQUIRED", 2},
    {NULL, 0},
};

/* C.2 */
static const struct constant verify_flags[] = {
    {"VERIFY_DEFAULT", 0},
    {"VERIFY_CRL_CHECK_LEAF", X509_V_FLAG_CRL_CHECK},
    {"VERIFY_CRL_CHECK_CHAIN",
     X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL},
    {"VERIFY_X509_STRICT", X509_V_FLAG_X509_STRICT},
    {"VERIFY_ALLOW_PROXY_CERTS", X509_V_FLAG_ALLOW_PROXY_CERTS},
    {"VERIFY_X509_TRUSTED_FIRST", X509_V_FLAG_TRUSTED_FIRST},
    {"VERIFY_X509_PARTIAL_CHAIN", X509_V_FLAG_PARTIAL_CHAIN},
    {NULL, 0},
};

/* C.3; PROTOCOL_TLS stands before its alias, for get_protocol_name. */
static const struct constant protocols[] = {
    {"PROTOCOL_SSLv2", 0},       {"PROTOCOL_SSLv3", 1},
    {"PROTOCOL_TLS", 2},         {"PROTOCOL_SSLv23", 2},
    {"PROTOCOL_TLSv1", 3},       {"PROTOCOL_TLSv1_1", 4},
    {"PROTOCOL_TLSv1_2", 5},     {"PROTOCOL_TLS_CLIENT", 16},
    {"PROTOCOL_TLS_SERVER", 17}, {NULL, 0},
};

/* C.4; 64 bits without a sign, kept bit by bit in Lua's integers. */
#define OPTION(name)                                                           \
  { "OP_" #name, (lua_Integer)SSL_OP_##name }

static const struct constant options[] = {
    {"OP_ALL", (lua_Integer)(SSL_OP_ALL & ~SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS)},
    OPTION(NO_SSLv2),
    OPTION(NO_SSLv3),
    OPTION(NO_TLSv1),
    OPTION(NO_TLSv1_1),
    OPTION(NO_TLSv1_2),
    OPTION(NO_TLSv1_3),
    OPTION(NO_RENEGOTIATION),
    OPTION(CIPHER_SERVER_PREFERENCE),
    OPTION(SINGLE_DH_USE),
    OPTION(SINGLE_ECDH_USE),
    OPTION(ENABLE_MIDDLEBOX_COMPAT),
    OPTION(NO_COMPRESSION),
    OPTION(NO_TICKET),
    OPTION(IGNORE_UNEXPECTED_EOF),
    OPTION(ENABLE_KTLS),
    OPTION(LEGACY_SERVER_CONNECT),
    {NULL, 0},
};

/* C.7 */
#define ALERT(name)                                                            \
  { "ALERT_DESCRIPTION_" #name, SSL_AD_##name }

static const struct constant alerts[] = {
    ALERT(CLOSE_NOTIFY),
    ALERT(UNEXPECTED_MESSAGE),
    ALERT(BAD_RECORD_MAC),
    ALERT(RECORD_OVERFLOW),
    ALERT(DECOMPRESSION_FAILURE),
    ALERT(HANDSHAKE_FAILURE),
    ALERT(BAD_CERTIFICATE),
    ALERT(UNSUPPORTED_CERTIFICATE),
    ALERT(CERTIFICATE_REVOKED),
    ALERT(CERTIFICATE_EXPIRED),
    ALERT(CERTIFICATE_UNKNOWN),
    ALERT(ILLEGAL_PARAMETER),
    ALERT(UNKNOWN_CA),
    ALERT(ACCESS_DENIED),
    ALERT(DECODE_ERROR),
    ALERT(DECRYPT_ERROR),
    ALERT(PROTOCOL_VERSION),
    ALERT(INSUFFICIENT_SECURITY),
    ALERT(INTERNAL_ERROR),
    ALERT(USER_CANCELLED),
    ALERT(NO_RENEGOTIATION),
    ALERT(UNSUPPORTED_EXTENSION),
    ALERT(CERTIFICATE_UNOBTAINABLE),
    ALERT(UNRECOGNIZED_NAME),
    ALERT(BAD_CERTIFICATE_STATUS_RESPONSE),
    ALERT(BAD_CERTIFICATE_HASH_VALUE),
    ALERT(UNKNOWN_PSK_IDENTITY),
    {NULL, 0},
};

/* C.8 */
static const struct constant versions[] = {
    {"MINIMUM_SUPPORTED", -2},   {"SSLv3", SSL3_VERSION},
    {"TLSv1", TLS1_VERSION},     {"TLSv1_1", TLS1_1_VERSION},
    {"TLSv1_2", TLS1_2_VERSION}, {"TLSv1_3", TLS1_3_VERSION},
    {"MAXIMUM_SUPPORTED", -1},   {NULL, 0},
};

/* C.9 */
static const struct constant purposes[] = {
    {"SERVER_AUTH", NID_server_auth},
    {"CLIENT_AUTH", NID_client_auth},
    {NULL, 0},
};

/* C.10; the last two are Python's, not OpenSSL's. */
static const struct constant errors[] = {
    {"SSL_ERROR_SSL", SSL_ERROR_SSL},
    {"SSL_ERROR_WANT_READ", SSL_ERROR_WANT_READ},
    {"SSL_ERROR_WANT_WRITE", SSL_ERROR_WANT_WRITE},
    {"SSL_ERROR_WANT_X509_LOOKUP", SSL_ERROR_WANT_X509_LOOKUP},
    {"SSL_ERROR_SYSCALL", SSL_ERROR_SYSCALL},
    {"SSL_ERROR_ZERO_RETURN", SSL_ERROR_ZERO_RETURN},
    {"SSL_ERROR_WANT_CONNECT", SSL_ERROR_WANT_CONNECT},
    {"SSL_ERROR_EOF", 8},
    {"SSL_ERROR_INVALID_ERROR_CODE", 10},
    {NULL, 0},
};

/* The argument of a socket's shutdown. */
static const struct constant directions[] = {
    {"SHUT_RD", 0},
    {"SHUT_WR", 1},
    {"SHUT_RDWR", 2},
    {NULL, 0},
};

/* The enums with integers, and whether their members are flat names too. */
static const struct {
  const char *name;
  const struct constant *members;
  bool flat;
} enums[] = {
    {"VerifyMode", verify_modes, true}, {"VerifyFlags", verify_flags, true},
    {"Options", options, true},         {"AlertDescription", alerts, true},
    {"SSLErrorNumber", errors, true},   {"TLSVersion", versions, false},
};

/* C.5; which protocol versions and extensions OpenSSL was built with. */
#ifdef OPENSSL_NO_SSL3
#define WITH_SSLv3 false
#else
#define WITH_SSLv3 true
#endif
#ifdef OPENSSL_NO_TLS1
#define WITH_TLSv1 false
#else
#define WITH_TLSv1 true
#endif
#ifdef OPENSSL_NO_TLS1_1
#define WITH_TLSv1_1 false
#else
#define WITH_TLSv1_1 true
#endif
#ifdef OPENSSL_NO_TLS1_2
#define WITH_TLSv1_2 false
#else
#define WITH_TLSv1_2 true
#endif
#ifdef OPENSSL_NO_TLS1_3
#define WITH_TLSv1_3 false
#else
#define WITH_TLSv1_3 true
#endif
#ifdef OPENSSL_NO_PSK
#define WITH_PSK false
#else
#define WITH_PSK true
#endif
#ifdef OPENSSL_NO_EXTERNAL_PSK_TLS13
#define WITH_PSK_TLS13 false
#else
#define WITH_PSK_TLS13 true
#endif

static const struct {
  const char *name;
  bool value;
} features[] = {
    {"HAS_ALPN", true},
    {"HAS_NEVER_CHECK_COMMON_NAME", true},
    {"HAS_ECDH", true},
    {"HAS_SNI", true},
    {"HAS_NPN", false},
    {"HAS_SSLv2", false},
    {"HAS_SSLv3", WITH_SSLv3},
    {"HAS_TLSv1", WITH_TLSv1},
    {"HAS_TLSv1_1", WITH_TLSv1_1},
    {"HAS_TLSv1_2", WITH_TLSv1_2},
    {"HAS_TLSv1_3", WITH_TLSv1_3},
    {"HAS_PSK", WITH_PSK},
    {"HAS_PHA", true},
    {"HAS_PSK_TLS13", WITH_PSK_TLS13},
};

/***
The name of a protocol constant (A.3).
@function ssl.get_protocol_name
@tparam integer code  one of PROTOCOL_*
@treturn string  "PROTOCOL_TLS", ...; "<unknown>" for anything else
*/
static int get_protocol_name(lua_State *L) {
  const char *name = "<unknown>";
  int exact = 0;
  luaL_checkany(L, 1);
  lua_Integer code = lua_tointegerx(L, 1, &exact);
  if (exact && lua_type(L, 1) == LUA_TNUMBER)
    for (const struct constant *c = protocols; c->name != NULL; c++)
      if (c->value == code) {
        name = c->name;
        break;
      }
  lua_pushstring(L, name);
  return 1;
}

/* The functions set_... set fields of the table at the top. */

static void set_flat(lua_State *L, const struct constant *c) {
  for (; c->name != NULL; c++) {
    lua_pushinteger(L, c->value);
    lua_setfield(L, -2, c->name);
  }
}

static void set_enum(lua_State *L, const char *name,
                     const struct constant *members) {
  enumtable_begin(L);
  for (const struct constant *c = members; c->name != NULL; c++) {
    lua_pushinteger(L, c->value);
    enumtable_add(L, c->name);
  }
  enumtable_end(L, name);
  lua_setfield(L, -2, name);
}

static void set_purposes(lua_State *L) {
  purpose_open(L);
  enumtable_begin(L);
  for (const struct constant *c = purposes; c->name != NULL; c++) {
    purpose_push(L, c->name, (int)c->value);
    enumtable_add(L, c->name);
  }
  enumtable_end(L, "Purpose");
  lua_setfield(L, -2, "Purpose");
}

/* C.6; the number's fields, from the highest: 8, 8, 8, 8 and 4 bits. */
static void set_library(lua_State *L) {
  static const int shifts[] = {28, 20, 12, 4};
  unsigned long number = OpenSSL_version_num();
  lua_pushstring(L, OpenSSL_version(OPENSSL_VERSION));
  lua_setfield(L, -2, "OPENSSL_VERSION");
  lua_pushinteger(L, (lua_Integer)number);
  lua_setfield(L, -2, "OPENSSL_VERSION_NUMBER");
  lua_createtable(L, 5, 0);
  for (int i = 0; i < 4; i++) {
    lua_pushinteger(L, (lua_Integer)(number >> shifts[i] & 0xFF));
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushinteger(L, (lua_Integer)(number & 0xF));
  lua_rawseti(L, -2, 5);
  lua_setfield(L, -2, "OPENSSL_VERSION_INFO");
}

static void set_channel_bindings(lua_State *L) {
  lua_newtable(L);
  for (int i = 0; channelbinding_names[i] != NULL; i++) {
    lua_pushstring(L, channelbinding_names[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "CHANNEL_BINDING_TYPES");
}

static void set_texts(lua_State *L) {
  lua_pushliteral(L, "-----BEGIN " PEM_STRING_X509 "-----");
  lua_setfield(L, -2, "PEM_HEADER");
  lua_pushliteral(L, "-----END " PEM_STRING_X509 "-----");
  lua_setfield(L, -2, "PEM_FOOTER");
}

void constants_open(lua_State *L) {
  for (size_t i = 0; i < sizeof enums / sizeof *enums; i++) {
    set_enum(L, enums[i].name, enums[i].members);
    if (enums[i].flat) set_flat(L, enums[i].members);
  }
  for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
    lua_pushboolean(L, features[i].value);
    lua_setfield(L, -2, features[i].name);
  }
  set_flat(L, protocols);
  set_flat(L, directions);
  set_purposes(L);
  set_library(L);
  set_channel_bindings(L);
  set_texts(L);
  lua_pushcfunction(L, get_protocol_name);
  lua_setfield(L, -2, "get_protocol_name");
}
