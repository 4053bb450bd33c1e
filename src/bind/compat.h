/*
** compat.h (Lua) - what differs between Lua's versions. Together with compat.c
** the only place in src/bind with a LUA_VERSION_NUM. The floor is written for
** Lua 5.4; here 5.3, 5.1 and LuaJIT (which is 5.1 with additions) get the names
** that they lack, and the results that 5.4's functions give.
** Lua's headers come in through here, before symbols are hidden.
**
** What does not allocate on 5.4 does not here either, but for
** lua_pushcfunction, which before 5.2 makes a closure: where no memory may be
** asked for, function_push pushes one that function_keep made beforehand.
*/
#ifndef PYSSL_BIND_COMPAT_H
#define PYSSL_BIND_COMPAT_H

#include <stdbool.h>
#include <stdio.h>

#include <lauxlib.h>
#include <lua.h>

#include "../tls/compat.h"

HIDDEN_BEGIN

/* Make `f` ready for function_push, once or more often. */
void function_keep(lua_State *L, lua_CFunction f);

/* Push a function that was kept; allocates nothing and raises nothing. */
void function_push(lua_State *L, lua_CFunction f);

/* Is the value at `index` one of Lua's files? *file is NULL for a closed one.
 */
bool file_test(lua_State *L, int index, FILE **file);

/* Warn through the VM's warn(), or where it has none through a global function
** of that name, which may be missing too. */
void warn_text(lua_State *L, const char *text);

/* May a C function go on after what it called has yielded? (lua_callk) */
#define METHODS_IN_C (LUA_VERSION_NUM >= 503)

#if LUA_VERSION_NUM < 504

void *compat_newuserdata(lua_State *L, size_t size, int values);
int compat_getuservalue(lua_State *L, int index, int n);
int compat_setuservalue(lua_State *L, int index, int n);
int compat_typeerror(lua_State *L, int arg, const char *expected);

#define lua_newuserdatauv compat_newuserdata
#define lua_getiuservalue compat_getuservalue
#define lua_setiuservalue compat_setuservalue
#define luaL_typeerror    compat_typeerror

/* There are no warnings to catch. */
#define lua_setwarnf(L, f, data) ((void)(L), (void)(f), (void)(data))

/* lua_gc takes its argument always. */
#define lua_gc(...)                       compat_gc(__VA_ARGS__, 0, 0)
#define compat_gc(L, what, argument, ...) (lua_gc)(L, what, argument)

#endif

#if LUA_VERSION_NUM < 502

#ifndef LUA_OK
#define LUA_OK 0
#endif

/* PUC 5.1 cannot be asked: lua_gc answers -1, as if the collector ran. */
#ifndef LUA_GCISRUNNING
#define LUA_GCISRUNNING (-1)
#endif

typedef unsigned long long lua_Unsigned;

int compat_absindex(lua_State *L, int index);
void compat_rotate(lua_State *L, int index, int n);
int compat_isinteger(lua_State *L, int index);
lua_Integer compat_tointeger(lua_State *L, int index, int *exact);
lua_Integer compat_checkinteger(lua_State *L, int arg);
lua_Integer compat_optinteger(lua_State *L, int arg, lua_Integer otherwise);
const char *compat_tolstring(lua_State *L, int index, size_t *length);
int compat_rawgetp(lua_State *L, int index, const void *key);
void compat_rawsetp(lua_State *L, int index, const void *key);
int compat_getmetafield(lua_State *L, int index, const char *name);
int compat_newmetatable(lua_State *L, const char *name);
void compat_setmetatable(lua_State *L, const char *name);
void *compat_testudata(lua_State *L, int arg, const char *name);
void *compat_checkudata(lua_State *L, int arg, const char *name);
void compat_setfuncs(lua_State *L, const luaL_Reg *list, int upvalues);
void compat_requiref(lua_State *L, const char *name, lua_CFunction open,
                     int global);

#define lua_absindex      compat_absindex
#define lua_rotate        compat_rotate
#define lua_isinteger     compat_isinteger
#define lua_tointegerx    compat_tointeger
#define luaL_checkinteger compat_checkinteger
#define luaL_optinteger   compat_optinteger
#define luaL_tolstring    compat_tolstring
#define lua_rawlen        lua_objlen
#define lua_rawgetp       compat_rawgetp
#define lua_rawsetp       compat_rawsetp
#define luaL_getmetafield compat_getmetafield
#define luaL_newmetatable compat_newmetatable
#define luaL_setmetatable compat_setmetatable
#define luaL_testudata    compat_testudata
#define luaL_checkudata   compat_checkudata
#define luaL_setfuncs     compat_setfuncs
#define luaL_requiref     compat_requiref
#undef luaL_newlib
#define luaL_newlib(L, list) (lua_newtable(L), luaL_setfuncs(L, list, 0))

/* These give the type of what they push. */
static inline int compat_rawget(lua_State *L, int index) {
  lua_rawget(L, index);
  return lua_type(L, -1);
}

static inline int compat_rawgeti(lua_State *L, int index, lua_Integer n) {
  lua_rawgeti(L, index, (int)n);
  return lua_type(L, -1);
}

static inline int compat_getfield(lua_State *L, int index, const char *name) {
  lua_getfield(L, index, name);
  return lua_type(L, -1);
}

#define lua_rawget               compat_rawget
#define lua_rawgeti              compat_rawgeti
#define lua_rawseti(L, index, n) (lua_rawseti)(L, index, (int)(n))
#define lua_getfield             compat_getfield

/* Buffers of any size. No luaL_addvalue: nothing here uses it. */
struct compat_buffer {
  lua_State *L;
  char *bytes; /* first, or a userdata at the top of the stack */
  size_t size, used;
  char first[1024];
};

void compat_buffer_begin(lua_State *L, struct compat_buffer *b);
char *compat_buffer_room(struct compat_buffer *b, size_t length);
void compat_buffer_add(struct compat_buffer *b, const char *text,
                       size_t length);
void compat_buffer_addstring(struct compat_buffer *b, const char *text);
void compat_buffer_push(struct compat_buffer *b);

#define luaL_Buffer     struct compat_buffer
#define luaL_buffinit   compat_buffer_begin
#define luaL_addlstring compat_buffer_add
#define luaL_addstring  compat_buffer_addstring
#define luaL_pushresult compat_buffer_push
#undef luaL_prepbuffsize
#define luaL_prepbuffsize compat_buffer_room
#undef luaL_addchar
#define luaL_addchar(b, c)                                                     \
  ((void)(*compat_buffer_room(b, 1) = (c), (b)->used++))
#undef luaL_addsize
#define luaL_addsize(b, n) ((void)((b)->used += (n)))
#define luaL_buffinitsize(L, b, n)                                             \
  (compat_buffer_begin(L, b), compat_buffer_room(b, n))
#define luaL_pushresultsize(b, n) (luaL_addsize(b, n), compat_buffer_push(b))

#endif

HIDDEN_END

#endif
