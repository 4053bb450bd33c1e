/*
** context_negotiation.c - what connections agree on in the handshake, beside
** the suites up to TLS 1.2: protocols, TLS 1.3's suites, groups, signatures.
*/
#include <string.h>

#include "../tls/algorithm.h"
#include "../tls/alpn.h"
#include "../tls/ciphersuites.h"
#include "args.h"
#include "context.h"
#include "error.h"
#include "protocols.h"
#include "warning.h"

/* ---- application protocols ---- */

/*
** ctx:set_alpn_protocols(protocols) chooses what clients offer and servers
** take, in order of preference (D-33, RFC 7301). A server's order decides; with
** nothing in common the handshake goes on without a protocol.
** @param protocols  array of ASCII strings of 1 to 255 bytes; {} offers none
** @return true
** Raises SSLError for a name's length and for more than 65533 bytes in all (a
** byte a name is added), ValueError where a name is not ASCII.
*/
static int set_alpn_protocols(lua_State *L) {
  struct args a = {.L = L, .first = 2};
  size_t size;
  context_self(L);
  const unsigned char *list = protocols_push(&a, 0, "ALPN", &size);
  /* The receiver again: a finaliser may have closed it. */
  if (!alpn_set(context_self(L)->handle, list, size))
    return error_throw_ssl(L, "out of memory");
  lua_pushboolean(L, 1);
  return 1;
}

/*
** ctx:set_npn_protocols(protocols) is deprecated: NPN is gone (D-34).
** @param protocols  as for set_alpn_protocols
** Raises NotImplementedError; before that what set_alpn_protocols raises.
*/
static int set_npn_protocols(lua_State *L) {
  struct args a = {.L = L, .first = 2};
  size_t size;
  context_self(L);
  warning_deprecated(L, "set_npn_protocols");
  protocols_push(&a, 0, "NPN", &size);
  return error_throw(L, ERROR_NOT_IMPLEMENTED,
                     "NPN is not supported; see set_alpn_protocols");
}

/* ---- suites, groups, signatures ---- */

/* Argument 1, a list in OpenSSL's form. */
static const char *check_names(lua_State *L) {
  size_t length;
  luaL_checktype(L, 2, LUA_TSTRING);
  const char *names = lua_tolstring(L, 2, &length);
  if (strlen(names) != length)
    error_throw(L, ERROR_VALUE, "embedded NUL in the list");
  return names;
}

/*
** OpenSSL has taken the list at index 2, or not. Where a name comes twice or
** there is none, it does not say why: one text for all causes.
*/
static int finish(lua_State *L, bool taken, const char *what) {
  tlserr_clear();
  if (!taken)
    return error_throw(L, ERROR_SSL,
                       "unrecognized %s in '%s' (unknown, given twice, or "
                       "none at all)",
                       what, lua_tostring(L, 2));
  lua_pushboolean(L, 1);
  return 1;
}

/*
** ctx:set_ciphersuites(names) chooses the suites of TLS 1.3 (D-28).
** @param names  string, names with ':' between, in order of preference; unknown
**               ones are skipped if one is known; "" leaves no suite
** @return true
** Raises SSLError where none is known or one is of an older version's (nothing
** changes), ValueError for an embedded NUL.
*/
static int set_ciphersuites(lua_State *L) {
  struct context *c = context_self(L);
  const char *names = check_names(L);
  tlserr_clear();
  if (!ciphersuites_set(c->handle, names))
    return error_throw_ssl(L, "no cipher match");
  lua_pushboolean(L, 1);
  return 1;
}

/* Push an array of the names. */
static int push_list(lua_State *L, const struct algorithm_list *list) {
  lua_createtable(L, (int)list->count, 0);
  for (size_t i = 0; i < list->count; i++) {
    lua_pushstring(L, list->names[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

/*
** ctx:get_groups([include_aliases]) lists the groups for key agreement that
** can be used between minimum_version and maximum_version (D-29).
** @param include_aliases  boolean, by keyword: also the other names that
**                         set_groups takes for them ("P-256"); default false
** @return array of names, IANA's
*/
static int get_groups(lua_State *L) {
  static const char *const names[] = {"include_aliases", NULL};
  struct algorithm_list list;
  struct args a;
  context_self(L);
  args_take(&a, L, 2, names);
  bool aliases = args_opt_boolean(&a, 0, false);
  if (args_given(&a, 0) && a.keywords == 0)
    return error_throw(L, ERROR_TYPE, "include_aliases goes in a table");
  SSL_CTX *handle = context_self(L)->handle;
  tlserr_clear();
  if (!algorithm_list_groups(&list, SSL_CTX_get_min_proto_version(handle),
                             SSL_CTX_get_max_proto_version(handle), aliases))
    return error_throw_ssl(L, "cannot list the groups");
  return push_list(L, &list);
}

/*
** ctx:set_groups(groups) chooses the groups for key agreement, for servers and
** clients (D-30).
** @param groups  string, OpenSSL's list: names with ':' between, in order of
**                preference; IANA's and OpenSSL's names do
** @return true
** Raises SSLError for an unknown name, one given twice, an empty list (nothing
** changes), ValueError for an embedded NUL.
*/
static int set_groups(lua_State *L) {
  struct context *c = context_self(L);
  const char *names = check_names(L);
  return finish(L, SSL_CTX_set1_groups_list(c->handle, names), "group");
}

/*
** ctx:set_client_sigalgs(sigalgs) chooses the signatures for authenticating
** clients: what a server asks for, what a client signs with (D-31).
** ctx:set_server_sigalgs(sigalgs) chooses all others: what a server signs with,
** what a client offers and accepts (D-32). Where the former is not called it
** holds for authenticating clients, too.
** @param sigalgs  string, names with ':' between, in order of preference:
**                 schemes ("rsa_pss_rsae_sha256"), OpenSSL's "RSA+SHA256"
** @return true
** Both raise as set_groups.
*/
static int set_client_sigalgs(lua_State *L) {
  struct context *c = context_self(L);
  const char *names = check_names(L);
  return finish(L, SSL_CTX_set1_client_sigalgs_list(c->handle, names),
                "signature algorithm");
}

static int set_server_sigalgs(lua_State *L) {
  struct context *c = context_self(L);
  const char *names = check_names(L);
  return finish(L, SSL_CTX_set1_sigalgs_list(c->handle, names),
                "signature algorithm");
}

/*
** get_sigalgs() lists the signature schemes that the library has.
** @return array of names, IANA's; each can be given to set_client_sigalgs
*/
static int get_sigalgs(lua_State *L) {
  struct algorithm_list list;
  tlserr_clear();
  if (!algorithm_list_schemes(&list))
    return error_throw_ssl(L, "cannot list the signature schemes");
  return push_list(L, &list);
}

const luaL_Reg context_negotiation_methods[] = {
    {"set_alpn_protocols", set_alpn_protocols},
    {"set_npn_protocols", set_npn_protocols},
    {"set_ciphersuites", set_ciphersuites},
    {"get_groups", get_groups},
    {"set_groups", set_groups},
    {"set_client_sigalgs", set_client_sigalgs},
    {"set_server_sigalgs", set_server_sigalgs},
    {NULL, NULL},
};

const luaL_Reg context_negotiation_functions[] = {
    {"get_sigalgs", get_sigalgs},
    {NULL, NULL},
};
