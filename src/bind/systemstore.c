#include "systemstore.h"

#include <stdio.h>
#include <string.h>

#include "../sys/winstore.h"
#include "args.h"
#include "error.h"

#define SYSTEMSTORE_T "ssl.systemstore"

static int systemstore_gc(lua_State *L) {
  struct winstore_list *list = class_self(L);
  winstore_free(list);
  return 0;
}

static const luaL_Reg metamethods[] = {{"__gc", systemstore_gc}, {NULL, NULL}};

const struct class systemstore_class = {
    .name = SYSTEMSTORE_T,
    .metamethods = metamethods,
};

static int throw_unread(lua_State *L, const char *name, int number,
                        unsigned long code) {
  struct tls_error e, system;
  tlserr_system(&e, number);
  system = e;
  snprintf(e.message, sizeof e.message,
           "cannot read the certificate store '%.100s': %.200s "
           "(Windows error 0x%lX)",
           name, system.message, code);
  return error_raise(L, &e, NULL);
}

static void push_encoding(lua_State *L, unsigned long encoding) {
  if (encoding == WINSTORE_X509_ASN)
    lua_pushliteral(L, "x509_asn");
  else if (encoding == WINSTORE_PKCS_7_ASN)
    lua_pushliteral(L, "pkcs_7_asn");
  else
    lua_pushinteger(L, (lua_Integer)encoding);
}

/* true, or the list of the OIDs in the text. */
static void push_trust(lua_State *L, const char *purposes) {
  if (purposes == NULL) {
    lua_pushboolean(L, 1);
    return;
  }
  lua_newtable(L);
  for (int i = 1; *purposes != '\0'; i++) {
    size_t length = strcspn(purposes, " ");
    lua_pushlstring(L, purposes, length);
    lua_rawseti(L, -2, i);
    purposes += length + (purposes[length] == ' ');
  }
}

static void push_entry(lua_State *L, const struct winstore_entry *entry) {
  lua_createtable(L, 3, 0);
  lua_pushlstring(L, (const char *)entry->bytes, entry->length);
  lua_rawseti(L, -2, 1);
  push_encoding(L, entry->encoding);
  lua_rawseti(L, -2, 2);
  push_trust(L, entry->purposes);
  lua_rawseti(L, -2, 3);
}

/* The one argument of both functions. */
static const char *take_name(lua_State *L) {
  static const char *const names[] = {"store_name", NULL};
  struct args a;
  size_t length;
  args_take(&a, L, 1, names);
  const char *name = args_string(&a, 0, &length);
  if (strlen(name) != length)
    error_throw(L, ERROR_VALUE, "the store's name has an embedded NUL");
  return name;
}

static int list_store(lua_State *L, enum winstore_kind kind,
                      const char *function) {
  if (!winstore_exists())
    return error_throw(L, ERROR_NOT_IMPLEMENTED, "%s is for Windows only",
                       function);
  const char *name = take_name(L);
  struct winstore_list *list =
      class_box(L, SYSTEMSTORE_T, sizeof(struct winstore_list), 0);
  int number = winstore_read(name, kind, list);
  if (number != 0) return throw_unread(L, name, number, list->code);
  lua_newtable(L);
  for (size_t i = 0; i < list->count; i++) {
    push_entry(L, &list->entries[i]);
    lua_rawseti(L, -2, (int)i + 1);
  }
  winstore_free(list);
  return 1;
}

/***
The certificates in a store of Windows.
@function ssl.enum_certificates
@tparam string store_name  "ROOT", "CA", "MY" or another
@treturn table  a list of {bytes, encoding, trust}: the encoded certificate;
"x509_asn", "pkcs_7_asn" or Windows' number for another encoding; true where it
is good for all purposes, else the list of the OIDs of those that it is good for
@raise NotImplementedError elsewhere than on Windows; OSError (no such store, or
unreadable); ValueError (name with a NUL)
*/
static int enum_certificates(lua_State *L) {
  return list_store(L, WINSTORE_CERTIFICATES, "enum_certificates");
}

/***
The revocation lists in a store of Windows.
@function ssl.enum_crls
@tparam string store_name  as of enum_certificates
@treturn table  a list of {bytes, encoding, trust}; trust is true
@raise as enum_certificates
*/
static int enum_crls(lua_State *L) {
  return list_store(L, WINSTORE_CRLS, "enum_crls");
}

const luaL_Reg systemstore_functions[] = {
    {"enum_certificates", enum_certificates},
    {"enum_crls", enum_crls},
    {NULL, NULL},
};
