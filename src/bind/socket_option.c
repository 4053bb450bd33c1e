/*
** socket_option.c - getsockopt and setsockopt, with numbers or the C names.
*/
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "../sys/net.h"
#include "error.h"
#include "socket.h"

#define VALUE_MAX 1024 /* bytes of an option's value */

#define NAME(code)                                                             \
  { #code, code }

static const struct option_name {
  const char *name;
  int number;
} names[] = {
    NAME(SOL_SOCKET),       NAME(IPPROTO_TCP),   NAME(IPPROTO_IP),
    NAME(IPPROTO_IPV6),     NAME(SO_ACCEPTCONN), NAME(SO_BROADCAST),
    NAME(SO_DONTROUTE),     NAME(SO_ERROR),      NAME(SO_KEEPALIVE),
    NAME(SO_LINGER),        NAME(SO_OOBINLINE),  NAME(SO_RCVBUF),
    NAME(SO_RCVLOWAT),      NAME(SO_RCVTIMEO),   NAME(SO_REUSEADDR),
    NAME(SO_SNDBUF),        NAME(SO_SNDLOWAT),   NAME(SO_SNDTIMEO),
    NAME(SO_TYPE),          NAME(TCP_NODELAY),   NAME(TCP_MAXSEG),
    NAME(IPV6_V6ONLY),      NAME(IP_TOS),        NAME(IP_TTL),
#ifdef SO_REUSEPORT
    NAME(SO_REUSEPORT),
#endif
#ifdef TCP_KEEPIDLE
    NAME(TCP_KEEPIDLE),     NAME(TCP_KEEPINTVL), NAME(TCP_KEEPCNT),
#endif
#ifdef TCP_CORK
    NAME(TCP_CORK),
#endif
#ifdef TCP_USER_TIMEOUT
    NAME(TCP_USER_TIMEOUT),
#endif
#ifdef TCP_DEFER_ACCEPT
    NAME(TCP_DEFER_ACCEPT),
#endif
#ifdef TCP_FASTOPEN
    NAME(TCP_FASTOPEN),
#endif
};

static int check_int(lua_State *L, int arg) {
  lua_Integer n = luaL_checkinteger(L, arg);
  if (n < INT_MIN || n > INT_MAX)
    error_throw(L, ERROR_OVERFLOW, "a socket option is a C int");
  return (int)n;
}

/* The number of a level or an option: given as such, or by its C name. */
static int check_number(lua_State *L, int arg) {
  if (lua_type(L, arg) != LUA_TSTRING) return check_int(L, arg);
  const char *name = lua_tostring(L, arg);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i].name, name) == 0) return names[i].number;
  return error_throw(L, ERROR_VALUE, "unknown socket option '%s'", name);
}

static int descriptor_of(lua_State *L, const char *op) {
  int fd = socket_self(L)->io.fd;
  if (fd < 0) error_throw_errno(L, EBADF, op);
  return fd;
}

/*
** conn:setsockopt(level, name, value)
** @param level, name  integer, or the C name as a string ("SO_KEEPALIVE")
** @param value        integer, boolean, or a string of the option's bytes
** @return true
** Raises OSError; EBADF where there is no descriptor yet (it is made by
** connect or bind). ValueError for an unknown name, OverflowError beyond
** an int.
*/
static int set_option(lua_State *L) {
  int fd = descriptor_of(L, "setsockopt");
  int level = check_number(L, 2);
  int name = check_number(L, 3);
  int integer = 0;
  size_t length = sizeof integer;
  const void *value = &integer;
  if (lua_type(L, 4) == LUA_TSTRING)
    value = lua_tolstring(L, 4, &length);
  else if (lua_isboolean(L, 4))
    integer = lua_toboolean(L, 4);
  else
    integer = check_int(L, 4);
  int number = net_set_option(fd, level, name, value, length);
  if (number != 0) return error_throw_errno(L, number, "setsockopt");
  lua_pushboolean(L, 1);
  return 1;
}

/*
** conn:getsockopt(level, name[, size])
** @param size  integer: give the value's bytes, at most so many (up to 1024)
** @return integer, or with a size a string
*/
static int get_option(lua_State *L) {
  char data[VALUE_MAX];
  int integer = 0;
  int fd = descriptor_of(L, "getsockopt");
  int level = check_number(L, 2);
  int name = check_number(L, 3);
  lua_Integer size = luaL_optinteger(L, 4, 0);
  if (size < 0 || size > VALUE_MAX)
    return error_throw(L, ERROR_VALUE, "size must be from 0 to %d", VALUE_MAX);
  size_t length = size > 0 ? (size_t)size : sizeof integer;
  void *value = size > 0 ? (void *)data : (void *)&integer;
  int number = net_get_option(fd, level, name, value, &length);
  if (number != 0) return error_throw_errno(L, number, "getsockopt");
  if (size > 0)
    lua_pushlstring(L, data, length);
  else
    lua_pushinteger(L, integer);
  return 1;
}

const luaL_Reg socket_option_methods[] = {
    {"setsockopt", set_option},
    {"getsockopt", get_option},
    {NULL, NULL},
};
