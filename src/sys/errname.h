/*
** errname.h - the portable names of errno values ("ECONNRESET").
** Owns nothing. Called by: src/bind/error.
*/
#ifndef PYSSL_SYS_ERRNAME_H
#define PYSSL_SYS_ERRNAME_H

#include "compat.h"

HIDDEN_BEGIN

/* The name of an errno value, or NULL where it has none in the table. */
const char *errname(int number);

HIDDEN_END

#endif
