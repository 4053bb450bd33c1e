#include "context.h"

#include <limits.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "../tls/alpn.h"
#include "../tls/digest.h"
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

int context_verify_mode(const struct context *c) {
  int bits = SSL_CTX_get_verify_mode(c->handle);
  if ((bits & SSL_VERIFY_PEER) == 0) return 0;
  return (bits & SSL_VERIFY_FAIL_IF_NO_PEER_CERT) ? 2 : 1;
}

/*
** A session may be resumed only where it would have been made: the session-id
** context is a digest of all that decides whether a peer is let in. It is
** never empty, or resumption with client certificates is a fatal error.
*/
static bool make_mark(const struct context *c, const struct trust *trust,
                      int bits, const X509_VERIFY_PARAM *param,
                      unsigned char mark[DIGEST_SIZE]) {
  unsigned char material[32 + 6 * sizeof(unsigned long)];
  unsigned long numbers[] = {
      (unsigned long)bits, X509_VERIFY_PARAM_get_flags(param),
      c->check_hostname,   c->verify_callback,
      c->psk_server,       (unsigned long)SSL_CTX_get_security_level(c->handle),
  };
  memcpy(material, trust_digest(trust), 32);
  memcpy(material + 32, numbers, sizeof numbers);
  return digest_bytes(material, sizeof material, mark);
}

bool context_mark_sessions(struct context *c) {
  if (SSL_CTX_get_ssl_method(c->handle) == TLS_client_method())
    return true; /* it never has a server's sessions */
  unsigned char mark[DIGEST_SIZE];
  return make_mark(c, c->trust, SSL_CTX_get_verify_mode(c->handle),
                   SSL_CTX_get0_param(c->handle), mark) &&
         SSL_CTX_set_session_id_context(c->handle, mark, sizeof mark);
}

bool context_mark_connection(const struct context *c, SSL *ssl,
                             const struct trust *trust) {
  unsigned char mark[DIGEST_SIZE];
  return make_mark(c, trust, SSL_get_verify_mode(ssl), SSL_get0_param(ssl),
                   mark) &&
         SSL_set_session_id_context(ssl, mark, sizeof mark);
}

int context_verify_bits(const struct context *c, int mode) {
  int bits = verify_bits[mode];
  /* A client would verify its peer for this flag alone, whatever its mode. */
  if (c->post_handshake_auth && bits != 0) bits |= SSL_VERIFY_POST_HANDSHAKE;
  return bits;
}

void context_set_verify_mode(struct context *c, int mode) {
  SSL_CTX_set_verify(c->handle, context_verify_bits(c, mode),
                     engine_note_fault);
}

void context_set_trust(lua_State *L, struct context *c, struct trust *trust) {
  struct trust *former = c->trust;
  c->trust = trust;
  if (!context_mark_sessions(c)) {
    c->trust = former;
    trust_free(trust);
    error_throw_ssl(L, "cannot set the session context");
  }
  SSL_CTX_set1_cert_store(c->handle, trust_store(trust));
  trust_free(former);
}

static const struct protocol *find_protocol(lua_Integer number) {
  for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
    if (protocols[i].number == number) return &protocols[i];
  return NULL;
}

bool context_is_ranged(const struct context *c) {
  return find_protocol(c->protocol)->fixed == 0;
}

/* The documented defaults, on a new SSL_CTX. False: the queue says why. */
static bool set_defaults(struct context *c, const struct protocol *p) {
  X509_VERIFY_PARAM *param = SSL_CTX_get0_param(c->handle);
  int minimum = p->fixed != 0 ? p->fixed : TLS1_2_VERSION;
  SSL_CTX_set_options(c->handle, DEFAULT_OPTIONS);
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_TRUSTED_FIRST);
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  engine_prepare_context(c->handle);
  context_set_verify_mode(c, p->number == PROTOCOL_TLS_CLIENT ? 2 : 0);
  c->check_hostname = p->number == PROTOCOL_TLS_CLIENT;
  c->trust = trust_empty();
  return c->trust != NULL && alpn_prepare_context(c->handle) &&
         SSL_CTX_set_min_proto_version(c->handle, minimum) &&
         SSL_CTX_set_max_proto_version(c->handle, p->fixed) &&
         SSL_CTX_set_cipher_list(c->handle, DEFAULT_CIPHERS) &&
         context_mark_sessions(c);
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
  struct context *c = class_box(L, CONTEXT_T, sizeof *c, CONTEXT_VALUES);
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
  identity_release(c->last);
  c->last = NULL;
  lua_pushboolean(L, 1);
  return 1;
}

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
    .attributes = context_attributes,
};
