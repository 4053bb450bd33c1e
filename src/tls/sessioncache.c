#include "sessioncache.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MODE_ON                                                                \
  (SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_SERVER |                             \
   SSL_SESS_CACHE_NO_INTERNAL_STORE)

struct entry {
  unsigned char key[ENGINE_CACHE_KEY];
  SSL_SESSION *session;
};

/* The entries stand in the order of their use, the oldest first. */
struct cache {
  pid_t owner;
  int count;
  struct entry entries[SESSIONCACHE_MAX];
};

static int cache_index = -1;
static CRYPTO_ONCE index_once = CRYPTO_ONCE_STATIC_INIT;

static void clear(struct cache *c) {
  for (int i = 0; i < c->count; i++)
    SSL_SESSION_free(c->entries[i].session);
  c->count = 0;
}

static void destroy(struct cache *c) {
  if (c == NULL) return;
  clear(c);
  free(c);
}

/* Called by OpenSSL when the SSL_CTX goes. */
static void free_index(void *parent, void *value, CRYPTO_EX_DATA *data,
                       int index, long number, void *pointer) {
  (void)parent, (void)data, (void)index, (void)number, (void)pointer;
  destroy(value);
}

static void index_make(void) {
  do
    cache_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_index);
  while (cache_index == 0);
}

/* Asked before each use: another thread may be making it. */
static bool has_index(void) {
  return CRYPTO_THREAD_run_once(&index_once, index_make) && cache_index >= 0;
}

static struct cache *cache_of(const SSL_CTX *context) {
  return has_index() ? SSL_CTX_get_ex_data(context, cache_index) : NULL;
}

/* The cache, without what was inherited by a fork. */
static struct cache *own_cache(const SSL_CTX *context) {
  struct cache *c = cache_of(context);
  if (c == NULL || c->owner == getpid()) return c;
  clear(c);
  c->owner = getpid();
  return c;
}

/* Take entry i out; its session is the caller's. */
static SSL_SESSION *pull(struct cache *c, int i) {
  SSL_SESSION *session = c->entries[i].session;
  c->count--;
  memmove(&c->entries[i], &c->entries[i + 1],
          (size_t)(c->count - i) * sizeof *c->entries);
  return session;
}

/* Put a session behind all others; it is the cache's now. */
static void push(struct cache *c, const unsigned char *key,
                 SSL_SESSION *session) {
  if (c->count == SESSIONCACHE_MAX) SSL_SESSION_free(pull(c, 0));
  struct entry *entry = &c->entries[c->count++];
  memcpy(entry->key, key, sizeof entry->key);
  entry->session = session;
}

static bool is_usable(const SSL_SESSION *session) {
  time_t age = time(NULL) - (time_t)SSL_SESSION_get_time(session);
  return SSL_SESSION_is_resumable(session) && age >= 0 &&
         age < (time_t)SSL_SESSION_get_timeout(session);
}

static bool is_single_use(const SSL_SESSION *session) {
  return SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION;
}

/* Keep at most `most` sessions of a key, the newest. */
static void trim(struct cache *c, const unsigned char *key, int most) {
  for (int i = c->count - 1; i >= 0; i--)
    if (memcmp(c->entries[i].key, key, ENGINE_CACHE_KEY) == 0 && most-- <= 0)
      SSL_SESSION_free(pull(c, i));
}

/* The newest session of a key, or NULL; the reference is the caller's. What is
** of no more use goes. */
static SSL_SESSION *take(struct cache *c, const unsigned char *key) {
  for (int i = c->count - 1; i >= 0; i--) {
    if (memcmp(c->entries[i].key, key, ENGINE_CACHE_KEY) != 0) continue;
    SSL_SESSION *session = pull(c, i);
    if (!is_usable(session)) {
      SSL_SESSION_free(session);
      continue;
    }
    if (!is_single_use(session) && SSL_SESSION_up_ref(session))
      push(c, key, session);
    return session;
  }
  return NULL;
}

