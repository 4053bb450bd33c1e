#include "class.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "error.h"

/* Upvalues of a metatable's __index and __newindex. */
#define METHODS        lua_upvalueindex(2)
#define GETTERS        lua_upvalueindex(3)
#define SETTERS        lua_upvalueindex(2)
#define GETTERS_TO_SET lua_upvalueindex(3)

/* __index: a method, else the value of an attribute, else nil. */
static int class_index(lua_State *L) {
  if (lua_gettop(L) != 2) lua_settop(L, 2); /* called by hand */
  lua_pushvalue(L, 2);
  if (lua_rawget(L, METHODS) != LUA_TNIL) return 1;
  lua_pushvalue(L, 2);
  if (lua_rawget(L, GETTERS) == LUA_TNIL) return 1;
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

/* __newindex: (self, name, value), on to the attribute's setter. */
static int class_newindex(lua_State *L) {
  lua_settop(L, 3);
  class_self(L);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, SETTERS) == LUA_TFUNCTION) {
    lua_insert(L, 1);
    lua_call(L, 3, 0);
    return 0;
  }
  lua_pushvalue(L, 2);
  bool known = lua_rawget(L, GETTERS_TO_SET) != LUA_TNIL;
  return error_throw(L, ERROR_ATTRIBUTE,
                     known ? "attribute '%s' is read-only"
                           : "no attribute '%s'",
                     luaL_tolstring(L, 2, NULL));
}

/* Set name = function, with the metatable at `metatable` as upvalue. */
static void set_function(lua_State *L, int metatable, const char *name,
                         lua_CFunction function) {
  lua_pushvalue(L, metatable);
  lua_pushcclosure(L, function, 1);
  lua_setfield(L, -2, name);
}

static void set_functions(lua_State *L, int metatable, const luaL_Reg *list) {
  for (; list != NULL && list->name != NULL; list++)
    set_function(L, metatable, list->name, list->func);
}

/* Add to the tables of getters, at -2, and setters, at -1. */
static void add_attributes(lua_State *L, int metatable,
                           const struct class_attribute *a) {
  for (; a != NULL && a->name != NULL; a++) {
    if (a->set != NULL) set_function(L, metatable, a->name, a->set);
    lua_pushvalue(L, -2);
    set_function(L, metatable, a->name, a->get);
    lua_pop(L, 1);
  }
}

/* Push these tables. */
static void push_attributes(lua_State *L, int metatable,
                            const struct class *c) {
  lua_newtable(L);
  lua_newtable(L);
  add_attributes(L, metatable, c->attributes);
  add_attributes(L, metatable, c->shared);
}

/* __tostring, where a class has none of its own: "ssl.context: 0x...". */
static int class_tostring(lua_State *L) {
  void *self = class_self(L);
  lua_getfield(L, lua_upvalueindex(1), "__name");
  lua_pushfstring(L, "%s: %p", lua_tostring(L, -1), self);
  return 1;
}

void class_new(lua_State *L, const struct class *c) {
  luaL_newmetatable(L, c->name);
  int metatable = lua_gettop(L);
  set_function(L, metatable, "__tostring", class_tostring);
  set_functions(L, metatable, c->metamethods);
  lua_newtable(L);
  set_functions(L, metatable, c->methods);
  push_attributes(L, metatable, c);
  /* stack: metatable, methods, getters, setters */
  lua_pushvalue(L, metatable);
  lua_pushvalue(L, metatable + 1);
  lua_pushvalue(L, metatable + 2);
  lua_pushcclosure(L, class_index, 3);
  lua_setfield(L, metatable, "__index");
  lua_pushvalue(L, metatable);
  lua_pushvalue(L, metatable + 3);
  lua_pushvalue(L, metatable + 2);
  lua_pushcclosure(L, class_newindex, 3);
  lua_setfield(L, metatable, "__newindex");
  lua_settop(L, metatable + 1);
  lua_remove(L, metatable);
}

void class_functions(lua_State *L, const char *name, const luaL_Reg *list) {
  luaL_getmetatable(L, name);
  lua_insert(L, -2);
  set_functions(L, lua_gettop(L) - 1, list);
  lua_remove(L, -2);
}

void *class_self(lua_State *L) {
  void *self = lua_touserdata(L, 1);
  if (self != NULL && lua_getmetatable(L, 1)) {
    bool same = lua_rawequal(L, -1, lua_upvalueindex(1));
    lua_pop(L, 1);
    if (same) return self;
  }
  lua_settop(L, lua_isnone(L, 1) ? 1 : lua_gettop(L));
  lua_getfield(L, lua_upvalueindex(1), "__name");
  luaL_typeerror(L, 1, lua_tostring(L, -1));
  return NULL;
}

void *class_check(lua_State *L, int arg, const char *name) {
  return luaL_checkudata(L, arg, name);
}

void *class_box(lua_State *L, const char *name, size_t size, int values) {
  void *box = lua_newuserdatauv(L, size, values);
  memset(box, 0, size);
  luaL_setmetatable(L, name);
  return box;
}

/* ---- marks ---- */

struct class_secret class_secret = {.size = SIZE_MAX / 2};
static CRYPTO_ONCE secret_once = CRYPTO_ONCE_STATIC_INIT;

static void make_secret(void) {
  struct class_mark bits;
  if (RAND_bytes((unsigned char *)&bits, sizeof bits) != 1) {
    tlserr_clear();
    return;
  }
  class_secret.bits = bits;
  class_secret.size = sizeof bits;
}

void class_open(void) {
  (void)!CRYPTO_THREAD_run_once(&secret_once, make_secret);
}

void *class_box_marked(lua_State *L, const struct class *c, size_t size,
                       int values) {
  char *box = class_box(L, c->name, size + sizeof(struct class_mark), values);
  struct class_mark mark = class_mark_of(box, c);
  if (class_secret.size == sizeof mark) memcpy(box + size, &mark, sizeof mark);
  return box;
}

void class_unmark(lua_State *L) {
  char *box = class_self(L);
  size_t size = lua_rawlen(L, 1);
  memset(box + size - sizeof(struct class_mark), 0, sizeof(struct class_mark));
}
