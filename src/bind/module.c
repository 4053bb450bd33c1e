/*
** module.c - luaopen: the one place that puts classes together.
** `require "pyssl.core"` is for lua/pyssl alone: a table with the module's
** fields, the classes' method tables (methods), the steps that the operation
** loop drives (steps), and functions for the policy written in Lua.
*/
#include <dlfcn.h>
#include <openssl/crypto.h>

#include "../sys/clock.h"
#include "../sys/environment.h"
#include "../tls/systemtrust.h"
#include "args.h"
#include "buffer.h"
#include "certbox.h"
#include "certificate.h"
#include "certinfo.h"
#include "closing.h"
#include "connection.h"
#include "constants.h"
#include "context.h"
#include "credentials.h"
#include "error.h"
#include "memorybio.h"
#include "method.h"
#include "netaddr.h"
#include "object.h"
#include "pressure.h"
#include "privatekey.h"
#include "question.h"
#include "random.h"
#include "resolver.h"
#include "ringer.h"
#include "session.h"
#include "settings.h"
#include "socket.h"
#include "systemstore.h"
#include "transport.h"
#include "try.h"
#include "turn.h"
#include "waiter.h"
#include "warning.h"

EXPORT int luaopen_pyssl_core(lua_State *L);

/*
** OpenSSL keeps pointers into this object (ex_data, BIO methods, atfork
** handlers): it must never be unloaded, also where the linker was not told.
*/
static void stay_loaded(void) {
  static const char anchor;
  Dl_info info;
  if (dladdr(&anchor, &info) && info.dli_fname != NULL)
    (void)dlopen(info.dli_fname, RTLD_NOW | RTLD_NODELETE);
}

/* A library of another major version would be called with the wrong ABI. */
static void check_library(lua_State *L) {
  unsigned major = OPENSSL_version_major();
  if (major != OPENSSL_VERSION_MAJOR)
    luaL_error(L, "pyssl was built for OpenSSL %d, but OpenSSL %d is loaded",
               OPENSSL_VERSION_MAJOR, (int)major);
}

/* core.deadline(timeout) -> when it passes; nil for none. */
static int deadline(lua_State *L) {
  if (lua_isnoneornil(L, 1)) return 0;
  lua_pushnumber(L, clock_deadline(luaL_checknumber(L, 1)));
  return 1;
}

/* core.environment(name) -> string or nil; nil too where the process runs with
** more rights than its user. */
static int environment(lua_State *L) {
  lua_pushstring(L, environment_get(luaL_checkstring(L, 1)));
  return 1;
}

/* core.deprecated(what) warns once. */
static int deprecated(lua_State *L) {
  warning_deprecated(L, luaL_checkstring(L, 1));
  return 0;
}

/* core.is_error(value): is it an error object of ours? */
static int is_error(lua_State *L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, error_check(L, 1));
  return 1;
}

/* core.system_error(errno, op) builds the OSError for an errno value. */
static int system_error(lua_State *L) {
  struct tls_error e;
  tlserr_system(&e, (int)luaL_checkinteger(L, 1));
  error_push(L, &e, luaL_optstring(L, 2, NULL));
  return 1;
}

