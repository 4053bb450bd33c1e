#include "error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../sys/errname.h"

#define ERROR_T "ssl.error"
#define CLASS_T "ssl.errorclass"

#define DEEPEST_CLASS 16 /* steps from a class to its furthest ancestor */

/*
** The class tree. A class table is {name=, bases={...}}; calling it builds an
** error object.
*/
static const struct error_type {
  const char *name;
  int bases[2]; /* enum error_class, or -1 */
} types[] = {
    [ERROR_OS] = {"OSError", {-1, -1}},
    [ERROR_SSL] = {"SSLError", {ERROR_OS, -1}},
    [ERROR_ZERO_RETURN] = {"SSLZeroReturnError", {ERROR_SSL, -1}},
    [ERROR_WANT_READ] = {"SSLWantReadError", {ERROR_SSL, -1}},
    [ERROR_WANT_WRITE] = {"SSLWantWriteError", {ERROR_SSL, -1}},
    [ERROR_SYSCALL] = {"SSLSyscallError", {ERROR_SSL, -1}},
    [ERROR_EOF] = {"SSLEOFError", {ERROR_SSL, -1}},
    [ERROR_CERT_VERIFICATION] = {"SSLCertVerificationError",
                                 {ERROR_SSL, ERROR_VALUE}},
    [ERROR_TIMEOUT] = {"TimeoutError", {ERROR_OS, -1}},
    [ERROR_VALUE] = {"ValueError", {-1, -1}},
    [ERROR_OVERFLOW] = {"OverflowError", {ERROR_VALUE, -1}},
    [ERROR_TYPE] = {"TypeError", {-1, -1}},
    [ERROR_ATTRIBUTE] = {"AttributeError", {-1, -1}},
    [ERROR_NOT_IMPLEMENTED] = {"NotImplementedError", {-1, -1}},
};

/* Registry key of the list of class tables. */
static const char classes_key;

static void push_class(lua_State *L, enum error_class class) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &classes_key);
  lua_rawgeti(L, -1, (lua_Integer) class + 1);
  lua_remove(L, -2);
}

/* Push the field of the table at `index`, no metamethod asked. */
static int raw_field(lua_State *L, int index, const char *name) {
  lua_pushstring(L, name);
  return lua_rawget(L, index);
}

/*
** Is the class table at `index` the one at `wanted`, or a descendant? Class
** tables are open to the user, who may make circles: `depth` ends them.
*/
static bool descends(lua_State *L, int index, int wanted, int depth) {
  if (lua_rawequal(L, index, wanted)) return true;
  if (depth == 0) luaL_error(L, "error classes are nested too deeply");
  luaL_checkstack(L, 4, "error classes");
  bool found = false;
  if (raw_field(L, index, "bases") == LUA_TTABLE) {
    int bases = lua_gettop(L);
    for (int i = 1; !found && lua_rawgeti(L, bases, i) == LUA_TTABLE; i++) {
      found = descends(L, bases + 1, wanted, depth - 1);
      lua_settop(L, bases);
    }
  }
  lua_settop(L, index);
  return found;
}

/* The receiver of what an error object can do. */
static void check_error(lua_State *L) {
  if (!error_check(L, 1)) luaL_typeerror(L, 1, ERROR_T);
}

/* err:is(class) is true for the error's class and what that descends from. */
static int error_is(lua_State *L) {
  check_error(L);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  bool is = raw_field(L, 1, "class") == LUA_TTABLE &&
            descends(L, 3, 2, DEEPEST_CLASS);
  lua_pushboolean(L, is);
  return 1;
}

/* A field's text, or NULL; the text stays on the stack. */
static const char *field(lua_State *L, const char *name) {
  return raw_field(L, 1, name) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
}

/* "[LIBRARY: REASON] message"; parts that are unknown are left out. */
static int error_tostring(lua_State *L) {
  check_error(L);
  const char *library = field(L, "library");
  const char *reason = field(L, "reason");
  const char *message = field(L, "message");
  if (message == NULL) message = "unknown error";
  if (library != NULL && reason != NULL)
    lua_pushfstring(L, "[%s: %s] %s", library, reason, message);
  else if (library != NULL)
    lua_pushfstring(L, "[%s] %s", library, message);
  else
    lua_pushstring(L, message);
  return 1;
}

