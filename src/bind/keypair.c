#include "keypair.h"

#include <errno.h>

#include "../tls/pkcs12.h"
#include "certificate.h"
#include "error.h"
#include "privatekey.h"

static bool given(const struct args *a, int i) {
  return i != KEYPAIR_NONE && args_given(a, i);
}

/* Is a path, or what comes in its place, given? */
static bool either(const struct args *a, int file, int data) {
  if (file == KEYPAIR_NONE) return args_given(a, data);
  return credentials_given(a, file, data);
}

static void check_certificate(const struct args *a,
                              const struct keypair_places *p) {
  int index = a->first + p->certificate;
  if (given(a, p->certificate) && !credentials_is_bytes(a->L, index) &&
      !lua_istable(a->L, index) && !luaL_testudata(a->L, index, CERTIFICATE_T))
    args_type_error(a, p->certificate, "string, buffer or " CERTIFICATE_T);
  if (either(a, p->certfile, p->certificate)) return;
  if (p->certfile != KEYPAIR_NONE)
    error_throw(a->L, ERROR_TYPE, "certfile is missing: a path is needed");
  error_throw(a->L, ERROR_TYPE, "%s is missing: %s is of no use alone",
              a->names[p->certificate], a->names[p->key]);
}

void keypair_check(const struct args *a, const struct keypair_places *p) {
  int index = a->first + p->key;
  check_certificate(a, p);
  if (given(a, p->key) && !credentials_is_bytes(a->L, index) &&
      !luaL_testudata(a->L, index, PRIVATEKEY_T))
    args_type_error(a, p->key, "string, buffer or " PRIVATEKEY_T);
  (void)either(a, p->keyfile, p->key);
  if (p->password != KEYPAIR_NONE) credentials_check_password(a, p->password);
}

static bool share_chain(lua_State *L, struct credentials *box,
                        const struct certbox *objects, struct tls_error *e) {
  if (sk_X509_num(objects->list) == 0)
    error_throw(L, ERROR_VALUE, "Empty certificate data");
  if (certkey_share_chain(&box->parsed, objects->list)) return true;
  tlserr_system(e, ENOMEM);
  return false;
}

/* The bytes of a file, or of what comes in its place. */
static struct certkey_source fetch(const struct args *a, int file, int data,
                                   struct secret *into) {
  if (file == KEYPAIR_NONE)
    return credentials_copy(a->L, a->first + data, into);
  return credentials_fetch(a, file, data, into);
}

/* The leaf and its chain; *text is where they were read from. */
static bool read_chain(const struct args *a, const struct keypair_places *p,
                       struct credentials *box, struct certkey_source *text,
                       struct tls_error *e) {
  struct certbox *objects = NULL;
  if (given(a, p->certificate))
    objects = certificate_collect(a, p->certificate);
  if (objects != NULL) return share_chain(a->L, box, objects, e);
  *text = fetch(a, p->certfile, p->certificate, &box->certificate);
  return certkey_read_chain(&box->parsed, text, e);
}

/* A key that may be encrypted; without a parameter for it, no password. */
static bool unlock(const struct args *a, const struct keypair_places *p,
                   struct credentials *box, const struct certkey_source *source,
                   struct tls_error *e) {
  bool encrypted;
  if (p->password == KEYPAIR_NONE)
    return certkey_read_key(&box->parsed, source, NULL, 0, &encrypted, e);
  return credentials_unlock(a->L, box, source, a->first + p->password,
                            certkey_read_key, e);
}

/* The key, which may stand in the certificate's text. */
static bool read_key(const struct args *a, const struct keypair_places *p,
                     struct credentials *box, const struct certkey_source *text,
                     struct tls_error *e) {
  struct certkey_source source = *text;
  box->parsed.key = privatekey_share(a->L, a->first + p->key);
  if (box->parsed.key != NULL) return true;
  if (given(a, p->keyfile) || given(a, p->key))
    source = fetch(a, p->keyfile, p->key, &box->key);
  else if (source.data == NULL)
    error_throw(a->L, ERROR_TYPE,
                "%s is missing: a " CERTIFICATE_T " has no key",
                a->names[p->key]);
  return unlock(a, p, box, &source, e);
}

bool keypair_read(const struct args *a, const struct keypair_places *p,
                  struct credentials *box, struct tls_error *e) {
  struct certkey_source text = {NULL, 0, false};
  return read_chain(a, p, box, &text, e) && read_key(a, p, box, &text, e);
}

/* The box, or NULL, with the key wiped, where reading has failed. */
static struct credentials *finish(struct credentials *box, bool read) {
  if (read) return box;
  credentials_clear(box);
  return NULL;
}

struct credentials *keypair_take_chain(lua_State *L, struct tls_error *e) {
  static const char *const names[] = {"certfile", "keyfile", "password",
                                      "certdata", "keydata", NULL};
  static const struct keypair_places places = {0, 1, 2, 3, 4};
  struct args a;
  args_take(&a, L, 2, names);
  keypair_check(&a, &places);
  struct credentials *box = credentials_push(L);
  return finish(box, keypair_read(&a, &places, box, e));
}

struct credentials *keypair_take_pkcs12(lua_State *L, struct tls_error *e) {
  enum { FILE_PATH, PASSWORD, DATA };
  static const char *const names[] = {"file", "password", "data", NULL};
  struct args a;
  args_take(&a, L, 2, names);
  if (args_given(&a, DATA) && !credentials_is_bytes(L, a.first + DATA))
    args_type_error(&a, DATA, "string or buffer");
  if (!credentials_given(&a, FILE_PATH, DATA))
    error_throw(L, ERROR_TYPE, "file is missing: a path is needed");
  credentials_check_password(&a, PASSWORD);
  struct credentials *box = credentials_push(L);
  struct certkey_source source =
      credentials_fetch(&a, FILE_PATH, DATA, &box->key);
  return finish(box, credentials_unlock(L, box, &source, a.first + PASSWORD,
                                        pkcs12_read, e));
}
