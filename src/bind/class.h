/*
** class.h - userdata classes: methods, dotted attributes, receivers.
** Metatables are made in luaopen (class_new), never on first use: an
** allocation between acquiring a handle and boxing it would leak it.
** Calls: error. Called by: every file that has a userdata.
*/
#ifndef PYSSL_BIND_CLASS_H
#define PYSSL_BIND_CLASS_H

#include <stddef.h>

#include "compat.h"

HIDDEN_BEGIN

/*
** A dotted attribute. get is called with (self); set with (self, name,
** value), NULL where the attribute is read-only. Both call class_self.
*/
struct class_attribute {
  const char *name;
  lua_CFunction get;
  lua_CFunction set;
};

struct class {
  const char *name; /* __name, as "ssl.socket" */
  const luaL_Reg *methods;
  const luaL_Reg *metamethods;              /* __gc, __close, __eq, ... */
  const struct class_attribute *attributes; /* ends with a NULL name */
  const struct class_attribute *shared;     /* more, of several classes */
};

/*
** Make the class's metatable and push its table of methods, to which Lua may
** add its own. Reading an unknown name gives nil; assigning one, or a
** read-only attribute, raises an AttributeError.
** Every C function of the class gets the metatable as its first upvalue.
*/
void class_new(lua_State *L, const struct class *c);

/*
** Give the functions of `list` the metatable of class `name` as upvalue, so
** that class_self works in them, and set them in the table at the top.
*/
void class_functions(lua_State *L, const char *name, const luaL_Reg *list);

/* The receiver, argument 1 of a function of the class; raises otherwise. */
void *class_self(lua_State *L);

/* Argument `arg` as an object of class `name`; raises otherwise. */
void *class_check(lua_State *L, int arg, const char *name);

/*
** Push a zeroed userdata of class `name` with `values` user values. It has
** its __gc already: box first, acquire second.
*/
void *class_box(lua_State *L, const char *name, size_t size, int values);

HIDDEN_END

#endif