/* Beside the fields an error has is() and strerror, its tostring. */
static int error_index(lua_State *L) {
  check_error(L);
  const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (strcmp(key, "strerror") == 0) return error_tostring(L);
  if (strcmp(key, "is") == 0)
    lua_pushcfunction(L, error_is);
  else
    lua_pushnil(L);
  return 1;
}

/* Is the value at index 1 a table with the metatable of classes? */
static void check_class(lua_State *L) {
  if (lua_istable(L, 1) && lua_getmetatable(L, 1)) {
    luaL_getmetatable(L, CLASS_T);
    bool is = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    if (is) return;
  }
  luaL_typeerror(L, 1, CLASS_T);
}

/*
** Class(message [, fields]) builds an error object of the class.
** @param message  string, the line for a person
** @param fields   table of further fields (errno, library, reason, ...)
*/
static int class_call(lua_State *L) {
  check_class(L);
  lua_settop(L, 3);
  lua_rotate(L, 1, 2); /* message, fields, class: errors count from 1 */
  luaL_checkstring(L, 1);
  lua_newtable(L);
  if (!lua_isnil(L, 2)) {
    luaL_checktype(L, 2, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, 2);) {
      lua_pushvalue(L, -2);
      lua_insert(L, -2);
      lua_rawset(L, 4);
    }
  }
  lua_pushvalue(L, 3);
  lua_setfield(L, 4, "class");
  lua_pushvalue(L, 1);
  lua_setfield(L, 4, "message");
  luaL_setmetatable(L, ERROR_T);
  return 1;
}

/* tostring(ssl.SSLError) is its name. */
static int class_tostring(lua_State *L) {
  check_class(L);
  const char *name = field(L, "name");
  lua_pushfstring(L, "class %s", name != NULL ? name : "?");
  return 1;
}

static void push_new_class(lua_State *L, const struct error_type *type) {
  lua_newtable(L);
  lua_pushstring(L, type->name);
  lua_setfield(L, -2, "name");
  luaL_setmetatable(L, CLASS_T);
}

/* Give each class in the list at the top its list of parents. */
static void set_bases(lua_State *L) {
  int classes = lua_gettop(L);
  for (int i = 0; i < ERROR_CLASSES; i++) {
    lua_rawgeti(L, classes, i + 1);
    lua_newtable(L);
    for (int n = 0; n < 2 && types[i].bases[n] >= 0; n++) {
      lua_rawgeti(L, classes, types[i].bases[n] + 1);
      lua_rawseti(L, -2, n + 1);
    }
    lua_setfield(L, -2, "bases");
    lua_settop(L, classes);
  }
}

static void new_metatables(lua_State *L) {
  static const luaL_Reg error_meta[] = {
      {"__tostring", error_tostring}, {"__index", error_index}, {NULL, NULL}};
  static const luaL_Reg class_meta[] = {
      {"__tostring", class_tostring}, {"__call", class_call}, {NULL, NULL}};
  luaL_newmetatable(L, ERROR_T);
  luaL_setfuncs(L, error_meta, 0);
  luaL_newmetatable(L, CLASS_T);
  luaL_setfuncs(L, class_meta, 0);
  lua_pop(L, 2);
}

void error_open(lua_State *L) {
  int module = lua_gettop(L);
  new_metatables(L);
  lua_newtable(L);
  for (int i = 0; i < ERROR_CLASSES; i++) {
    push_new_class(L, &types[i]);
    lua_pushvalue(L, -1);
    lua_setfield(L, module, types[i].name);
    lua_rawseti(L, module + 1, i + 1);
  }
  set_bases(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &classes_key);
  lua_getfield(L, module, "SSLCertVerificationError");
  lua_setfield(L, module, "CertificateError");
}

