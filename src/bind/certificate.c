#include "certificate.h"

#include <errno.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "../tls/certlist.h"
#include "../tls/peername.h"
#include "buffer.h"
#include "certinfo.h"
#include "error.h"
#include "pressure.h"

#define SUBJECT_MAX 256 /* characters of tostring */
#define LINE        64  /* characters in a line of PEM */
#define LINE_BYTES  (LINE / 4 * 3)

struct certificate {
  X509 *x509; /* NULL: closed */
};

static X509 *check_open(lua_State *L, const struct certificate *c) {
  if (c->x509 == NULL)
    error_throw(L, ERROR_VALUE, "operation on a closed certificate");
  return c->x509;
}

/* The receiver's certificate; `held` pushes a box that keeps it. */
static X509 *self(lua_State *L) {
  return check_open(L, class_self(L));
}

static X509 *self_held(lua_State *L) {
  struct certbox *box = certbox_push(L);
  return certbox_keep(box, self(L));
}

/* Push userdata with a reference of its own. */
static void push(lua_State *L, X509 *x) {
  struct certificate *c = class_box(L, CERTIFICATE_T, sizeof *c, 0);
  if (!X509_up_ref(x)) error_throw_errno(L, ENOMEM, "certificate");
  c->x509 = x;
  pressure_add(L, PRESSURE_CERTIFICATE);
}

void certificate_push_list(lua_State *L, STACK_OF(X509) * list) {
  int count = sk_X509_num(list);
  lua_createtable(L, count > 0 ? count : 0, 0);
  for (int i = 0; i < count; i++) {
    push(L, sk_X509_value(list, i));
    lua_rawseti(L, -2, i + 1);
  }
}

/* ---- as an argument ---- */

static void collect(lua_State *L, struct certbox *box, X509 *x) {
  if (X509_up_ref(x) && sk_X509_push(box->list, x) > 0) return;
  X509_free(x);
  error_throw_errno(L, ENOMEM, "certificate");
}

static void collect_list(const struct args *a, int i, struct certbox *box) {
  lua_State *L = a->L;
  int count = (int)lua_rawlen(L, a->first + i);
  for (int n = 1; n <= count; n++) {
    lua_rawgeti(L, a->first + i, n);
    const struct certificate *c = luaL_testudata(L, -1, CERTIFICATE_T);
    if (c == NULL)
      args_error(a, i,
                 lua_pushfstring(L, "%s expected, got %s at [%d]",
                                 CERTIFICATE_T, luaL_typename(L, -1), n));
    collect(L, box, check_open(L, c));
    lua_pop(L, 1);
  }
}

struct certbox *certificate_collect(const struct args *a, int i) {
  lua_State *L = a->L;
  const struct certificate *c = luaL_testudata(L, a->first + i, CERTIFICATE_T);
  if (c == NULL && !lua_istable(L, a->first + i)) return NULL;
  struct certbox *box = certbox_push(L);
  box->list = sk_X509_new_null();
  if (box->list == NULL) error_throw_errno(L, ENOMEM, "certificate");
  if (c != NULL)
    collect(L, box, check_open(L, c));
  else
    collect_list(a, i, box);
  return box;
}

/* ---- making them ---- */

/* Argument 1 as bytes: they stay there until Lua runs again. */
static struct bytes check_data(lua_State *L) {
  struct args a = {.L = L, .first = 1};
  struct bytes bytes;
  if (buffer_to_bytes(L, 1, &bytes)) return bytes;
  if (lua_type(L, 1) != LUA_TSTRING) args_type_error(&a, 0, "string or buffer");
  bytes.data = (unsigned char *)lua_tolstring(L, 1, &bytes.length);
  return bytes;
}

/***
Parse a certificate.
@function ssl.certificate
@tparam string|ssl.buffer data  PEM if it has "-----BEGIN": the first
certificate in it, other text being passed over; else DER, and nothing behind
@treturn ssl.certificate
@raise ValueError for no bytes; SSLError PEM NO_START_LINE, ASN1 NOT_ENOUGH_DATA
where there is none, and what OpenSSL says of a broken one
*/
static int certificate(lua_State *L) {
  struct tls_error e;
  check_data(L);
  lua_settop(L, 1);
  struct certbox *box = certbox_push(L);
  struct bytes data = check_data(L); /* a finaliser may have closed it */
  box->one = certlist_read_one(data.data, data.length, &e);
  if (box->one == NULL) return error_raise(L, &e, "load");
  push(L, box->one);
  return 1;
}

