#include "question.h"

#include <limits.h>
#include <stdio.h>

#include <openssl/x509_vfy.h>

#include "../tls/peername.h"
#include "args.h"
#include "call.h"
#include "certificate.h"
#include "context.h"
#include "error.h"

#define ALERT_MOST 255

/* Results of a callback, where answers find them. */
enum { RESULT = 3, RESULT_REASON, RESULT_CODE };

/* One of the questions: who is asked, what, and what its answer means. */
struct asked {
  int callback; /* CONTEXT_* */
  /* Push the arguments behind the connection; how many there are, or -1 where
  ** the connection was closed meanwhile. */
  int (*push)(lua_State *L, const struct connection *c);
  /* What was returned. False with *e: it refuses, and that is raised. */
  bool (*take)(lua_State *L, struct connection *c, struct tls_error *e);
  /* There is no function (any more): go on without. False with *e. */
  bool (*pass)(lua_State *L, struct connection *c, struct tls_error *e);
  /* Refuse, for the answer was none. `raised`: the function has failed. */
  void (*refuse)(struct connection *c, bool raised);
};

/* Push user value `value` of the context of the connection at `index`. */
static void push_callback(lua_State *L, int index, int value) {
  lua_getiuservalue(L, index, VALUE_CONTEXT);
  lua_getiuservalue(L, -1, value);
  lua_replace(L, -2);
}

static bool has_callback(lua_State *L, int index, int value) {
  push_callback(L, index, value);
  bool has = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return has;
}

/* Result `i` is of the wrong type. */
static bool refuse_type(lua_State *L, struct tls_error *e, const char *name,
                        int i, const char *expected) {
  tlserr_set(e, ERROR_TYPE, "bad result #%d of %s (%s expected, got %s)",
             i - RESULT + 1, name, expected, luaL_typename(L, i));
  return false;
}

/* ---- the hello, and the name in it ---- */

static void refuse_hello(struct connection *c, bool raised) {
  int alert = raised ? SSL_AD_HANDSHAKE_FAILURE : SSL_AD_INTERNAL_ERROR;
  if (!engine_answer_hello(&c->engine, alert, NULL)) tlserr_clear();
}

/*
** Accept: on the connection's context, which a callback may have assigned. The
** new SSL gets its settings by the same functions as the first one.
*/
static bool accept_hello(lua_State *L, struct connection *c,
                         struct tls_error *e) {
  struct engine *engine = &c->engine;
  lua_getiuservalue(L, 1, VALUE_CONTEXT);
  struct context *context = lua_touserdata(L, -1);
  lua_pop(L, 1); /* it stays in the user value */
  bool same = SSL_get_SSL_CTX(engine->ssl) == context->handle;
  if (context->handle == NULL) {
    tlserr_set(e, ERROR_VALUE, "the context is closed");
    return false;
  }
  if (!engine_answer_hello(engine, HELLO_ACCEPTED,
                           same ? NULL : context->handle)) {
    tlserr_take(e, "cannot switch contexts");
    return false;
  }
  if (same) return true;
  connection_tune(c, context);
  connection_forget_messages(L);
  return connection_begin_session(L, 1, context, NULL, e);
}

static int push_offer(lua_State *L, const struct connection *c) {
  return question_push_offer(L, c) ? 1 : -1;
}

/* The sni_callback of the context in force is asked next, where it has one. */
static bool pass_offer(lua_State *L, struct connection *c,
                       struct tls_error *e) {
  c->offered = true;
  return has_callback(L, 1, CONTEXT_SNI) || accept_hello(L, c, e);
}

/* (connection, context): conn.context = context */
static int assign_context(lua_State *L) {
  lua_setfield(L, 1, "context");
  return 0;
}

