/*
** args.h - arguments by position or by keyword (design.md, rule 3).
** A function with defaults lists its parameters; a trailing plain table
** (no [1], no metatable) is taken apart into their positions, and an unknown
** key raises, naming the key. After args_take the values stand at the stack
** positions first, first + 1, ... whichever way they came; nil is "not given".
** A wrong Lua type is Lua's own kind of error, naming the place: "bad argument
** #1 to 'recv' (...)" or "bad value for option 'cafile' (...)".
** Called by: every function that takes arguments; args.lua's users through
** core.arguments.
*/
#ifndef PYSSL_BIND_ARGS_H
#define PYSSL_BIND_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "compat.h"

HIDDEN_BEGIN

struct args {
  lua_State *L;
  const char *const *names; /* ends with NULL; NULL: positional only */
  int first;                /* stack index of the first parameter */
  unsigned keywords;        /* bit i: parameter i came by keyword */
  const char *method;       /* a step's: which method it is for, or NULL */
};

/*
** Take the parameters `names` from the arguments at `first` on. Positional
** arguments beyond the last name raise. The stack top is then first + number
** of names - 1.
*/
void args_take(struct args *a, lua_State *L, int first,
               const char *const *names);

/*
** The same for a step of `method`, which lua/pyssl/op.lua calls: its arguments
** stand at 2..4, and what is behind them stays where it is. Errors name the
** method and the place where that was called. Parameters before `least` are
** never keywords: a table there is a value.
*/
void args_take_step(struct args *a, lua_State *L, const char *method,
                    const char *const *names, int least);

/* Is parameter i (from 0) given, that is, not nil? */
bool args_given(const struct args *a, int i);

/* Raise the error for parameter i: "(expected expected, got actual)". */
int args_type_error(const struct args *a, int i, const char *expected);

/* Raise the error for parameter i with a text of one's own. */
int args_error(const struct args *a, int i, const char *text);

/* A string, numbers refused; `opt` gives NULL for nil. */
const char *args_string(const struct args *a, int i, size_t *length);
const char *args_opt_string(const struct args *a, int i, size_t *length);

/* true or false, nothing else; nil gives `otherwise`. */
bool args_opt_boolean(const struct args *a, int i, bool otherwise);

/*
** An integer; a float with an integral value is one. A number beyond
** 64 bits raises an OverflowError, a fraction is a wrong type.
*/
lua_Integer args_integer(const struct args *a, int i);
lua_Integer args_opt_integer(const struct args *a, int i,
                             lua_Integer otherwise);

/* A finite number. */
lua_Number args_number(const struct args *a, int i);

/*
** The value of an attribute assignment, at index 3 of a setter (self, name,
** value): the same checks, "bad value for attribute 'x' (...)".
*/
lua_Integer attribute_integer(lua_State *L);
bool attribute_boolean(lua_State *L);
int attribute_type_error(lua_State *L, const char *expected);

/* core.arguments(names, ...): args_take for functions written in Lua. */
int args_spread(lua_State *L);

HIDDEN_END

#endif
