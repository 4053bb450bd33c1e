/*
** class.h - userdata classes: methods, dotted attributes, receivers.
** Metatables are made in luaopen (class_new), never on first use: an
** allocation between acquiring a handle and boxing it would leak it.
** Calls: error, OpenSSL (random bits). Called by: every file that has a
** userdata.
*/
#ifndef PYSSL_BIND_CLASS_H
#define PYSSL_BIND_CLASS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

/*
** Objects of a few classes are known without their metatable, where each
** instruction counts: at the end of their memory they have a mark that Lua can
** neither read nor make. It is made of 128 random bits of the process, the
** object's address and its class. An object loses it as it is finalized, or
** it would still stand in that memory when another library has it.
** Who has none, or has lost it, is looked at by class_self.
*/
struct class_mark {
  uint64_t address, class;
};

/* What marks are made of. Until it is there no object is big enough. */
struct class_secret {
  struct class_mark bits;
  size_t size;
};

extern struct class_secret class_secret;

/* Make the secret; before the first object. Without it nothing is marked. */
void class_open(void);

/* class_box with a mark: that of class *c. */
void *class_box_marked(lua_State *L, const struct class *c, size_t size,
                       int values);

/* Take the mark from the receiver, an object that was made with one: to be
** called by the __gc of each class that has such objects. */
void class_unmark(lua_State *L);

/* The mark of the object at `box`. */
static inline struct class_mark class_mark_of(const void *box,
                                              const struct class *c) {
  return (struct class_mark){
      class_secret.bits.address ^ (uint64_t)(uintptr_t)box,
      class_secret.bits.class + (uint64_t)(uintptr_t)c,
  };
}

/*
** The value at `index` where it is marked as an object of class *c, and has
** `least` bytes besides; else NULL. No other value's memory is read beyond its
** size: of a light userdata that is 0.
*/
static inline void *class_marked(lua_State *L, int index, const struct class *c,
                                 size_t least) {
  struct class_mark found, mark;
  char *box = lua_touserdata(L, index);
  size_t size = box != NULL ? lua_rawlen(L, index) : 0;
  if (size < least + class_secret.size) return NULL;
  memcpy(&found, box + size - sizeof found, sizeof found);
  mark = class_mark_of(box, c);
  bool same = found.address == mark.address && found.class == mark.class;
  return same ? box : NULL;
}

HIDDEN_END

#endif
