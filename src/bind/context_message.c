/*
** context_message.c - the message callback: a look at what goes by, for
** debugging (D-16).
** OpenSSL tells of each record's header and each message of the protocol. The
** function is called at once; what it raises comes out of the operation in
** progress, after that has finished.
** Not so with a hello that sni_callback is asked about: where that switches
** contexts OpenSSL reads the hello twice, and its function is the new
** context's. What came before the answer is told of with the answer, or is
** forgotten with the SSL that has read it.
*/
#include "args.h"
#include "call.h"
#include "context.h"

#define FIELDS 5 /* of a message: what push_message pushes */

/* What OpenSSL reports. */
struct message {
  bool sent;
  int version;
  int content_type;
  const unsigned char *data;
  size_t length;
};

/* The byte of a message that tells its type, by content type. */
static const struct {
  int content_type;
  size_t at;
} type_bytes[] = {
    {SSL3_RT_ALERT, 1}, /* behind the level */
    {SSL3_RT_HANDSHAKE, 0},
    {SSL3_RT_HEADER, 0},
    {SSL3_RT_INNER_CONTENT_TYPE, 0},
};

static int message_type(const struct message *m) {
  if (m->content_type == SSL3_RT_CHANGE_CIPHER_SPEC)
    return SSL3_MT_CHANGE_CIPHER_SPEC;
  for (size_t i = 0; i < sizeof type_bytes / sizeof *type_bytes; i++)
    if (type_bytes[i].content_type == m->content_type &&
        type_bytes[i].at < m->length)
      return m->data[type_bytes[i].at];
  return -1;
}

/* A record's header has its version in bytes 1 and 2. */
static int message_version(const struct message *m) {
  if (m->content_type != SSL3_RT_HEADER || m->length < 3) return m->version;
  return m->data[1] << 8 | m->data[2];
}

static void push_message(lua_State *L, const struct message *m) {
  lua_pushstring(L, m->sent ? "write" : "read");
  lua_pushinteger(L, message_version(m));
  lua_pushinteger(L, m->content_type);
  lua_pushinteger(L, message_type(m));
  lua_pushlstring(L, (const char *)m->data, m->length);
}

/* Add the message to VALUE_UNTOLD, a list of all their fields. */
static void hold(lua_State *L, const struct message *m) {
  if (lua_getiuservalue(L, 1, VALUE_UNTOLD) == LUA_TNIL) {
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, 1, VALUE_UNTOLD);
    lua_replace(L, -2);
  }
  lua_Integer end = (lua_Integer)lua_rawlen(L, -1);
  push_message(L, m);
  for (int i = FIELDS; i > 0; i--)
    lua_rawseti(L, -1 - i, end + i);
}

/* Push the function of the receiver's context. False: nil, there is none. */
static bool push_function(lua_State *L) {
  lua_getiuservalue(L, 1, VALUE_CONTEXT);
  int type = lua_getiuservalue(L, -1, CONTEXT_MESSAGE_CALLBACK);
  lua_replace(L, -2);
  return type != LUA_TNIL;
}

/* A callback has closed the connection: it hears nothing more. */
static bool is_closed(const struct connection *c) {
  return c->engine.ssl == NULL || c->engine.doomed;
}

/* (connection): call the function with what is in VALUE_UNTOLD. */
static int tell_untold(lua_State *L) {
  const struct connection *c = lua_touserdata(L, 1);
  lua_settop(L, 1);
  if (lua_getiuservalue(L, 1, VALUE_UNTOLD) == LUA_TNIL) return 0;
  connection_forget_messages(L);
  if (!push_function(L)) return 0;
  lua_Integer end = (lua_Integer)lua_rawlen(L, 2);
  for (lua_Integer at = 0; at < end && !is_closed(c); at += FIELDS) {
    lua_pushvalue(L, 3);
    lua_pushvalue(L, 1);
    for (int i = 1; i <= FIELDS; i++)
      lua_rawgeti(L, 2, at + i);
    lua_call(L, 1 + FIELDS, 0);
  }
  return 0;
}

/* (connection, message): call the function, or put that off. */
static int tell(lua_State *L) {
  const struct connection *c = lua_touserdata(L, 1);
  const struct message *m = lua_touserdata(L, 2);
  const struct hello *h = engine_hello(&c->engine);
  if (!m->sent && h != NULL && h->state == HELLO_AWAITED) {
    hold(L, m);
    return 0;
  }
  tell_untold(L); /* the hello, where this is the alert that refuses it */
  if (is_closed(c) || !push_function(L)) return 0;
  lua_pushvalue(L, 1);
  push_message(L, m);
  lua_call(L, 1 + FIELDS, 0);
  return 0;
}

void connection_tell_messages(lua_State *L) {
  struct connection *c = lua_touserdata(L, 1);
  function_keep(L, tell_untold);
  call_enter(L, c);
  lua_pushvalue(L, 1);
  bool ok = call_run(c, tell_untold, 1, 0);
  (void)ok; /* parked, for the next step */
}

void connection_forget_messages(lua_State *L) {
  lua_pushnil(L);
  lua_setiuservalue(L, 1, VALUE_UNTOLD);
}

static void report(int sent, int version, int content_type, const void *data,
                   size_t length, SSL *ssl, void *unused) {
  struct message m = {sent != 0, version, content_type, data, length};
  struct connection *c = call_of(ssl);
  (void)unused;
  if (c == NULL || c->parked || c->engine.doomed) return;
  lua_pushvalue(c->caller, 1);
  lua_pushlightuserdata(c->caller, &m);
  bool ok = call_run(c, tell, 2, 0);
  (void)ok; /* parked; OpenSSL has no ear for it */
}

int context_get_message_callback(lua_State *L) {
  context_self(L);
  lua_getiuservalue(L, 1, CONTEXT_MESSAGE_CALLBACK);
  return 1;
}

/* nil: no connection made from now on is watched, and none that exists. */
int context_set_message_callback(lua_State *L) {
  if (!call_accepts(L, 3)) return attribute_type_error(L, "function");
  function_keep(L, tell); /* may run a finaliser */
  function_keep(L, tell_untold);
  SSL_CTX *handle = context_self(L)->handle;
  SSL_CTX_set_msg_callback(handle, lua_isnil(L, 3) ? NULL : report);
  lua_setiuservalue(L, 1, CONTEXT_MESSAGE_CALLBACK);
  return 0;
}