static void set_text(lua_State *L, const char *name, const char *text) {
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

/*
** get_default_verify_paths() tells where OpenSSL looks for authorities.
** @return table {cafile=, capath=, openssl_cafile_env=, openssl_cafile=,
**         openssl_capath_env=, openssl_capath=}; cafile and capath are nil
**         unless they exist
*/
static int get_default_verify_paths(lua_State *L) {
  struct system_paths paths;
  systemtrust_default_paths(&paths);
  lua_createtable(L, 0, 6);
  set_text(L, "cafile", paths.cafile);
  set_text(L, "capath", paths.capath);
  set_text(L, "openssl_cafile_env", paths.openssl_cafile_env);
  set_text(L, "openssl_cafile", paths.openssl_cafile);
  set_text(L, "openssl_capath_env", paths.openssl_capath_env);
  set_text(L, "openssl_capath", paths.openssl_capath);
  return 1;
}

static const luaL_Reg functions[] = {
    {"SSLContext", context_new},
    {"arguments", args_spread},
    {"deadline", deadline},
    {"environment", environment},
    {"deprecated", deprecated},
    {"system_error", system_error},
    {"get_default_verify_paths", get_default_verify_paths},
    {"is_error", is_error},
    {NULL, NULL},
};

/* Set all functions of core in the table at the top. */
static void open_functions(lua_State *L) {
  luaL_setfuncs(L, functions, 0);
  luaL_setfuncs(L, netaddr_functions, 0);
  luaL_setfuncs(L, random_functions, 0);
  luaL_setfuncs(L, buffer_functions, 0);
  luaL_setfuncs(L, socket_functions, 0);
  luaL_setfuncs(L, transport_functions, 0);
  luaL_setfuncs(L, resolver_functions, 0);
  luaL_setfuncs(L, ringer_functions, 0);
  luaL_setfuncs(L, waiter_functions, 0);
  luaL_setfuncs(L, closing_functions, 0);
  luaL_setfuncs(L, socket_wait_functions, 0);
  luaL_setfuncs(L, memorybio_functions, 0);
  luaL_setfuncs(L, method_functions, 0);
  luaL_setfuncs(L, try_functions, 0);
  luaL_setfuncs(L, object_functions, 0);
  luaL_setfuncs(L, certificate_functions, 0);
  luaL_setfuncs(L, privatekey_functions, 0);
  luaL_setfuncs(L, context_negotiation_functions, 0);
  luaL_setfuncs(L, question_functions, 0);
  luaL_setfuncs(L, session_functions, 0);
  luaL_setfuncs(L, systemstore_functions, 0);
}

/* Set the functions of lists that a NULL ends, which take an object of a class,
** in the table at the top. */
static void add_lists(lua_State *L, const char *class,
                      const luaL_Reg *const *lists) {
  for (; *lists != NULL; lists++)
    class_functions(L, class, *lists);
}

/* A class without methods of its own. */
static void open_box(lua_State *L, const struct class *class) {
  class_new(L, class);
  lua_pop(L, 1);
}

/* Make a class with methods from further lists, and set its table of methods
** as field `name` of the table at the top. */
static void open_class(lua_State *L, const char *name,
                       const struct class *class,
                       const luaL_Reg *const *lists) {
  class_new(L, class);
  add_lists(L, class->name, lists);
  lua_setfield(L, -2, name);
}

/* The same for a class of connections. */
static void open_connection(lua_State *L, const char *name,
                            const struct class *class,
                            const luaL_Reg *const *lists) {
  static const luaL_Reg *const all_lists[] = {
      connection_info_methods,        post_handshake_methods,
      connection_session_methods,     connection_credentials_methods,
      connection_chain_methods,       connection_binding_methods,
      connection_negotiation_methods, NULL};
  class_new(L, class);
  add_lists(L, class->name, all_lists);
  add_lists(L, class->name, lists);
  lua_setfield(L, -2, name);
}

/* core.methods: the table of methods of each class that Lua adds to. */
static void open_classes(lua_State *L) {
  static const luaL_Reg *const context_lists[] = {
      context_trust_methods,    context_load_methods,
      context_cipher_methods,   context_negotiation_methods,
      context_psk_methods,      context_session_methods,
      context_callback_methods, NULL};
  static const luaL_Reg *const socket_lists[] = {
      socket_stream_methods, socket_descriptor_methods, socket_option_methods,
      socket_listen_methods, NULL};
  static const luaL_Reg *const transport_lists[] = {socket_stream_methods,
                                                    NULL};
  static const luaL_Reg *const object_lists[] = {NULL};
  lua_newtable(L);
  open_class(L, "context", &context_class, context_lists);
  open_connection(L, "socket", &socket_class, socket_lists);
  open_connection(L, "transport", &transport_class, transport_lists);
  open_connection(L, "object", &object_class, object_lists);
  lua_setfield(L, -2, "methods");
  open_box(L, &memorybio_class);
  open_box(L, &credentials_class);
  open_box(L, &certificate_class);
  open_box(L, &privatekey_class);
  open_box(L, &session_class);
  open_box(L, &certbox_class);
  open_box(L, &settings_class);
  open_box(L, &resolver_class);
  open_box(L, &ringer_class);
  open_box(L, &closing_class);
  open_box(L, &systemstore_class);
}

/* core.steps: what lua/pyssl/op.lua drives, by name. */
static void open_steps(lua_State *L) {
  static const luaL_Reg *const socket_lists[] = {
      socket_steps,         socket_read_steps,
      socket_write_steps,   socket_adopt_steps,
      socket_connect_steps, socket_listen_steps,
      socket_hold_steps,    NULL};
  lua_newtable(L);
  add_lists(L, SOCKET_T, socket_lists);
  class_functions(L, resolver_class.name, resolver_steps);
  lua_setfield(L, -2, "steps");
}

/* core.transport_steps: those of lua/pyssl/transport.lua. */
static void open_transport_steps(lua_State *L) {
  static const luaL_Reg *const lists[] = {socket_steps, socket_read_steps,
                                          socket_write_steps, transport_steps,
                                          NULL};
  lua_newtable(L);
  add_lists(L, TRANSPORT_T, lists);
  lua_setfield(L, -2, "transport_steps");
}

/* core.quick: methods that know their step (method.h), by its name. */
static void open_quick(lua_State *L) {
  lua_newtable(L);
  class_functions(L, SOCKET_T, socket_read_quick);
  class_functions(L, SOCKET_T, socket_write_quick);
  lua_setfield(L, -2, "quick");
}

/* core.errors: the class tables, and in the module as well. */
static void open_errors(lua_State *L) {
  lua_newtable(L);
  error_open(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "errors");
  lua_pop(L, 1);
}

int luaopen_pyssl_core(lua_State *L) {
  check_library(L);
  stay_loaded();
  class_open();
  lua_newtable(L);
  open_errors(L);
  pressure_open(L);
  turn_open(L);
  waiter_open(L);
  question_open(L);
  certinfo_open(L);
  buffer_open(L);
  lua_newtable(L);
  constants_open(L);
  lua_setfield(L, -2, "constants");
  open_functions(L);
  open_classes(L);
  open_steps(L);
  open_quick(L);
  open_transport_steps(L);
  return 1;
}
