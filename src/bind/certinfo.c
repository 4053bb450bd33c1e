#include "certinfo.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "class.h"
#include "error.h"

#define TEMPORARY "ssl.temporary"

/* Table, list, pair, RDNs, RDN, pair, name, value and a luaL_Buffer's slot. */
#define STACK_NEEDED 16

/* A Registered ID of this many characters or more is not shown. */
#define MAX_REGISTERED 2048

/* What a Lua error must not leak while a certificate is being pushed. */
struct temporary {
  GENERAL_NAMES *names;
  AUTHORITY_INFO_ACCESS *access;
  CRL_DIST_POINTS *points;
  unsigned char *text;
  bool lenient; /* "<invalid>" in place of an error */
};

static void temporary_free(struct temporary *t) {
  GENERAL_NAMES_free(t->names);
  t->names = NULL;
  AUTHORITY_INFO_ACCESS_free(t->access);
  t->access = NULL;
  CRL_DIST_POINTS_free(t->points);
  t->points = NULL;
  OPENSSL_free(t->text);
  t->text = NULL;
}

static int temporary_gc(lua_State *L) {
  temporary_free(class_self(L));
  return 0;
}

static const luaL_Reg temporary_metamethods[] = {{"__gc", temporary_gc},
                                                 {NULL, NULL}};

static const struct class temporary_class = {
    .name = TEMPORARY, .metamethods = temporary_metamethods};

void certinfo_open(lua_State *L) {
  class_new(L, &temporary_class);
  lua_pop(L, 1);
}

static struct temporary *temporary_box(lua_State *L) {
  luaL_checkstack(L, STACK_NEEDED, "certificate");
  return class_box(L, TEMPORARY, sizeof(struct temporary), 0);
}

/* Append the value at the top to the list below it. */
static void append(lua_State *L) {
  lua_rawseti(L, -2, (int)lua_rawlen(L, -2) + 1);
}

/* Make {label, value} of the value at the top. */
static void make_pair(lua_State *L, const char *label) {
  lua_createtable(L, 2, 0);
  lua_insert(L, -2);
  lua_rawseti(L, -2, 2);
  lua_pushstring(L, label);
  lua_rawseti(L, -2, 1);
}

static void push_raw(lua_State *L, const ASN1_STRING *value) {
  lua_pushlstring(L, (const char *)ASN1_STRING_get0_data(value),
                  (size_t)ASN1_STRING_length(value));
}

/* OpenSSL could not convert something: raise, or push a mark. */
static void push_malformed(lua_State *L, const struct temporary *t,
                           const char *what) {
  if (!t->lenient) error_throw_ssl(L, what);
  tlserr_clear();
  lua_pushliteral(L, "<invalid>");
}

/* Push a string of any ASN.1 type as UTF-8; the bits of a BIT STRING. */
static void push_value(lua_State *L, struct temporary *t,
                       const ASN1_STRING *value) {
  if (ASN1_STRING_type(value) == V_ASN1_BIT_STRING) {
    push_raw(L, value);
    return;
  }
  int length = ASN1_STRING_to_UTF8(&t->text, value);
  if (length < 0) {
    push_malformed(L, t, "malformed string in a certificate");
    return;
  }
  lua_pushlstring(L, (const char *)t->text, (size_t)length);
  OPENSSL_free(t->text);
  t->text = NULL;
}

/* Push `length` characters of an object's long name or dotted OID. */
static void push_object_text(lua_State *L, const ASN1_OBJECT *object,
                             int length) {
  luaL_Buffer b;
  char *text = luaL_buffinitsize(L, &b, (size_t)length + 1);
  OBJ_obj2txt(text, length + 1, object, 0);
  luaL_pushresultsize(&b, (size_t)length);
}