/***
Parse all certificates of a bundle.
@function ssl.certificates
@tparam string|ssl.buffer text  PEM if it has "-----BEGIN", else DER, one
certificate after the other
@treturn table  a list of ssl.certificate, in their order
@raise as ssl.certificate; one that is broken makes the whole call fail
*/
static int certificates(lua_State *L) {
  struct tls_error e;
  check_data(L);
  lua_settop(L, 1);
  struct certbox *box = certbox_push(L);
  struct bytes data = check_data(L);
  box->list = certlist_read(data.data, data.length, &e);
  if (box->list == NULL) return error_raise(L, &e, "load");
  certificate_push_list(L, box->list);
  return 1;
}

const luaL_Reg certificate_functions[] = {
    {"certificate", certificate},
    {"certificates", certificates},
    {NULL, NULL},
};

/* ---- what it says ---- */

/***
The certificate as a table (api.md G).
@function certificate:info
@treturn table  as getpeercert gives it
@raise SSLError where a name cannot be converted to UTF-8
*/
static int info(lua_State *L) {
  certinfo_push(L, self_held(L));
  return 1;
}

/* Append one line of PEM, at most. */
static void add_line(luaL_Buffer *b, const unsigned char *data, size_t length) {
  unsigned char *line = (unsigned char *)luaL_prepbuffsize(b, LINE + 2);
  int used = EVP_EncodeBlock(line, data, (int)length);
  line[used] = '\n';
  luaL_addsize(b, (size_t)used + 1);
}

/* Push the DER at the top of the stack as PEM, as DER_cert_to_PEM_cert does. */
static void push_pem(lua_State *L) {
  luaL_Buffer b;
  size_t length;
  const unsigned char *der =
      (const unsigned char *)lua_tolstring(L, -1, &length);
  luaL_buffinit(L, &b);
  luaL_addstring(&b, "-----BEGIN " PEM_STRING_X509 "-----\n");
  for (size_t at = 0; at < length; at += LINE_BYTES)
    add_line(&b, der + at, length - at < LINE_BYTES ? length - at : LINE_BYTES);
  luaL_addstring(&b, "-----END " PEM_STRING_X509 "-----\n");
  luaL_pushresult(&b);
}

/***
The certificate's encoding.
@function certificate:public_bytes
@tparam[opt="PEM"] string format  "DER" or "PEM", the latter as
DER_cert_to_PEM_cert writes it
@treturn string
@raise ValueError for another format
*/
static int public_bytes(lua_State *L) {
  static const char *const names[] = {"format", NULL};
  struct args a;
  self(L);
  args_take(&a, L, 2, names);
  const char *format = args_opt_string(&a, 0, NULL);
  bool pem = format == NULL || strcmp(format, "PEM") == 0;
  if (!pem && strcmp(format, "DER") != 0)
    return error_throw(L, ERROR_VALUE,
                       "unknown format '%.40s': \"DER\" or "
                       "\"PEM\"",
                       format);
  certinfo_push_der(L, self_held(L));
  if (pem) push_pem(L);
  return 1;
}

/* The digest of that name. Plain C: false with the queue saying why. */
static bool make_digest(const X509 *x, const char *name, unsigned char *out,
                        unsigned *length, bool *known) {
  tlserr_clear();
  EVP_MD *md = EVP_MD_fetch(NULL, name, NULL);
  *known = md != NULL;
  bool ok = md != NULL && X509_digest(x, md, out, length) == 1;
  EVP_MD_free(md);
  return ok;
}

static void push_hex(lua_State *L, const unsigned char *data, size_t length) {
  static const char digits[] = "0123456789abcdef";
  char text[2 * EVP_MAX_MD_SIZE];
  for (size_t i = 0; i < length; i++) {
    text[2 * i] = digits[data[i] >> 4];
    text[2 * i + 1] = digits[data[i] & 15];
  }
  lua_pushlstring(L, text, 2 * length);
}

