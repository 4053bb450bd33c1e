#include "waiter.h"

#include <errno.h>
#include <limits.h>

#include "../sys/clock.h"
#include "../sys/fdwait.h"
#include "args.h"
#include "call.h"
#include "connection.h"
#include "context.h"
#include "error.h"

/* In the registry: the flag, a userdata, and the default waiter. */
static const char flag_key, default_key;

void waiter_open(lua_State *L) {
  bool *flag = lua_newuserdatauv(L, sizeof *flag, 0);
  *flag = false;
  lua_rawsetp(L, LUA_REGISTRYINDEX, &flag_key);
}

static bool *default_flag(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &flag_key);
  bool *flag = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return flag;
}

const bool *waiter_default_flag(lua_State *L) {
  return default_flag(L);
}

int context_get_waiter(lua_State *L) {
  context_self(L);
  lua_getiuservalue(L, 1, CONTEXT_WAITER);
  return 1;
}

int context_set_waiter(lua_State *L) {
  struct context *c = context_self(L);
  if (!call_accepts(L, 3)) return attribute_type_error(L, "function");
  lua_settop(L, 3);
  c->has_waiter = !lua_isnil(L, 3);
  lua_setiuservalue(L, 1, CONTEXT_WAITER);
  return 0;
}

/*
** core.set_default_waiter(f) sets the waiter of sockets that have none, and
** whose context has none.
** @param f  function, or nil for none
** @return true
*/
static int set_default_waiter(lua_State *L) {
  luaL_checkany(L, 1);
  if (!call_accepts(L, 1)) return luaL_typeerror(L, 1, "function");
  lua_settop(L, 1);
  bool there = !lua_isnil(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &default_key);
  *default_flag(L) = there;
  lua_pushboolean(L, 1);
  return 1;
}

/* core.waiter(conn) -> the waiter in force for it, or nil. */
static int waiter(lua_State *L) {
  connection_check_any(L, 1);
  lua_getiuservalue(L, 1, VALUE_WAITER);
  if (!lua_isnil(L, -1)) return 1;
  lua_getiuservalue(L, 1, VALUE_CONTEXT);
  lua_getiuservalue(L, -1, CONTEXT_WAITER);
  if (!lua_isnil(L, -1)) return 1;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &default_key);
  return 1;
}

/*
** core.wait(fd, mode, deadline) waits for a descriptor, in the system.
** @param fd        integer
** @param mode      "r" or "w"
** @param deadline  as from core.deadline, or nil for none
** @return true when it is ready, false when the deadline has passed, nil where
**         a signal came: call again
** Raises OSError EBADF for a closed descriptor.
*/
static int wait(lua_State *L) {
  static const char *const modes[] = {"r", "w", NULL};
  lua_Integer fd = luaL_checkinteger(L, 1);
  int mode = luaL_checkoption(L, 2, NULL, modes);
  double deadline = luaL_optnumber(L, 3, CLOCK_NEVER);
  if (fd < 0 || fd > INT_MAX) return error_throw_errno(L, EBADF, "wait");
  switch (fdwait((int)fd, mode == 0 ? FDWAIT_READ : FDWAIT_WRITE, deadline)) {
  case FDWAIT_READY: lua_pushboolean(L, 1); break;
  case FDWAIT_TIMEOUT: lua_pushboolean(L, 0); break;
  case FDWAIT_SIGNAL: lua_pushnil(L); break;
  default: return error_throw_errno(L, errno, "wait");
  }
  return 1;
}

/* core.left(deadline) -> seconds until then, 0 when it has passed; nil where
** there is none. */
static int left(lua_State *L) {
  double deadline = luaL_optnumber(L, 1, CLOCK_NEVER);
  double seconds = deadline - clock_now();
  if (deadline == CLOCK_NEVER)
    lua_pushnil(L);
  else
    lua_pushnumber(L, seconds > 0 ? seconds : 0);
  return 1;
}

const luaL_Reg waiter_functions[] = {
    {"set_default_waiter", set_default_waiter},
    {"waiter", waiter},
    {"wait", wait},
    {"left", left},
    {NULL, NULL},
};