static void push_object(lua_State *L, const struct temporary *t,
                        const ASN1_OBJECT *object) {
  int length = OBJ_obj2txt(NULL, 0, object, 0);
  if (length < 0)
    push_malformed(L, t, "malformed object identifier in a certificate");
  else
    push_object_text(L, object, length);
}

/* Push {name, value} of one part of an RDN. */
static void push_entry(lua_State *L, struct temporary *t,
                       const X509_NAME_ENTRY *entry) {
  lua_createtable(L, 2, 0);
  push_object(L, t, X509_NAME_ENTRY_get_object(entry));
  lua_rawseti(L, -2, 1);
  push_value(L, t, X509_NAME_ENTRY_get_data(entry));
  lua_rawseti(L, -2, 2);
}

static void push_name(lua_State *L, struct temporary *t,
                      const X509_NAME *name) {
  lua_newtable(L);
  int rdns = lua_gettop(L);
  int last = -1; /* entries of one RDN have the same set number */
  for (int i = 0; i < X509_NAME_entry_count(name); i++) {
    const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
    if (X509_NAME_ENTRY_set(entry) != last) {
      last = X509_NAME_ENTRY_set(entry);
      lua_settop(L, rdns);
      lua_newtable(L);
      lua_pushvalue(L, -1);
      lua_rawseti(L, rdns, (int)lua_rawlen(L, rdns) + 1);
    }
    push_entry(L, t, entry); /* stack: rdns, rdn, pair */
    append(L);
  }
  lua_settop(L, rdns);
}

/* One function for each kind of general name pushes its value (G.3). */

static void push_text(lua_State *L, struct temporary *t,
                      const GENERAL_NAME *name) {
  (void)t;
  push_raw(L, name->d.ia5);
}

static void push_directory(lua_State *L, struct temporary *t,
                           const GENERAL_NAME *name) {
  push_name(L, t, name->d.directoryName);
}

static void push_unsupported(lua_State *L, struct temporary *t,
                             const GENERAL_NAME *name) {
  (void)t;
  (void)name;
  lua_pushliteral(L, "<unsupported>");
}

static void push_ipv6(lua_State *L, const unsigned char *p) {
  unsigned group[8];
  char text[sizeof "FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF"];
  for (int i = 0; i < 8; i++)
    group[i] = (unsigned)(p[2 * i] << 8 | p[2 * i + 1]) & 0xFFFF;
  int length =
      snprintf(text, sizeof text, "%X:%X:%X:%X:%X:%X:%X:%X", group[0], group[1],
               group[2], group[3], group[4], group[5], group[6], group[7]);
  lua_pushlstring(L, text, (size_t)length);
}

static void push_address(lua_State *L, struct temporary *t,
                         const GENERAL_NAME *name) {
  const unsigned char *p = ASN1_STRING_get0_data(name->d.iPAddress);
  (void)t;
  switch (ASN1_STRING_length(name->d.iPAddress)) {
  case 4: lua_pushfstring(L, "%d.%d.%d.%d", p[0], p[1], p[2], p[3]); break;
  case 16: push_ipv6(L, p); break;
  default: lua_pushliteral(L, "<invalid>"); break;
  }
}

static void push_registered(lua_State *L, struct temporary *t,
                            const GENERAL_NAME *name) {
  int length = OBJ_obj2txt(NULL, 0, name->d.registeredID, 0);
  (void)t;
  if (length >= 0 && length < MAX_REGISTERED) {
    push_object_text(L, name->d.registeredID, length);
    return;
  }
  tlserr_clear();
  lua_pushliteral(L, "<INVALID>");
}

/*
** Other names that OpenSSL's print form decodes. It cuts them at a NUL, which
** would let "admin\0.evil" pass for "admin"; here they are whole.
*/
static const struct other_name {
  int nid;
  int type;
  const char *label;
} other_names[] = {
    {NID_id_on_SmtpUTF8Mailbox, V_ASN1_UTF8STRING, "SmtpUTF8Mailbox:"},
    {NID_XmppAddr, V_ASN1_UTF8STRING, "XmppAddr:"},
    {NID_SRVName, V_ASN1_IA5STRING, "SRVName:"},
    {NID_ms_upn, V_ASN1_UTF8STRING, "UPN:"},
    {NID_NAIRealm, V_ASN1_UTF8STRING, "NAIRealm:"},
};