/***
A digest of the certificate's DER.
@function certificate:fingerprint
@tparam[opt="sha256"] string algorithm  any digest that OpenSSL knows
@treturn string  lower-case hexadecimal without separators
@raise ValueError for an unknown digest
*/
static int fingerprint(lua_State *L) {
  static const char *const names[] = {"algorithm", NULL};
  unsigned char digest[EVP_MAX_MD_SIZE];
  size_t length = 0;
  unsigned size;
  bool known;
  struct args a;
  self(L);
  args_take(&a, L, 2, names);
  const char *name = args_opt_string(&a, 0, &length);
  if (name == NULL) name = "sha256";
  bool whole = length == 0 || strlen(name) == length;
  if (!whole || !make_digest(self(L), name, digest, &size, &known)) {
    if (whole && known) return error_throw_ssl(L, "cannot make the digest");
    tlserr_clear();
    return error_throw(L, ERROR_VALUE, "unknown digest '%.80s'", name);
  }
  push_hex(L, digest, size);
  return 1;
}

/*
** The name or address at argument 2; false where it is neither. The rules are
** those of server_hostname.
*/
static bool check_name(lua_State *L, struct peername *name) {
  struct args a = {.L = L, .first = 2};
  struct tls_error unused;
  size_t length;
  const char *text = args_string(&a, 0, &length);
  return peername_parse(name, text, length, &unused);
}

/* OpenSSL's answer: yes, no (or no name at all), or no memory. */
static int push_answer(lua_State *L, int answer) {
  if (answer == -1) return error_throw_ssl(L, "cannot check the name");
  tlserr_clear();
  lua_pushboolean(L, answer == 1);
  return 1;
}

/***
Is the certificate for this host? As the handshake checks it: a DNS name among
its alternative names, "*" being its whole leftmost label at most; where there
is none, the subject's common name.
@function certificate:check_host
@tparam string name
@treturn boolean  false too for an address, and for what is no host name
*/
static int check_host(lua_State *L) {
  struct peername name;
  X509 *x = self(L);
  if (!check_name(L, &name) || name.ip) return push_answer(L, 0);
  return push_answer(L, X509_check_host(x, name.text, 0,
                                        X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
                                        NULL));
}

/***
Is the certificate for this address?
@function certificate:check_ip
@tparam string text  an IPv4 or IPv6 address
@treturn boolean  false too for what is no address
*/
static int check_ip(lua_State *L) {
  struct peername name;
  X509 *x = self(L);
  if (!check_name(L, &name) || !name.ip) return push_answer(L, 0);
  return push_answer(L, X509_check_ip_asc(x, name.text, 0));
}

/***
Let go of the certificate; whatever it was given to keeps it.
@function certificate:close
@treturn boolean  true
*/
static int certificate_close(lua_State *L) {
  struct certificate *c = class_self(L);
  if (c->x509 != NULL) {
    X509_free(c->x509);
    c->x509 = NULL;
    pressure_drop(L, PRESSURE_CERTIFICATE);
  }
  lua_pushboolean(L, 1);
  return 1;
}

/* ==: by DER. Lua calls it where either operand is a certificate. */
static int certificate_eq(lua_State *L) {
  const struct certificate *a = luaL_testudata(L, 1, CERTIFICATE_T);
  const struct certificate *b = luaL_testudata(L, 2, CERTIFICATE_T);
  if (a == NULL && b == NULL) class_self(L);
  bool both = a != NULL && b != NULL && a->x509 != NULL && b->x509 != NULL;
  lua_pushboolean(L, both && certlist_same(a->x509, b->x509));
  return 1;
}

static int certificate_tostring(lua_State *L) {
  char subject[SUBJECT_MAX] = "closed";
  struct certificate *c = class_self(L);
  if (c->x509 != NULL)
    X509_NAME_oneline(X509_get_subject_name(c->x509), subject, sizeof subject);
  lua_pushfstring(L, CERTIFICATE_T ": %s", subject);
  return 1;
}

static const luaL_Reg methods[] = {
    {"info", info},
    {"public_bytes", public_bytes},
    {"fingerprint", fingerprint},
    {"check_host", check_host},
    {"check_ip", check_ip},
    {"close", certificate_close},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__gc", certificate_close},
    {"__close", certificate_close},
    {"__eq", certificate_eq},
    {"__tostring", certificate_tostring},
    {NULL, NULL},
};

const struct class certificate_class = {
    .name = CERTIFICATE_T,
    .methods = methods,
    .metamethods = metamethods,
};