/* The same as by assignment, with the same errors. False: *e is to be raised,
** or what it has raised is at RESULT. */
static bool take_offer(lua_State *L, struct connection *c,
                       struct tls_error *e) {
  if (lua_isnil(L, RESULT)) return pass_offer(L, c, e);
  if (luaL_testudata(L, RESULT, CONTEXT_T) == NULL)
    return refuse_type(L, e, "client_hello_callback", RESULT,
                       CONTEXT_T " or nothing");
  e->class = ERROR_CLASSES; /* the error is Lua's */
  lua_pushcfunction(L, assign_context);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, RESULT);
  if (lua_pcall(L, 2, 0, 0) == LUA_OK) return pass_offer(L, c, e);
  lua_replace(L, RESULT);
  return false;
}

/* A copy is pushed: Lua 5.1 may run a finaliser before it makes its own. */
void question_push_name(lua_State *L, const struct connection *c) {
  const struct hello *h = engine_hello(&c->engine);
  char copy[PEERNAME_MAX + 1];
  bool there = h != NULL && h->name != NULL;
  if (there) snprintf(copy, sizeof copy, "%s", h->name);
  lua_pushstring(L, there ? copy : NULL);
}

static int push_name(lua_State *L, const struct connection *c) {
  question_push_name(L, c);
  lua_getiuservalue(L, 1, VALUE_CONTEXT);
  return 2;
}

/* The result as an alert, or HELLO_ACCEPTED. Booleans are numbers, as in
** Python; what is none, or is no alert, is internal_error. */
static int result_to_alert(lua_State *L) {
  int exact;
  lua_Integer n = lua_toboolean(L, RESULT);
  if (lua_isnil(L, RESULT)) return HELLO_ACCEPTED;
  if (lua_isboolean(L, RESULT)) return (int)n;
  if (lua_type(L, RESULT) != LUA_TNUMBER) return SSL_AD_INTERNAL_ERROR;
  n = lua_tointegerx(L, RESULT, &exact);
  return exact && n >= 0 && n <= ALERT_MOST ? (int)n : SSL_AD_INTERNAL_ERROR;
}

static bool take_name(lua_State *L, struct connection *c, struct tls_error *e) {
  int alert = result_to_alert(L);
  if (alert == HELLO_ACCEPTED) return accept_hello(L, c, e);
  if (!engine_answer_hello(&c->engine, alert, NULL)) tlserr_clear();
  return true;
}

/* ---- the certificate ---- */

static int push_nothing(lua_State *L, const struct connection *c) {
  (void)L, (void)c;
  return 0;
}

static bool pass_certificate(lua_State *L, struct connection *c,
                             struct tls_error *e) {
  (void)L, (void)e;
  engine_answer_certificate(&c->engine, false);
  return true;
}

static bool take_certificate(lua_State *L, struct connection *c,
                             struct tls_error *e) {
  if (lua_isnil(L, RESULT)) return pass_certificate(L, c, e);
  return refuse_type(L, e, "cert_callback", RESULT, "nothing");
}

static void refuse_certificate(struct connection *c, bool raised) {
  (void)raised;
  engine_answer_certificate(&c->engine, true);
}

/* ---- the verdict ---- */

/* Push ssl.certificate objects for the chain that is asked about. */
static void push_chain(lua_State *L, const struct connection *c) {
  struct certbox *box = certbox_push(L); /* may run a finaliser */
  const struct verdict *v = engine_verdict(&c->engine);
  STACK_OF(X509) *chain = v != NULL ? v->chain : NULL;
  box->list = chain != NULL ? X509_chain_up_ref(chain) : sk_X509_new_null();
  if (box->list == NULL) luaL_error(L, "not enough memory");
  certificate_push_list(L, box->list);
  lua_replace(L, -2);
}

static int push_verdict(lua_State *L, const struct connection *c) {
  const struct verdict v = *engine_verdict(&c->engine); /* its numbers */
  char text[320];
  verdict_describe(c->engine.ssl, v.code, text, sizeof text);
  lua_pushboolean(L, v.code == X509_V_OK);
  lua_createtable(L, 0, 5);
  lua_pushinteger(L, v.code);
  lua_setfield(L, -2, "verify_code");
  lua_pushstring(L, text);
  lua_setfield(L, -2, "verify_message");
  lua_pushinteger(L, v.depth);
  lua_setfield(L, -2, "depth");
  lua_pushboolean(L, v.resumed);
  lua_setfield(L, -2, "resumed");
  push_chain(L, c);
  lua_setfield(L, -2, "chain");
  return c->engine.ssl != NULL ? 2 : -1;
}

