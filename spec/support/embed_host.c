/*
** embed_host.c - a program that embeds Lua and uses OpenSSL itself, for the
** specs: embed_host TIMES CERT KEY CA SCRIPT [ARGUMENTS]. TIMES times it opens
** a Lua state, runs SCRIPT in it and closes it, and does a handshake of its own
** after each. SCRIPT has the table `host`; what it returns, a path, must name a
** shared object that stays loaded for good. Complains and exits with 1.
*/
#include <dlfcn.h>
#include <locale.h>
#include <lualib.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/bind/compat.h"

enum { TIMES = 1, CERT, KEY, CA, SCRIPT };

#define EXCHANGES 20 /* a handshake in memory needs fewer */

static void fail(const char *what) {
  fprintf(stderr, "embed_host: %s\n", what);
  ERR_print_errors_fp(stderr);
  exit(1);
}

/* --- what the script may ask --- */

/* host.queue(): the oldest entry of OpenSSL's error queue as text, or nil. */
static int host_queue(lua_State *L) {
  char text[256];
  unsigned long code = ERR_peek_error();
  ERR_error_string_n(code, text, sizeof text);
  if (code == 0)
    lua_pushnil(L);
  else
    lua_pushstring(L, text);
  return 1;
}

/* host.spoil(): leave an entry of the host's own in the queue. */
static int host_spoil(lua_State *L) {
  (void)L;
  ERR_put_error(ERR_LIB_USER, 0, 1, __FILE__, __LINE__);
  return 0;
}

/* host.clear(): empty the queue. */
static int host_clear(lua_State *L) {
  (void)L;
  ERR_clear_error();
  return 0;
}

static void add_signals(luaL_Buffer *b) {
  struct sigaction action;
  sigset_t blocked;
  sigprocmask(SIG_BLOCK, NULL, &blocked);
  for (int number = 1; number < NSIG; number++) {
    char text[96];
    if (sigaction(number, NULL, &action) != 0) continue;
    snprintf(text, sizeof text, "signal %d: %p %#x %d\n", number,
             (void *)(size_t)action.sa_handler, (unsigned)action.sa_flags,
             sigismember(&blocked, number));
    luaL_addstring(b, text);
  }
}

/* host.state(): what a guest must not change of the process, as text. */
static int host_state(lua_State *L) {
  extern char **environ;
  char directory[4096], mask[32];
  luaL_Buffer b;
  mode_t old = umask(0);
  umask(old);
  snprintf(mask, sizeof mask, "\numask %03o\n", (unsigned)old);
  luaL_buffinit(L, &b);
  luaL_addstring(&b, setlocale(LC_ALL, NULL));
  luaL_addstring(&b, mask);
  luaL_addstring(&b, getcwd(directory, sizeof directory));
  luaL_addchar(&b, '\n');
  add_signals(&b);
  for (char **entry = environ; *entry != NULL; entry++) {
    luaL_addstring(&b, *entry);
    luaL_addchar(&b, '\n');
  }
  luaL_pushresult(&b);
  return 1;
}

static const luaL_Reg functions[] = {
    {"queue", host_queue}, {"spoil", host_spoil}, {"clear", host_clear},
    {"state", host_state}, {NULL, NULL},
};

/* --- the host's own use of OpenSSL --- */

static SSL_CTX *make_context(char **argv, int server) {
  SSL_CTX *ctx =
      SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
  int ok = ctx != NULL;
  if (server) {
    ok = ok && SSL_CTX_use_certificate_chain_file(ctx, argv[CERT]) == 1;
    ok = ok &&
         SSL_CTX_use_PrivateKey_file(ctx, argv[KEY], SSL_FILETYPE_PEM) == 1;
  } else {
    ok = ok && SSL_CTX_load_verify_locations(ctx, argv[CA], NULL) == 1;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
  }
  if (!ok) fail("no context of its own");
  return ctx;
}

/* Both ends are driven in turn, over a pair of BIOs. */
static void shake_hands(SSL *client, SSL *server) {
  BIO *near = NULL, *far = NULL;
  char byte = 0;
  if (!BIO_new_bio_pair(&near, 0, &far, 0)) fail("no BIO pair");
  SSL_set_bio(client, near, near);
  SSL_set_bio(server, far, far);
  SSL_set_connect_state(client);
  SSL_set_accept_state(server);
  for (int i = 0; i < EXCHANGES; i++) {
    SSL_do_handshake(client);
    SSL_do_handshake(server);
  }
  if (!SSL_is_init_finished(client) || !SSL_is_init_finished(server))
    fail("its own handshake fails");
  if (SSL_write(client, "x", 1) != 1 || SSL_read(server, &byte, 1) != 1 ||
      byte != 'x')
    fail("its own connection carries nothing");
}

static void use_openssl(char **argv) {
  if (ERR_peek_error() != 0) fail("the error queue was not left clean");
  SSL_CTX *client_context = make_context(argv, 0);
  SSL_CTX *server_context = make_context(argv, 1);
  SSL *client = SSL_new(client_context);
  SSL *server = SSL_new(server_context);
  shake_hands(client, server);
  SSL_free(client);
  SSL_free(server);
  SSL_CTX_free(client_context);
  SSL_CTX_free(server_context);
  if (ERR_peek_error() != 0) fail("its own use left something in the queue");
}

/* --- the guest --- */

/* The state has closed it, and so do we: its code stays where it was. */
static void check_loaded(const char *path) {
  Dl_info info;
  void *handle = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
  if (handle == NULL) fail("the module was unloaded");
  void *symbol = dlsym(handle, "luaopen_pyssl_core");
  dlclose(handle);
  if (symbol == NULL || !dladdr(symbol, &info) || info.dli_saddr != symbol)
    fail("the module's code is gone");
}

/* A state from beginning to end; `path` gets what the script returns. */
static void run_state(int argc, char **argv, char *path, size_t size) {
  lua_State *L = luaL_newstate();
  if (L == NULL) fail("no Lua state");
  luaL_openlibs(L);
  luaL_newlib(L, functions);
  lua_setglobal(L, "host");
  int status = luaL_loadfile(L, argv[SCRIPT]);
  for (int i = SCRIPT + 1; i < argc; i++)
    lua_pushstring(L, argv[i]);
  if (status == LUA_OK) status = lua_pcall(L, argc - SCRIPT - 1, 1, 0);
  if (status != LUA_OK) fail(luaL_tolstring(L, -1, NULL));
  snprintf(path, size, "%s", luaL_optstring(L, -1, ""));
  lua_close(L);
}

int main(int argc, char **argv) {
  char path[4096];
  if (argc <= SCRIPT) fail("too few arguments");
  setlocale(LC_ALL, "");
  for (int i = atoi(argv[TIMES]); i > 0; i--) {
    run_state(argc, argv, path, sizeof path);
    use_openssl(argv);
    if (path[0] != '\0') check_loaded(path);
  }
  puts("done");
  return 0;
}
