#include "settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../tls/alpn.h"
#include "authorities.h"
#include "certificate.h"
#include "error.h"
#include "keypair.h"
#include "protocols.h"

#define SETTINGS_T "ssl.settings"

/* Where the options stand, from the first one on. */
enum { CERTIFICATE, PRIVATE_KEY, TRUST, VERIFY_MODE, PROTOCOLS };

#define NO_MODE (-1) /* the context's */

#define UNCHECKED "verify_mode cannot be CERT_NONE while check_hostname is on"

struct settings {
  struct certkey *certificates; /* one for each kind of key */
  size_t count;
  struct trust *trust;      /* NULL: the context's */
  unsigned char *protocols; /* in wire form; NULL: the context's */
  size_t protocols_length;
  int verify_mode; /* CERT_*, or NO_MODE */
  bool gone;       /* emptied by the collector, before its connection was */
};

static int settings_gc(lua_State *L) {
  struct settings *s = class_self(L);
  for (size_t i = 0; i < s->count; i++)
    certkey_clear(&s->certificates[i]);
  free(s->certificates);
  free(s->protocols);
  trust_free(s->trust);
  memset(s, 0, sizeof *s);
  s->gone = true;
  return 0;
}

static const luaL_Reg metamethods[] = {{"__gc", settings_gc}, {NULL, NULL}};

const struct class settings_class = {
    .name = SETTINGS_T,
    .metamethods = metamethods,
};

/* Push an empty box. */
static struct settings *push(lua_State *L) {
  struct settings *s = class_box(L, SETTINGS_T, sizeof *s, 0);
  s->verify_mode = NO_MODE;
  return s;
}

/* A connection that outlives its box must not fall back to its context's. */
static bool fail_gone(struct tls_error *e) {
  tlserr_set(e, ERROR_VALUE, "operation on a closed connection");
  return false;
}

static void fail_memory(lua_State *L) {
  error_throw_errno(L, ENOMEM, "connection settings");
}

/* ---- certificates ---- */

/* Its place: where one with such a key stands, else a new one. NULL: out of
** memory. */
static struct certkey *find_place(struct settings *s, EVP_PKEY *key) {
  int kind = EVP_PKEY_get_base_id(key);
  for (size_t i = 0; i < s->count; i++)
    if (EVP_PKEY_get_base_id(s->certificates[i].key) == kind)
      return &s->certificates[i];
  struct certkey *more =
      realloc(s->certificates, (s->count + 1) * sizeof *more);
  if (more == NULL) return NULL;
  memset(&more[s->count], 0, sizeof *more);
  s->certificates = more;
  return &more[s->count++];
}

/* Take over what *c holds. False: out of memory. */
static bool put_certificate(struct settings *s, struct certkey *c) {
  struct certkey *place = find_place(s, c->key);
  if (place == NULL) return false;
  certkey_clear(place);
  *place = *c;
  memset(c, 0, sizeof *c);
  return true;
}

static bool share_certificates(struct settings *s,
                               const struct settings *from) {
  for (size_t i = 0; i < from->count; i++) {
    struct certkey each;
    if (!certkey_share(&each, &from->certificates[i])) return false;
    if (put_certificate(s, &each)) continue;
    certkey_clear(&each);
    return false;
  }
  return true;
}

/* In place of the context's. */
bool settings_apply_certificates(const struct settings *s, SSL *ssl,
                                 struct tls_error *e) {
  if (s->count > 0) SSL_certs_clear(ssl);
  for (size_t i = 0; i < s->count; i++)
    if (!certkey_install_connection(&s->certificates[i], ssl, e)) return false;
  return true;
}

/* Would they do on this context? Only an SSL knows (the security level). */
static bool try_certificates(const struct settings *s, SSL_CTX *context,
                             struct tls_error *e) {
  tlserr_clear();
  SSL *ssl = SSL_new(context);
  bool ok = ssl != NULL && settings_apply_certificates(s, ssl, e);
  if (ssl == NULL) tlserr_take(e, "cannot use the certificate");
  SSL_free(ssl);
  return ok;
}

/* ---- the options ---- */

static int check_verify_mode(const struct args *a, int i,
                             const struct context *c) {
  if (!args_given(a, i)) return NO_MODE;
  lua_Integer mode = args_integer(a, i);
  if (mode < 0 || mode > 2)
    error_throw(a->L, ERROR_VALUE, "invalid value for verify_mode");
  if (mode == 0 && c->check_hostname) error_throw(a->L, ERROR_VALUE, UNCHECKED);
  return (int)mode;
}

static bool copy_protocols(struct settings *s, const unsigned char *list,
                           size_t length) {
  s->protocols = malloc(length + 1);
  s->protocols_length = length;
  if (s->protocols != NULL && length > 0) memcpy(s->protocols, list, length);
  return s->protocols != NULL;
}

static void take_protocols(const struct args *a, int i, struct settings *s) {
  size_t length;
  if (!args_given(a, i)) return;
  const unsigned char *list = protocols_push(a, i, "ALPN", &length);
  if (!copy_protocols(s, list, length)) fail_memory(a->L);
}