/* OpenSSL's own verdict counts. */
static bool pass_verdict(lua_State *L, struct connection *c,
                         struct tls_error *e) {
  (void)L, (void)e;
  engine_answer_verdict(&c->engine, engine_verdict(&c->engine)->code, NULL);
  return true;
}

/* The code of a refusal: the one given, else OpenSSL's, else its own for this
** case. False with *e. */
static bool take_code(lua_State *L, const struct connection *c, int *code,
                      struct tls_error *e) {
  int exact;
  *code = engine_verdict(&c->engine)->code;
  if (*code == X509_V_OK) *code = X509_V_ERR_APPLICATION_VERIFICATION;
  if (lua_isnil(L, RESULT_CODE)) return true;
  lua_Integer n = lua_tointegerx(L, RESULT_CODE, &exact);
  if (lua_type(L, RESULT_CODE) != LUA_TNUMBER || !exact)
    return refuse_type(L, e, "verify_callback", RESULT_CODE, "integer");
  tlserr_set(e, ERROR_VALUE, "verify_code %lld is not in 1..%d", (long long)n,
             INT_MAX);
  *code = (int)n;
  return n > 0 && n <= INT_MAX;
}

static bool take_verdict(lua_State *L, struct connection *c,
                         struct tls_error *e) {
  int code;
  if (lua_isboolean(L, RESULT) && lua_toboolean(L, RESULT)) {
    engine_answer_verdict(&c->engine, X509_V_OK, NULL);
    return true;
  }
  if (lua_toboolean(L, RESULT))
    return refuse_type(L, e, "verify_callback", RESULT, "boolean");
  if (!lua_isnil(L, RESULT_REASON) && lua_type(L, RESULT_REASON) != LUA_TSTRING)
    return refuse_type(L, e, "verify_callback", RESULT_REASON, "string");
  if (!take_code(L, c, &code, e)) return false;
  engine_answer_verdict(&c->engine, code, lua_tostring(L, RESULT_REASON));
  return true;
}

static void refuse_verdict(struct connection *c, bool raised) {
  const struct verdict *v = engine_verdict(&c->engine);
  (void)raised;
  if (v == NULL) return; /* closed meanwhile */
  engine_answer_verdict(
      &c->engine, v->code != X509_V_OK ? v->code : X509_V_ERR_CERT_REJECTED,
      NULL);
}

/* ---- asking ---- */

static const struct asked asked_offer = {CONTEXT_HELLO, push_offer, take_offer,
                                         pass_offer, refuse_hello};
static const struct asked asked_name = {CONTEXT_SNI, push_name, take_name,
                                        accept_hello, refuse_hello};
static const struct asked asked_certificate = {
    CONTEXT_CERT, push_nothing, take_certificate, pass_certificate,
    refuse_certificate};
static const struct asked asked_verdict = {
    CONTEXT_VERIFY, push_verdict, take_verdict, pass_verdict, refuse_verdict};

/* What the connection waits for, or NULL. */
static const struct asked *find(const struct connection *c) {
  switch (engine_question(&c->engine)) {
  case QUESTION_HELLO:
    return !c->offered && engine_hello(&c->engine)->offer.data != NULL
               ? &asked_offer
               : &asked_name;
  case QUESTION_CERTIFICATE: return &asked_certificate;
  case QUESTION_VERDICT: return &asked_verdict;
  default: return NULL;
  }
}

/* The next step raises what is at the top; pops it. */
static void park(lua_State *L, struct connection *c) {
  lua_setiuservalue(L, 1, VALUE_PARKED);
  c->parked = true;
}

