#include "object.h"

#include "args.h"
#include "buffer.h"
#include "call.h"
#include "connection.h"
#include "error.h"
#include "gather.h"
#include "memorybio.h"
#include "pressure.h"
#include "unfinished.h"

#define DEFAULT_SIZE 1024

struct object {
  struct connection base;
  struct wire wire;
  struct membio *incoming; /* while it is being made */
  struct membio *outgoing;
};

/* The receiver, with TLS; after close() every method is refused. */
static struct object *object_self(lua_State *L) {
  struct object *o = class_self(L);
  if (o->base.engine.ssl == NULL || o->base.engine.doomed)
    error_throw(L, ERROR_VALUE, "operation on a closed connection");
  return o;
}

/* The receiver of a step. */
static struct object *object_enter(lua_State *L) {
  struct object *o = object_self(L);
  call_enter(L, &o->base);
  return o;
}

/* close(), __close and __gc: sends nothing. Idempotent. */
static int object_close(lua_State *L) {
  struct object *o = class_self(L);
  if (o->base.engine.ssl != NULL && !o->base.engine.doomed) {
    engine_close(&o->base.engine);
    pressure_drop(L, PRESSURE_CONNECTION);
  }
  lua_pushboolean(L, 1);
  return 1;
}

static bool open_engine(struct connection *c, SSL_CTX *context) {
  struct object *o = (struct object *)c;
  if (!engine_open_memory(&c->engine, context, o->incoming, o->outgoing,
                          &o->wire, c->server_side))
    return false;
  engine_idle(&c->engine, true); /* waiting is done outside */
  return true;
}

/* Raise unless parameter i is an ssl.memorybio. */
static void check_memorybio(const struct args *a, int i) {
  if (luaL_testudata(a->L, a->first + i, MEMORYBIO_T) == NULL)
    args_type_error(a, i, MEMORYBIO_T);
  memorybio_check(a->L, a->first + i); /* an open one */
}

/*
** core.new_object(context, incoming, outgoing, server_side, server_hostname,
** session, certificate, private_key, trust, verify_mode, alpn_protocols) makes
** a TLS connection over memory, for wrap_bio (D-39). No handshake is begun.
** @param incoming         ssl.memorybio: what the peer sends is read from it
** @param outgoing         ssl.memorybio: what it is to get is written to it;
**                         may be the same
** @param server_side      boolean, default false
** @param server_hostname  string: for SNI and the check of the name
** @param session          ssl.session to resume
** @param certificate      and the others: settings.h
** @return ssl.object
** Raises ValueError as wrap_socket does: a name on the server side, none where
** check_hostname asks for one; SSLError for a context of the other side.
*/
static int new_object(lua_State *L) {
  static const char *const names[] = {
      "incoming", "outgoing",       "server_side", "server_hostname",
      "session",  SETTINGS_OPTIONS, NULL};
  struct context *c = context_check(L, 1);
  struct tls_error e;
  /* wrap_bio's arguments and options; none is a table of these. */
  struct args a = {.L = L,
                   .names = names,
                   .first = 2,
                   .keywords = ~3u,
                   .method = "wrap_bio"};
  lua_settop(L, 6 + SETTINGS_COUNT);
  check_memorybio(&a, 0);
  check_memorybio(&a, 1);
  bool server = args_opt_boolean(&a, 2, false);
  connection_take_hostname(&a, 3);
  connection_take_session(&a, 4);
  connection_check(L, c, server, args_given(&a, 3), args_given(&a, 4));
  settings_take(&a, 5, c);
  struct object *o = class_box(L, OBJECT_T, sizeof *o, CONNECTION_VALUES);
  lua_pushvalue(L, 1);
  connection_keep_context(L, -2);
  lua_pushvalue(L, 5);
  lua_setiuservalue(L, -2, VALUE_HOSTNAME);
  lua_pushvalue(L, 6);
  lua_setiuservalue(L, -2, VALUE_SESSION);
  lua_pushvalue(L, -2);
  lua_setiuservalue(L, -2, VALUE_SETTINGS);
  o->base.server_side = server;
  o->incoming = memorybio_check(L, 2); /* a finaliser may have closed them */
  o->outgoing = memorybio_check(L, 3);
  bool ok = connection_open(L, lua_gettop(L), open_engine, &e);
  o->incoming = o->outgoing = NULL; /* the engine has its own references */
  if (!ok) return error_raise(L, &e, "wrap_bio");
  pressure_add(L, PRESSURE_CONNECTION);
  return 1;
}

/* nil, "callback": the operation loop asks the user, then calls again. Not
** where a coroutine, this one even, is being asked. */
static int ask(lua_State *L) {
  struct turn *t = &connection_self(L)->turn;
  if (turn_is_held(L, t, TURN_CONTROL) || turn_is_asked(L, t))
    return error_throw(L, ERROR_VALUE, "the connection waits for its callback");
  (void)turn_wait(L, t, TURN_CONTROL, NEED_CALLBACK);
  lua_pushnil(L);
  lua_pushliteral(L, "callback");
  return 2;
}

/* What a step gives that is not done: raises, or asks to be called again. */
static int stopped(lua_State *L, enum step step, struct tls_error *e,
                   const char *op, lua_Integer sent) {
  switch (step) {
  case STEP_CALLBACK: return ask(L);
  case STEP_WANT_WRITE: return error_throw_shared(L, ERROR_WANT_WRITE, op);
  case STEP_FAILED: break;
  default: return error_throw_shared(L, ERROR_WANT_READ, op);
  }
  connection_push_error(L, e, op, sent);
  return lua_error(L);
}