static const struct other_name *find_other_name(const OTHERNAME *other) {
  int nid = OBJ_obj2nid(other->type_id);
  for (size_t i = 0; i < sizeof other_names / sizeof *other_names; i++)
    if (other_names[i].nid == nid &&
        other_names[i].type == ASN1_TYPE_get(other->value))
      return &other_names[i];
  return NULL;
}

static void push_other(lua_State *L, struct temporary *t,
                       const GENERAL_NAME *name) {
  const struct other_name *known = find_other_name(name->d.otherName);
  if (known == NULL) {
    push_unsupported(L, t, name);
    return;
  }
  lua_pushstring(L, known->label);
  push_raw(L, name->d.otherName->value->value.asn1_string);
  lua_concat(L, 2);
}

static const struct {
  const char *label;
  void (*push)(lua_State *L, struct temporary *t, const GENERAL_NAME *name);
} kinds[] = {
    [GEN_OTHERNAME] = {"othername", push_other},
    [GEN_EMAIL] = {"email", push_text},
    [GEN_DNS] = {"DNS", push_text},
    [GEN_X400] = {"X400Name", push_unsupported},
    [GEN_DIRNAME] = {"DirName", push_directory},
    [GEN_EDIPARTY] = {"EdiPartyName", push_unsupported},
    [GEN_URI] = {"URI", push_text},
    [GEN_IPADD] = {"IP Address", push_address},
    [GEN_RID] = {"Registered ID", push_registered},
};

/* A decoded extension, or NULL where it is absent or malformed. */
static void *get_extension(const X509 *certificate, int nid) {
  void *extension = X509_get_ext_d2i(certificate, nid, NULL, NULL);
  if (extension == NULL) tlserr_clear();
  return extension;
}

/* The functions set_... fill the certificate's table at the top. */

static void set_alternatives(lua_State *L, struct temporary *t,
                             const X509 *certificate) {
  t->names = get_extension(certificate, NID_subject_alt_name);
  if (t->names == NULL) return;
  lua_newtable(L);
  for (int i = 0; i < sk_GENERAL_NAME_num(t->names); i++) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(t->names, i);
    kinds[name->type].push(L, t, name);
    make_pair(L, kinds[name->type].label);
    append(L);
  }
  lua_setfield(L, -2, "subjectAltName");
}

/* Append the name to the list at the top if it is a URI. */
static void append_uri(lua_State *L, const GENERAL_NAME *name) {
  if (name->type != GEN_URI) return;
  push_raw(L, name->d.uniformResourceIdentifier);
  append(L);
}

/* Pop a list and set it as `key`, unless it is empty. */
static void set_list(lua_State *L, const char *key) {
  if (lua_rawlen(L, -1) > 0)
    lua_setfield(L, -2, key);
  else
    lua_pop(L, 1);
}

/* RFC 5280, 4.2.2.1: the URIs of one access method. */
static void set_access(lua_State *L, const struct temporary *t, int method,
                       const char *key) {
  lua_newtable(L);
  for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(t->access); i++) {
    const ACCESS_DESCRIPTION *a = sk_ACCESS_DESCRIPTION_value(t->access, i);
    if (OBJ_obj2nid(a->method) == method) append_uri(L, a->location);
  }
  set_list(L, key);
}

/* RFC 5280, 4.2.1.13. A point may be without a name, or have one that is
** relative to the issuer's: the union then holds no general names. */
static void append_point(lua_State *L, const DIST_POINT_NAME *point) {
  if (point == NULL || point->type != 0) return;
  for (int i = 0; i < sk_GENERAL_NAME_num(point->name.fullname); i++)
    append_uri(L, sk_GENERAL_NAME_value(point->name.fullname, i));
}

