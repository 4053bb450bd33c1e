#include "purpose.h"

#include <openssl/objects.h>

#include "class.h"

#define PURPOSE "ssl.purpose"

struct purpose {
  const char *name;
  int nid;
};

static int get_nid(lua_State *L) {
  const struct purpose *p = class_self(L);
  lua_pushinteger(L, p->nid);
  return 1;
}

static int get_shortname(lua_State *L) {
  const struct purpose *p = class_self(L);
  lua_pushstring(L, OBJ_nid2sn(p->nid));
  return 1;
}

static int get_longname(lua_State *L) {
  const struct purpose *p = class_self(L);
  lua_pushstring(L, OBJ_nid2ln(p->nid));
  return 1;
}

static int get_oid(lua_State *L) {
  const struct purpose *p = class_self(L);
  char text[80] = "";
  OBJ_obj2txt(text, sizeof text, OBJ_nid2obj(p->nid), 1);
  lua_pushstring(L, text);
  return 1;
}

static int purpose_tostring(lua_State *L) {
  const struct purpose *p = class_self(L);
  lua_pushfstring(L, PURPOSE ": %s", p->name);
  return 1;
}

static const luaL_Reg metamethods[] = {{"__tostring", purpose_tostring},
                                       {NULL, NULL}};

static const struct class_attribute attributes[] = {
    {"nid", get_nid, NULL},
    {"shortname", get_shortname, NULL},
    {"longname", get_longname, NULL},
    {"oid", get_oid, NULL},
    {NULL, NULL, NULL},
};

static const struct class purpose_class = {
    .name = PURPOSE, .metamethods = metamethods, .attributes = attributes};

void purpose_open(lua_State *L) {
  class_new(L, &purpose_class);
  lua_pop(L, 1);
}

void purpose_push(lua_State *L, const char *name, int nid) {
  struct purpose *p = class_box(L, PURPOSE, sizeof *p, 0);
  p->name = name;
  p->nid = nid;
}

int purpose_nid(lua_State *L, int index) {
  const struct purpose *p = luaL_testudata(L, index, PURPOSE);
  return p != NULL ? p->nid : NID_undef;
}