/*
** A context for both sides, of whose servers OpenSSL would keep the sessions
** if it were not told to leave its clients' alone: those that are asked for
** again by their number.
*/
static void keep_for_server(SSL *ssl, SSL_SESSION *session) {
  if (!is_single_use(session) || (SSL_get_options(ssl) & SSL_OP_NO_TICKET))
    SSL_CTX_add_session(SSL_get_SSL_CTX(ssl), session);
}

/* Called by OpenSSL with each new session. 1: the reference is taken over. */
static int keep(SSL *ssl, SSL_SESSION *session) {
  struct cache *c = own_cache(SSL_get_SSL_CTX(ssl));
  const struct engine *e = engine_of(ssl);
  if (SSL_is_server(ssl)) {
    keep_for_server(ssl, session);
    return 0;
  }
  if (c == NULL || e == NULL || e->cache_key == NULL) return 0;
  trim(c, e->cache_key, is_single_use(session) ? SESSIONCACHE_EACH - 1 : 0);
  push(c, e->cache_key, session);
  return 1;
}

static bool has_usable(const struct cache *c, const unsigned char *key) {
  for (int i = 0; i < c->count; i++)
    if (memcmp(c->entries[i].key, key, ENGINE_CACHE_KEY) == 0 &&
        is_usable(c->entries[i].session))
      return true;
  return false;
}

/*
** A client has resumed a session. A server of TLS 1.2 may give it a new ticket
** then: that voids the one that is kept, and OpenSSL does not tell of it.
*/
static void renew(SSL *ssl) {
  struct cache *c = own_cache(SSL_get_SSL_CTX(ssl));
  const struct engine *e = engine_of(ssl);
  if (c == NULL || e == NULL || e->cache_key == NULL) return;
  SSL_SESSION *session = SSL_get1_session(ssl);
  if (session == NULL) return;
  if (is_single_use(session) || !is_usable(session) ||
      has_usable(c, e->cache_key) || !keep(ssl, session))
    SSL_SESSION_free(session);
}

/* A client's, in the place of its context's. */
static void on_info(const SSL *ssl, int where, int value) {
  void (*general)(const SSL *, int, int) =
      SSL_CTX_get_info_callback(SSL_get_SSL_CTX(ssl));
  if (general != NULL) general(ssl, where, value);
  if (where == SSL_CB_HANDSHAKE_DONE && SSL_session_reused(ssl))
    renew((SSL *)ssl);
}

static bool begin(SSL_CTX *context) {
  struct cache *c = calloc(1, sizeof *c);
  if (c == NULL) return false;
  c->owner = getpid();
  if (!SSL_CTX_set_ex_data(context, cache_index, c)) {
    free(c);
    return false;
  }
  SSL_CTX_sess_set_new_cb(context, keep);
  SSL_CTX_set_session_cache_mode(context, MODE_ON);
  return true;
}

static void end(SSL_CTX *context, struct cache *c) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER);
  SSL_CTX_sess_set_new_cb(context, NULL);
  SSL_CTX_set_ex_data(context, cache_index, NULL); /* its slot exists */
  destroy(c);
}

bool sessioncache_set(SSL_CTX *context, bool on) {
  if (!has_index()) return false;
  struct cache *c = cache_of(context);
  if (on && c == NULL) return begin(context);
  if (!on && c != NULL) end(context, c);
  return true;
}

bool sessioncache_is_on(const SSL_CTX *context) {
  return cache_of(context) != NULL;
}

bool sessioncache_join(struct engine *e) {
  struct cache *c = own_cache(SSL_get_SSL_CTX(e->ssl));
  if (c == NULL || e->cache_key == NULL) return true;
  SSL_set_info_callback(e->ssl, on_info);
  SSL_SESSION *session = take(c, e->cache_key);
  if (session == NULL) return true;
  bool ok = SSL_set_session(e->ssl, session) == 1;
  SSL_SESSION_free(session);
  return ok;
}