/* Messages that came before the answer are told of. May close the connection.
 */
static void tell_messages(lua_State *L, const struct connection *c) {
  if (engine_question(&c->engine) != QUESTION_HELLO)
    connection_tell_messages(L);
}

/* An answer is no answer: refuse, and raise why. */
static void reject(lua_State *L, struct connection *c, const struct asked *a,
                   const struct tls_error *e) {
  a->refuse(c, false);
  if (e->class == ERROR_CLASSES)
    lua_pushvalue(L, RESULT);
  else
    error_push(L, e, "handshake");
  park(L, c);
}

/* Push the function and its arguments; how many values, 0 where nobody is to be
** asked. The connection is at 1, and alone. */
static int push_question(lua_State *L, const struct connection *c,
                         const struct asked *a) {
  push_callback(L, 1, a->callback);
  if (lua_isnil(L, -1)) return 0;
  lua_pushvalue(L, 1);
  int count = a->push(L, c);
  return count < 0 ? 0 : 2 + count;
}

/*
** core.question(conn) -> function and arguments: what is to be asked. Nothing
** where nothing is to be asked (any more).
*/
static int question(lua_State *L) {
  struct connection *c = connection_check_any(L, 1);
  struct tls_error e;
  lua_settop(L, 1);
  const struct asked *a = find(c);
  if (a == NULL) return 0;
  int count = push_question(L, c, a);
  if (count > 0 || find(c) != a) return count;
  lua_settop(L, RESULT);
  if (!a->pass(L, c, &e)) reject(L, c, a, &e);
  tell_messages(L, c);
  return 0;
}

/*
** core.answer(conn, ok, ...) gives the answer: what the callback has returned,
** or where `ok` is false raised. Where the connection was closed meanwhile it
** is dropped, and an error comes out at once.
*/
static int answer(lua_State *L) {
  struct connection *c = connection_check_any(L, 1);
  struct tls_error e;
  bool ok = lua_toboolean(L, 2);
  lua_settop(L, RESULT_CODE);
  const struct asked *a = find(c);
  if (a == NULL) {
    lua_settop(L, RESULT);
    return ok ? 0 : lua_error(L);
  }
  if (!ok) {
    a->refuse(c, true);
    lua_pushvalue(L, RESULT);
    park(L, c);
  } else if (!a->take(L, c, &e)) {
    reject(L, c, a, &e);
  }
  tell_messages(L, c);
  return 0;
}

/* ---- where OpenSSL cannot pause ---- */

/* (connection): ask for a verdict, and raise what is wrong with it. */
static int ask_now(lua_State *L) {
  struct connection *c = lua_touserdata(L, 1);
  struct tls_error e;
  int count = push_question(L, c, &asked_verdict);
  if (count == 0) {
    pass_verdict(L, c, &e);
    return 0;
  }
  lua_call(L, count - 1, 3);
  lua_pushboolean(L, 1);
  lua_insert(L, 2); /* the results are where an answer has them */
  return take_verdict(L, c, &e) ? 0 : error_raise(L, &e, "handshake");
}

static void decide(SSL *ssl) {
  struct connection *c = call_of(ssl);
  if (c == NULL) return; /* nobody to ask: that refuses */
  lua_pushvalue(c->caller, 1);
  /* It has raised, which is parked, or has closed the connection. */
  if (!call_run(c, ask_now, 1, 0)) refuse_verdict(c, true);
}

void question_open(lua_State *L) {
  function_keep(L, ask_now);
}

bool question_has_verify(lua_State *L, int index) {
  return has_callback(L, index, CONTEXT_VERIFY);
}

bool question_begin(lua_State *L, int index) {
  struct connection *c = lua_touserdata(L, index);
  return engine_ask(&c->engine, has_callback(L, index, CONTEXT_CERT),
                    question_has_verify(L, index) ? decide : NULL);
}

const luaL_Reg question_functions[] = {
    {"question", question},
    {"answer", answer},
    {NULL, NULL},
};
