/*
** context_trust.c - whom a context trusts: the methods of ssl.context that
** load certificates of authorities and tell what is loaded.
*/
#include "../tls/systemtrust.h"
#include "args.h"
#include "authorities.h"
#include "certbox.h"
#include "certificate.h"
#include "certinfo.h"
#include "context.h"
#include "error.h"

#include <string.h>

/* Add sources to what the receiver trusts, or raise and change nothing. */
static int extend(lua_State *L, const struct trust_source *sources,
                  size_t count) {
  struct context *c = context_self(L);
  struct tls_error e;
  tlserr_clear();
  struct trust *trust = trust_extend(c->trust, sources, count, &e);
  if (trust == NULL) return error_raise(L, &e, "load");
  context_set_trust(L, c, trust);
  lua_pushboolean(L, 1);
  return 1;
}

/* A path at parameter i as a source; false where it is not given. */
static bool path_source(const struct args *a, int i, enum trust_kind kind,
                        struct trust_source *source) {
  size_t length;
  const char *path = args_opt_string(a, i, &length);
  if (path == NULL) return false;
  if (strlen(path) != length)
    error_throw(a->L, ERROR_VALUE, "embedded NUL in '%s'", a->names[i]);
  *source = (struct trust_source){.kind = kind, .text = path, .length = length};
  return true;
}

/* Certificates at parameter i as a source; false where it is not given. */
static bool data_source(const struct args *a, int i,
                        struct trust_source *source) {
  if (!args_given(a, i)) return false;
  *source = authorities_source(a, i, "string, buffer or " CERTIFICATE_T);
  return true;
}

/*
** ctx:load_verify_locations(cafile, capath, cadata) adds authorities (D-22).
** @param cafile  path of a PEM file with certificates and CRLs, read now
** @param capath  path of a hashed directory, looked into when needed
** @param cadata  string or buffer: PEM if it has "-----BEGIN", else DER; or an
**                ssl.certificate, or a list of these, shared by reference
** @return true
** Raises TypeError with none given, OSError for a file that cannot be read,
** ValueError for empty data, a closed object or an embedded NUL, SSLError for
** bad contents.
** A failed load leaves the context as it was.
*/
static int load_verify_locations(lua_State *L) {
  static const char *const names[] = {"cafile", "capath", "cadata", NULL};
  struct trust_source sources[3];
  struct args a;
  size_t count = 0;
  context_self(L);
  args_take(&a, L, 2, names);
  if (data_source(&a, 2, &sources[count])) count++;
  if (path_source(&a, 0, TRUST_FILE, &sources[count])) count++;
  if (path_source(&a, 1, TRUST_DIRECTORY, &sources[count])) count++;
  if (count == 0)
    return error_throw(L, ERROR_TYPE,
                       "cafile, capath and cadata cannot all be omitted");
  return extend(L, sources, count);
}

/*
** ctx:load_crl(crl) adds certificate revocation lists. They are looked at where
** verify_flags has VERIFY_CRL_CHECK_LEAF or VERIFY_CRL_CHECK_CHAIN; of two by
** one issuer the newer counts.
** @param crl  string or buffer: PEM if it has "-----BEGIN", where certificates
**             are passed over, else DER; one list or more
** @return true
** Raises ValueError for empty data, SSLError for bad contents. A failed load
** leaves the context as it was.
*/
static int load_crl(lua_State *L) {
  struct args a = {.L = L, .first = 2};
  context_self(L);
  struct trust_source source =
      authorities_bytes(&a, 0, TRUST_CRL, "string or buffer");
  return extend(L, &source, 1);
}

/*
** ctx:set_default_verify_paths() trusts the system's authorities (D-23).
** They are looked up when a verification needs them.
** @return true, also where the system has none
*/
static int set_default_verify_paths(lua_State *L) {
  struct trust_source system = {.kind = TRUST_SYSTEM};
  return extend(L, &system, 1);
}

/*
** ctx:load_default_certs([purpose]) is the same for a purpose (D-21).
** @param purpose  ssl.Purpose member; default Purpose.SERVER_AUTH. It decides
**                 nothing: only the stores of Windows know purposes.
*/
static int load_default_certs(lua_State *L) {
  static const char *const names[] = {"purpose", NULL};
  struct args a;
  context_self(L);
  args_take(&a, L, 2, names);
  if (args_given(&a, 0) && !luaL_testudata(L, 2, "ssl.purpose"))
    return args_type_error(&a, 0, "ssl.purpose");
  return set_default_verify_paths(L);
}

static void set_count(lua_State *L, const char *name, int count) {
  lua_pushinteger(L, count);
  lua_setfield(L, -2, name);
}

/*
** ctx:cert_store_stats() counts what is loaded (D-24).
** @return table {x509=, x509_ca=, crl=} of integers
*/
static int cert_store_stats(lua_State *L) {
  struct context *c = context_self(L);
  struct trust_stats stats;
  struct tls_error e;
  if (!trust_stats(c->trust, &stats, &e)) return error_raise(L, &e, NULL);
  lua_createtable(L, 0, 3);
  set_count(L, "x509", stats.x509);
  set_count(L, "x509_ca", stats.x509_ca);
  set_count(L, "crl", stats.crl);
  return 1;
}

/*
** ctx:get_ca_certs([binary_form]) lists the authorities loaded (D-25).
** @param binary_form  boolean: DER strings; default false, decoded tables
** @return list. Those of a directory appear once they have been used.
*/
static int get_ca_certs(lua_State *L) {
  static const char *const names[] = {"binary_form", NULL};
  struct tls_error e;
  struct args a;
  context_self(L);
  args_take(&a, L, 2, names);
  bool binary = args_opt_boolean(&a, 0, false);
  struct certbox *box = certbox_push(L); /* may run a finaliser */
  box->list = trust_ca_certificates(context_self(L)->trust, &e);
  if (box->list == NULL) return error_raise(L, &e, NULL);
  int count = sk_X509_num(box->list);
  lua_createtable(L, count, 0);
  for (int i = 0; i < count; i++) {
    X509 *certificate = sk_X509_value(box->list, i);
    if (binary)
      certinfo_push_der(L, certificate);
    else
      certinfo_push(L, certificate);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

const luaL_Reg context_trust_methods[] = {
    {"load_verify_locations", load_verify_locations},
    {"load_crl", load_crl},
    {"set_default_verify_paths", set_default_verify_paths},
    {"load_default_certs", load_default_certs},
    {"cert_store_stats", cert_store_stats},
    {"get_ca_certs", get_ca_certs},
    {NULL, NULL},
};
