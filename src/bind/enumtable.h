/*
** enumtable.h - read-only tables indexed both ways (design.md, rule 7).
** ssl.TLSVersion.TLSv1_3 is 772 and ssl.TLSVersion[772] is "TLSv1_3"; pairs
** gives name and value only; an unknown name is nil; assigning raises an
** AttributeError. Calls: error. Called by: constants.
*/
#ifndef PYSSL_BIND_ENUMTABLE_H
#define PYSSL_BIND_ENUMTABLE_H

#include "compat.h"

HIDDEN_BEGIN

/* Begin a table: pushes two working tables, so the stack grows by two. */
void enumtable_begin(lua_State *L);

/*
** Pop a value and add it as `member` to the working tables beneath it. Where
** several members share a value, the first is the value's name.
*/
void enumtable_add(lua_State *L, const char *member);

/* Put the finished table in place of the working tables. */
void enumtable_end(lua_State *L, const char *name);

HIDDEN_END

#endif