bool error_check(lua_State *L, int index) {
  if (!lua_istable(L, index) || !lua_getmetatable(L, index)) return false;
  luaL_getmetatable(L, ERROR_T);
  bool is = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return is;
}

static void set_integer(lua_State *L, const char *name, int value) {
  if (value == TLS_ERROR_NONE) return;
  lua_pushinteger(L, value);
  lua_setfield(L, -2, name);
}

static void set_string(lua_State *L, const char *name, const char *value) {
  if (value == NULL || value[0] == '\0') return;
  lua_pushstring(L, value);
  lua_setfield(L, -2, name);
}

void error_push(lua_State *L, const struct tls_error *e, const char *op) {
  luaL_checkstack(L, 4, "error object");
  lua_createtable(L, 0, 8);
  push_class(L, e->class);
  lua_setfield(L, -2, "class");
  set_string(L, "message", e->message);
  set_integer(L, "errno", e->number);
  if (e->class == ERROR_OS) set_string(L, "name", errname(e->number));
  set_string(L, "library", e->library);
  set_string(L, "reason", e->reason);
  set_integer(L, "verify_code", e->verify_code);
  set_string(L, "verify_message", e->verify_message);
  set_integer(L, "alert", e->alert);
  set_string(L, "op", op);
  luaL_setmetatable(L, ERROR_T);
}

int error_raise(lua_State *L, const struct tls_error *e, const char *op) {
  error_push(L, e, op);
  return lua_error(L);
}

int error_throw(lua_State *L, enum error_class class, const char *format, ...) {
  struct tls_error e;
  va_list arguments;
  tlserr_set(&e, class, "%s", "");
  va_start(arguments, format);
  vsnprintf(e.message, sizeof e.message, format, arguments);
  va_end(arguments);
  return error_raise(L, &e, NULL);
}

int error_throw_ssl(lua_State *L, const char *fallback) {
  struct tls_error e;
  tlserr_take(&e, fallback);
  return error_raise(L, &e, NULL);
}

int error_throw_errno(lua_State *L, int number, const char *op) {
  struct tls_error e;
  tlserr_system(&e, number);
  return error_raise(L, &e, op);
}

/* The events of a healthy connection, and SSL_get_error's numbers (B.3). */
static const struct event {
  enum error_class class;
  int number;
  const char *message;
} events[] = {
    {ERROR_WANT_READ, 2, "the operation did not complete (read)"},
    {ERROR_WANT_WRITE, 3, "the operation did not complete (write)"},
    {ERROR_ZERO_RETURN, 6, "the TLS connection has been closed (EOF)"},
    {ERROR_EOF, 8, "EOF occurred in violation of protocol"},
};

static void push_event(lua_State *L, enum error_class class, const char *op) {
  struct tls_error e;
  tlserr_set(&e, class, "the %s operation failed", op);
  for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
    if (events[i].class != class) continue;
    tlserr_set(&e, class, "%s", events[i].message);
    e.number = events[i].number;
  }
  error_push(L, &e, op);
}

/* Operations whose errors are shared, the most frequent first. */
static const char *const shared_ops[] = {"read", "write", "handshake", "unwrap",
                                         "close_write"};

#define SHARED_OPS (sizeof shared_ops / sizeof *shared_ops)

/* Registry keys of the shared objects: one look-up finds one. */
static const char shared_keys[ERROR_CLASSES][SHARED_OPS];

/* The key of an operation's error, or NULL. */
static const char *shared_key(enum error_class class, const char *op) {
  for (size_t i = 0; i < SHARED_OPS; i++)
    if (strcmp(shared_ops[i], op) == 0) return &shared_keys[class][i];
  return NULL;
}

int error_throw_shared(lua_State *L, enum error_class class, const char *op) {
  const char *key = shared_key(class, op);
  if (key != NULL && lua_rawgetp(L, LUA_REGISTRYINDEX, key) == LUA_TTABLE)
    return lua_error(L);
  push_event(L, class, op);
  if (key != NULL) {
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, key);
  }
  return lua_error(L);
}
