#include "certbox.h"

#define CERTBOX_T "ssl.certbox"

static int certbox_gc(lua_State *L) {
  struct certbox *box = class_self(L);
  X509_free(box->one);
  sk_X509_pop_free(box->list, X509_free);
  box->one = NULL;
  box->list = NULL;
  return 0;
}

static const luaL_Reg metamethods[] = {{"__gc", certbox_gc}, {NULL, NULL}};

const struct class certbox_class = {
    .name = CERTBOX_T,
    .metamethods = metamethods,
};

struct certbox *certbox_push(lua_State *L) {
  return class_box(L, CERTBOX_T, sizeof(struct certbox), 0);
}

X509 *certbox_keep(struct certbox *box, X509 *certificate) {
  if (certificate != NULL && X509_up_ref(certificate)) box->one = certificate;
  return box->one;
}
