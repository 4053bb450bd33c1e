/*
** paths.h - what stands at a path; links are followed.
** Calls: the system. Called by: src/tls (systemtrust, trustplan, trust).
*/
#ifndef PYSSL_SYS_PATHS_H
#define PYSSL_SYS_PATHS_H

#include <stdbool.h>

#include "compat.h"

HIDDEN_BEGIN

/* Is there a regular file? */
bool path_is_file(const char *path);

/* Is there a directory? */
bool path_is_directory(const char *path);

/* Does the directory hold an entry with a name that `wanted` agrees to? */
bool path_has_entry(const char *directory, bool (*wanted)(const char *name));

HIDDEN_END

#endif
