/*
** error.h - error objects: the one kind of value that pyssl raises.
** An error object is a table {class=, message=, errno=, name=, library=,
** reason=, ...} whose metatable's __name is "ssl.error" (design.md, Errors).
** Owns the class tables (in the registry). Calls: tlserr. Called by: all of
** src/bind.
*/
#ifndef PYSSL_BIND_ERROR_H
#define PYSSL_BIND_ERROR_H

#include <stdbool.h>

#include "../tls/tlserr.h"
#include "compat.h"

HIDDEN_BEGIN

/* Make the classes and set them as fields of the table at the top. */
void error_open(lua_State *L);

/* Is the value at `index` an error object? */
bool error_check(lua_State *L, int index);

/* Push the error object for *e. `op` is the operation that failed, or NULL. */
void error_push(lua_State *L, const struct tls_error *e, const char *op);

/* Push the object for *e and raise it. Never returns; `return` it. */
int error_raise(lua_State *L, const struct tls_error *e, const char *op);

/* Raise an error of our own words. Never returns. */
int error_throw(lua_State *L, enum error_class class, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Raise what OpenSSL's queue holds (and empty it). Never returns. */
int error_throw_ssl(lua_State *L, const char *fallback);

/* Raise the OSError for an errno value. Never returns. */
int error_throw_errno(lua_State *L, int number, const char *op);

/*
** Raise the WANT_READ, WANT_WRITE, ... error that carries nothing but its
** class and operation. Made once for each and shared, for these are normal
** events on a non-blocking socket. Never returns.
*/
int error_throw_shared(lua_State *L, enum error_class class, const char *op);

HIDDEN_END

#endif
