#include "turn.h"

/* In the registry: coroutines by the address of their place in a turn. */
static const char owners;

void turn_open(lua_State *L) {
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &owners);
}

/* Suspended, or waiting for one that it has resumed. */
static bool is_alive(lua_State *co) {
  lua_Debug frame;
  int status = lua_status(co);
  if (status == LUA_YIELD) return true;
  return status == 0 && (lua_getstack(co, 0, &frame) || lua_gettop(co) > 0);
}

/* Who waits at this place; NULL where that coroutine is gone. */
static lua_State *owner_of(lua_State *L, const unsigned char *place) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &owners);
  if (!lua_istable(L, -1)) { /* the state is being closed */
    lua_pop(L, 1);
    return NULL;
  }
  lua_rawgetp(L, -1, place);
  lua_State *co = lua_tothread(L, -1);
  lua_pop(L, 2);
  return co;
}

static void forget(struct turn *t, enum turn_kind kind) {
  if (t->needs[kind] == NEED_NOTHING) return;
  t->needs[kind] = NEED_NOTHING;
  t->waiting--;
}

bool turn_is_held(lua_State *L, struct turn *t, enum turn_kind kind) {
  if (t->needs[kind] == NEED_NOTHING) return false;
  lua_State *co = owner_of(L, &t->needs[kind]);
  if (co == L) return false;
  if (co != NULL && is_alive(co)) return true;
  forget(t, kind);
  return false;
}

bool turn_is_shared(lua_State *L, struct turn *t) {
  bool shared = false;
  for (enum turn_kind kind = 0; t->waiting > 0 && kind < TURN_KINDS; kind++)
    shared |= turn_is_held(L, t, kind);
  return shared;
}

bool turn_is_asked(lua_State *L, const struct turn *t) {
  for (enum turn_kind kind = 0; t->waiting > 0 && kind < TURN_KINDS; kind++)
    if (t->needs[kind] == NEED_CALLBACK && owner_of(L, &t->needs[kind]) == L)
      return true;
  return false;
}

enum turn_need turn_wait(lua_State *L, struct turn *t, enum turn_kind kind,
                         enum turn_need need) {
  for (enum turn_kind other = 0; other < TURN_KINDS; other++)
    if (t->needs[other] == need && turn_is_held(L, t, other)) {
      need = NEED_BELL;
      break;
    }
  lua_rawgetp(L, LUA_REGISTRYINDEX, &owners);
  lua_pushthread(L);
  lua_rawsetp(L, -2, &t->needs[kind]);
  lua_pop(L, 1);
  if (t->needs[kind] == NEED_NOTHING) t->waiting++;
  t->needs[kind] = (unsigned char)need;
  return need;
}

/* Does L's coroutine wait at this place? */
static bool is_own(lua_State *L, const struct turn *t, enum turn_kind kind) {
  return t->needs[kind] != NEED_NOTHING && owner_of(L, &t->needs[kind]) == L;
}

void turn_attend(lua_State *L, struct turn *t) {
  for (enum turn_kind kind = 0; t->waiting > 0 && kind < TURN_KINDS; kind++)
    if (is_own(L, t, kind)) t->needs[kind] = NEED_BELL;
}

bool turn_end(lua_State *L, struct turn *t) {
  bool real = false;
  for (enum turn_kind kind = 0; t->waiting > 0 && kind < TURN_KINDS; kind++) {
    if (!is_own(L, t, kind)) continue;
    real |= t->needs[kind] != NEED_BELL;
    forget(t, kind);
  }
  return real;
}

bool turn_is_barred(lua_State *L, struct turn *t, bool handshaken) {
  for (enum turn_kind kind = 0; t->waiting > 0 && kind < TURN_KINDS; kind++) {
    unsigned char need = t->needs[kind];
    if (need == NEED_NOTHING || need == NEED_BELL) continue;
    if (handshaken && (kind == TURN_READ || need != NEED_READ)) continue;
    if (turn_is_held(L, t, kind)) return true;
  }
  return false;
}

bool turn_needs_bell(const struct turn *t) {
  for (enum turn_kind kind = 0; t->waiting > 0 && kind < TURN_KINDS; kind++)
    if (t->needs[kind] == NEED_BELL) return true;
  return false;
}