/*
** object:do_handshake() goes on with the handshake.
** @return true when it is done
** Raises SSLWantReadError where bytes of the peer are needed, else as on a
** socket.
*/
static int do_handshake(lua_State *L) {
  struct object *o = object_enter(L);
  struct tls_error e;
  enum step step = engine_handshake(&o->base.engine, &e);
  if (step != STEP_DONE) return stopped(L, step, &e, "handshake", -1);
  lua_pushboolean(L, 1);
  return 1;
}

/* Read up to `size` bytes; 0 at the end. True when done; else *results is what
** the method returns. */
static bool receive(lua_State *L, struct object *o, void *data, size_t size,
                    size_t *got, int *results) {
  struct tls_error e;
  *got = 0;
  if (size == 0) return true;
  enum step step = engine_read(&o->base.engine, data, size, got, &e);
  if (step == STEP_DONE) return true;
  *got = 0;
  if (step == STEP_END) return true;
  *results = stopped(L, step, &e, "read", -1);
  return false;
}

static int read_string(lua_State *L, struct object *o, size_t size) {
  char data[ENGINE_RECORD];
  int results;
  size_t got;
  if (!receive(L, o, data, size, &got, &results)) return results;
  lua_pushlstring(L, data, got);
  return 1;
}

/*
** object:read(len, buffer) reads decrypted bytes.
** @param len     integer, the most; default 1024. One call gives a record at
**                most. With a buffer, any number outside 1..#buffer is its
**                size
** @param buffer  ssl.buffer to fill, from its start
** @return string, or with a buffer the number of bytes; "" or 0 at the end
** Raises SSLWantReadError; SSLEOFError where the end comes without
** close_notify; ValueError for a negative length.
*/
static int object_read(lua_State *L) {
  static const char *const names[] = {"len", "buffer", NULL};
  struct object *o = object_enter(L);
  struct bytes b;
  struct args a;
  int results;
  size_t got;
  args_take_step(&a, L, "read", names, 0);
  lua_Integer n = args_opt_integer(&a, 0, DEFAULT_SIZE);
  if (!args_given(&a, 1)) {
    if (n < 0) return error_throw(L, ERROR_VALUE, "negative size");
    return read_string(L, o, n < ENGINE_RECORD ? (size_t)n : ENGINE_RECORD);
  }
  if (!buffer_to_bytes(L, 3, &b)) return args_type_error(&a, 1, "ssl.buffer");
  bool whole = n <= 0 || (lua_Unsigned)n > b.length;
  if (!receive(L, o, b.data, whole ? b.length : (size_t)n, &got, &results))
    return results;
  lua_pushinteger(L, (lua_Integer)got);
  return 1;
}

/* Everything from *at on, in full records. */
static enum step write_all(struct object *o, struct gather *g, size_t *at,
                           struct tls_error *e) {
  struct engine *engine = &o->base.engine;
  const unsigned char *data;
  size_t length;
  enum step step = engine_handshake(engine, e);
  if (step == STEP_DONE) step = engine_flush(engine, e);
  gather_skip(g, *at);
  while (step == STEP_DONE &&
         (length = gather_next(g, engine->record, &data)) > 0) {
    bool accepted;
    step = engine_write(engine, data, length, &accepted, e);
    if (accepted) *at += length;
  }
  return step;
}

/*
** object:write(data) writes all of the data.
** @param data  string, ssl.buffer, or an array of these
** @return integer, its size
** Raises SSLWantReadError before the handshake is done (call again with the
** same data), SSLError.
*/
static int object_write(lua_State *L) {
  static const char *const names[] = {"data", NULL};
  struct object *o = object_enter(L);
  struct tls_error e;
  struct gather g;
  struct args a;
  args_take_step(&a, L, "write", names, 1);
  gather_check(&g, &a, 0);
  size_t at = unfinished_resume(&o->base, &a);
  gather_anchor(&g);
  enum step step = write_all(o, &g, &at, &e);
  if (step == STEP_DONE || step == STEP_FAILED)
    unfinished_forget(L, &o->base);
  else if (at > 0)
    unfinished_keep(&o->base, &a, at);
  if (step != STEP_DONE) return stopped(L, step, &e, "write", (lua_Integer)at);
  lua_pushinteger(L, (lua_Integer)at);
  return 1;
}

/*
** object:unwrap() ends TLS: sends close_notify, awaits the peer's.
** @return true
** Raises SSLWantReadError until that has come, SSLError SHUTDOWN_WHILE_IN_INIT
** before the handshake is done.
*/
static int object_unwrap(lua_State *L) {
  struct object *o = object_enter(L);
  struct tls_error e;
  enum step step = engine_shutdown(&o->base.engine, &e);
  if (step != STEP_DONE) return stopped(L, step, &e, "unwrap", -1);
  lua_pushboolean(L, 1);
  return 1;
}

/* object:pending() counts decrypted bytes that wait. */
static int object_pending(lua_State *L) {
  size_t count = engine_pending(&object_self(L)->base.engine);
  lua_pushinteger(L, (lua_Integer)count);
  return 1;
}

static const luaL_Reg methods[] = {
    {"do_handshake", do_handshake},
    {"read", object_read},
    {"write", object_write},
    {"unwrap", object_unwrap},
    {"pending", object_pending},
    {"close", object_close},
    {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__gc", object_close},
    {"__close", object_close},
    {NULL, NULL},
};

const struct class object_class = {
    .name = OBJECT_T,
    .methods = methods,
    .metamethods = metamethods,
    .attributes = connection_attributes,
};

const luaL_Reg object_functions[] = {
    {"new_object", new_object},
    {NULL, NULL},
};
