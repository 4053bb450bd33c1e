#include "netaddr.h"

#include <string.h>
#include <sys/socket.h>

#include "../tls/idna.h"
#include "error.h"

int netaddr_push(lua_State *L, const struct address *a) {
  char text[ADDRESS_TEXT];
  const char *path;
  if (a->u.sa.sa_family == AF_UNIX) {
    size_t length = address_path(a, &path);
    lua_pushlstring(L, path, length);
    return 1;
  }
  if (!address_host(a, text, sizeof text)) {
    lua_pushnil(L);
    return 1;
  }
  lua_pushstring(L, text);
  lua_pushinteger(L, address_port(a));
  if (a->u.sa.sa_family != AF_INET6) return 2;
  lua_pushinteger(L, address_flowinfo(a));
  lua_pushinteger(L, address_scope(a));
  return 4;
}

void netaddr_push_table(lua_State *L, const struct address *a) {
  lua_createtable(L, 4, 0);
  int table = lua_gettop(L);
  for (int i = netaddr_push(L, a); i >= 1; i--)
    lua_rawseti(L, table, i);
}

void netaddr_push_bytes(lua_State *L, const struct address *a) {
  lua_pushlstring(L, (const char *)&a->u, (size_t)a->length);
}

void netaddr_check_bytes(lua_State *L, int arg, struct address *a) {
  size_t length;
  const char *bytes = luaL_checklstring(L, arg, &length);
  luaL_argcheck(L, length >= sizeof a->u.sa.sa_family && length <= sizeof a->u,
                arg, "not an address");
  memset(a, 0, sizeof *a);
  memcpy(&a->u, bytes, length);
  a->length = (socklen_t)length;
}

static int family_of(lua_State *L, int arg) {
  static const char *const names[] = {"any", "inet", "inet6", NULL};
  static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6};
  return families[luaL_checkoption(L, arg, "any", names)];
}

static int numeric_address(lua_State *L) {
  struct address a;
  size_t length;
  const char *host = luaL_checklstring(L, 1, &length);
  lua_Integer port = luaL_checkinteger(L, 2);
  int family = family_of(L, 3);
  if (port < 0 || port > 65535 || strlen(host) != length ||
      !address_parse(&a, host, (unsigned)port, family))
    lua_pushnil(L);
  else
    netaddr_push_bytes(L, &a);
  return 1;
}

static int unix_address(lua_State *L) {
  struct address a;
  size_t length;
  const char *path = luaL_checklstring(L, 1, &length);
  if (address_unix(&a, path, length))
    netaddr_push_bytes(L, &a);
  else
    lua_pushnil(L);
  return 1;
}

static int show_address(lua_State *L) {
  struct address a;
  netaddr_check_bytes(L, 1, &a);
  return netaddr_push(L, &a);
}

static int same_family(lua_State *L) {
  struct address a, b;
  netaddr_check_bytes(L, 1, &a);
  netaddr_check_bytes(L, 2, &b);
  lua_pushboolean(L, a.u.sa.sa_family == b.u.sa.sa_family);
  return 1;
}

static int host_name(lua_State *L) {
  char ascii[IDNA_MAX + 1];
  const char *fault;
  size_t length;
  const char *host = luaL_checklstring(L, 1, &length);
  lua_settop(L, 1);
  if (!idna_is_needed(host, length)) return 1;
  switch (idna_encode(host, length, ascii, &fault)) {
  case IDNA_OK: lua_pushstring(L, ascii); return 1;
  case IDNA_TOO_LONG: fault = "is too long"; break;
  default: break;
  }
  return error_throw(L, ERROR_VALUE, "host name %s", fault);
}

const luaL_Reg netaddr_functions[] = {
    {"numeric_address", numeric_address},
    {"unix_address", unix_address},
    {"show_address", show_address},
    {"same_family", same_family},
    {"host_name", host_name},
    {NULL, NULL},
};