static void set_points(lua_State *L, struct temporary *t,
                       const X509 *certificate) {
  t->points = get_extension(certificate, NID_crl_distribution_points);
  lua_newtable(L);
  for (int i = 0; i < sk_DIST_POINT_num(t->points); i++)
    append_point(L, sk_DIST_POINT_value(t->points, i)->distpoint);
  set_list(L, "crlDistributionPoints");
}

/* The whole serial number in hexadecimal, two digits a byte. */
static void set_serial(lua_State *L, const ASN1_INTEGER *serial) {
  luaL_Buffer b;
  const unsigned char *p = ASN1_STRING_get0_data(serial);
  int length = ASN1_STRING_length(serial);
  luaL_buffinit(L, &b);
  if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER) luaL_addchar(&b, '-');
  if (length == 0) luaL_addstring(&b, "00");
  for (int i = 0; i < length; i++) {
    luaL_addchar(&b, "0123456789ABCDEF"[p[i] >> 4]);
    luaL_addchar(&b, "0123456789ABCDEF"[p[i] & 15]);
  }
  luaL_pushresult(&b);
  lua_setfield(L, -2, "serialNumber");
}

/* "Jan  5 09:34:43 2018 GMT", whatever the time's own form and zone. */
static void set_time(lua_State *L, const ASN1_TIME *time, const char *key) {
  static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  char text[80] = "Bad time value";
  struct tm tm;
  if (ASN1_TIME_to_tm(time, &tm))
    snprintf(text, sizeof text, "%.3s %2d %02d:%02d:%02d %04d GMT",
             months + 3 * tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min,
             tm.tm_sec, tm.tm_year + 1900);
  else
    tlserr_clear();
  lua_pushstring(L, text);
  lua_setfield(L, -2, key);
}

static void set_extensions(lua_State *L, struct temporary *t,
                           const X509 *certificate) {
  set_alternatives(L, t, certificate);
  t->access = get_extension(certificate, NID_info_access);
  set_access(L, t, NID_ad_OCSP, "OCSP");
  set_access(L, t, NID_ad_ca_issuers, "caIssuers");
  set_points(L, t, certificate);
}

void certinfo_push(lua_State *L, X509 *certificate) {
  struct temporary *t = temporary_box(L);
  lua_createtable(L, 0, 8);
  push_name(L, t, X509_get_subject_name(certificate));
  lua_setfield(L, -2, "subject");
  push_name(L, t, X509_get_issuer_name(certificate));
  lua_setfield(L, -2, "issuer");
  lua_pushinteger(L, (lua_Integer)X509_get_version(certificate) + 1);
  lua_setfield(L, -2, "version");
  set_serial(L, X509_get0_serialNumber(certificate));
  set_time(L, X509_get0_notBefore(certificate), "notBefore");
  set_time(L, X509_get0_notAfter(certificate), "notAfter");
  set_extensions(L, t, certificate);
  temporary_free(t);
  lua_remove(L, -2);
}

void certinfo_push_name(lua_State *L, const X509_NAME *name) {
  struct temporary *t = temporary_box(L);
  t->lenient = true;
  push_name(L, t, name);
  lua_remove(L, -2);
}

int certinfo_push_der(lua_State *L, X509 *certificate) {
  luaL_Buffer b;
  int length = i2d_X509(certificate, NULL);
  if (length < 0) return error_throw_ssl(L, "cannot encode the certificate");
  unsigned char *p = (unsigned char *)luaL_buffinitsize(L, &b, (size_t)length);
  if (i2d_X509(certificate, &p) != length)
    return error_throw_ssl(L, "cannot encode the certificate");
  luaL_pushresultsize(&b, (size_t)length);
  return 1;
}