/* What is trusted that a context trusts, or just these certificates. */
static void take_trust(const struct args *a, int i, struct settings *s) {
  struct tls_error e;
  if (!args_given(a, i)) return;
  if (luaL_testudata(a->L, a->first + i, CONTEXT_T) != NULL) {
    s->trust = trust_ref(context_check(a->L, a->first + i)->trust);
    return;
  }
  struct trust_source source =
      authorities_source(a, i, CONTEXT_T ", string, buffer or " CERTIFICATE_T);
  struct trust *nobody = trust_empty();
  if (nobody == NULL) fail_memory(a->L);
  s->trust = trust_extend(nobody, &source, 1, &e);
  trust_free(nobody);
  if (s->trust == NULL) error_raise(a->L, &e, "load");
}

static bool has_keypair(const struct args *a, int i) {
  return args_given(a, i + CERTIFICATE) || args_given(a, i + PRIVATE_KEY);
}

static struct keypair_places places_at(int i) {
  return (struct keypair_places){KEYPAIR_NONE, KEYPAIR_NONE, KEYPAIR_NONE,
                                 i + CERTIFICATE, i + PRIVATE_KEY};
}

static void take_keypair(const struct args *a, int i, struct settings *s) {
  struct keypair_places places = places_at(i);
  struct tls_error e;
  if (!has_keypair(a, i)) return;
  struct credentials *read = credentials_push(a->L);
  bool ok = keypair_read(a, &places, read, &e);
  if (ok && !put_certificate(s, &read->parsed)) {
    tlserr_system(&e, ENOMEM);
    ok = false;
  }
  credentials_clear(read);
  if (!ok) error_raise(a->L, &e, "load");
}

static bool any_given(const struct args *a, int i) {
  for (int n = 0; n < SETTINGS_COUNT; n++)
    if (args_given(a, i + n)) return true;
  return false;
}

/* A finaliser may have closed the context. */
static void check_open(lua_State *L, const struct context *c) {
  if (c->handle == NULL)
    error_throw(L, ERROR_VALUE, "operation on a closed context");
}

void settings_take(const struct args *a, int i, const struct context *c) {
  lua_State *L = a->L;
  struct keypair_places places = places_at(i);
  struct tls_error e;
  if (!any_given(a, i)) {
    lua_pushnil(L);
    return;
  }
  luaL_checkstack(L, 10, "connection settings");
  if (has_keypair(a, i)) keypair_check(a, &places);
  int mode = check_verify_mode(a, i + VERIFY_MODE, c);
  struct settings *s = push(L);
  int index = lua_gettop(L);
  s->verify_mode = mode;
  take_protocols(a, i + PROTOCOLS, s);
  take_trust(a, i + TRUST, s);
  take_keypair(a, i, s);
  check_open(L, c);
  if (s->count > 0 && !try_certificates(s, c->handle, &e))
    error_raise(L, &e, "load");
  lua_settop(L, index);
}

/* ---- in force ---- */

struct trust *settings_trust(const struct settings *s,
                             const struct context *c) {
  return s != NULL && s->trust != NULL ? s->trust : c->trust;
}

bool settings_has_certificate(const struct settings *s) {
  return s != NULL && s->count > 0;
}

static bool apply_protocols(const struct settings *s, SSL *ssl) {
  return s->protocols == NULL ||
         alpn_set_connection(ssl, s->protocols, s->protocols_length);
}

/* Sessions are bound to what decides about the peer. */
static bool mark_sessions(const struct settings *s, const struct context *c,
                          SSL *ssl) {
  bool same = s->trust == NULL && s->verify_mode == NO_MODE;
  if (same || !SSL_is_server(ssl)) return true;
  return context_mark_connection(c, ssl, settings_trust(s, c));
}

/* Has the context begun to check names since the options were taken? */
static bool check_unverified(const struct settings *s, const struct context *c,
                             const SSL *ssl, struct tls_error *e) {
  if (s->verify_mode != 0 || !c->check_hostname || SSL_is_server(ssl))
    return true;
  tlserr_set(e, ERROR_VALUE, UNCHECKED);
  return false;
}

bool settings_apply(const struct settings *s, const struct context *c, SSL *ssl,
                    struct tls_error *e) {
  if (s->gone) return fail_gone(e);
  if (!check_unverified(s, c, ssl, e)) return false;
  if (!settings_apply_certificates(s, ssl, e)) return false;
  if (s->verify_mode != NO_MODE)
    SSL_set_verify(ssl, context_verify_bits(c, s->verify_mode), NULL);
  if (apply_protocols(s, ssl) && mark_sessions(s, c, ssl)) return true;
  tlserr_take(e, "cannot make a TLS connection");
  return false;
}

/* ---- another certificate ---- */

static bool copy(struct settings *s, const struct settings *from) {
  s->verify_mode = from->verify_mode;
  if (from->trust != NULL) s->trust = trust_ref(from->trust);
  return (from->protocols == NULL ||
          copy_protocols(s, from->protocols, from->protocols_length)) &&
         share_certificates(s, from);
}

bool settings_extend(lua_State *L, const struct settings *base,
                     struct certkey *c, const struct context *context,
                     struct tls_error *e) {
  struct settings *s = push(L); /* may run a finaliser */
  if (base != NULL && base->gone) return fail_gone(e);
  if (context->handle == NULL) {
    tlserr_set(e, ERROR_VALUE, "operation on a closed context");
    return false;
  }
  if ((base != NULL && !copy(s, base)) || !put_certificate(s, c)) {
    tlserr_system(e, ENOMEM);
    return false;
  }
  return try_certificates(s, context->handle, e);
}
