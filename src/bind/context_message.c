/*
** context_message.c - the message callback: a look at what goes by, for
** debugging (D-16).
** OpenSSL tells of each record's header and each message of the protocol. The
** function is called at once; what it raises comes out of the operation in
** progress, after that has finished.
*/
#include "args.h"
#include "call.h"
#include "context.h"

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

/* (connection, message): call the function. */
static int tell(lua_State *L) {
  const struct message *m = lua_touserdata(L, 2);
  lua_getiuservalue(L, 1, VALUE_CONTEXT);
  if (lua_getiuservalue(L, -1, CONTEXT_MESSAGE_CALLBACK) == LUA_TNIL) return 0;
  lua_pushvalue(L, 1);
  lua_pushstring(L, m->sent ? "write" : "read");
  lua_pushinteger(L, message_version(m));
  lua_pushinteger(L, m->content_type);
  lua_pushinteger(L, message_type(m));
  lua_pushlstring(L, (const char *)m->data, m->length);
  lua_call(L, 6, 0);
  return 0;
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
  SSL_CTX *handle = context_self(L)->handle;
  SSL_CTX_set_msg_callback(handle, lua_isnil(L, 3) ? NULL : report);
  lua_setiuservalue(L, 1, CONTEXT_MESSAGE_CALLBACK);
  return 0;
}
